/*
 * Hashes over libsodium, and HMAC and HKDF as Noise defines them.
 */
#ifndef VZ_BASE_HASH_H
#define VZ_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum vz_hash {
	VZ_HASH_BLAKE2B, /* 64 bytes, block 128 */
	VZ_HASH_SHA256,  /* 32 bytes, block 64 */
	VZ_HASH_SHA512,  /* 64 bytes, block 128 */
};

#define VZ_HASH_MAX 64

/* Length of the digest in bytes. */
size_t vz_hash_len(enum vz_hash h);
/* out = H(a || b); out holds vz_hash_len(h) bytes and may overlap nothing. b may be NULL with 0. */
void
vz_hash2(enum vz_hash h, const void *a, size_t a_len, const void *b, size_t b_len, uint8_t *out);
/* RFC 2104 over a || b with the hash above. */
void vz_hmac2(enum vz_hash h, const uint8_t *key, size_t key_len, const void *a, size_t a_len,
    const void *b, size_t b_len, uint8_t *out);
/*
 * HKDF of Noise 4.3: two or three outputs of vz_hash_len(h) bytes; out3 NULL for two. The outputs
 * overlap none of each other, but may overlay ck and ikm.
 */
void vz_hkdf(enum vz_hash h, const uint8_t *ck, size_t ck_len, const void *ikm, size_t ikm_len,
    uint8_t *out1, uint8_t *out2, uint8_t *out3);
/* Keyed BLAKE2b (RFC 7693) with an output of 32 bytes over a || b; key NULL with 0 for none. */
void vz_blake2b_256(const uint8_t *key, size_t key_len, const void *a, size_t a_len, const void *b,
    size_t b_len, uint8_t out[static 32]);

#endif
