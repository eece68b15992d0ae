/*
 * What is said to an ssh-agent, and what it says (draft-ietf-sshm-ssh-agent, which was
 * draft-miller-ssh-agent): the two requests that signing needs. Bytes in, bytes out.
 *
 * Both ways a message is a u32 length and that many bytes, of which the first is its type. An agent
 * is not trusted with more than its signature, which the caller verifies: lengths are bounded, and
 * what is not exactly of these forms is refused.
 */
#ifndef VZ_CRYPTO_AGENT_H
#define VZ_CRYPTO_AGENT_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "crypto/sign.h"

#define VZ_AGENT_MESSAGE_MAX (256u * 1024) /* after its length, as OpenSSH bounds it */
#define VZ_AGENT_KEYS_MAX    2048          /* in a list, as OpenSSH bounds it */
#define VZ_AGENT_REQUEST_MAX 1024          /* no request is longer, with its length */

/* Appends the request for a list of the keys. VZ_ELIMIT, VZ_ENOMEM. */
int vz_agent_ask_keys(struct vz_buf *out);
/* Appends the request to sign these n bytes by this key. VZ_ELIMIT, VZ_ENOMEM. */
int vz_agent_ask_sign(
    const uint8_t public[static VZ_SIGN_PUBLIC], const void *data, size_t n, struct vz_buf *out);

/*
 * Is there a whole message at the start of p[0..len)? Its length with the four bytes of length, or
 * 0: not yet. VZ_ELIMIT (over VZ_AGENT_MESSAGE_MAX), VZ_EFORMAT (empty).
 */
long vz_agent_whole(const uint8_t *p, size_t len);

/* A list of keys; it borrows the message. */
struct vz_agent_keys {
	struct vz_rd rest;
	uint32_t left;
};

enum vz_agent_kind {
	VZ_AGENT_ED25519,
	VZ_AGENT_SK,    /* an Ed25519 key of a security token, whose signatures are others */
	VZ_AGENT_OTHER, /* RSA and the like, certificates, and what is no key at all */
};

struct vz_agent_key {
	enum vz_agent_kind kind;
	uint8_t public[VZ_SIGN_PUBLIC]; /* of VZ_AGENT_ED25519: vz_sign_point_ok */
	char fingerprint[51];           /* as `ssh-add -l` prints it: SHA256:... */
	const char *comment;            /* any bytes */
	size_t comment_len;
};

/* The body of a whole message, without its length. VZ_EDENIED (the agent says that it failed),
 * VZ_EPROTO (another type of message), VZ_EFORMAT, VZ_ELIMIT (more than VZ_AGENT_KEYS_MAX). */
int vz_agent_keys_read(const uint8_t *p, size_t len, struct vz_agent_keys *out);
/* The next key: 1; 0 at the end. VZ_EFORMAT. */
int vz_agent_keys_next(struct vz_agent_keys *keys, struct vz_agent_key *out);
/*
 * The answer to vz_agent_ask_sign, likewise. VZ_EDENIED (the agent does not sign: it lacks the key,
 * is locked, or was told no), VZ_EPROTO, VZ_EFORMAT; VZ_EMISMATCH: a signature of another
 * algorithm. Whether it verifies is for the caller to see.
 */
int vz_agent_signature(const uint8_t *p, size_t len, uint8_t sig[static VZ_SIGN_LEN]);

#endif
