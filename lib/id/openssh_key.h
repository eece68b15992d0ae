/*
 * OpenSSH's own form of private keys (openssh-key-v1, PROTOCOL.key), as far as an identity can come
 * of it: one Ed25519 key that is not encrypted. Pure: the caller reads the file and asks for
 * nothing.
 */
#ifndef VZ_ID_OPENSSH_KEY_H
#define VZ_ID_OPENSSH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "crypto/sign.h"
#include "id/key.h"

#define VZ_OPENSSH_FILE_MAX (32 * 1024) /* bytes of text; an RSA key of 16384 bits has half */

enum vz_openssh_fault {
	VZ_OPENSSH_WELL,
	VZ_OPENSSH_NOT_ONE,    /* not a private key file of OpenSSH */
	VZ_OPENSSH_PUBLIC,     /* a line of a public key */
	VZ_OPENSSH_PEM,        /* a private key in one of the forms of PEM */
	VZ_OPENSSH_ENCRYPTED,  /* with a passphrase */
	VZ_OPENSSH_SEVERAL,    /* not just one key */
	VZ_OPENSSH_OTHER_TYPE, /* not ssh-ed25519 */
	VZ_OPENSSH_DAMAGED,    /* cut short, too long, or not base64 */
	VZ_OPENSSH_CHECK,      /* its two check numbers differ */
	VZ_OPENSSH_PADDING,    /* its end is not padded as it must be */
	VZ_OPENSSH_MISMATCH,   /* the public key is not that of the secret one */
	VZ_OPENSSH_NO_MEMORY,
};

/* Secret: allocate with vz_secret_new. */
struct vz_openssh_key {
	uint8_t seed[VZ_SIGN_SEED]; /* of which vz_sign_from_seed makes the pair */
	uint8_t secret[VZ_SIGN_SECRET];
	struct vz_key public;
	char comment[256];  /* as vz_identity_make takes it; "" when there is none */
	bool comment_unfit; /* it has one that is no such comment, and is left out */
};

/*
 * True when the text is meant as such a file, whatever it is worth: it begins as one does.
 */
bool vz_openssh_key_is(const char *text, size_t len);
/*
 * Reads a whole file, nothing before it, nothing but line ends after it. What is not
 * VZ_OPENSSH_WELL leaves *out wiped.
 */
enum vz_openssh_fault
vz_openssh_key_parse(const char *text, size_t len, struct vz_openssh_key *out);
/* What is wrong: lower case, no full stop, static storage. */
const char *vz_openssh_words(enum vz_openssh_fault fault);

#endif
