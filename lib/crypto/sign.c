#include "crypto/sign.h"

#include <string.h>
#include <sodium.h>
#include "base/base64.h"
#include "base/err.h"

#define ALGORITHM "ssh-ed25519"
#define MAGIC     "SSHSIG"
#define VERSION   1
#define HASH_MAX  64

#define ARMOR_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define ARMOR_END   "-----END SSH SIGNATURE-----"
#define ARMOR_LINE  70 /* characters, as ssh-keygen breaks them */

#define STRING_LEN(n) (4 + (n)) /* an RFC 4251 `string` */
#define KEY_BLOB      (STRING_LEN(sizeof ALGORITHM - 1) + STRING_LEN(VZ_SIGN_PUBLIC))
#define SIG_BLOB      (STRING_LEN(sizeof ALGORITHM - 1) + STRING_LEN(VZ_SIGN_LEN))
#define KEY_BASE64    68 /* 51 bytes: no padding */
#define BLOB_MAX                                                                               \
	(sizeof MAGIC - 1 + 4 + STRING_LEN(KEY_BLOB) + STRING_LEN(VZ_NS_MAX) + STRING_LEN(0) + \
	    STRING_LEN(6) + STRING_LEN(SIG_BLOB))
_Static_assert(VZ_SSHSIG_DATA_MAX ==
	sizeof MAGIC - 1 + STRING_LEN(VZ_NS_MAX) + STRING_LEN(0) + STRING_LEN(6) +
	    STRING_LEN(HASH_MAX),
    "the strings of PROTOCOL.sshsig 3");
/* Twice what the longest blob takes: room for other line lengths and line ends. */
#define ARMOR_MAX (2 * sodium_base64_ENCODED_LEN(BLOB_MAX, sodium_base64_VARIANT_ORIGINAL))

void
vz_sign_from_seed(const uint8_t seed[static VZ_SIGN_SEED], uint8_t public[static VZ_SIGN_PUBLIC],
    uint8_t secret[static VZ_SIGN_SECRET])
{
	crypto_sign_seed_keypair(public, secret, seed);
}

bool
vz_sign_point_ok(const uint8_t p[static VZ_SIGN_PUBLIC])
{
	return crypto_core_ed25519_is_valid_point(p) == 1;
}

static bool
namespace_ok(const char *ns)
{
	size_t len = strnlen(ns, VZ_NS_MAX + 1);

	return len >= 1 && len <= VZ_NS_MAX;
}

static size_t
hash_len(int hash_bits)
{
	return hash_bits == 512 ? 64 : hash_bits == 256 ? 32 : 0;
}

/* Puts an RFC 4251 `string` at p and returns the place after it. */
static uint8_t *
put_string(uint8_t *p, const void *s, size_t n)
{
	vz_store32(p, (uint32_t)n);
	if (n != 0)
		memcpy(p + 4, s, n);
	return p + 4 + n;
}

/* PROTOCOL.sshsig 3: what is signed. Returns its length; 0 for a bad namespace or hash. */
static size_t
signed_data(
    const char *ns, int hash_bits, const uint8_t *digest, uint8_t out[static VZ_SSHSIG_DATA_MAX])
{
	uint8_t *p = out;

	if (!namespace_ok(ns) || hash_len(hash_bits) == 0)
		return 0;
	memcpy(p, MAGIC, sizeof MAGIC - 1);
	p += sizeof MAGIC - 1;
	p = put_string(p, ns, strlen(ns));
	p = put_string(p, NULL, 0); /* reserved */
	p = put_string(p, hash_bits == 512 ? "sha512" : "sha256", 6);
	p = put_string(p, digest, hash_len(hash_bits));
	return (size_t)(p - out);
}

size_t
vz_sshsig_data(
    const char *ns, const uint8_t digest[static 64], uint8_t out[static VZ_SSHSIG_DATA_MAX])
{
	return signed_data(ns, 512, digest, out);
}

