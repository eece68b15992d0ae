/*
 * Ed25519 (RFC 8032) and SSHSIG (OpenSSH PROTOCOL.sshsig, sha512, namespaced), and the text forms
 * that OpenSSH gives them.
 */
#ifndef VZ_CRYPTO_SIGN_H
#define VZ_CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define VZ_SIGN_PUBLIC 32
#define VZ_SIGN_SECRET 64 /* seed || public, as libsodium keeps it */
#define VZ_SIGN_SEED   32
#define VZ_SIGN_LEN    64

#define VZ_NS_MAX     255 /* bytes of a namespace; it has at least one */
#define VZ_NS_BUNDLE  "vz-bundle@vz"
#define VZ_NS_MESSAGE "vz-message@vz"
#define VZ_NS_RECEIPT "vz-receipt@vz"
#define VZ_NS_AUDIT   "vz-audit@vz"

/* The key pair of a seed. */
void vz_sign_from_seed(const uint8_t seed[static VZ_SIGN_SEED],
    uint8_t public[static VZ_SIGN_PUBLIC], uint8_t secret[static VZ_SIGN_SECRET]);
/*
 * True when p is a canonical encoding of a point on the curve that is not of small order and lies
 * in the subgroup of prime order, as every key made by RFC 8032 does: outside of it two verifiers
 * may disagree about the same signature. About 35 microseconds.
 */
bool vz_sign_point_ok(const uint8_t p[static VZ_SIGN_PUBLIC]);
/*
 * The raw Ed25519 signature over SSHSIG's signed data for this message and namespace. A namespace
 * that is empty or over VZ_NS_MAX gives a signature of zeros, which never verifies.
 */
void vz_sshsig_sign(const uint8_t secret[static VZ_SIGN_SECRET], const char *ns, const void *msg,
    size_t len, uint8_t sig[static VZ_SIGN_LEN]);
/* The longest of what is signed. */
#define VZ_SSHSIG_DATA_MAX (6 + 4 * 4 + VZ_NS_MAX + 6 + 64)
/*
 * SSHSIG's signed data itself for a message with this SHA-512, for whoever else holds the secret
 * key: what vz_sshsig_sign_digest makes the Ed25519 signature of. Its length; 0 for a bad
 * namespace.
 */
size_t vz_sshsig_data(
    const char *ns, const uint8_t digest[static 64], uint8_t out[static VZ_SSHSIG_DATA_MAX]);
/* VZ_EAUTH when it does not verify or the key is not vz_sign_point_ok. */
int vz_sshsig_verify(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns, const void *msg,
    size_t len, const uint8_t sig[static VZ_SIGN_LEN]);
/*
 * The same for a key that is known to be vz_sign_point_ok: one that was parsed, and not what a
 * stranger just sent. Saves the judgement of the point, which is dearer than half the verification.
 */
int vz_sshsig_verify_known(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns,
    const void *msg, size_t len, const uint8_t sig[static VZ_SIGN_LEN]);
/* The same for a message hashed piece by piece. `digest` is SHA-512, or SHA-256 for hash_bits 256.
 */
void vz_sshsig_sign_digest(const uint8_t secret[static VZ_SIGN_SECRET], const char *ns,
    const uint8_t digest[static 64], uint8_t sig[static VZ_SIGN_LEN]);
int vz_sshsig_verify_digest(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns,
    int hash_bits, const uint8_t *digest, const uint8_t sig[static VZ_SIGN_LEN]);
/* VZ_ELIMIT for a bad namespace. Appends "-----BEGIN SSH SIGNATURE-----" ... as `ssh-keygen -Y
 * verify -s` reads it. */
int vz_sshsig_armor(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns,
    const uint8_t sig[static VZ_SIGN_LEN], struct vz_buf *out);
/* What an armoured SSHSIG says of itself, as yet unproved. */
struct vz_sshsig {
	uint8_t public[VZ_SIGN_PUBLIC];
	uint8_t sig[VZ_SIGN_LEN];
	int hash_bits;          /* 512 or 256 */
	char ns[VZ_NS_MAX + 1]; /* may hold any byte, NUL too; a NUL behind */
	size_t ns_len;
};
/* Reads an armoured ed25519 SSHSIG, whatever its namespace. False: it is none; *out is zeros. */
bool vz_sshsig_read(const char *text, size_t len, struct vz_sshsig *out);
/*
 * Reads an armoured ed25519 SSHSIG made with sha512 or sha256; the namespace must be `ns`. Gives
 * key, signature and which hash (512 or 256). VZ_EFORMAT; VZ_EDENIED for another namespace.
 */
int vz_sshsig_unarmor(const char *text, size_t len, const char *ns,
    uint8_t public[static VZ_SIGN_PUBLIC], uint8_t sig[static VZ_SIGN_LEN], int *hash_bits);
/* Appends "ssh-ed25519 AAAA..." without comment or newline. */
int vz_ssh_public_format(const uint8_t public[static VZ_SIGN_PUBLIC], struct vz_buf *out);
/*
 * Reads "ssh-ed25519 AAAA..." at s; *used is set to the bytes taken (both words). VZ_EFORMAT when
 * it is not that or its base64 is malformed, VZ_EAUTH for a bad point. What follows the key must be
 * a blank, a line end, or the end of s.
 */
int
vz_ssh_public_parse(const char *s, size_t len, uint8_t public[static VZ_SIGN_PUBLIC], size_t *used);
/* SHA-256 of the key as OpenSSH encodes it: what a fingerprint shows. */
void vz_ssh_digest(const uint8_t public[static VZ_SIGN_PUBLIC], uint8_t out[static 32]);
/* "SHA256:..." as `ssh-keygen -l` prints it: 50 characters and a NUL. */
void vz_ssh_fingerprint(const uint8_t public[static VZ_SIGN_PUBLIC], char out[static 51]);

#endif
