#include "crypto/aead.h"

#include <stddef.h>
#include <string.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead_engine.h"

#define ACCELERATE_UP_TO (1U << 30) /* libcrypto counts in int */
/* From here on copying a body beside its head costs more than taking RFC 8439 in steps. */
#define STEPS_FROM   8192
#define CHACHA_BLOCK 64
#define CHACHA_STEP  16384 /* what is encrypted and then authenticated while the cache holds it */

struct vz_aead {
	union {
		crypto_aead_aes256gcm_state aes; /* the expanded key: VZ_AEAD_AES256GCM only */
		max_align_t align;
	} u;
	uint8_t key[VZ_AEAD_KEY];
	enum vz_aead_alg alg;
	const struct vz_aead_engine *engine;
	void *keyed; /* its, made with the first long record */
};

_Static_assert(_Alignof(crypto_aead_aes256gcm_state) <= _Alignof(max_align_t),
    "the ordinary heap aligns the expanded AES key");

/* Noise 12: 32 zero bits and n, little-endian for ChaChaPoly, big-endian for AESGCM. */
static void
make_nonce(enum vz_aead_alg alg, uint64_t n, uint8_t nonce[static 12])
{
	memset(nonce, 0, 4);
	for (unsigned i = 0; i < 8; i++) {
		unsigned at = alg == VZ_AEAD_CHACHAPOLY ? i : 7 - i;

		nonce[4 + at] = (uint8_t)(n >> (8 * i));
	}
}

bool
vz_aead_has_aes(void)
{
	return crypto_aead_aes256gcm_is_available() == 1;
}

/* What does long records by each cipher, as vz_aead_accelerate found it. */
static struct {
	bool tried;
	const struct vz_aead_engine *engine;
} fast[2];

int
vz_aead_accelerate(enum vz_aead_alg alg)
{
	if (!fast[alg].tried) {
		fast[alg].tried = true;
		fast[alg].engine = vz_aead_ipsec_mb(alg);
		if (!fast[alg].engine)
			fast[alg].engine = vz_aead_libcrypto(alg);
	}
	return fast[alg].engine ? 0 : VZ_ENOTFOUND;
}

const char *
vz_aead_accelerator(enum vz_aead_alg alg)
{
	return fast[alg].engine ? fast[alg].engine->name : NULL;
}

/* The engine for a record of so many bytes, with a's key in it; NULL = libsodium. */
static const struct vz_aead_engine *
engine(struct vz_aead *a, size_t len)
{
	const struct vz_aead_engine *e = fast[a->alg].engine;

	if (!e || len < e->from || len > ACCELERATE_UP_TO)
		return NULL;
	if (!a->keyed && (a->keyed = e->key(a->alg, a->key)) == NULL)
		return NULL;
	a->engine = e;
	return e;
}

static void
forget(struct vz_aead *a)
{
	if (a->keyed)
		a->engine->forget(a->keyed);
	a->keyed = NULL;
}

/* RFC 8439 2.8: Poly1305 takes zero bytes up to the next multiple of 16. */
static void
poly_pad(crypto_onetimeauth_poly1305_state *poly, size_t len)
{
	static const uint8_t zero[16];

	if (len % 16 != 0)
		crypto_onetimeauth_poly1305_update(poly, zero, 16 - len % 16);
}

/* RFC 8439 2.8: ends with both lengths as 64-bit little-endian integers. */
static void
poly_finish(crypto_onetimeauth_poly1305_state *poly, size_t ad_len, size_t len, uint8_t *tag)
{
	uint8_t lens[16];

	poly_pad(poly, len);
	for (unsigned i = 0; i < 8; i++) {
		lens[i] = (uint8_t)((uint64_t)ad_len >> (8 * i));
		lens[8 + i] = (uint8_t)((uint64_t)len >> (8 * i));
	}
	crypto_onetimeauth_poly1305_update(poly, lens, sizeof lens);
	crypto_onetimeauth_poly1305_final(poly, tag);
}

