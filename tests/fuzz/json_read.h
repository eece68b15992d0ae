/*
 * A second opinion on JSON (RFC 8259): reads the flat objects that the programs write, strictly,
 * and gives their strings back as the bytes that were put in.
 */
#ifndef VZ_TESTS_FUZZ_JSON_READ_H
#define VZ_TESTS_FUZZ_JSON_READ_H

#include "base/text.h"
#include "tests/fuzz/fuzz.h"

struct json_read {
	const char *p, *end;
};

static inline void
json_take(struct json_read *j, const char *word)
{
	size_t n = strlen(word);

	PROMISE((size_t)(j->end - j->p) >= n && memcmp(j->p, word, n) == 0);
	j->p += n;
}

static inline uint32_t
json_unit(struct json_read *j)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		static const char hex[] = "0123456789abcdef";
		const char *at;

		PROMISE(j->p < j->end && *j->p != '\0' && (at = strchr(hex, *j->p)) != NULL);
		v = v << 4 | (uint32_t)(at - hex);
		j->p++;
	}
	return v;
}

static inline size_t
json_utf8(uint32_t cp, uint8_t out[static 4])
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (cp & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (cp & 63));
	return 4;
}

/* One escape, behind its backslash. A surrogate is the first of a pair, or wrong. */
static inline size_t
json_escape(struct json_read *j, uint8_t out[static 4])
{
	uint32_t cp, low;
	char c;

	PROMISE(j->p < j->end);
	c = *j->p++;
	if (c == '"' || c == '\\') {
		out[0] = (uint8_t)c;
		return 1;
	}
	PROMISE(c == 'u');
	cp = json_unit(j);
	PROMISE(cp < 0xdc00 || cp > 0xdfff);
	if (cp >= 0xd800 && cp <= 0xdbff) {
		json_take(j, "\\u");
		low = json_unit(j);
		PROMISE(low >= 0xdc00 && low <= 0xdfff);
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	return json_utf8(cp, out);
}

/* A string, quotes included: its bytes in out, which has room for all that is left. */
static inline size_t
json_string(struct json_read *j, uint8_t *out)
{
	const char *begin = j->p;
	size_t n = 0;

	json_take(j, "\"");
	for (;;) {
		PROMISE(j->p < j->end && (uint8_t)*j->p >= 0x20 && *j->p != 0x7f);
		if (*j->p == '"')
			break;
		if (*j->p != '\\') {
			out[n++] = (uint8_t)*j->p++;
			continue;
		}
		j->p++;
		n += json_escape(j, out + n);
	}
	PROMISE(vz_utf8_ok(begin, (size_t)(j->p - begin)));
	json_take(j, "\"");
	return n;
}

/* As vz_escape says: what is UTF-8 comes back as it was, else as long as its marks make it. */
static inline void
json_same(struct json_read *j, uint8_t *room, const void *want, size_t len)
{
	size_t n = json_string(j, room);

	if (vz_utf8_ok(want, len))
		PROMISE(n == len && (n == 0 || memcmp(room, want, n) == 0));
	else
		PROMISE(memmem(room, n, "\xef\xbf\xbd", 3) != NULL);
}

static inline void
json_number(struct json_read *j, uint64_t want)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)want);
	json_take(j, text);
	PROMISE(j->p < j->end && (*j->p < '0' || *j->p > '9'));
}

#endif
