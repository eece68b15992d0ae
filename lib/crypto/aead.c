#include "crypto/aead.h"

#include <stddef.h>
#include <string.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"

#if !defined(VZ_AEAD_SODIUM_ONLY) && defined(__has_include)
#if __has_include(<openssl/evp.h>)
#include <openssl/opensslv.h>
#if OPENSSL_VERSION_MAJOR >= 3
#define WITH_LIBCRYPTO 1
#endif
#endif
#endif

#ifdef WITH_LIBCRYPTO
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#endif

/*
 * Inputs shorter than this stay with libsodium: setting up a record costs libcrypto more than it
 * gains (tests/bench/aead.c shows where the lines cross).
 */
#ifndef VZ_AEAD_ACCELERATE_FROM
#define VZ_AEAD_ACCELERATE_FROM 2048
#endif
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
#ifdef WITH_LIBCRYPTO
	EVP_CIPHER_CTX *evp; /* made with the first long record */
	bool evp_keyed;
#endif
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

#ifdef WITH_LIBCRYPTO

#define LIBCRYPTO_FUNCTIONS(F)   \
	F(OPENSSL_version_major) \
	F(OPENSSL_init_crypto)   \
	F(EVP_CIPHER_fetch)      \
	F(EVP_CIPHER_free)       \
	F(EVP_CIPHER_CTX_new)    \
	F(EVP_CIPHER_CTX_free)   \
	F(EVP_CIPHER_CTX_ctrl)   \
	F(EVP_CipherInit_ex)     \
	F(EVP_CipherUpdate)      \
	F(EVP_CipherFinal_ex)

#define SONAME_(v) "libcrypto.so." #v
#define SONAME(v)  SONAME_(v)

/* What was opened; never closed, for its ciphers are used until the process ends. */
static struct {
	bool tried, ready;
	EVP_CIPHER *cipher[2]; /* by enum vz_aead_alg */
#define F(name) __typeof__(name) *name;
	LIBCRYPTO_FUNCTIONS(F)
#undef F
} lib;

