/*
 * Opening what seal.h made, or what age(1), tar(1) and ssh-keygen(1) made of the same form.
 *
 * Nothing of a message is given out before all of it is verified, so the body is held: at most
 * body_max bytes. Whether its sender may send here, and whether it came before, is the caller's to
 * ask (guard/acl.h, window.h), of the manifest and before the body goes anywhere.
 */
#ifndef VZ_MAIL_UNSEAL_H
#define VZ_MAIL_UNSEAL_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "mail/age.h"
#include "mail/manifest.h"
#include "mail/seal.h"
#include "mail/ustar.h"

/* What is wrong with a message, in the order in which it is found. */
enum vz_unseal_fault {
	VZ_UNSEAL_WELL,
	VZ_UNSEAL_NO_MEMORY,       /* VZ_ENOMEM */
	VZ_UNSEAL_NOT_AGE,         /* VZ_EFORMAT: no age file, or a malformed header */
	VZ_UNSEAL_OTHER_KEY,       /* VZ_EMISMATCH: encrypted for none of our keys */
	VZ_UNSEAL_DAMAGED,         /* VZ_EAUTH: changed, or cut short */
	VZ_UNSEAL_CUT,             /* VZ_ECUT: cut short */
	VZ_UNSEAL_NOT_A_MESSAGE,   /* VZ_EFORMAT: it holds something else */
	VZ_UNSEAL_TOO_LARGE,       /* VZ_ELIMIT: the body is over body_max */
	VZ_UNSEAL_BAD_MANIFEST,    /* VZ_EFORMAT */
	VZ_UNSEAL_BAD_SIGNATURE,   /* VZ_EAUTH: malformed, or does not verify */
	VZ_UNSEAL_OTHER_PURPOSE,   /* VZ_EAUTH: a signature in another namespace */
	VZ_UNSEAL_OTHER_SIGNER,    /* VZ_EAUTH: not signed by whom it is said to be from */
	VZ_UNSEAL_OTHER_RECIPIENT, /* VZ_EDENIED: its sender meant it for somebody else */
	VZ_UNSEAL_OTHER_BODY,      /* VZ_EAUTH: not the body that was signed */
	VZ_UNSEAL_EXPIRED,         /* VZ_EEXPIRED */
};

/* In words: lower case, no full stop, static. */
const char *vz_unseal_words(enum vz_unseal_fault fault);

struct vz_unseal_config {
	struct vz_key to;                     /* our identity */
	const uint8_t (*secrets)[VZ_AGE_KEY]; /* our age keys, old ones too; copied */
	size_t secrets_len;                   /* 1 to VZ_AGE_KEYS_MAX */
	uint64_t body_max;                    /* 0 for VZ_SEAL_BODY_MAX */
};

struct vz_unseal;

/* VZ_EINVAL, VZ_ENOMEM. The caller owns *out. */
int vz_unseal_new(struct vz_unseal **out, const struct vz_unseal_config *config);
void vz_unseal_free(struct vz_unseal *u);
/* The next n bytes of the file. Fails for good with the code of a fault, above. */
int vz_unseal_put(struct vz_unseal *u, const void *p, size_t n);
/*
 * The file ends here: checks all that is left to check. `now` is in Unix seconds; one below 0 is no
 * time, and after every expiry. As above; VZ_EINVAL the second time.
 */
int vz_unseal_end(struct vz_unseal *u, int64_t now);
/* What was found. */
enum vz_unseal_fault vz_unseal_fault(const struct vz_unseal *u);
/* NULL unless vz_unseal_end has returned 0; valid while u is. */
const struct vz_manifest *vz_unseal_manifest(const struct vz_unseal *u);
/* The same for the bytes of a member: the body, or manifest and signature to keep. */
const struct vz_buf *vz_unseal_member(const struct vz_unseal *u, enum vz_ustar_member member);

#endif
