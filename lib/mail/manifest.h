/*
 * The manifest of a message: who sends what to whom, signed by the sender (DESIGN 6).
 *
 * A text that people read and that sha512sum(1) takes as it is, even with --strict, because all
 * lines but the last are comments to it:
 *
 *     # vz-message-1
 *     # from vz1...
 *     # to vz1...
 *     # stream 00112233445566778899aabbccddeeff
 *     # sequence 7
 *     # previous HASH                  left out when there is none
 *     # name report%20May.txt          left out when empty
 *     # expires 2030-01-31T12:00:00Z   left out when it never does
 *     # size 1234
 *     HASH  body
 *
 * These lines in this order, one blank where there is one here, each ended by one newline, and
 * nothing else: one manifest has one text. Numbers are decimal without leading zeros, hashes
 * SHA-512 in lower-case hex. In the name each byte outside of 0x21 to 0x7e, and the %, is % and two
 * upper-case hex digits.
 *
 * manifest.sig beside it is an armoured SSHSIG over these bytes with sha512, by the key in `from`,
 * as `ssh-keygen -Y sign -n vz-message@vz` makes it.
 */
#ifndef VZ_MAIL_MANIFEST_H
#define VZ_MAIL_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "id/key.h"

#define VZ_MANIFEST_MAX     2048 /* no text is longer */
#define VZ_MANIFEST_SIG_MAX 1024
#define VZ_MANIFEST_HASH    64
#define VZ_SEQUENCE_MAX     INT64_MAX
#define VZ_EXPIRES_MAX      253402300799 /* the last second of the year 9999 */

struct vz_manifest {
	struct vz_key from, to;
	/*
	 * Where the sender counts its messages to this recipient: 16 random bytes, made when the
	 * count begins, and the number in it, which goes up by one. A count that begins anew (the
	 * old one was lost) has another stream and begins above the old one.
	 */
	uint8_t stream[16];
	uint64_t sequence;                  /* 1 to VZ_SEQUENCE_MAX */
	bool has_previous;                  /* false for the first of a stream */
	uint8_t previous[VZ_MANIFEST_HASH]; /* vz_manifest_hash of the one before */
	char name[256];                     /* of the message: vz_name_ok; "" for none */
	uint64_t expires;                   /* Unix seconds, at most VZ_EXPIRES_MAX; 0 for never */
	uint64_t size;                      /* of the body, below 2^63 */
	uint8_t sha512[VZ_MANIFEST_HASH];   /* of the body */
};

/* Appends the text. VZ_EINVAL for a value out of its range, VZ_ELIMIT, VZ_ENOMEM. */
int vz_manifest_encode(const struct vz_manifest *m, struct vz_buf *out);
/* Reads the text, strictly. VZ_EFORMAT, VZ_ENOMEM; then *out is zeroed. */
int vz_manifest_parse(const char *text, size_t len, struct vz_manifest *out);
/* SHA-512 of the text: what the next one has as `previous`. */
void vz_manifest_hash(const char *text, size_t len, uint8_t out[static VZ_MANIFEST_HASH]);
/*
 * Signs in the namespace VZ_NS_MESSAGE: what vz_sshsig_sign_digest does. 0 or a VZ_E... that is
 * handed on. Whoever holds the secret key, or knows whom to ask.
 */
typedef int vz_manifest_sign_fn(
    void *arg, const uint8_t digest[static VZ_MANIFEST_HASH], uint8_t sig[static 64]);
/*
 * Appends the armoured signature of the text by `from`. VZ_EAUTH when the signer gave what does not
 * verify, what the signer returned, VZ_ELIMIT, VZ_ENOMEM.
 */
int vz_manifest_sign(const struct vz_key *from, const void *text, size_t len,
    vz_manifest_sign_fn *sign, void *arg, struct vz_buf *out);
/*
 * Reads text and signature, and verifies the one by the other. VZ_EFORMAT (the text is not as
 * above), VZ_EDENIED (a signature in another namespace), VZ_EMISMATCH (by another key than `from`),
 * VZ_EAUTH (it does not verify, or is malformed), VZ_ENOMEM; then *out is zeroed.
 */
int vz_manifest_verify(
    const char *text, size_t len, const char *sig, size_t sig_len, struct vz_manifest *out);

#endif
