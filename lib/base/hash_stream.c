#include "base/hash_stream.h"

#include <stdlib.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"

struct vz_hash_stream {
	crypto_generichash_blake2b_state state;
};

static void
begin(struct vz_hash_stream *s)
{
	crypto_generichash_blake2b_init(&s->state, NULL, 0, 32);
}

int
vz_hash_stream_new(struct vz_hash_stream **out)
{
	/* libsodium wants its state aligned further than malloc does. */
	*out = aligned_alloc(_Alignof(struct vz_hash_stream), sizeof(**out));
	if (*out == NULL)
		return VZ_ENOMEM;
	begin(*out);
	return 0;
}

void
vz_hash_stream_feed(struct vz_hash_stream *s, const void *p, size_t n)
{
	if (n > 0)
		crypto_generichash_blake2b_update(&s->state, p, n);
}

void
vz_hash_stream_end(struct vz_hash_stream *s, uint8_t out[static 32])
{
	crypto_generichash_blake2b_final(&s->state, out, 32);
	begin(s);
}

void
vz_hash_stream_free(struct vz_hash_stream *s)
{
	if (s == NULL)
		return;
	vz_wipe(s, sizeof(*s));
	free(s);
}
