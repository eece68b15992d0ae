/*
 * What a host is: its identity key, its session keys, and the bundle by which the first certifies
 * the others (DESIGN 4). Pure: no files, no clock.
 */
#ifndef VZ_ID_IDENTITY_H
#define VZ_ID_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "id/key.h"

#define VZ_BUNDLE_SIGNED 113 /* version, identity, noise, age, serial, not-after */
#define VZ_BUNDLE_LEN    177 /* and the signature */
#define VZ_SERIAL_MAX    INT64_MAX

/* {identity, X25519 Noise static, age X25519 recipient, serial, not-after}, signed in vz-bundle@vz.
 */
struct vz_bundle {
	struct vz_key identity;
	uint8_t noise[32];
	uint8_t age[32];
	uint64_t serial;    /* 1 .. VZ_SERIAL_MAX */
	uint64_t not_after; /* Unix seconds, UTC; 0 = none */
	uint8_t sig[64];
};

/*
 * Layout: u8 version (1) | identity 32 | noise 32 | age 32 | u64 serial | u64 not-after | sig 64,
 * big-endian. The signature is SSHSIG's over the first VZ_BUNDLE_SIGNED bytes.
 */
void vz_bundle_encode(const struct vz_bundle *b, uint8_t out[static VZ_BUNDLE_LEN]);
/* Decodes without verifying: for a bundle whose secrets are at hand to prove it. VZ_EFORMAT as
 * below. */
int vz_bundle_parse(const uint8_t *p, size_t len, struct vz_bundle *out);
/* Decodes and verifies: VZ_EFORMAT (length, version, serial range), VZ_EAUTH (point or signature).
 */
int vz_bundle_decode(const uint8_t *p, size_t len, struct vz_bundle *out);
/* Verifies what vz_bundle_parse gave, of an identity that was known before it came: VZ_EAUTH. */
int vz_bundle_verify_known(const struct vz_bundle *b);
/* The armoured SSHSIG of the bundle, for ssh-keygen -Y verify over its first VZ_BUNDLE_SIGNED
 * bytes. */
int vz_bundle_armor(const struct vz_bundle *b, struct vz_buf *out);

#define VZ_RETIRED_MAX    60                         /* old age keys */
#define VZ_RETIRED_S      (UINT64_C(30) * 24 * 3600) /* how long one is kept: as long as mail is */
#define VZ_ROTATED_RANDOM 64

/* An age key that is in no bundle any more. */
struct vz_retired {
	uint64_t at; /* Unix seconds, when it was replaced; below 2^63 */
	uint8_t secret[32];
};

/* Secrets: allocate with vz_identity_new, which guards them. */
struct vz_identity {
	bool held_elsewhere;     /* somebody else has the secret of the identity's key: */
	uint8_t sign_secret[64]; /* then zeros. Use it by vz_signer_sign only (id/signer.h) */
	uint8_t noise_secret[32];
	uint8_t age_secret[32];
	struct vz_bundle bundle; /* public, signed */
	char comment[256];       /* UTF-8 without control characters, may be empty */
	unsigned retired_len;
	struct vz_retired retired[VZ_RETIRED_MAX]; /* the latest first */
};

/* Empty, in guarded memory; NULL when memory is short. */
struct vz_identity *vz_identity_new(void);
void vz_identity_free(struct vz_identity *id);
/*
 * Makes a whole identity from 96 random bytes (sign seed, noise secret, age secret: independent
 * keys) and signs its bundle.
 */
int vz_identity_make(
    struct vz_identity *id, const uint8_t random[static 96], uint64_t serial, const char *comment);
/* Signs id->bundle again after its fields changed. Only with the secret at hand. */
void vz_identity_certify(struct vz_identity *id);
/*
 * Replaces the Noise and the age key by new ones from random bytes (secret; independent keys),
 * under the serial max(last + 1, now), and signs the bundle. The old Noise key is gone; the old age
 * key is retired at `now` (Unix seconds), and those retired too long ago go. VZ_EFULL
 * (VZ_RETIRED_MAX are kept already, or the serials are used up), VZ_EINVAL (now), VZ_EAUTH (unfit
 * random bytes); then nothing is changed.
 */
int vz_identity_rotate(
    struct vz_identity *id, const uint8_t random[static VZ_ROTATED_RANDOM], uint64_t now);
/* Wipes the age keys that were retired VZ_RETIRED_S before now or earlier; how many they were. */
unsigned vz_identity_expire(struct vz_identity *id, uint64_t now);
/*
 * The age secrets that open mail at this time: ours, then the retired ones that are not too old,
 * the latest first. Returns how many; out is secret.
 */
size_t vz_identity_age_secrets(
    const struct vz_identity *id, uint64_t now, uint8_t out[static VZ_RETIRED_MAX + 1][32]);
/* Text form of an identity file (secrets in the clear) and back; see vz-keygen(1) FILES.
 * VZ_EFORMAT. */
int vz_identity_encode(const struct vz_identity *id, struct vz_buf *out);
int vz_identity_decode(const char *text, size_t len, struct vz_identity *id);

#endif
