/*
 * Sealing: a message becomes an age file for its recipient that holds body, manifest and
 * manifest.sig (ustar.h, manifest.h), for when the recipient is away (DESIGN 6). Opening is
 * unseal.h.
 *
 * A state machine: the body goes in in pieces, the file comes out, 64 KiB are held.
 */
#ifndef VZ_MAIL_SEAL_H
#define VZ_MAIL_SEAL_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "mail/age.h"
#include "mail/manifest.h"

/* The longest body, unless something else is configured. */
#define VZ_SEAL_BODY_MAX ((uint64_t)16 << 20)
/* The most that n bytes of body, and the end, append in one call. */
#define VZ_SEAL_WRITTEN(n) VZ_AGE_WRITTEN((n) + 8192)

/* Signs as `from`; an error of it is what vz_seal_end then returns. After VZ_EPENDING vz_seal_end
 * is called again. */
typedef vz_manifest_sign_fn vz_seal_sign_fn;

struct vz_seal_config {
	struct vz_manifest manifest;      /* all of it but sha512, which is made here */
	uint8_t recipient[VZ_AGE_KEY];    /* `age` of the bundle of manifest.to */
	uint8_t random[VZ_AGE_RANDOM(1)]; /* fresh; secret, so wipe it after vz_seal_new */
	uint64_t body_max;                /* 0 for VZ_SEAL_BODY_MAX */
	vz_seal_sign_fn *sign;
	void *sign_arg;
};

/* A vz_seal_sign_fn for a secret that is at hand: arg is its VZ_SIGN_SECRET bytes. */
vz_seal_sign_fn vz_seal_sign_secret;

struct vz_seal;

/*
 * Begins the file, and appends its first bytes to `to`. The config is copied. VZ_EINVAL (a value
 * out of its range), VZ_ELIMIT (the body is too long, or no room in `to`), VZ_EAUTH (a recipient of
 * small order), VZ_ENOMEM; then nothing was appended. The caller owns *out.
 */
int vz_seal_new(struct vz_seal **out, const struct vz_seal_config *config, struct vz_buf *to);
void vz_seal_free(struct vz_seal *s);
/*
 * The next n bytes of the body. VZ_ECHANGED when it is longer than manifest.size; VZ_ELIMIT (no
 * room), VZ_ENOMEM. After a failure, and after the end, VZ_EINVAL: what was appended is no message.
 */
int vz_seal_put(struct vz_seal *s, const void *p, size_t n, struct vz_buf *to);
/*
 * The body is over: signs and appends the rest. VZ_ECHANGED when the body is shorter than
 * manifest.size, VZ_EAUTH when the signer gave what does not verify, what the signer returned, and
 * as above. After VZ_EPENDING nothing was appended, and the same call is to be made again.
 */
int vz_seal_end(struct vz_seal *s, struct vz_buf *to);
/* After the end: the manifest's text, for vz_manifest_hash and to keep; valid while s is. */
const char *vz_seal_manifest(const struct vz_seal *s, size_t *len);
/* The length that the whole file will have. VZ_EINVAL (out of range), VZ_ENOMEM. */
int vz_seal_size(const struct vz_manifest *m, uint64_t *size);

#endif
