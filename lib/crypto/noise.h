/*
 * Noise Protocol Framework, revision 34, from pattern descriptors: 25519, ChaChaPoly or AESGCM,
 * BLAKE2b, SHA256 or SHA512, with pre-shared keys. The library ships XXpsk0; tests describe the
 * others.
 *
 * A failed read or write changes nothing that can be observed: the state is dead and every later
 * call is VZ_EINVAL.
 */
#ifndef VZ_CRYPTO_NOISE_H
#define VZ_CRYPTO_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/hash.h"
#include "crypto/aead.h"

enum vz_noise_token {
	VZ_NOISE_E = 1,
	VZ_NOISE_S,
	VZ_NOISE_EE,
	VZ_NOISE_ES,
	VZ_NOISE_SE,
	VZ_NOISE_SS,
	VZ_NOISE_PSK,
};

#define VZ_NOISE_MESSAGES_MAX 4
#define VZ_NOISE_TOKENS_MAX   8
#define VZ_NOISE_PSKS_MAX     4

/* A handshake pattern (Noise 7). Token lists end with 0. */
struct vz_noise_pattern {
	const char *name; /* as in the protocol name: "XXpsk0" */
	uint8_t pre_initiator[2], pre_responder[2];
	uint8_t messages; /* the first is the initiator's, then in turn */
	uint8_t message[VZ_NOISE_MESSAGES_MAX][VZ_NOISE_TOKENS_MAX];
};

extern const struct vz_noise_pattern vz_noise_xxpsk0;

struct vz_noise_config {
	const struct vz_noise_pattern *pattern;
	enum vz_aead_alg cipher;
	enum vz_hash hash;
	bool initiator;
	const void *prologue;
	size_t prologue_len;
	const uint8_t *psk[VZ_NOISE_PSKS_MAX]; /* 32 bytes each, in order of the psk tokens */
	const uint8_t *static_secret;          /* 32 bytes, or NULL when the pattern uses none */
	const uint8_t *static_public;          /* of static_secret where it is known, else NULL */
	const uint8_t *ephemeral_secret; /* 32 fresh random bytes; randomness is the caller's */
	const uint8_t *remote_static;    /* 32 bytes, for pre-messages, else NULL */
};

struct vz_noise; /* a handshake in progress; wiped when freed */

/* Everything in the config is copied. VZ_ENOMEM, VZ_EINVAL. The caller owns *out. */
int vz_noise_new(struct vz_noise **out, const struct vz_noise_config *config);
void vz_noise_free(struct vz_noise *n);
/* Bytes that the next message adds to its payload: keys and tags. */
size_t vz_noise_overhead(const struct vz_noise *n);
/* Writes the next message; *out_len = payload_len + overhead, at most cap. VZ_ELIMIT, VZ_EAUTH
 * (low-order point). */
int vz_noise_write(struct vz_noise *n, const void *payload, size_t payload_len, uint8_t *out,
    size_t cap, size_t *out_len);
/*
 * Reads the next message and yields its payload. VZ_EFORMAT (too short), VZ_EAUTH (tag or low-order
 * point), VZ_ELIMIT (payload over cap). `in` and payload may not overlap.
 */
int vz_noise_read(struct vz_noise *n, const uint8_t *in, size_t in_len, uint8_t *payload,
    size_t cap, size_t *payload_len);
/* True when all messages of the pattern have passed. */
bool vz_noise_finished(const struct vz_noise *n);
/* The other side's static public key once it has passed (or was configured), else NULL. */
const uint8_t *vz_noise_remote_static(const struct vz_noise *n);
/* h (Noise 11.2), vz_hash_len(hash) bytes. */
const uint8_t *vz_noise_hash(const struct vz_noise *n);
/* Split() (Noise 5.2): the keys from initiator to responder and back. Only when finished. */
int vz_noise_split(const struct vz_noise *n, uint8_t i_to_r[static 32], uint8_t r_to_i[static 32]);
/* Two more keys: HKDF(ck, label, 2), each cut to 32 bytes (DESIGN 5: "vz/1 aes256gcm"). Only when
 * finished. */
int vz_noise_split_label(const struct vz_noise *n, const char *label, uint8_t i_to_r[static 32],
    uint8_t r_to_i[static 32]);

/* X25519 (RFC 7748): public key of a secret; shared secret with VZ_EAUTH when it is all zero. */
int vz_x25519_public(const uint8_t secret[static 32], uint8_t public[static 32]);
int vz_x25519(
    const uint8_t secret[static 32], const uint8_t public[static 32], uint8_t shared[static 32]);

#endif
