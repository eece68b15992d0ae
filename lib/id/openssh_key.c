#include "id/openssh_key.h"

#include <string.h>
#include <sodium.h>
#include "base/base64.h"
#include "base/buf.h"
#include "base/secret.h"
#include "base/text.h"

#define TEXT_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define TEXT_END   "-----END OPENSSH PRIVATE KEY-----"
#define PEM_BEGIN  "-----BEGIN "
#define MAGIC      "openssh-key-v1" /* with its NUL */
#define ALGORITHM  "ssh-ed25519"
#define NONE       "none"
#define BLOCK      8 /* of the cipher "none" */

static bool
begins(const char *s, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}

static bool
is_word(const uint8_t *p, size_t len, const char *word)
{
	return p && len == strlen(word) && memcmp(p, word, len) == 0;
}

bool
vz_openssh_key_is(const char *text, size_t len)
{
	return begins(text, len, TEXT_BEGIN);
}

/* A file of another kind, by how it begins. */
static enum vz_openssh_fault
other_file(const char *text, size_t len)
{
	if (begins(text, len, PEM_BEGIN))
		return VZ_OPENSSH_PEM;
	if (begins(text, len, "ssh-") || begins(text, len, "ecdsa-") || begins(text, len, "sk-"))
		return VZ_OPENSSH_PUBLIC;
	return VZ_OPENSSH_NOT_ONE;
}

/* The bytes inside the armour, into room for as many as there are characters. */
static bool
dearmor(const char *text, size_t len, uint8_t *blob, size_t *blob_len)
{
	const char *s = text + strlen(TEXT_BEGIN), *end, *stop = text + len;

	if (s == stop || (*s != '\n' && *s != '\r'))
		return false;
	/* Base64 has no '-', so that the first one begins the last line. */
	if (vz_base64_decode(s, (size_t)(stop - s), "\r\n", blob, len, blob_len, &end) != 0 ||
	    end[-1] != '\n' || !begins(end, (size_t)(stop - end), TEXT_END))
		return false;
	for (s = end + strlen(TEXT_END); s < stop; s++)
		if (*s != '\n' && *s != '\r')
			return false;
	return true;
}

/* string "ssh-ed25519", string public key (RFC 8709 4). */
static enum vz_openssh_fault
read_public(const uint8_t *p, size_t len, struct vz_key *out)
{
	struct vz_rd r = vz_rd_of(p, len);
	size_t name_len, key_len;
	const uint8_t *name = vz_rd_string(&r, &name_len), *key;

	if (r.bad)
		return VZ_OPENSSH_DAMAGED;
	if (!is_word(name, name_len, ALGORITHM))
		return VZ_OPENSSH_OTHER_TYPE;
	key = vz_rd_string(&r, &key_len);
	if (!vz_rd_done(&r) || key_len != sizeof(out->b))
		return VZ_OPENSSH_DAMAGED;
	memcpy(out->b, key, sizeof(out->b));
	return VZ_OPENSSH_WELL;
}

static void
take_comment(const uint8_t *comment, size_t len, struct vz_openssh_key *out)
{
	out->comment_unfit = len >= sizeof(out->comment) || !vz_name_ok(comment, len);
	if (!out->comment_unfit)
		memcpy(out->comment, comment, len);
}

/* PROTOCOL.key 3: 1, 2, 3... up to a whole block. */
static bool
padding_ok(const struct vz_rd *r)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->p[i] != i + 1)
			return false;
	return r->len < BLOCK;
}

/* OpenSSH keeps the seed and the public key after it; all three public keys are to be that one's.
 */
static bool
secret_ok(const uint8_t *public, const uint8_t *secret, struct vz_openssh_key *out)
{
	struct vz_key made;

	memcpy(out->seed, secret, VZ_SIGN_SEED);
	vz_sign_from_seed(out->seed, made.b, out->secret);
	return vz_key_equal(&made, &out->public) && memcmp(made.b, public, sizeof(made.b)) == 0 &&
	    sodium_memcmp(out->secret, secret, VZ_SIGN_SECRET) == 0;
}

