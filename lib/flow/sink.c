#include "flow/sink_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

bool
vz_sink_exclusive(const struct vz_sink *s)
{
	return s->exclusive;
}

int
vz_sink_fd(const struct vz_sink *s)
{
	return s->fd;
}

bool
vz_sink_torn(const struct vz_sink *s)
{
	return s->torn;
}

bool
vz_sink_failed(const struct vz_sink *s)
{
	return s->failed;
}

void
vz_sink_free(struct vz_sink *s)
{
	if (s)
		s->kind->free(s);
}

int
vz_sink_open(
    struct vz_sink *s, const struct vz_arrival *m, const struct vz_left *left, struct vz_drop **out)
{
	int r;

	*out = NULL;
	if (s->exclusive && s->open > 0)
		return VZ_EINVAL;
	r = s->kind->begin(s, m, left, out);
	if (r == 0) {
		(*out)->sink = s;
		s->open++;
	}
	return r;
}

int
vz_sink_begin(struct vz_sink *s, const struct vz_arrival *m, struct vz_drop **out)
{
	return vz_sink_open(s, m, NULL, out);
}

ssize_t
vz_drop_write(struct vz_drop *d, const uint8_t *p, size_t n)
{
	return n == 0 ? 0 : d->sink->kind->write(d, p, n);
}

static void
end(struct vz_drop *d, bool whole)
{
	d->sink->open--;
	d->sink->kind->end(d, whole);
}

int
vz_drop_prove(struct vz_drop *d, const uint8_t *p, size_t text_len, size_t len)
{
	return d->sink->kind->prove ? d->sink->kind->prove(d, p, text_len, len) : 0;
}

int
vz_drop_finish(struct vz_drop *d)
{
	int r = d->sink->kind->finish(d);

	if (r == 0)
		end(d, true);
	return r;
}

void
vz_drop_abort(struct vz_drop *d)
{
	if (d)
		end(d, false);
}

void
vz_message_id(const uint8_t *stream, uint64_t number, char out[static VZ_MESSAGE_ID_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < VZ_STREAM_LEN; i++) {
		out[2 * i] = hex[stream[i] >> 4];
		out[2 * i + 1] = hex[stream[i] & 15];
	}
	snprintf(out + 2 * VZ_STREAM_LEN, VZ_MESSAGE_ID_TEXT - 2 * VZ_STREAM_LEN, ".%llu",
	    (unsigned long long)number);
}

static bool
is_plain(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '_' || c == '-';
}

void
vz_sink_name_of(const struct vz_arrival *m, char out[static VZ_SINK_NAME_MAX + 1])
{
	size_t n;

	vz_message_id(m->stream, m->number, out);
	n = strlen(out);
	if (m->name_len > 0)
		out[n++] = '-';
	for (size_t i = 0; i < m->name_len && n < VZ_SINK_NAME_MAX; i++)
		out[n++] = is_plain(m->name[i]) ? (char)m->name[i] : '_';
	out[n] = '\0';
}
