/*
 * The proof that travels with a message in a session: its signed manifest (vz-protocol(7) Signed
 * messages). Both sides hash the body as it goes; then the sender makes the manifest, and the
 * recipient holds it against what came.
 */
#ifndef VZ_MAIL_PROOF_H
#define VZ_MAIL_PROOF_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "mail/manifest.h"

/* The body so far. */
struct vz_proof;

/* VZ_ENOMEM. The caller ends it by vz_proof_free, to which NULL is nothing. */
int vz_proof_new(struct vz_proof **out);
void vz_proof_free(struct vz_proof *p);
/* The next n bytes of the body. */
void vz_proof_feed(struct vz_proof *p, const void *bytes, size_t n);
/* How many there were. */
uint64_t vz_proof_fed(const struct vz_proof *p);

/*
 * Sender: what was fed is the body. Sets size and sha512 of *m, and appends its text, which is
 * *text_len bytes long, and then the signature to out. What the signer returned, VZ_EAUTH when that
 * does not verify, VZ_EINVAL for a value out of its range, VZ_ELIMIT, VZ_ENOMEM; then nothing was
 * appended.
 */
int vz_proof_make(const struct vz_proof *p, struct vz_manifest *m, vz_manifest_sign_fn *sign,
    void *sign_arg, struct vz_buf *out, size_t *text_len);

enum vz_proof_verdict {
	VZ_PROOF_GOOD = 0,
	VZ_PROOF_MALFORMED, /* no manifest */
	VZ_PROOF_SIGNATURE, /* does not verify, is of another namespace, or not by `from` */
	VZ_PROOF_SENDER,    /* `from` is not who sends it */
	VZ_PROOF_RECIPIENT, /* `to` is not us */
	VZ_PROOF_MESSAGE,   /* stream, sequence or name are another message's, or it expires */
	VZ_PROOF_BODY,      /* another size or hash than that of what was fed */
};

/*
 * Recipient: is this, of which the first text_len bytes are the manifest and the others its
 * signature, the proof of what was fed? `want` says from, to, stream, sequence and name. A verdict
 * of these, the first that holds in their order, or VZ_ENOMEM. May be asked more than once.
 */
int vz_proof_check(const struct vz_proof *p, const struct vz_manifest *want, const uint8_t *bytes,
    size_t text_len, size_t len);

#endif