/* The part that a passphrase would encrypt. */
static enum vz_openssh_fault
read_private(const uint8_t *p, size_t len, struct vz_openssh_key *out)
{
	struct vz_rd r = vz_rd_of(p, len);
	uint32_t check = vz_rd_u32(&r), again = vz_rd_u32(&r);
	size_t name_len, public_len, secret_len, comment_len;
	const uint8_t *name = vz_rd_string(&r, &name_len), *public, *secret, *comment;

	if (r.bad || len % BLOCK != 0)
		return VZ_OPENSSH_DAMAGED;
	if (check != again)
		return VZ_OPENSSH_CHECK;
	if (!is_word(name, name_len, ALGORITHM))
		return VZ_OPENSSH_MISMATCH;
	public = vz_rd_string(&r, &public_len);
	secret = vz_rd_string(&r, &secret_len);
	comment = vz_rd_string(&r, &comment_len);
	if (r.bad || public_len != VZ_SIGN_PUBLIC || secret_len != VZ_SIGN_SECRET)
		return VZ_OPENSSH_DAMAGED;
	if (!padding_ok(&r))
		return VZ_OPENSSH_PADDING;
	if (!secret_ok(public, secret, out))
		return VZ_OPENSSH_MISMATCH;
	take_comment(comment, comment_len, out);
	return VZ_OPENSSH_WELL;
}

/* PROTOCOL.key 1. */
static enum vz_openssh_fault
read_blob(const uint8_t *blob, size_t len, struct vz_openssh_key *out)
{
	struct vz_rd r = vz_rd_of(blob, len);
	const uint8_t *magic = vz_rd_bytes(&r, sizeof(MAGIC)), *cipher, *kdf, *public, *private;
	size_t cipher_len, kdf_len, options_len, public_len, private_len;
	enum vz_openssh_fault fault;
	uint32_t keys;

	cipher = vz_rd_string(&r, &cipher_len);
	kdf = vz_rd_string(&r, &kdf_len);
	(void)vz_rd_string(&r, &options_len);
	keys = vz_rd_u32(&r);
	if (r.bad || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return VZ_OPENSSH_DAMAGED;
	/* Behind several public keys nothing is where it is looked for below. */
	if (keys != 1)
		return VZ_OPENSSH_SEVERAL;
	public = vz_rd_string(&r, &public_len);
	private = vz_rd_string(&r, &private_len);
	if (r.bad)
		return VZ_OPENSSH_DAMAGED;
	/* Of a key of another type nobody is to remove the passphrase for nothing. */
	fault = read_public(public, public_len, &out->public);
	if (fault)
		return fault;
	if (!is_word(cipher, cipher_len, NONE) || !is_word(kdf, kdf_len, NONE))
		return VZ_OPENSSH_ENCRYPTED;
	if (!vz_rd_done(&r) || options_len != 0)
		return VZ_OPENSSH_DAMAGED;
	return read_private(private, private_len, out);
}

enum vz_openssh_fault
vz_openssh_key_parse(const char *text, size_t len, struct vz_openssh_key *out)
{
	enum vz_openssh_fault fault = VZ_OPENSSH_DAMAGED;
	uint8_t *blob;
	size_t blob_len;

	vz_wipe(out, sizeof(*out));
	if (!vz_openssh_key_is(text, len))
		return other_file(text, len);
	if (len > VZ_OPENSSH_FILE_MAX)
		return fault;
	blob = vz_secret_new(len);
	if (!blob)
		return VZ_OPENSSH_NO_MEMORY;
	if (dearmor(text, len, blob, &blob_len))
		fault = read_blob(blob, blob_len, out);
	vz_secret_free(blob);
	if (fault)
		vz_wipe(out, sizeof(*out));
	return fault;
}

const char *
vz_openssh_words(enum vz_openssh_fault fault)
{
	/* No default label: the compiler names a fault that has no words. */
	switch (fault) {
	case VZ_OPENSSH_WELL: return "all is well";
	case VZ_OPENSSH_NOT_ONE: return "not a private key of OpenSSH";
	case VZ_OPENSSH_PUBLIC: return "a public key, and the private one is wanted";
	case VZ_OPENSSH_PEM: return "a private key in PEM, not in OpenSSH's own form";
	case VZ_OPENSSH_ENCRYPTED: return "the private key is encrypted with a passphrase";
	case VZ_OPENSSH_SEVERAL: return "not just one private key";
	case VZ_OPENSSH_OTHER_TYPE: return "a private key of another type than ssh-ed25519";
	case VZ_OPENSSH_DAMAGED: return "the private key is damaged";
	case VZ_OPENSSH_CHECK: return "the private key is damaged: its check numbers differ";
	case VZ_OPENSSH_PADDING: return "the private key is damaged: its padding is wrong";
	case VZ_OPENSSH_MISMATCH:
		return "the private key is damaged: the public key in it is another one's";
	case VZ_OPENSSH_NO_MEMORY: return "out of memory";
	}
	return "unknown fault";
}
