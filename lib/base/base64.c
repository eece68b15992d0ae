#include "base/base64.h"

#include <sodium.h>
#include "base/err.h"

/* The bytes before the first that is not ASCII. */
static size_t
ascii_len(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (s[i] & 0x80) == 0)
		i++;
	return i;
}

int
vz_base64_decode(const char *s, size_t n, const char *ignore, uint8_t *out, size_t cap, size_t *len,
    const char **end)
{
	*len = 0;
	*end = s;
	if (sodium_base642bin(out, cap, s, ascii_len(s, n), ignore, len, end,
		sodium_base64_VARIANT_ORIGINAL) == 0)
		return 0;
	*len = 0;
	return VZ_EFORMAT;
}

int
vz_base64_decode_unpadded(const char *s, size_t n, uint8_t *out, size_t cap, size_t *len)
{
	const char *end = s;

	*len = 0;
	if (sodium_base642bin(out, cap, s, ascii_len(s, n), NULL, len, &end,
		sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
	    end == s + n)
		return 0;
	*len = 0;
	return VZ_EFORMAT;
}