/* Encrypts whole blocks (only the message's end may be less) and takes them into the tag. */
static void
chacha_blocks(crypto_onetimeauth_poly1305_state *poly, const uint8_t *key,
    const uint8_t nonce[static 12], uint32_t block, const uint8_t *in, size_t len, uint8_t *out)
{
	while (len > 0) {
		size_t n = len < CHACHA_STEP ? len : CHACHA_STEP;

		crypto_stream_chacha20_ietf_xor_ic(out, in, n, nonce, block, key);
		crypto_onetimeauth_poly1305_update(poly, out, n);
		block += CHACHA_STEP / CHACHA_BLOCK;
		in += n;
		out += n;
		len -= n;
	}
}

/*
 * RFC 8439 2.8 in its steps, so that a long body is not copied. The key stream's blocks run over
 * head || body: head's last, partial block is put together with the body's first bytes, everything
 * else is encrypted from where it lies. body_len is at least one block.
 */
static void
seal_in_steps(const uint8_t *key, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
    const uint8_t *head, size_t head_len, const uint8_t *body, size_t body_len, uint8_t *out)
{
	crypto_onetimeauth_poly1305_state poly;
	uint8_t seam[CHACHA_BLOCK];
	size_t part = head_len % CHACHA_BLOCK, whole = head_len - part;
	size_t fill = part == 0 ? 0 : CHACHA_BLOCK - part;
	uint32_t block = 1 + (uint32_t)(whole / CHACHA_BLOCK);

	crypto_stream_chacha20_ietf(seam, sizeof seam, nonce, key); /* block 0: Poly1305's key */
	crypto_onetimeauth_poly1305_init(&poly, seam);
	if (ad_len != 0)
		crypto_onetimeauth_poly1305_update(&poly, ad, ad_len);
	poly_pad(&poly, ad_len);
	chacha_blocks(&poly, key, nonce, 1, head, whole, out);
	if (part != 0) {
		memcpy(seam, head + whole, part);
		memcpy(seam + part, body, fill);
		chacha_blocks(&poly, key, nonce, block++, seam, sizeof seam, out + whole);
	}
	chacha_blocks(
	    &poly, key, nonce, block, body + fill, body_len - fill, out + head_len + fill);
	poly_finish(&poly, ad_len, head_len + body_len, out + head_len + body_len);
	vz_wipe(seam, sizeof seam);
	vz_wipe(&poly, sizeof poly);
}

/* One contiguous input, which may be out itself. */
static void
seal_one(struct vz_aead *a, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
    const uint8_t *in, size_t len, uint8_t *out)
{
	if (a->alg == VZ_AEAD_AES256GCM)
		crypto_aead_aes256gcm_encrypt_afternm(
		    out, NULL, in, len, ad, ad_len, NULL, nonce, &a->u.aes);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(
		    out, NULL, in, len, ad, ad_len, NULL, nonce, a->key);
}

static void
set_key(struct vz_aead *a, const uint8_t key[static VZ_AEAD_KEY])
{
	memcpy(a->key, key, VZ_AEAD_KEY);
	if (a->alg == VZ_AEAD_AES256GCM)
		crypto_aead_aes256gcm_beforenm(&a->u.aes, a->key);
	forget(a);
}

int
vz_aead_new(struct vz_aead **out, enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY])
{
	struct vz_aead *a;

	*out = NULL;
	if (alg == VZ_AEAD_AES256GCM && !vz_aead_has_aes())
		return VZ_EINVAL;
	a = vz_secret_small(sizeof *a);
	if (a == NULL)
		return VZ_ENOMEM;
	a->alg = alg;
	set_key(a, key);
	*out = a;
	return 0;
}

void
vz_aead_free(struct vz_aead *a)
{
	if (a == NULL)
		return;
	forget(a);
	vz_secret_small_free(a, sizeof *a);
}

