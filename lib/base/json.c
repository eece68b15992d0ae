#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void
put(struct vz_json *j, const void *p, size_t n)
{
	if (j->err == 0)
		j->err = vz_buf_put(j->out, p, n);
}

static void
put_str(struct vz_json *j, const char *s)
{
	put(j, s, strlen(s));
}

static void
put_quoted(struct vz_json *j, const void *text, size_t len)
{
	const uint8_t *p = text;
	char chunk[512];

	put_str(j, "\"");
	while (len > 0 && j->err == 0) {
		/* Never 0: the chunk holds any one escape. */
		size_t taken = vz_escape(VZ_ESCAPE_JSON, chunk, sizeof chunk, p, len);

		put_str(j, chunk);
		p += taken;
		len -= taken;
	}
	put_str(j, "\"");
}

static void
put_name(struct vz_json *j, const char *name)
{
	if (j->fields++ > 0)
		put_str(j, ",");
	put_quoted(j, name, strlen(name));
	put_str(j, ":");
}

void
vz_json_begin(struct vz_json *j, struct vz_buf *out)
{
	*j = (struct vz_json){.out = out, .start = out->len};
	put_str(j, "{");
}

void
vz_json_str(struct vz_json *j, const char *name, const char *value)
{
	put_name(j, name);
	if (value == NULL)
		put_str(j, "null");
	else
		put_quoted(j, value, strlen(value));
}

void
vz_json_bytes(struct vz_json *j, const char *name, const void *value, size_t len)
{
	put_name(j, name);
	put_quoted(j, value, len);
}

void
vz_json_u64(struct vz_json *j, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	put_name(j, name);
	put_str(j, digits);
}

void
vz_json_bool(struct vz_json *j, const char *name, int value)
{
	put_name(j, name);
	put_str(j, value ? "true" : "false");
}

int
vz_json_end(struct vz_json *j)
{
	put_str(j, "}\n");
	/* Half an object would spoil the line of whoever comes next. */
	if (j->err != 0)
		vz_buf_truncate(j->out, j->start);
	return j->err;
}
