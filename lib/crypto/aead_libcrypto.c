/* Long records by OpenSSL 3's libcrypto: either cipher. */
#include "crypto/aead_engine.h"

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
#include <stdbool.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "base/err.h"
#include "base/secret.h"

/* tests/bench/aead.c shows where the lines cross. */
#ifndef VZ_AEAD_LIBCRYPTO_FROM
#define VZ_AEAD_LIBCRYPTO_FROM 2048
#endif

#define LIBCRYPTO_FUNCTIONS(F)              \
	F(OPENSSL_version_major)            \
	F(OPENSSL_init_crypto)              \
	F(OSSL_LIB_CTX_get0_global_default) \
	F(EVP_CIPHER_fetch)                 \
	F(EVP_CIPHER_free)                  \
	F(EVP_CIPHER_CTX_new)               \
	F(EVP_CIPHER_CTX_free)              \
	F(EVP_CIPHER_CTX_ctrl)              \
	F(EVP_CipherInit_ex)                \
	F(EVP_CipherUpdate)                 \
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

	/* A context that could not be made, for want of memory, would crash the fetching. */
	if (lib.OPENSSL_init_crypto(how, NULL) != 1 ||
	    lib.OSSL_LIB_CTX_get0_global_default() == NULL)
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

static bool
open_library(void)
{
	void *so;

	if (lib.tried)
		return lib.ready;
	lib.tried = true;
	so = dlopen(SONAME(OPENSSL_SHLIB_VERSION), RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		return false;
	lib.ready = find_functions(so) && fetch_ciphers();
	if (!lib.ready)
		dlclose(so);
	return lib.ready;
}

/* A context with the key schedule, which is kept between records. */
static void *
key_new(enum vz_aead_alg alg, const uint8_t key[static VZ_AEAD_KEY])
{
	EVP_CIPHER_CTX *evp = lib.EVP_CIPHER_CTX_new();

	if (evp && lib.EVP_CipherInit_ex(evp, lib.cipher[alg], NULL, key, NULL, 1) != 1) {
		lib.EVP_CIPHER_CTX_free(evp);
		evp = NULL;
	}
	return evp;
}

static void
key_forget(void *evp)
{
	lib.EVP_CIPHER_CTX_free(evp); /* wipes */
}

static bool
begin(EVP_CIPHER_CTX *evp, const uint8_t nonce[static 12], int enc)
{
	return lib.EVP_CipherInit_ex(evp, NULL, NULL, NULL, nonce, enc) == 1;
}

/* out NULL means associated data. */
static bool
update(EVP_CIPHER_CTX *evp, uint8_t *out, const void *in, size_t len)
{
	int n;

	if (len == 0)
		return true;
	return lib.EVP_CipherUpdate(evp, out, &n, in, (int)len) == 1 && (size_t)n == len;
}

static int
seal(void *evp, const uint8_t nonce[static 12], const void *ad, size_t ad_len, const void *head,
    size_t head_len, const void *body, size_t body_len, uint8_t *out)
{
	uint8_t *tag = out + head_len + body_len;
	int n;

	if (begin(evp, nonce, 1) && update(evp, NULL, ad, ad_len) &&
	    update(evp, out, head, head_len) && update(evp, out + head_len, body, body_len) &&
	    lib.EVP_CipherFinal_ex(evp, tag, &n) == 1 &&
	    lib.EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, VZ_AEAD_TAG, tag) == 1)
		return 0;
	vz_wipe(out, head_len + body_len + VZ_AEAD_TAG);
	return VZ_ENOMEM;
}

/* The plaintext is written before the tag is looked at, hence the wiping. */
static int
open_(void *evp, const uint8_t nonce[static 12], const void *ad, size_t ad_len, const uint8_t *in,
    size_t len, uint8_t *out)
{
	uint8_t tag[VZ_AEAD_TAG];
	int n, rc = VZ_ENOMEM;

	memcpy(tag, in + len, sizeof tag);
	if (begin(evp, nonce, 0) && update(evp, NULL, ad, ad_len) &&
	    lib.EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, VZ_AEAD_TAG, tag) == 1 &&
	    update(evp, out, in, len))
		rc = lib.EVP_CipherFinal_ex(evp, tag, &n) == 1 ? 0 : VZ_EAUTH;
	if (rc != 0)
		vz_wipe(out, len);
	return rc;
}

static const struct vz_aead_engine engine = {.name = "libcrypto",
    .from = VZ_AEAD_LIBCRYPTO_FROM,
    .key = key_new,
    .forget = key_forget,
    .seal = seal,
    .open = open_};

const struct vz_aead_engine *
vz_aead_libcrypto(enum vz_aead_alg alg)
{
	(void)alg;
	return open_library() ? &engine : NULL;
}

#else

const struct vz_aead_engine *
vz_aead_libcrypto(enum vz_aead_alg alg)
{
	(void)alg;
	return NULL;
}

#endif