void
vz_sshsig_sign_digest(const uint8_t secret[static VZ_SIGN_SECRET], const char *ns,
    const uint8_t digest[static 64], uint8_t sig[static VZ_SIGN_LEN])
{
	uint8_t data[VZ_SSHSIG_DATA_MAX];
	size_t len = signed_data(ns, 512, digest, data);

	if (len == 0)
		memset(sig, 0, VZ_SIGN_LEN);
	else
		crypto_sign_detached(sig, NULL, data, len, secret);
}

/* libsodium itself refuses keys that are not canonical or of small order. */
static int
verify_known(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns, int hash_bits,
    const uint8_t *digest, const uint8_t sig[static VZ_SIGN_LEN])
{
	uint8_t data[VZ_SSHSIG_DATA_MAX];
	size_t len = signed_data(ns, hash_bits, digest, data);

	if (len == 0)
		return VZ_EAUTH;
	return crypto_sign_verify_detached(sig, data, len, public) == 0 ? 0 : VZ_EAUTH;
}

int
vz_sshsig_verify_digest(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns, int hash_bits,
    const uint8_t *digest, const uint8_t sig[static VZ_SIGN_LEN])
{
	if (!vz_sign_point_ok(public))
		return VZ_EAUTH;
	return verify_known(public, ns, hash_bits, digest, sig);
}

void
vz_sshsig_sign(const uint8_t secret[static VZ_SIGN_SECRET], const char *ns, const void *msg,
    size_t len, uint8_t sig[static VZ_SIGN_LEN])
{
	uint8_t digest[HASH_MAX];

	crypto_hash_sha512(digest, msg, len);
	vz_sshsig_sign_digest(secret, ns, digest, sig);
}

int
vz_sshsig_verify(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns, const void *msg,
    size_t len, const uint8_t sig[static VZ_SIGN_LEN])
{
	uint8_t digest[HASH_MAX];

	crypto_hash_sha512(digest, msg, len);
	return vz_sshsig_verify_digest(public, ns, 512, digest, sig);
}

int
vz_sshsig_verify_known(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns, const void *msg,
    size_t len, const uint8_t sig[static VZ_SIGN_LEN])
{
	uint8_t digest[HASH_MAX];

	crypto_hash_sha512(digest, msg, len);
	return verify_known(public, ns, 512, digest, sig);
}

/* RFC 8709 4: string "ssh-ed25519", string key. */
static void
key_blob(const uint8_t *public, uint8_t blob[static KEY_BLOB])
{
	put_string(put_string(blob, ALGORITHM, sizeof ALGORITHM - 1), public, VZ_SIGN_PUBLIC);
}

/* Reads string "ssh-ed25519", string of n bytes (RFC 8709 4 and 6), and nothing else. */
static bool
read_ed25519(const uint8_t *p, size_t len, uint8_t *out, size_t n)
{
	struct vz_rd r = vz_rd_of(p, len);
	size_t name_len, value_len;
	const uint8_t *name = vz_rd_string(&r, &name_len);
	const uint8_t *value = vz_rd_string(&r, &value_len);

	if (!vz_rd_done(&r) || name_len != sizeof ALGORITHM - 1 ||
	    memcmp(name, ALGORITHM, name_len) != 0 || value_len != n)
		return false;
	memcpy(out, value, n);
	return true;
}

/* PROTOCOL.sshsig 2: the blob inside the armor. */
static size_t
sshsig_blob(const uint8_t *public, const char *ns, const uint8_t *sig, uint8_t out[static BLOB_MAX])
{
	uint8_t key[KEY_BLOB], sigblob[SIG_BLOB], *p = out;

	key_blob(public, key);
	put_string(put_string(sigblob, ALGORITHM, sizeof ALGORITHM - 1), sig, VZ_SIGN_LEN);
	memcpy(p, MAGIC, sizeof MAGIC - 1);
	p += sizeof MAGIC - 1;
	vz_store32(p, VERSION);
	p = put_string(p + 4, key, sizeof key);
	p = put_string(p, ns, strlen(ns));
	p = put_string(p, NULL, 0); /* reserved */
	p = put_string(p, "sha512", 6);
	p = put_string(p, sigblob, sizeof sigblob);
	return (size_t)(p - out);
}

