#include "crypto/agent.h"

#include <sodium.h>
#include <string.h>
#include "base/err.h"

#define ALGORITHM "ssh-ed25519"
#define SK        "sk-ssh-ed25519@openssh.com"

/* The draft's numbers. */
enum message {
	FAILURE = 5,
	ASK_KEYS = 11,
	KEYS = 12,
	ASK_SIGN = 13,
	SIGNATURE = 14,
};

/* Sets the length of the message that begins at `before`. */
static void
close_message(struct vz_buf *out, size_t before)
{
	vz_store32(out->data + out->off + before, (uint32_t)(out->len - before - 4));
}

static int
begin_message(struct vz_buf *out, enum message type)
{
	int err = vz_buf_u32(out, 0);

	return err ? err : vz_buf_u8(out, (uint8_t)type);
}

int
vz_agent_ask_keys(struct vz_buf *out)
{
	size_t before = out->len;
	int err = begin_message(out, ASK_KEYS);

	if (err)
		vz_buf_truncate(out, before);
	else
		close_message(out, before);
	return err;
}

/* RFC 8709 4, as a string. */
static int
put_key(struct vz_buf *out, const uint8_t public[static VZ_SIGN_PUBLIC])
{
	int err = vz_buf_u32(out, 4 + sizeof ALGORITHM - 1 + 4 + VZ_SIGN_PUBLIC);

	if (!err)
		err = vz_buf_string(out, ALGORITHM, sizeof ALGORITHM - 1);
	return err ? err : vz_buf_string(out, public, VZ_SIGN_PUBLIC);
}

int
vz_agent_ask_sign(
    const uint8_t public[static VZ_SIGN_PUBLIC], const void *data, size_t n, struct vz_buf *out)
{
	size_t before = out->len;
	int err = begin_message(out, ASK_SIGN);

	if (!err)
		err = put_key(out, public);
	if (!err)
		err = vz_buf_string(out, data, n);
	if (!err)
		err = vz_buf_u32(out, 0); /* flags: those that there are choose hashes for RSA */
	if (err)
		vz_buf_truncate(out, before);
	else
		close_message(out, before);
	return err;
}

long
vz_agent_whole(const uint8_t *p, size_t len)
{
	uint32_t n;

	if (len < 4)
		return 0;
	n = vz_load32(p);
	if (n == 0)
		return VZ_EFORMAT;
	if (n > VZ_AGENT_MESSAGE_MAX)
		return VZ_ELIMIT;
	return len - 4 < n ? 0 : 4 + (long)n;
}

/* Steps over the type. */
static int
take_type(struct vz_rd *r, enum message want)
{
	uint8_t type = vz_rd_u8(r);

	if (r->bad)
		return VZ_EFORMAT;
	if (type == FAILURE)
		return r->len == 0 ? VZ_EDENIED : VZ_EFORMAT;
	return type == want ? 0 : VZ_EPROTO;
}

static bool
is(const uint8_t *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

int
vz_agent_keys_read(const uint8_t *p, size_t len, struct vz_agent_keys *out)
{
	struct vz_rd r = vz_rd_of(p, len);
	int err = take_type(&r, KEYS);

	*out = (struct vz_agent_keys){.left = err ? 0 : vz_rd_u32(&r)};
	if (err)
		return err;
	if (r.bad)
		return VZ_EFORMAT;
	if (out->left > VZ_AGENT_KEYS_MAX) {
		out->left = 0;
		return VZ_ELIMIT;
	}
	out->rest = r;
	return 0;
}

/* As `ssh-keygen -l` for any kind of key. */
static void
fingerprint_of(const uint8_t *blob, size_t len, char out[static 51])
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(digest, blob, len);
	memcpy(out, "SHA256:", 7);
	sodium_bin2base64(
	    out + 7, 44, digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

static enum vz_agent_kind
kind_of(const uint8_t *blob, size_t len, uint8_t public[static VZ_SIGN_PUBLIC])
{
	struct vz_rd r = vz_rd_of(blob, len);
	size_t name_len, key_len;
	const uint8_t *name = vz_rd_string(&r, &name_len), *key;

	if (!r.bad && is(name, name_len, SK))
		return VZ_AGENT_SK;
	key = vz_rd_string(&r, &key_len);
	if (!vz_rd_done(&r) || !is(name, name_len, ALGORITHM) || key_len != VZ_SIGN_PUBLIC ||
	    !vz_sign_point_ok(key))
		return VZ_AGENT_OTHER;
	memcpy(public, key, VZ_SIGN_PUBLIC);
	return VZ_AGENT_ED25519;
}

int
vz_agent_keys_next(struct vz_agent_keys *keys, struct vz_agent_key *out)
{
	struct vz_rd *r = &keys->rest;
	const uint8_t *blob, *comment;
	size_t blob_len, comment_len;

	memset(out, 0, sizeof(*out));
	if (keys->left == 0)
		return vz_rd_done(r) ? 0 : VZ_EFORMAT;
	blob = vz_rd_string(r, &blob_len);
	comment = vz_rd_string(r, &comment_len);
	if (r->bad) {
		keys->left = 0;
		return VZ_EFORMAT;
	}
	keys->left--;
	out->kind = kind_of(blob, blob_len, out->public);
	fingerprint_of(blob, blob_len, out->fingerprint);
	out->comment = (const char *)comment;
	out->comment_len = comment_len;
	return 1;
}

int
vz_agent_signature(const uint8_t *p, size_t len, uint8_t sig[static VZ_SIGN_LEN])
{
	struct vz_rd r = vz_rd_of(p, len), in;
	size_t blob_len, name_len, raw_len;
	const uint8_t *blob, *name, *raw;
	int err = take_type(&r, SIGNATURE);

	memset(sig, 0, VZ_SIGN_LEN);
	if (err)
		return err;
	blob = vz_rd_string(&r, &blob_len);
	if (!vz_rd_done(&r))
		return VZ_EFORMAT;
	in = vz_rd_of(blob, blob_len);
	name = vz_rd_string(&in, &name_len);
	raw = vz_rd_string(&in, &raw_len);
	if (in.bad)
		return VZ_EFORMAT;
	if (!is(name, name_len, ALGORITHM))
		return VZ_EMISMATCH;
	if (!vz_rd_done(&in) || raw_len != VZ_SIGN_LEN)
		return VZ_EFORMAT;
	memcpy(sig, raw, VZ_SIGN_LEN);
	return 0;
}
