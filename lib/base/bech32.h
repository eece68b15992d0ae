/*
 * bech32 (BIP 173, the original checksum constant) for whole bytes, without BIP 173's length limit
 * of 90 but with one of VZ_BECH32_DATA_MAX data bytes.
 */
#ifndef VZ_BASE_BECH32_H
#define VZ_BASE_BECH32_H

#include <stddef.h>
#include <stdint.h>

#define VZ_BECH32_DATA_MAX 64
#define VZ_BECH32_TEXT_MAX 128

/* Writes hrp, '1', data, checksum in lower case and a NUL. VZ_ELIMIT when it does not fit. */
int vz_bech32_encode(const char *hrp, const uint8_t *data, size_t len, char *out, size_t cap);
/*
 * Strict: exactly this hrp, one case, exactly `len` bytes, zero padding bits, good checksum. The
 * text is s[0..n). VZ_EFORMAT.
 */
int vz_bech32_decode(const char *hrp, const char *s, size_t n, uint8_t *out, size_t len);

#endif
