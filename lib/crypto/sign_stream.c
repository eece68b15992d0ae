#include "crypto/sign_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/err.h"

struct vz_sign_stream {
	int hash_bits;
	union {
		crypto_hash_sha512_state sha512;
		crypto_hash_sha256_state sha256;
	} state;
};

int
vz_sign_stream_new(int hash_bits, struct vz_sign_stream **out)
{
	*out = NULL;
	if (hash_bits != 512 && hash_bits != 256)
		return VZ_EINVAL;
	*out = malloc(sizeof(**out));
	if (!*out)
		return VZ_ENOMEM;
	(*out)->hash_bits = hash_bits;
	if (hash_bits == 512)
		crypto_hash_sha512_init(&(*out)->state.sha512);
	else
		crypto_hash_sha256_init(&(*out)->state.sha256);
	return 0;
}

void
vz_sign_stream_feed(struct vz_sign_stream *s, const void *p, size_t n)
{
	if (s->hash_bits == 512)
		crypto_hash_sha512_update(&s->state.sha512, p, n);
	else
		crypto_hash_sha256_update(&s->state.sha256, p, n);
}

void
vz_sign_stream_end(struct vz_sign_stream *s, uint8_t digest[static 64])
{
	memset(digest, 0, 64);
	if (s->hash_bits == 512)
		crypto_hash_sha512_final(&s->state.sha512, digest);
	else
		crypto_hash_sha256_final(&s->state.sha256, digest);
}

void
vz_sign_stream_free(struct vz_sign_stream *s)
{
	free(s);
}
