#include "base/width.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

#define DOTS       "..."
#define DOTS_WIDTH 3
#define DOTS_LEAST 8 /* columns from which on there is room for them */

/* Both ends included, in order: East Asian wide and fullwidth characters, and whatever is, or may
 * become, an emoji. */
static const struct {
	uint32_t first, last;
} wide[] = {
    {0x1100, 0x115f},
    {0x203c, 0x203c},
    {0x2049, 0x2049},
    {0x20e3, 0x20e3},
    {0x2122, 0x2122},
    {0x2139, 0x2139},
    {0x2190, 0x21ff},
    {0x2300, 0x23ff},
    {0x2460, 0x24ff},
    {0x25a0, 0x27bf},
    {0x2900, 0x297f},
    {0x2b00, 0x2bff},
    {0x2e80, 0xa4cf},
    {0xa960, 0xa97f},
    {0xac00, 0xd7ff},
    {0xf900, 0xfaff},
    {0xfe10, 0xfe19},
    {0xfe30, 0xfe6f},
    {0xff00, 0xff60},
    {0xffe0, 0xffe6},
    {0x16fe0, 0x18dff},
    {0x1aff0, 0x1b2ff},
    {0x1d300, 0x1d37f},
    {0x1f000, 0x1fbff},
    {0x20000, 0x3fffd},
};

static size_t
width_of(uint32_t cp)
{
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (cp <= wide[i].last)
			return cp >= wide[i].first ? 2 : 1;
	return 1;
}

/* The bytes of the character at p, or 1 of what is none; *width is its own. */
static size_t
next(const uint8_t *p, size_t len, size_t *width)
{
	uint32_t cp;
	int n = vz_utf8_next(p, len, &cp);

	*width = n > 0 ? width_of(cp) : 1;
	return n > 0 ? (size_t)n : 1;
}

size_t
vz_width(const void *text, size_t len)
{
	const uint8_t *p = text;
	size_t all = 0, at = 0, width;

	while (at < len) {
		at += next(p + at, len - at, &width);
		all += width;
	}
	return all;
}

/* How many bytes of the front take at most so many columns and fit into `room`. */
static size_t
front(const char *text, size_t len, size_t columns, size_t room)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t at = 0, n, width;

	while (at < len) {
		n = next(p + at, len - at, &width);
		if (width > columns || n > room - at)
			break;
		columns -= width;
		at += n;
	}
	return at;
}

/* Where the longest end begins that takes at most so many columns. */
static size_t
end(const char *text, size_t len, size_t columns)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = vz_width(text, len), at = 0, width;

	while (left > columns) {
		at += next(p + at, len - at, &width);
		left -= width;
	}
	return at;
}

size_t
vz_fit(char *dst, size_t cap, const char *text, size_t columns)
{
	size_t len = strlen(text), first = columns, head, tail;

	if (cap == 0)
		return 0;
	if (vz_width(text, len) > columns && columns >= DOTS_LEAST)
		first = (columns - DOTS_WIDTH) / 2;
	head = front(text, len, first, cap - 1);
	memcpy(dst, text, head);
	dst[head] = '\0';
	tail = end(text, len, columns - first - (first < columns ? DOTS_WIDTH : 0));
	if (first < columns && head + DOTS_WIDTH + (len - tail) < cap) {
		memcpy(dst + head, DOTS, DOTS_WIDTH);
		memcpy(dst + head + DOTS_WIDTH, text + tail, len - tail + 1);
	}
	return vz_width(dst, strlen(dst));
}
