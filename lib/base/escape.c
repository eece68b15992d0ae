#include "base/text.h"

#include <string.h>

#include "base/utf8.h"

/* The longest thing written for one character: \xNN four times, or two \uNNNN. */
#define UNIT_MAX 16

static const char hex[] = "0123456789abcdef";

/*
 * Code points that change what a reader sees without being seen: controls, marks of direction and
 * of zero width, fillers, tags, separators, noncharacters. Sorted, both ends included. Variation
 * selectors are left out: every second emoji has one.
 */
static const struct {
	uint32_t first, last;
} hidden[] = {
    {0x0000, 0x001f},
    {0x007f, 0x009f},
    {0x00ad, 0x00ad},
    {0x034f, 0x034f},
    {0x061c, 0x061c},
    {0x115f, 0x1160},
    {0x17b4, 0x17b5},
    {0x180e, 0x180e},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x206f},
    {0x3164, 0x3164},
    {0xfdd0, 0xfdef},
    {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},

    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0000, 0xe00ff},
};

static bool
is_hidden(uint32_t cp)
{
	/* The last two of every plane are noncharacters. */
	if ((cp & 0xfffe) == 0xfffe)
		return true;
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		if (cp <= hidden[i].last)
			return cp >= hidden[i].first;
	return false;
}

static bool
is_plain(enum vz_escape_for how, uint32_t cp)
{
	switch (cp) {
	case '\n':
	case '\t': return how == VZ_ESCAPE_BODY;
	case '\\': return how == VZ_ESCAPE_BODY;
	case '"': return how != VZ_ESCAPE_JSON;
	default: return !is_hidden(cp);
	}
}

static size_t
put_u(char *out, uint32_t unit)
{
	out[0] = '\\';
	out[1] = 'u';
	for (unsigned i = 0; i < 4; i++)
		out[2 + i] = hex[unit >> (12 - 4 * i) & 15];
	return 6;
}

/* RFC 8259 section 7: \uNNNN, above the basic plane as a pair of surrogates. */
static size_t
put_json(char *out, uint32_t cp)
{
	if (cp < 0x10000)
		return put_u(out, cp);
	cp -= 0x10000;
	put_u(out, 0xd800 | cp >> 10);
	put_u(out + 6, 0xdc00 | (cp & 0x3ff));
	return 12;
}

static size_t
put_x(char *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[p[i] >> 4];
		*out++ = hex[p[i] & 15];
	}
	return 4 * n;
}

/*
 * What to write for the character at src: its length in *out_len, the text in out. Returns the
 * bytes of src taken, 0 when BODY waits for the rest of a character.
 */
static size_t
one_unit(enum vz_escape_for how, const uint8_t *src, size_t len, char out[static UNIT_MAX],
    size_t *out_len)
{
	uint32_t cp;
	int n = vz_utf8_next(src, len, &cp);
	size_t taken = n > 0 ? (size_t)n : 1;

	if (n == 0 && how == VZ_ESCAPE_BODY) {
		*out_len = 0;
		return 0;
	}
	if (n <= 0) {
		/* A stray byte; JSON has no way to write one. */
		*out_len = how == VZ_ESCAPE_JSON ? put_u(out, 0xfffd) : put_x(out, src, 1);
	} else if (is_plain(how, cp)) {
		memcpy(out, src, taken);
		*out_len = taken;
	} else if (cp == '\\' || cp == '"') {
		out[0] = '\\';
		out[1] = (char)cp;
		*out_len = 2;
	} else if (how == VZ_ESCAPE_JSON) {
		*out_len = put_json(out, cp);
	} else {
		*out_len = put_x(out, src, taken);
	}
	return taken;
}

size_t
vz_escape(enum vz_escape_for how, char *dst, size_t cap, const void *src, size_t len)
{
	const uint8_t *p = src;
	size_t taken = 0, used = 0;

	if (cap == 0)
		return 0;
	while (taken < len) {
		char unit[UNIT_MAX];
		size_t n, unit_len;

		n = one_unit(how, p + taken, len - taken, unit, &unit_len);
		if (n == 0 || unit_len > cap - 1 - used)
			break;
		memcpy(dst + used, unit, unit_len);
		used += unit_len;
		taken += n;
	}
	dst[used] = '\0';
	return taken;
}
