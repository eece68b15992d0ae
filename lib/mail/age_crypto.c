#include "mail/age_impl.h"

#include <sodium.h>
#include <string.h>
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "crypto/noise.h"

/* RFC 5869 with SHA-256 and one block of output; libsodium has it only since 1.0.19. */
static void
hkdf(const uint8_t *ikm, size_t ikm_len, const uint8_t *salt, size_t salt_len, const char *info,
    uint8_t out[static 32])
{
	const uint8_t one = 1;
	uint8_t prk[32];

	vz_hmac2(VZ_HASH_SHA256, salt, salt_len, ikm, ikm_len, NULL, 0, prk);
	vz_hmac2(VZ_HASH_SHA256, prk, sizeof(prk), info, strlen(info), &one, 1, out);
	vz_wipe(prk, sizeof(prk));
}

/* The key that wraps a file key: of the X25519 result, with share || recipient as salt. */
static void
wrap_key(uint8_t shared[static 32], const uint8_t share[static 32],
    const uint8_t recipient[static 32], uint8_t key[static 32])
{
	uint8_t salt[64];

	memcpy(salt, share, 32);
	memcpy(salt + 32, recipient, 32);
	hkdf(shared, 32, salt, sizeof(salt), "age-encryption.org/v1/X25519", key);
	vz_wipe(shared, 32);
}

int
vz_age_wrap(const uint8_t file_key[static AGE_FILE_KEY], const uint8_t recipient[static 32],
    const uint8_t ephemeral[static 32], struct age_stanza *out)
{
	uint8_t shared[32], key[32];
	int err = vz_x25519_public(ephemeral, out->share);

	if (!err)
		err = vz_x25519(ephemeral, recipient, shared);
	if (err)
		return err;
	wrap_key(shared, out->share, recipient, key);
	vz_aead_once_seal(VZ_AEAD_CHACHAPOLY, key, 0, NULL, 0, file_key, AGE_FILE_KEY, out->body);
	vz_wipe(key, sizeof(key));
	return 0;
}

int
vz_age_unwrap(const struct age_stanza *s, const uint8_t secret[static 32],
    const uint8_t public[static 32], uint8_t file_key[static AGE_FILE_KEY])
{
	uint8_t shared[32], key[32];
	int err;

	if (vz_x25519(secret, s->share, shared) != 0)
		return VZ_EFORMAT;
	wrap_key(shared, s->share, public, key);
	err =
	    vz_aead_once_open(VZ_AEAD_CHACHAPOLY, key, 0, NULL, 0, s->body, AGE_WRAPPED, file_key);
	vz_wipe(key, sizeof(key));
	return err ? VZ_EMISMATCH : 0;
}

void
vz_age_mac(const uint8_t file_key[static AGE_FILE_KEY], const void *header, size_t len,
    uint8_t mac[static AGE_MAC])
{
	uint8_t key[32];

	hkdf(file_key, AGE_FILE_KEY, NULL, 0, "header", key);
	vz_hmac2(VZ_HASH_SHA256, key, sizeof(key), header, len, NULL, 0, mac);
	vz_wipe(key, sizeof(key));
}

void
vz_age_stream_init(struct age_stream *s, const uint8_t file_key[static AGE_FILE_KEY],
    const uint8_t nonce[static AGE_NONCE])
{
	hkdf(file_key, AGE_FILE_KEY, nonce, AGE_NONCE, "payload", s->key);
	s->chunk = 0;
}

/* Eleven bytes of the chunk's number, most significant first, and one that says if it is the last.
 */
static void
nonce_of(const struct age_stream *s, bool last, uint8_t nonce[static 12])
{
	memset(nonce, 0, 3);
	vz_store64(nonce + 3, s->chunk);
	nonce[11] = last;
}

int
vz_age_stream_seal(struct age_stream *s, const uint8_t *p, size_t len, bool last, struct vz_buf *to)
{
	uint8_t nonce[12], *out;
	int err = vz_buf_reserve(to, len + AGE_TAG, &out);

	if (err)
		return err;
	nonce_of(s, last, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, p, len, NULL, 0, NULL, nonce, s->key);
	vz_buf_added(to, len + AGE_TAG);
	s->chunk++;
	return 0;
}

int
vz_age_stream_open(struct age_stream *s, const uint8_t *p, size_t len, bool last, struct vz_buf *to)
{
	uint8_t nonce[12], *out;
	int err = vz_buf_reserve(to, len - AGE_TAG, &out);

	if (err)
		return err;
	nonce_of(s, last, nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		out, NULL, NULL, p, len, NULL, 0, nonce, s->key) != 0)
		return VZ_EAUTH;
	vz_buf_added(to, len - AGE_TAG);
	s->chunk++;
	return 0;
}
