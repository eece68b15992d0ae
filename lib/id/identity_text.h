/*
 * The text of an identity file (vz-keygen(1) FILES), in two parts so that the second can be sealed:
 *
 *     vz-identity-1
 *     comment TEXT            left out when empty
 *     bundle BASE64           the public, signed bundle
 *     ed25519 BASE64          the seed of the identity key
 *     noise BASE64            the X25519 secret of the handshake
 *     age AGE-SECRET-KEY-1... the X25519 secret of mail, as age writes it
 *     retired TIME AGE-SECRET-KEY-1...
 *                             an old one, and when it was replaced (decimal Unix seconds): at most
 *                             VZ_RETIRED_MAX such lines, the latest first
 *     sum BASE64              BLAKE2b-128 of the first line, the bundle's bytes, the three
 * secrets', and of each retired one u64 time and the secret's bytes
 *
 * The file of an identity whose key somebody else holds differs in two lines: the first is
 * "vz-identity-2", after the bundle comes "signer ssh-agent" (no other is defined), in the public
 * part; and there is no line ed25519, whose bytes are none of the sum.
 *
 * Strict: these lines in this order, each ended by one newline, nothing else, so that one identity
 * has one text.
 */
#ifndef VZ_ID_IDENTITY_TEXT_H
#define VZ_ID_IDENTITY_TEXT_H

#include "id/identity.h"

/* Room for the longest text of each part. */
#define VZ_IDENTITY_PUBLIC_MAX  1024
#define VZ_IDENTITY_SECRETS_MAX (512 + VZ_RETIRED_MAX * 128)

/* Appends the public lines. VZ_ELIMIT, VZ_ENOMEM. */
int vz_identity_encode_public(const struct vz_identity *id, struct vz_buf *out);
/* Appends the lines after that. */
int vz_identity_encode_secrets(const struct vz_identity *id, struct vz_buf *out);
/*
 * Reads the public part at the start of text[0..len) and verifies the bundle; *used is set to where
 * it ends, *held whether somebody else holds the identity's key. VZ_EFORMAT, also when the bundle
 * does not verify.
 */
int vz_identity_decode_public(const char *text, size_t len, struct vz_bundle *bundle,
    char comment[static 256], bool *held, size_t *used);
/* The same without verifying the bundle: the secrets' sum holds it too, or nothing is believed. */
int vz_identity_parse_public(const char *text, size_t len, struct vz_bundle *bundle,
    char comment[static 256], bool *held, size_t *used);
/*
 * Reads the secrets, which must be all of text[0..len), and sets them in id, whose bundle and
 * held_elsewhere must be those that they were written with: so says the sum, no curve is asked.
 * VZ_EFORMAT, also when they belong to another bundle or were damaged; then id holds no secrets.
 */
int vz_identity_decode_secrets(const char *text, size_t len, struct vz_identity *id);

#endif
