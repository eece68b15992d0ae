/*
 * What the age writer and reader share; see age.h. Sections are those of https://c2sp.org/age.
 */
#ifndef VZ_MAIL_AGE_IMPL_H
#define VZ_MAIL_AGE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "mail/age.h"

#define AGE_FILE_KEY 16
#define AGE_NONCE    16
#define AGE_TAG      16
#define AGE_MAC      32
#define AGE_WRAPPED  (AGE_FILE_KEY + AGE_TAG)

/* A file key wrapped for a recipient ("X25519 recipient stanza"). */
struct age_stanza {
	uint8_t share[32];
	uint8_t body[AGE_WRAPPED];
};

/* VZ_EAUTH when the recipient is a point of small order. */
int vz_age_wrap(const uint8_t file_key[static AGE_FILE_KEY], const uint8_t recipient[static 32],
    const uint8_t ephemeral[static 32], struct age_stanza *out);
/*
 * 0; VZ_EMISMATCH when it is for another key; VZ_EFORMAT when the share is a point of small order.
 * `public` is that of `secret`.
 */
int vz_age_unwrap(const struct age_stanza *s, const uint8_t secret[static 32],
    const uint8_t public[static 32], uint8_t file_key[static AGE_FILE_KEY]);
/* "Header MAC" over header[0..len), which ends with "---". */
void vz_age_mac(const uint8_t file_key[static AGE_FILE_KEY], const void *header, size_t len,
    uint8_t mac[static AGE_MAC]);

/* "Payload": the key of the chunks and the number of the next. */
struct age_stream {
	uint8_t key[32];
	uint64_t chunk;
};

void vz_age_stream_init(struct age_stream *s, const uint8_t file_key[static AGE_FILE_KEY],
    const uint8_t nonce[static AGE_NONCE]);
/* Appends the next chunk, len + AGE_TAG bytes. VZ_ELIMIT, VZ_ENOMEM. */
int vz_age_stream_seal(
    struct age_stream *s, const uint8_t *p, size_t len, bool last, struct vz_buf *to);
/* Appends the plaintext of the next chunk p[0..len), len at least AGE_TAG. Also VZ_EAUTH. */
int vz_age_stream_open(
    struct age_stream *s, const uint8_t *p, size_t len, bool last, struct vz_buf *to);

/* Appends the whole header for the stanzas. VZ_ELIMIT, VZ_ENOMEM. */
int vz_age_header_write(const uint8_t file_key[static AGE_FILE_KEY],
    const struct age_stanza *stanzas, size_t n, struct vz_buf *to);

/* A header being read, line by line; `found` and the file key tell whether an identity fits. */
struct age_header {
	const uint8_t (*secrets)[32], (*publics)[32]; /* borrowed */
	size_t identities;
	enum { AGE_AT_VERSION, AGE_AT_STANZA, AGE_AT_BODY, AGE_AT_END } at;
	bool is_x25519; /* the stanza that is read */
	bool some, found;
	struct age_stanza stanza;
	uint8_t file_key[AGE_FILE_KEY];
	uint8_t mac[AGE_MAC];
};

/* The next line without its newline. VZ_EFORMAT. After the last one h->at is AGE_AT_END. */
int vz_age_header_line(struct age_header *h, const char *line, size_t len);

#endif
