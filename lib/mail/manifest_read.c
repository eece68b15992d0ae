#include "mail/manifest_impl.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#define HASH_HEX (2 * (size_t)VZ_MANIFEST_HASH)

/* What is left of the text. */
struct cursor {
	const char *s;
	size_t len;
};

/* If the next line is "# field value", steps over it and yields the value; NULL when it is another.
 */
static const char *
take(struct cursor *c, const char *field, size_t *len)
{
	size_t n = strlen(field);
	const char *value, *end;

	if (c->len < n + 4 || memcmp(c->s, "# ", 2) != 0 || memcmp(c->s + 2, field, n) != 0 ||
	    c->s[n + 2] != ' ')
		return NULL;
	value = c->s + n + 3;
	end = memchr(value, '\n', c->len - (n + 3));
	if (end == NULL)
		return NULL;
	*len = (size_t)(end - value);
	c->len -= (size_t)(end + 1 - c->s);
	c->s = end + 1;
	return value;
}

static bool
take_key(struct cursor *c, const char *field, struct vz_key *out)
{
	size_t len;
	const char *value = take(c, field, &len);

	return value != NULL && vz_key_parse(value, len, out) == 0;
}

static bool
read_hex(const char *s, size_t len, uint8_t *out, size_t n)
{
	size_t got;

	return len == 2 * n && sodium_hex2bin(out, n, s, len, NULL, &got, NULL) == 0 && got == n;
}

static bool
take_hex(struct cursor *c, const char *field, uint8_t *out, size_t n)
{
	size_t len;
	const char *value = take(c, field, &len);

	return value != NULL && read_hex(value, len, out, n);
}

static bool
take_number(struct cursor *c, const char *field, uint64_t *out)
{
	size_t len;
	const char *value = take(c, field, &len);

	if (value == NULL || len == 0 || len > 19) /* digits of 2^63 - 1 */
		return false;
	*out = 0;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(value[i] - '0');
	}
	return true;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
read_name(const char *s, size_t len, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		if (n + 1 >= cap)
			return false;
		out[n] = s[i];
		if (s[i] != '%')
			continue;
		if (len - i < 3 || hex_digit(s[i + 1]) < 0 || hex_digit(s[i + 2]) < 0)
			return false;
		out[n] = (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2]));
		i += 2;
	}
	out[n] = '\0';
	return n > 0;
}

/* The six numbers of a time. */
static bool
split_time(const char *s, size_t len, int v[static 6])
{
	static const char form[] = "0000-00-00T00:00:00Z";
	size_t field = 0;

	if (len != strlen(form))
		return false;
	memset(v, 0, 6 * sizeof(*v));
	for (size_t i = 0; i < len; i++) {
		if (form[i] != '0') {
			if (s[i] != form[i])
				return false;
			field++;
		} else if (s[i] < '0' || s[i] > '9') {
			return false;
		} else {
			v[field] = v[field] * 10 + (s[i] - '0');
		}
	}
	return true;
}

static bool
read_time(const char *s, size_t len, uint64_t *out)
{
	struct tm tm = {0};
	int v[6];
	time_t t;

	if (!split_time(s, len, v))
		return false;
	tm.tm_year = v[0] - 1900;
	tm.tm_mon = v[1] - 1;
	tm.tm_mday = v[2];
	tm.tm_hour = v[3];
	tm.tm_min = v[4];
	tm.tm_sec = v[5];
	/* A day that there is not becomes another one, which writing it again shows. */
	t = timegm(&tm);
	*out = (uint64_t)t;
	return t > 0;
}

/* The lines that may be left out. */
static bool
take_optional(struct cursor *c, struct vz_manifest *m)
{
	const char *value;
	size_t len;

	value = take(c, "previous", &len);
	m->has_previous = value != NULL;
	if (value != NULL && !read_hex(value, len, m->previous, VZ_MANIFEST_HASH))
		return false;
	value = take(c, "name", &len);
	if (value != NULL && !read_name(value, len, m->name, sizeof(m->name)))
		return false;
	value = take(c, "expires", &len);
	return value == NULL || read_time(value, len, &m->expires);
}

bool
vz_manifest_read(const char *text, size_t len, struct vz_manifest *m)
{
	const size_t magic = strlen(MANIFEST_MAGIC);
	struct cursor c = {text, len};

	if (len < magic || memcmp(text, MANIFEST_MAGIC, magic) != 0)
		return false;
	c.s += magic;
	c.len -= magic;
	return take_key(&c, "from", &m->from) && take_key(&c, "to", &m->to) &&
	    take_hex(&c, "stream", m->stream, sizeof(m->stream)) &&
	    take_number(&c, "sequence", &m->sequence) && take_optional(&c, m) &&
	    take_number(&c, "size", &m->size) && c.len == HASH_HEX + strlen(MANIFEST_BODY) &&
	    read_hex(c.s, HASH_HEX, m->sha512, VZ_MANIFEST_HASH);
}