int
vz_aead_seal(struct vz_aead *a, uint64_t n, const void *ad, size_t ad_len, const void *head,
    size_t head_len, const void *body, size_t body_len, uint8_t *out)
{
	const struct vz_aead_engine *e = engine(a, head_len + body_len);
	uint8_t nonce[12];

	make_nonce(a->alg, n, nonce);
	if (e)
		return e->seal(a->keyed, nonce, ad, ad_len, head, head_len, body, body_len, out);
	if (head_len == 0) {
		seal_one(a, nonce, ad, ad_len, body, body_len, out);
	} else if (a->alg == VZ_AEAD_CHACHAPOLY && body_len >= STEPS_FROM) {
		seal_in_steps(a->key, nonce, ad, ad_len, head, head_len, body, body_len, out);
	} else {
		/* out becomes the assembling buffer: libsodium encrypts in place. */
		memmove(out, head, head_len);
		if (body_len != 0)
			memcpy(out + head_len, body, body_len);
		seal_one(a, nonce, ad, ad_len, out, head_len + body_len, out);
	}
	return 0;
}

int
vz_aead_open(struct vz_aead *a, uint64_t n, const void *ad, size_t ad_len, const uint8_t *in,
    size_t in_len, uint8_t *out)
{
	const struct vz_aead_engine *e;
	uint8_t nonce[12];
	size_t len;
	int rc;

	if (in_len < VZ_AEAD_TAG)
		return VZ_EAUTH;
	len = in_len - VZ_AEAD_TAG;
	make_nonce(a->alg, n, nonce);
	if ((e = engine(a, len)) != NULL)
		return e->open(a->keyed, nonce, ad, ad_len, in, len, out);
	if (a->alg == VZ_AEAD_AES256GCM)
		rc = crypto_aead_aes256gcm_decrypt_detached_afternm(
		    out, NULL, in, len, in + len, ad, ad_len, nonce, &a->u.aes);
	else
		rc = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
		    out, NULL, in, len, in + len, ad, ad_len, nonce, a->key);
	if (rc == 0)
		return 0;
	if (len != 0)
		vz_wipe(out, len);
	return VZ_EAUTH;
}

int
vz_aead_rekey(struct vz_aead *a)
{
	uint8_t sealed[VZ_AEAD_KEY + VZ_AEAD_TAG] = {0}, nonce[12];

	make_nonce(a->alg, UINT64_MAX, nonce);
	seal_one(a, nonce, NULL, 0, sealed, VZ_AEAD_KEY, sealed);
	set_key(a, sealed);
	vz_wipe(sealed, sizeof sealed);
	return 0;
}

void
vz_aead_once_seal(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY], uint64_t n,
    const void *ad, size_t ad_len, const void *in, size_t in_len, uint8_t *out)
{
	uint8_t nonce[12];

	make_nonce(alg, n, nonce);
	if (alg == VZ_AEAD_AES256GCM)
		crypto_aead_aes256gcm_encrypt(out, NULL, in, in_len, ad, ad_len, NULL, nonce, key);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(
		    out, NULL, in, in_len, ad, ad_len, NULL, nonce, key);
}

int
vz_aead_once_open(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY], uint64_t n,
    const void *ad, size_t ad_len, const uint8_t *in, size_t in_len, uint8_t *out)
{
	uint8_t nonce[12];
	size_t len;
	int rc;

	if (in_len < VZ_AEAD_TAG)
		return VZ_EAUTH;
	len = in_len - VZ_AEAD_TAG;
	make_nonce(alg, n, nonce);
	if (alg == VZ_AEAD_AES256GCM)
		rc = crypto_aead_aes256gcm_decrypt_detached(
		    out, NULL, in, len, in + len, ad, ad_len, nonce, key);
	else
		rc = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
		    out, NULL, in, len, in + len, ad, ad_len, nonce, key);
	if (rc == 0)
		return 0;
	if (len != 0)
		vz_wipe(out, len);
	return VZ_EAUTH;
}