int
vz_sshsig_armor(const uint8_t public[static VZ_SIGN_PUBLIC], const char *ns,
    const uint8_t sig[static VZ_SIGN_LEN], struct vz_buf *out)
{
	char text[sodium_base64_ENCODED_LEN(BLOB_MAX, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t blob[BLOB_MAX], *start, *p;
	size_t len, total;
	int rc;

	if (!namespace_ok(ns))
		return VZ_ELIMIT;
	sodium_bin2base64(text, sizeof text, blob, sshsig_blob(public, ns, sig, blob),
	    sodium_base64_VARIANT_ORIGINAL);
	len = strlen(text);
	total = strlen(ARMOR_BEGIN "\n") + len + (len + ARMOR_LINE - 1) / ARMOR_LINE +
	    strlen(ARMOR_END "\n");
	rc = vz_buf_reserve(out, total, &start);
	if (rc != 0)
		return rc;
	p = mempcpy(start, ARMOR_BEGIN "\n", strlen(ARMOR_BEGIN "\n"));
	for (size_t at = 0; at < len; at += ARMOR_LINE) {
		p = mempcpy(p, text + at, len - at < ARMOR_LINE ? len - at : ARMOR_LINE);
		*p++ = '\n';
	}
	memcpy(p, ARMOR_END "\n", strlen(ARMOR_END "\n"));
	vz_buf_added(out, total);
	return 0;
}

/* Takes the word w off the front of *s. */
static bool
take(const char **s, size_t *len, const char *w)
{
	size_t n = strlen(w);

	if (*len < n || memcmp(*s, w, n) != 0)
		return false;
	*s += n;
	*len -= n;
	return true;
}

/* Takes a line end, LF or CR LF. */
static bool
take_newline(const char **s, size_t *len)
{
	return take(s, len, "\n") || take(s, len, "\r\n");
}

/* Reads the whole of the armor to the blob inside it; false when it is anything else. */
static bool
dearmor(const char *s, size_t len, uint8_t blob[static BLOB_MAX], size_t *blob_len)
{
	const char *end;

	if (len > ARMOR_MAX || !take(&s, &len, ARMOR_BEGIN) || !take_newline(&s, &len))
		return false;
	/* Base64 has no '-', so that the first one begins the last line. */
	if (vz_base64_decode(s, len, "\r\n", blob, BLOB_MAX, blob_len, &end) != 0)
		return false;
	if (end == s || end[-1] != '\n')
		return false;
	len -= (size_t)(end - s);
	s = end;
	if (!take(&s, &len, ARMOR_END))
		return false;
	while (take_newline(&s, &len))
		;
	return len == 0;
}

/* PROTOCOL.sshsig 2. */
static bool
parse_blob(const uint8_t *blob, size_t len, uint8_t *public, uint8_t *sig, int *hash_bits,
    const uint8_t **ns, size_t *ns_len)
{
	struct vz_rd r = vz_rd_of(blob, len);
	const uint8_t *magic = vz_rd_bytes(&r, sizeof MAGIC - 1);
	uint32_t version = vz_rd_u32(&r);
	size_t key_len, reserved_len, hash_name_len, sig_len;
	const uint8_t *key = vz_rd_string(&r, &key_len), *hash_name, *sigblob;

	*ns = vz_rd_string(&r, ns_len);
	/* Not covered by the signature, so only its one defined value is taken. */
	(void)vz_rd_string(&r, &reserved_len);
	hash_name = vz_rd_string(&r, &hash_name_len);
	sigblob = vz_rd_string(&r, &sig_len);
	if (!vz_rd_done(&r) || memcmp(magic, MAGIC, sizeof MAGIC - 1) != 0 || version != VERSION ||
	    *ns_len == 0 || reserved_len != 0 || hash_name_len != 6)
		return false;
	if (memcmp(hash_name, "sha512", 6) == 0)
		*hash_bits = 512;
	else if (memcmp(hash_name, "sha256", 6) == 0)
		*hash_bits = 256;
	else
		return false;
	return read_ed25519(key, key_len, public, VZ_SIGN_PUBLIC) &&
	    read_ed25519(sigblob, sig_len, sig, VZ_SIGN_LEN);
}

bool
vz_sshsig_read(const char *text, size_t len, struct vz_sshsig *out)
{
	uint8_t blob[BLOB_MAX];
	const uint8_t *ns;
	size_t blob_len, ns_len;

	memset(out, 0, sizeof(*out));
	if (!dearmor(text, len, blob, &blob_len) ||
	    !parse_blob(blob, blob_len, out->public, out->sig, &out->hash_bits, &ns, &ns_len) ||
	    ns_len > VZ_NS_MAX) {
		memset(out, 0, sizeof(*out));
		return false;
	}
	memcpy(out->ns, ns, ns_len);
	out->ns_len = ns_len;
	return true;
}

int
vz_sshsig_unarmor(const char *text, size_t len, const char *ns,
    uint8_t public[static VZ_SIGN_PUBLIC], uint8_t sig[static VZ_SIGN_LEN], int *hash_bits)
{
	struct vz_sshsig read;
	int rc = VZ_EFORMAT;

	if (vz_sshsig_read(text, len, &read)) {
		rc = VZ_EDENIED;
		if (read.ns_len == strlen(ns) && memcmp(read.ns, ns, read.ns_len) == 0)
			rc = 0;
	}
	if (rc != 0)
		memset(&read, 0, sizeof(read));
	memcpy(public, read.public, VZ_SIGN_PUBLIC);
	memcpy(sig, read.sig, VZ_SIGN_LEN);
	*hash_bits = read.hash_bits;
	return rc;
}

int
vz_ssh_public_format(const uint8_t public[static VZ_SIGN_PUBLIC], struct vz_buf *out)
{
	char line[sizeof ALGORITHM + KEY_BASE64 + 1] = ALGORITHM " ";
	uint8_t blob[KEY_BLOB];

	key_blob(public, blob);
	sodium_bin2base64(line + sizeof ALGORITHM, KEY_BASE64 + 1, blob, sizeof blob,
	    sodium_base64_VARIANT_ORIGINAL);
	return vz_buf_put(out, line, strlen(line));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int
vz_ssh_public_parse(const char *s, size_t len, uint8_t public[static VZ_SIGN_PUBLIC], size_t *used)
{
	const char *end, *start = s;
	uint8_t blob[KEY_BLOB];
	size_t n;

	*used = 0;
	memset(public, 0, VZ_SIGN_PUBLIC);
	if (!take(&s, &len, ALGORITHM) || len == 0 || !is_blank(*s))
		return VZ_EFORMAT;
	for (; len > 0 && is_blank(*s); s++)
		len--;
	if (len < KEY_BASE64 ||
	    (len > KEY_BASE64 && !is_blank(s[KEY_BASE64]) && s[KEY_BASE64] != '\n' &&
		s[KEY_BASE64] != '\r'))
		return VZ_EFORMAT;
	if (vz_base64_decode(s, KEY_BASE64, NULL, blob, sizeof blob, &n, &end) != 0 ||
	    end != s + KEY_BASE64 || n != sizeof blob ||
	    !read_ed25519(blob, n, public, VZ_SIGN_PUBLIC))
		return VZ_EFORMAT;
	if (!vz_sign_point_ok(public)) {
		memset(public, 0, VZ_SIGN_PUBLIC);
		return VZ_EAUTH;
	}
	*used = (size_t)(s - start) + KEY_BASE64;
	return 0;
}

void
vz_ssh_digest(const uint8_t public[static VZ_SIGN_PUBLIC], uint8_t out[static 32])
{
	uint8_t blob[KEY_BLOB];

	key_blob(public, blob);
	crypto_hash_sha256(out, blob, sizeof blob);
}

void
vz_ssh_fingerprint(const uint8_t public[static VZ_SIGN_PUBLIC], char out[static 51])
{
	uint8_t digest[32];

	vz_ssh_digest(public, digest);
	memcpy(out, "SHA256:", 7);
	sodium_bin2base64(
	    out + 7, 44, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}
