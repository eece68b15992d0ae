/*
 * What aead.c asks of a library that does long records faster than libsodium, with the same bytes.
 * Each is opened by soname when it is first wanted, so that vz starts fast and works without it.
 */
#ifndef VZ_CRYPTO_AEAD_ENGINE_H
#define VZ_CRYPTO_AEAD_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/aead.h"

struct vz_aead_engine {
	const char *name;
	/* Shorter inputs stay with libsodium: setting up a record would cost more than is gained.
	 */
	size_t from;
	/* An expanded key in memory that `forget` wipes; NULL when there is no memory. */
	void *(*key)(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY]);
	void (*forget)(void *keyed);
	/* As vz_aead_seal and vz_aead_open, with the nonce as it is; VZ_ENOMEM for what fails
	 * inside. */
	int (*seal)(void *keyed, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
	    const void *head, size_t head_len, const void *body, size_t body_len, uint8_t *out);
	/* len without the tag, which follows. */
	int (*open)(void *keyed, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
	    const uint8_t *in, size_t len, uint8_t *out);
};

/*
 * The engine, or NULL: the library is not there, is another version than this was built for, was
 * left out of the build, or is no faster on this machine. Opens it at the first call; it stays.
 */
const struct vz_aead_engine *vz_aead_libcrypto(enum vz_aead_alg alg);
const struct vz_aead_engine *vz_aead_ipsec_mb(enum vz_aead_alg alg);

#endif
