#include "keep/keybox.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "id/identity_text.h"

#define WORDS   "encrypted argon2id "
#define B64     sodium_base64_VARIANT_ORIGINAL
#define SALT    crypto_pwhash_SALTBYTES
#define NONCE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG     crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY     crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define BOX_MAX (NONCE + VZ_IDENTITY_SECRETS_MAX + TAG)

bool
vz_keybox_is(const char *text, size_t len)
{
	return len >= strlen(WORDS) && memcmp(text, WORDS, strlen(WORDS)) == 0;
}

/* The key in guarded memory, or NULL. */
static uint8_t *
derive(const char *passphrase, size_t len, const uint8_t salt[static SALT], unsigned long long ops,
    size_t mem)
{
	uint8_t *key = vz_secret_new(KEY);

	if (key &&
	    crypto_pwhash(
		key, KEY, passphrase, len, salt, ops, mem, crypto_pwhash_ALG_ARGON2ID13) != 0) {
		vz_secret_free(key);
		key = NULL;
	}
	return key;
}

static int
put_params(struct vz_buf *text, const uint8_t salt[static SALT], unsigned long long ops, size_t mem)
{
	char b64[sodium_base64_ENCODED_LEN(SALT, B64)];
	char line[128];

	sodium_bin2base64(b64, sizeof(b64), salt, SALT, B64);
	snprintf(line, sizeof(line), WORDS "%llu %zu %s ", ops, mem, b64);
	return vz_buf_str(text, line);
}

int
vz_keybox_seal(struct vz_buf *text, const struct vz_buf *secrets, const char *passphrase,
    size_t passphrase_len, unsigned long long ops, size_t mem)
{
	uint8_t salt[SALT], box[BOX_MAX], *key;
	char b64[sodium_base64_ENCODED_LEN(BOX_MAX, B64)];
	unsigned long long n;
	int err;

	if (secrets->len > VZ_IDENTITY_SECRETS_MAX)
		return VZ_ELIMIT;
	randombytes_buf(salt, sizeof(salt));
	randombytes_buf(box, NONCE);
	err = put_params(text, salt, ops, mem);
	if (err)
		return err;
	key = derive(passphrase, passphrase_len, salt, ops, mem);
	if (!key)
		return VZ_ENOMEM;
	crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &n, vz_buf_ptr(secrets),
	    secrets->len, vz_buf_ptr(text), text->len, NULL, box, key);
	vz_secret_free(key);
	sodium_bin2base64(b64, sizeof(b64), box, NONCE + (size_t)n, B64);
	err = vz_buf_str(text, b64);
	return err ? err : vz_buf_u8(text, '\n');
}

/* A decimal number without sign or leading zero, ended by one blank. */
static int
take_number(const char **s, const char *end, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	if (p == end || *p < '1' || *p > '9')
		return VZ_EFORMAT;
	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		if (v > UINT64_MAX / 10 - 1)
			return VZ_ELIMIT;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (p == end || *p != ' ')
		return VZ_EFORMAT;
	*s = p + 1;
	*out = v;
	return 0;
}

/* Base64 up to the byte `stop`, which is stepped over. */
static int
take_base64(const char **s, const char *end, char stop, uint8_t *out, size_t cap, size_t *out_len)
{
	const char *to = memchr(*s, stop, (size_t)(end - *s)), *read_to;

	if (!to ||
	    vz_base64_decode(*s, (size_t)(to - *s), NULL, out, cap, out_len, &read_to) != 0 ||
	    read_to != to)
		return VZ_EFORMAT;
	*s = to + 1;
	return 0;
}

struct params {
	uint64_t ops, mem;
	uint8_t salt[SALT];
};

static int
take_params(const char **s, const char *end, struct params *out)
{
	size_t n;
	int err;

	if (!vz_keybox_is(*s, (size_t)(end - *s)))
		return VZ_EFORMAT;
	*s += strlen(WORDS);
	err = take_number(s, end, &out->ops);
	if (!err)
		err = take_number(s, end, &out->mem);
	if (err)
		return err;
	/* Before any work: whoever can plant a file shall not choose our memory. */
	if (out->ops > VZ_KEYBOX_OPS_MAX || out->mem > VZ_KEYBOX_MEM_MAX ||
	    out->mem < crypto_pwhash_MEMLIMIT_MIN)
		return VZ_ELIMIT;
	err = take_base64(s, end, ' ', out->salt, SALT, &n);
	return err ? err : n == SALT ? 0 : VZ_EFORMAT;
}

int
vz_keybox_open(const char *text, size_t len, size_t at, const char *passphrase,
    size_t passphrase_len, struct vz_buf *secrets)
{
	const char *s = text + at, *end = text + len;
	uint8_t box[BOX_MAX], *key, *room;
	unsigned long long n;
	struct params params;
	size_t ad_len, box_len;
	int err;

	err = take_params(&s, end, &params);
	if (err)
		return err;
	ad_len = (size_t)(s - text);
	if (take_base64(&s, end, '\n', box, sizeof(box), &box_len) != 0 || s != end ||
	    box_len < NONCE + TAG)
		return VZ_EFORMAT;
	err = vz_buf_reserve(secrets, box_len - NONCE - TAG, &room);
	if (err)
		return err;
	key = derive(passphrase, passphrase_len, params.salt, params.ops, (size_t)params.mem);
	if (!key)
		return VZ_ENOMEM;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(room, &n, NULL, box + NONCE, box_len - NONCE,
		(const uint8_t *)text, ad_len, box, key) != 0)
		err = VZ_ELOCKED;
	else
		vz_buf_added(secrets, (size_t)n);
	vz_secret_free(key);
	return err;
}
