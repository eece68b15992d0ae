#include "base/base64.h"

#include <sodium.h>
#include "base/err.h"

int
vz_base64_decode(const char *s, size_t n, const char *ignore, uint8_t *out, size_t cap, size_t *len,
    const char **end)
{
	size_t ascii = 0;

	*len = 0;
	*end = s;
	while (ascii < n && (s[ascii] & 0x80) == 0)
		ascii++;
	if (sodium_base642bin(
		out, cap, s, ascii, ignore, len, end, sodium_base64_VARIANT_ORIGINAL) == 0)
		return 0;
	*len = 0;
	return VZ_EFORMAT;
}
