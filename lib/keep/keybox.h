/*
 * A passphrase's box inside an identity file: one line after the public part,
 *
 *     encrypted argon2id OPSLIMIT MEMLIMIT SALT BOX
 *
 * decimal numbers as libsodium's crypto_pwhash takes them (passes, bytes), base64 of 16 bytes of
 * salt, base64 of a 24-byte nonce and the XChaCha20-Poly1305 box of the secrets' text. Associated
 * data is all of the file before BOX, so neither bundle, comment nor cost can be exchanged.
 */
#ifndef VZ_KEEP_KEYBOX_H
#define VZ_KEEP_KEYBOX_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

/* Bounds of what a file may ask for: DESIGN law 3. */
#define VZ_KEYBOX_OPS_MAX 16
#define VZ_KEYBOX_MEM_MAX ((size_t)1 << 30)

/* True when text[0..len), what follows the public part, is a box and not secrets in the clear. */
bool vz_keybox_is(const char *text, size_t len);
/*
 * Appends the line to `text`, which holds the public part. VZ_ENOMEM (Argon2id needs mem bytes),
 * VZ_ELIMIT.
 */
int vz_keybox_seal(struct vz_buf *text, const struct vz_buf *secrets, const char *passphrase,
    size_t passphrase_len, unsigned long long ops, size_t mem);
/*
 * Opens the box of the file text[0..len), whose public part ends at `at`. Appends to secrets.
 * VZ_EFORMAT, VZ_ELIMIT (absurd cost), VZ_ENOMEM, VZ_ELOCKED (wrong passphrase, or changed bytes:
 * nobody can tell).
 */
int vz_keybox_open(const char *text, size_t len, size_t at, const char *passphrase,
    size_t passphrase_len, struct vz_buf *secrets);

#endif
