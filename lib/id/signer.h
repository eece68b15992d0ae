/*
 * Who signs by an identity: the secret that is in it, or somebody else who holds it, such as an
 * ssh-agent, and is asked. Whoever wants a signature calls the one function here, and does not
 * care which.
 */
#ifndef VZ_ID_SIGNER_H
#define VZ_ID_SIGNER_H

#include "id/identity.h"

/*
 * Asks for the signature that vz_sshsig_sign_digest makes with the secret of this key. 0, or
 * VZ_EPENDING: it was asked, and the same question is to be put again when there is news; or why
 * there is none: VZ_ESIGNER, VZ_ETIMEOUT, VZ_ENOMEM. What it gives is verified by the caller.
 */
typedef int vz_signer_fn(void *arg, const struct vz_key *key, const char *ns,
    const uint8_t digest[static 64], uint8_t sig[static 64]);

struct vz_signer {
	const struct vz_identity *identity;
	vz_signer_fn *ask; /* who holds the key when the identity does not; NULL: nobody */
	void *arg;
};

/*
 * The signature by the identity over a message with this SHA-512, in this namespace. What `ask`
 * returned; VZ_ESIGNER when the identity lacks its secret and there is nobody to be asked; VZ_EAUTH
 * when what was given does not verify, and then sig is zeroed.
 */
int vz_signer_sign(const struct vz_signer *s, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static 64]);
/* The same over the message itself. */
int vz_signer_sign_bytes(
    const struct vz_signer *s, const char *ns, const void *msg, size_t len, uint8_t sig[static 64]);

/* Secret: a Noise and an age secret, independent of each other. */
#define VZ_HELD_RANDOM VZ_ROTATED_RANDOM
/*
 * Makes a whole identity for a key that somebody else holds, with a Noise and an age key from
 * random bytes; its bundle is signed by who holds it, now or, after VZ_EPENDING, when the same call
 * is made again. What vz_signer_sign returns, VZ_EINVAL, VZ_EFORMAT (comment), VZ_EAUTH (key or
 * random bytes); then id is empty.
 */
int vz_identity_make_held(struct vz_identity *id, const struct vz_key *key,
    const uint8_t random[static VZ_HELD_RANDOM], uint64_t serial, const char *comment,
    vz_signer_fn *ask, void *arg);
/*
 * vz_identity_rotate for any identity. Also returns what vz_signer_sign does, and then nothing is
 * changed.
 */
int vz_identity_rotate_by(struct vz_identity *id, const uint8_t random[static VZ_ROTATED_RANDOM],
    uint64_t now, vz_signer_fn *ask, void *arg);

#endif
