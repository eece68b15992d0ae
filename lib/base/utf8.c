#include "base/utf8.h"

#include "base/text.h"

#define NAME_MAX_BYTES 255

int
vz_utf8_next(const uint8_t *p, size_t n, uint32_t *cp)
{
	/* The second byte's range keeps out long forms, surrogates and all above 10ffff. */
	uint8_t low = 0x80, high = 0xbf;
	size_t need;

	*cp = 0;
	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return -1;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	switch (p[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	default: break;
	}
	*cp = p[0] & (0x7fU >> need);
	for (size_t i = 1; i < need; i++) {
		if (i >= n)
			return 0;
		if (p[i] < low || p[i] > high)
			return -1;
		*cp = *cp << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	return (int)need;
}

bool
vz_utf8_ok(const void *text, size_t len)
{
	const uint8_t *p = text;
	uint32_t cp;

	while (len > 0) {
		int n = vz_utf8_next(p, len, &cp);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool
vz_name_ok(const void *text, size_t len)
{
	const uint8_t *p = text;
	uint32_t cp;

	if (len > NAME_MAX_BYTES)
		return false;
	while (len > 0) {
		int n = vz_utf8_next(p, len, &cp);

		if (n <= 0 || cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}
