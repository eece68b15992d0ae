/*
 * The record ciphers behind one interface: ChaCha20-Poly1305 (RFC 8439) and AES-256-GCM (NIST SP
 * 800-38D) with Noise's nonces (Noise 12: 32 zero bits, then the 64-bit n, little-endian for
 * ChaChaPoly, big-endian for AESGCM) and Noise's Rekey() (Noise 4.2, 11.3).
 *
 * libsodium does the work; where it was opened, libcrypto or Intel's multi-buffer library does long
 * inputs faster with the same bytes (DESIGN 5, aead_engine.h).
 */
#ifndef VZ_CRYPTO_AEAD_H
#define VZ_CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VZ_AEAD_KEY 32
#define VZ_AEAD_TAG 16

enum vz_aead_alg {
	VZ_AEAD_CHACHAPOLY,
	VZ_AEAD_AES256GCM,
};

struct vz_aead; /* one key; holds secrets, lives in wiped memory */

/* True when this machine and build can do AES-256-GCM in hardware through libsodium. */
bool vz_aead_has_aes(void);
/*
 * Opens the fastest library that is there for long inputs of this cipher, for all later operations
 * of this process. 0, or VZ_ENOTFOUND when there is none or it was left out of this build:
 * everything works on, slower. Calling it again is free.
 */
int vz_aead_accelerate(enum vz_aead_alg alg);
/* The name of what was opened, or NULL. */
const char *vz_aead_accelerator(enum vz_aead_alg alg);

/* VZ_ENOMEM; VZ_EINVAL for AES without hardware. The caller owns *out. */
int vz_aead_new(struct vz_aead **out, enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY]);
void vz_aead_free(struct vz_aead *a);
/*
 * Seals head || body into out, which takes head_len + body_len + 16 bytes and may not overlap body
 * (head and body are read where they lie, so a record needs no assembling copy). VZ_ESYSTEM never
 * happens with libsodium; an internal failure of what is faster is VZ_ENOMEM.
 */
int vz_aead_seal(struct vz_aead *a, uint64_t n, const void *ad, size_t ad_len, const void *head,
    size_t head_len, const void *body, size_t body_len, uint8_t *out);
/*
 * Opens in_len bytes (tag included) to out, which takes in_len - 16 bytes and may be `in` itself.
 * VZ_EAUTH, and then no byte of plaintext is left in out.
 */
int vz_aead_open(struct vz_aead *a, uint64_t n, const void *ad, size_t ad_len, const uint8_t *in,
    size_t in_len, uint8_t *out);
/* k = REKEY(k), Noise 4.2. */
int vz_aead_rekey(struct vz_aead *a);

/*
 * One sealing or opening with a key that is used once or twice, as in a handshake: libsodium alone,
 * nothing allocated. For AES the caller has asked vz_aead_has_aes. Otherwise as above; `in` may be
 * `out`.
 */
void vz_aead_once_seal(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY], uint64_t n,
    const void *ad, size_t ad_len, const void *in, size_t in_len, uint8_t *out);
int vz_aead_once_open(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY], uint64_t n,
    const void *ad, size_t ad_len, const uint8_t *in, size_t in_len, uint8_t *out);

#endif
