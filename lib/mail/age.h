/*
 * The age file format (age-encryption.org/v1, https://c2sp.org/age) with X25519 recipients: what
 * age(1) and rage(1) read and write, without its armor, passphrases and plugins.
 *
 * Writer and reader are state machines, bytes in, bytes out. Each holds one chunk of 64 KiB,
 * however long the file. Both append to a buffer of the caller's, who drains it between the calls:
 * its bound has to leave room for what is said below.
 */
#ifndef VZ_MAIL_AGE_H
#define VZ_MAIL_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define VZ_AGE_KEY            32
#define VZ_AGE_RECIPIENT_TEXT 63 /* "age1...", 62 characters and a NUL */
#define VZ_AGE_IDENTITY_TEXT  75 /* "AGE-SECRET-KEY-1...", 74 characters and a NUL */

/* Recipients of one file, and identities that one reader tries. */
#define VZ_AGE_KEYS_MAX 64
/* A longer header is refused: about 160 recipients. */
#define VZ_AGE_HEADER_MAX 16384
#define VZ_AGE_CHUNK      65536

/*
 * The text forms: bech32, recipients in lower case and identities in upper case, as age writes
 * them. Reading is strict (VZ_EFORMAT) and leaves zeros behind when it fails.
 */
void vz_age_recipient_format(
    const uint8_t key[static VZ_AGE_KEY], char out[static VZ_AGE_RECIPIENT_TEXT]);
int vz_age_recipient_parse(const char *s, size_t len, uint8_t key[static VZ_AGE_KEY]);
void
vz_age_identity_format(const uint8_t key[static VZ_AGE_KEY], char out[static VZ_AGE_IDENTITY_TEXT]);
int vz_age_identity_parse(const char *s, size_t len, uint8_t key[static VZ_AGE_KEY]);

/* Fresh random bytes for a file to n recipients: file key, nonce, and an ephemeral key for each. */
#define VZ_AGE_RANDOM(n)  (32 + 32 * (size_t)(n))
#define VZ_AGE_RANDOM_MAX VZ_AGE_RANDOM(VZ_AGE_KEYS_MAX)
/* The most that n bytes of plaintext, and the end, append in one call. */
#define VZ_AGE_WRITTEN(n) ((n) + VZ_AGE_CHUNK + 16 * ((n) / VZ_AGE_CHUNK + 2))
/* The most that n bytes of a file, and the end, append in one call. */
#define VZ_AGE_READ(n) ((n) + VZ_AGE_CHUNK)

struct vz_age_writer;

/*
 * Appends the header and the nonce for 1 to VZ_AGE_KEYS_MAX X25519 public keys. The random bytes,
 * VZ_AGE_RANDOM(n) of them, may never be used again. VZ_EINVAL (n), VZ_EAUTH (a recipient of small
 * order), VZ_ELIMIT, VZ_ENOMEM; then nothing was appended. The caller owns *out.
 */
int vz_age_writer_new(struct vz_age_writer **out, const uint8_t (*recipients)[VZ_AGE_KEY], size_t n,
    const uint8_t *random, struct vz_buf *to);
void vz_age_writer_free(struct vz_age_writer *w);
/*
 * Encrypts n bytes, and appends each chunk that is full and not the last. VZ_ELIMIT (no room in
 * `to`), VZ_ENOMEM; VZ_EINVAL after the end or a failure: an unfinished file is of no use.
 */
int vz_age_writer_put(struct vz_age_writer *w, const void *p, size_t n, struct vz_buf *to);
/* Appends the last chunk. The same errors. */
int vz_age_writer_end(struct vz_age_writer *w, struct vz_buf *to);
/* The length of a file to n recipients with so many bytes of plaintext (below 2^62). */
uint64_t vz_age_size(size_t recipients, uint64_t plain);

struct vz_age_reader;

/*
 * Reads with 1 to VZ_AGE_KEYS_MAX X25519 secret keys, which are copied. VZ_EINVAL, VZ_ENOMEM. The
 * caller owns *out.
 */
int
vz_age_reader_new(struct vz_age_reader **out, const uint8_t (*identities)[VZ_AGE_KEY], size_t n);
void vz_age_reader_free(struct vz_age_reader *r);
/*
 * Takes the next n bytes of the file. What it appends is authentic and in its place, but only after
 * vz_age_reader_end it is known to be all. Fails for good, and each later call the same way, with
 * VZ_EFORMAT (the header is malformed, too long, or offers a point of small order), VZ_EMISMATCH (a
 * well-formed header for none of the identities), VZ_EAUTH (the header's MAC or a chunk does not
 * verify: changed, or cut short), VZ_ELIMIT (no room in `to`), VZ_ENOMEM.
 */
int vz_age_reader_put(struct vz_age_reader *r, const void *p, size_t n, struct vz_buf *to);
/* The file ends here. As above, and VZ_ECUT when it surely is not all. VZ_EINVAL the second time.
 */
int vz_age_reader_end(struct vz_age_reader *r, struct vz_buf *to);
/* True once the header has been read and verified. */
bool vz_age_reader_opened(const struct vz_age_reader *r);

#endif
