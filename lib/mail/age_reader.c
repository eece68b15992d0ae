#include "mail/age.h"

#include <sodium.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/noise.h"
#include "mail/age_impl.h"

#define SEALED_CHUNK (VZ_AGE_CHUNK + AGE_TAG)

_Static_assert(VZ_AGE_HEADER_MAX <= SEALED_CHUNK, "a header is held where chunks are");

struct vz_age_reader {
	struct age_header header;
	struct age_stream stream;
	int err; /* of the first failure */
	enum { IN_HEADER, IN_NONCE, IN_PAYLOAD, OVER } at;
	size_t line; /* where in `held` the header's current line begins */
	size_t len;
	uint8_t held[SEALED_CHUNK]; /* header, then nonce, then one chunk */
	uint8_t secrets[VZ_AGE_KEYS_MAX][32], publics[VZ_AGE_KEYS_MAX][32];
};

int
vz_age_reader_new(struct vz_age_reader **out, const uint8_t (*identities)[VZ_AGE_KEY], size_t n)
{
	struct vz_age_reader *r;

	*out = NULL;
	if (n < 1 || n > VZ_AGE_KEYS_MAX)
		return VZ_EINVAL;
	r = vz_secret_small(sizeof(*r));
	if (r == NULL)
		return VZ_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(r->secrets[i], identities[i], 32);
		/* A clamped secret times the base point is never zero. */
		(void)vz_x25519_public(r->secrets[i], r->publics[i]);
	}
	r->header.secrets = (const uint8_t(*)[32])r->secrets;
	r->header.publics = (const uint8_t(*)[32])r->publics;
	r->header.identities = n;
	*out = r;
	return 0;
}

void
vz_age_reader_free(struct vz_age_reader *r)
{
	vz_secret_small_free(r, sizeof(*r));
}

bool
vz_age_reader_opened(const struct vz_age_reader *r)
{
	return r->at != IN_HEADER;
}

/* The last line has been read, and is all after `line`. */
static int
check_header(struct vz_age_reader *r)
{
	uint8_t mac[AGE_MAC];

	if (!r->header.found)
		return VZ_EMISMATCH;
	vz_age_mac(r->header.file_key, r->held, r->line + strlen("---"), mac);
	if (sodium_memcmp(mac, r->header.mac, sizeof(mac)) != 0)
		return VZ_EAUTH;
	r->at = IN_NONCE;
	r->len = 0;
	return 0;
}

/* Takes up to the end of a line. */
static int
take_header(struct vz_age_reader *r, const uint8_t *p, size_t n, size_t *used)
{
	const uint8_t *end = memchr(p, '\n', n);
	size_t some = end == NULL ? n : (size_t)(end - p) + 1;
	int err;

	if (some > VZ_AGE_HEADER_MAX - r->len)
		return VZ_EFORMAT;
	memcpy(r->held + r->len, p, some);
	r->len += some;
	*used = some;
	if (end == NULL)
		return 0;
	err = vz_age_header_line(&r->header, (const char *)r->held + r->line, r->len - r->line - 1);
	if (!err && r->header.at == AGE_AT_END)
		return check_header(r);
	r->line = r->len;
	return err;
}

/* Takes what is missing of a chunk; one that is full is opened when there is more. */
static int
take_payload(struct vz_age_reader *r, const uint8_t *p, size_t n, size_t *used, struct vz_buf *to)
{
	size_t some = (r->at == IN_NONCE ? AGE_NONCE : SEALED_CHUNK) - r->len;

	*used = 0;
	if (some == 0) {
		r->len = 0;
		return vz_age_stream_open(&r->stream, r->held, SEALED_CHUNK, false, to);
	}
	if (some > n)
		some = n;
	memcpy(r->held + r->len, p, some);
	r->len += some;
	*used = some;
	if (r->at == IN_NONCE && r->len == AGE_NONCE) {
		vz_age_stream_init(&r->stream, r->header.file_key, r->held);
		r->at = IN_PAYLOAD;
		r->len = 0;
	}
	return 0;
}

int
vz_age_reader_put(struct vz_age_reader *r, const void *p, size_t n, struct vz_buf *to)
{
	const uint8_t *from = p;
	size_t used = 0;

	if (r->at == OVER)
		return VZ_EINVAL;
	while (!r->err && n > 0) {
		r->err = r->at == IN_HEADER ? take_header(r, from, n, &used)
					    : take_payload(r, from, n, &used, to);
		from += used;
		n -= used;
	}
	return r->err;
}

/* "Payload": the last chunk is empty only in an empty file. */
static int
last_chunk(struct vz_age_reader *r, struct vz_buf *to)
{
	if (r->at != IN_PAYLOAD || r->len < AGE_TAG)
		return VZ_ECUT;
	if (r->len == AGE_TAG && r->stream.chunk > 0)
		return VZ_EAUTH;
	return vz_age_stream_open(&r->stream, r->held, r->len, true, to);
}

int
vz_age_reader_end(struct vz_age_reader *r, struct vz_buf *to)
{
	if (r->at == OVER)
		return VZ_EINVAL;
	if (!r->err)
		r->err = last_chunk(r, to);
	if (!r->err)
		r->at = OVER;
	return r->err;
}
