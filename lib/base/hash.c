#include "base/hash.h"

#include <string.h>

#include <sodium.h>

#include "base/secret.h"

#define BLOCK_MAX 128

/* A running hash of any of the three; lives on the stack of one call. */
struct state {
	enum vz_hash h;
	union {
		crypto_generichash_blake2b_state blake2b;
		crypto_hash_sha256_state sha256;
		crypto_hash_sha512_state sha512;
	} u;
};

size_t
vz_hash_len(enum vz_hash h)
{
	return h == VZ_HASH_SHA256 ? 32 : 64;
}

static size_t
block_len(enum vz_hash h)
{
	return h == VZ_HASH_SHA256 ? 64 : 128;
}

static void
begin(struct state *s, enum vz_hash h)
{
	s->h = h;
	switch (h) {
	case VZ_HASH_BLAKE2B: crypto_generichash_blake2b_init(&s->u.blake2b, NULL, 0, 64); break;
	case VZ_HASH_SHA256: crypto_hash_sha256_init(&s->u.sha256); break;
	case VZ_HASH_SHA512: crypto_hash_sha512_init(&s->u.sha512); break;
	}
}

static void
feed(struct state *s, const void *p, size_t n)
{
	if (n == 0)
		return;
	switch (s->h) {
	case VZ_HASH_BLAKE2B: crypto_generichash_blake2b_update(&s->u.blake2b, p, n); break;
	case VZ_HASH_SHA256: crypto_hash_sha256_update(&s->u.sha256, p, n); break;
	case VZ_HASH_SHA512: crypto_hash_sha512_update(&s->u.sha512, p, n); break;
	}
}

/* Gives the digest and wipes the state, which in an HMAC stands for the key. */
static void
end(struct state *s, uint8_t *out)
{
	switch (s->h) {
	case VZ_HASH_BLAKE2B: crypto_generichash_blake2b_final(&s->u.blake2b, out, 64); break;
	case VZ_HASH_SHA256: crypto_hash_sha256_final(&s->u.sha256, out); break;
	case VZ_HASH_SHA512: crypto_hash_sha512_final(&s->u.sha512, out); break;
	}
	vz_wipe(&s->u, sizeof s->u);
}

void
vz_hash2(enum vz_hash h, const void *a, size_t a_len, const void *b, size_t b_len, uint8_t *out)
{
	struct state s;

	begin(&s, h);
	feed(&s, a, a_len);
	feed(&s, b, b_len);
	end(&s, out);
}

/* The key of RFC 2104 section 2: hashed when longer than a block, zero-padded, XORed with pad. */
static void
pad_key(enum vz_hash h, const uint8_t *key, size_t key_len, uint8_t pad, uint8_t block[BLOCK_MAX])
{
	memset(block, 0, BLOCK_MAX);
	if (key_len > block_len(h))
		vz_hash2(h, key, key_len, NULL, 0, block);
	else if (key_len > 0)
		memcpy(block, key, key_len);
	for (size_t i = 0; i < BLOCK_MAX; i++)
		block[i] ^= pad;
}

void
vz_hmac2(enum vz_hash h, const uint8_t *key, size_t key_len, const void *a, size_t a_len,
    const void *b, size_t b_len, uint8_t *out)
{
	uint8_t block[BLOCK_MAX], inner[VZ_HASH_MAX];
	struct state s;

	pad_key(h, key, key_len, 0x36, block);
	begin(&s, h);
	feed(&s, block, block_len(h));
	feed(&s, a, a_len);
	feed(&s, b, b_len);
	end(&s, inner);

	for (size_t i = 0; i < BLOCK_MAX; i++)
		block[i] ^= 0x36 ^ 0x5c;
	vz_hash2(h, block, block_len(h), inner, vz_hash_len(h), out);
	vz_wipe(block, sizeof block);
	vz_wipe(inner, sizeof inner);
}

void
vz_hkdf(enum vz_hash h, const uint8_t *ck, size_t ck_len, const void *ikm, size_t ikm_len,
    uint8_t *out1, uint8_t *out2, uint8_t *out3)
{
	const uint8_t one = 1, two = 2, three = 3;
	uint8_t temp[VZ_HASH_MAX];
	size_t n = vz_hash_len(h);

	vz_hmac2(h, ck, ck_len, ikm, ikm_len, NULL, 0, temp);
	vz_hmac2(h, temp, n, &one, 1, NULL, 0, out1);
	vz_hmac2(h, temp, n, out1, n, &two, 1, out2);
	if (out3 != NULL)
		vz_hmac2(h, temp, n, out2, n, &three, 1, out3);
	vz_wipe(temp, sizeof temp);
}

void
vz_blake2b_256(const uint8_t *key, size_t key_len, const void *a, size_t a_len, const void *b,
    size_t b_len, uint8_t out[static 32])
{
	crypto_generichash_blake2b_state s;

	crypto_generichash_blake2b_init(&s, key, key_len, 32);
	if (a_len > 0)
		crypto_generichash_blake2b_update(&s, a, a_len);
	if (b_len > 0)
		crypto_generichash_blake2b_update(&s, b, b_len);
	crypto_generichash_blake2b_final(&s, out, 32);
	vz_wipe(&s, sizeof s);
}
