/*
 * Base64 (RFC 4648 section 4), strict. libsodium's decoder, kept from the bytes that it
 * takes for others: 1.0.18 reads all of 0x80 to 0xff as '/'.
 */
#ifndef VZ_BASE_BASE64_H
#define VZ_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/*
 * Padded. Decodes the base64 at s[0..n), stepping over the characters in `ignore` (may be NULL), up
 * to the first other character: *end is set to it (s + n when it was all). VZ_EFORMAT, also when
 * more than cap bytes come out.
 */
int vz_base64_decode(const char *s, size_t n, const char *ignore, uint8_t *out, size_t cap,
    size_t *len, const char **end);
/* Without padding: s[0..n) must be base64 to its last character, and canonical. VZ_EFORMAT as
 * above.
 */
int vz_base64_decode_unpadded(const char *s, size_t n, uint8_t *out, size_t cap, size_t *len);

#endif