static bool
find_functions(void *so)
{
	void *p;

#define F(name)                             \
	if ((p = dlsym(so, #name)) == NULL) \
		return false;               \
	memcpy(&lib.name, &p, sizeof p); /* ISO C has no cast from object to function */
	LIBCRYPTO_FUNCTIONS(F)
#undef F
	return lib.OPENSSL_version_major() == OPENSSL_VERSION_MAJOR;
}

static bool
fetch_ciphers(void)
{
	/* No configuration file: it could name code to load, and costs more than a millisecond. */
	const uint64_t how = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
	    OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
	    OPENSSL_INIT_NO_ATEXIT;
	EVP_CIPHER *chacha, *aes;

	if (lib.OPENSSL_init_crypto(how, NULL) != 1)
		return false;
	/* Fetched here, so that a sandbox closed later finds nothing left to open. */
	chacha = lib.EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	aes = lib.EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (chacha == NULL || aes == NULL) {
		lib.EVP_CIPHER_free(chacha);
		lib.EVP_CIPHER_free(aes);
		return false;
	}
	lib.cipher[VZ_AEAD_CHACHAPOLY] = chacha;
	lib.cipher[VZ_AEAD_AES256GCM] = aes;
	return true;
}

int
vz_aead_accelerate(void)
{
	void *so;

	if (!lib.tried) {
		lib.tried = true;
		so = dlopen(SONAME(OPENSSL_SHLIB_VERSION), RTLD_NOW | RTLD_LOCAL);
		if (so != NULL) {
			lib.ready = find_functions(so) && fetch_ciphers();
			if (!lib.ready)
				dlclose(so);
		}
	}
	return lib.ready ? 0 : VZ_ENOTFOUND;
}

static bool
accelerated(size_t len)
{
	return lib.ready && len >= VZ_AEAD_ACCELERATE_FROM && len <= ACCELERATE_UP_TO;
}

/* Gives a's context this nonce and direction; key schedule and memory are kept between records. */
static bool
evp_begin(struct vz_aead *a, const uint8_t nonce[static 12], int enc)
{
	const EVP_CIPHER *cipher = NULL;
	const uint8_t *key = NULL;

	if (a->evp == NULL && (a->evp = lib.EVP_CIPHER_CTX_new()) == NULL)
		return false;
	if (!a->evp_keyed) {
		cipher = lib.cipher[a->alg];
		key = a->key;
	}
	a->evp_keyed = lib.EVP_CipherInit_ex(a->evp, cipher, NULL, key, nonce, enc) == 1;
	return a->evp_keyed;
}

/* out NULL means associated data. */
static bool
evp_update(struct vz_aead *a, uint8_t *out, const void *in, size_t len)
{
	int n;

	if (len == 0)
		return true;
	return lib.EVP_CipherUpdate(a->evp, out, &n, in, (int)len) == 1 && (size_t)n == len;
}

static int
evp_seal(struct vz_aead *a, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
    const void *head, size_t head_len, const void *body, size_t body_len, uint8_t *out)
{
	uint8_t *tag = out + head_len + body_len;
	int n;

	if (evp_begin(a, nonce, 1) && evp_update(a, NULL, ad, ad_len) &&
	    evp_update(a, out, head, head_len) && evp_update(a, out + head_len, body, body_len) &&
	    lib.EVP_CipherFinal_ex(a->evp, tag, &n) == 1 &&
	    lib.EVP_CIPHER_CTX_ctrl(a->evp, EVP_CTRL_AEAD_GET_TAG, VZ_AEAD_TAG, tag) == 1)
		return 0;
	vz_wipe(out, head_len + body_len + VZ_AEAD_TAG);
	return VZ_ENOMEM;
}

/* libcrypto writes the plaintext before it looks at the tag, hence the wiping. */
static int
evp_open(struct vz_aead *a, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
    const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t tag[VZ_AEAD_TAG];
	int n, rc = VZ_ENOMEM;

	memcpy(tag, in + len, sizeof tag);
	if (evp_begin(a, nonce, 0) && evp_update(a, NULL, ad, ad_len) &&
	    lib.EVP_CIPHER_CTX_ctrl(a->evp, EVP_CTRL_AEAD_SET_TAG, VZ_AEAD_TAG, tag) == 1 &&
	    evp_update(a, out, in, len))
		rc = lib.EVP_CipherFinal_ex(a->evp, tag, &n) == 1 ? 0 : VZ_EAUTH;
	if (rc != 0)
		vz_wipe(out, len);
	return rc;
}

static void
evp_forget(struct vz_aead *a)
{
	if (a->evp != NULL)
		lib.EVP_CIPHER_CTX_free(a->evp); /* wipes its key schedule */
	a->evp = NULL;
	a->evp_keyed = false;
}

#else /* libsodium alone */

int
vz_aead_accelerate(void)
{
	return VZ_ENOTFOUND;
}

static bool
accelerated(size_t len)
{
	(void)len;
	return false;
}

static int
evp_seal(struct vz_aead *a, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
    const void *head, size_t head_len, const void *body, size_t body_len, uint8_t *out)
{
	(void)a, (void)nonce, (void)ad, (void)ad_len;
	(void)head, (void)head_len, (void)body, (void)body_len, (void)out;
	return VZ_ENOMEM;
}

static int
evp_open(struct vz_aead *a, const uint8_t nonce[static 12], const void *ad, size_t ad_len,
    const uint8_t *in, size_t len, uint8_t *out)
{
	(void)a, (void)nonce, (void)ad, (void)ad_len, (void)in, (void)len, (void)out;
	return VZ_ENOMEM;
}

static void
evp_forget(struct vz_aead *a)
{
	(void)a;
}

#endif

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

static int
set_key(struct vz_aead *a, const uint8_t key[static VZ_AEAD_KEY])
{
	memcpy(a->key, key, VZ_AEAD_KEY);
	if (a->alg == VZ_AEAD_AES256GCM)
		crypto_aead_aes256gcm_beforenm(&a->u.aes, a->key);
#ifdef WITH_LIBCRYPTO
	a->evp_keyed = false;
#endif
	return 0;
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
	evp_forget(a);
	vz_secret_small_free(a, sizeof *a);
}

int
vz_aead_seal(struct vz_aead *a, uint64_t n, const void *ad, size_t ad_len, const void *head,
    size_t head_len, const void *body, size_t body_len, uint8_t *out)
{
	uint8_t nonce[12];

	make_nonce(a->alg, n, nonce);
	if (accelerated(head_len + body_len))
		return evp_seal(a, nonce, ad, ad_len, head, head_len, body, body_len, out);
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
	uint8_t nonce[12];
	size_t len;
	int rc;

	if (in_len < VZ_AEAD_TAG)
		return VZ_EAUTH;
	len = in_len - VZ_AEAD_TAG;
	make_nonce(a->alg, n, nonce);
	if (accelerated(len))
		return evp_open(a, nonce, ad, ad_len, in, len, out);
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
