#include "mail/manifest.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "mail/manifest_impl.h"

#define TIME_TEXT 21 /* 2030-01-31T12:00:00Z and a NUL */
#define HEX(n)    (2 * (n) + 1)

static int
put_line(struct vz_buf *out, const char *field, const char *value)
{
	int err;

	if ((err = vz_buf_str(out, "# ")) || (err = vz_buf_str(out, field)) ||
	    (err = vz_buf_u8(out, ' ')) || (err = vz_buf_str(out, value)))
		return err;
	return vz_buf_u8(out, '\n');
}

static int
put_key(struct vz_buf *out, const char *field, const struct vz_key *key)
{
	char text[VZ_KEY_TEXT];

	vz_key_format(key, text);
	return put_line(out, field, text);
}

static int
put_hex(struct vz_buf *out, const char *field, const uint8_t *p, size_t n)
{
	char text[HEX(VZ_MANIFEST_HASH)];

	sodium_bin2hex(text, sizeof(text), p, n);
	return put_line(out, field, text);
}

static int
put_number(struct vz_buf *out, const char *field, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	return put_line(out, field, text);
}

static int
put_name(struct vz_buf *out, const char *name)
{
	char text[3 * sizeof(((struct vz_manifest *)0)->name)], *to = text;

	for (const uint8_t *c = (const uint8_t *)name; *c; c++) {
		if (*c >= 0x21 && *c <= 0x7e && *c != '%')
			*to++ = (char)*c;
		else
			to += snprintf(to, 4, "%%%02X", *c);
	}
	*to = '\0';
	return put_line(out, "name", text);
}

static int
put_time(struct vz_buf *out, const char *field, uint64_t when)
{
	char text[TIME_TEXT];
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return VZ_EINVAL;
	return put_line(out, field, text);
}

/* All that is not plain: what a parser has to have checked, and a caller to have set. */
static bool
in_range(const struct vz_manifest *m)
{
	size_t len = strnlen(m->name, sizeof(m->name));

	return m->sequence >= 1 && m->sequence <= VZ_SEQUENCE_MAX && m->size <= INT64_MAX &&
	    m->expires <= VZ_EXPIRES_MAX && len < sizeof(m->name) && vz_name_ok(m->name, len);
}

static int
put_all(const struct vz_manifest *m, struct vz_buf *out)
{
	char hash[HEX(VZ_MANIFEST_HASH)];
	int err;

	if ((err = vz_buf_str(out, MANIFEST_MAGIC)) || (err = put_key(out, "from", &m->from)) ||
	    (err = put_key(out, "to", &m->to)) ||
	    (err = put_hex(out, "stream", m->stream, sizeof(m->stream))) ||
	    (err = put_number(out, "sequence", m->sequence)))
		return err;
	if (m->has_previous && (err = put_hex(out, "previous", m->previous, VZ_MANIFEST_HASH)))
		return err;
	if (m->name[0] && (err = put_name(out, m->name)))
		return err;
	if (m->expires && (err = put_time(out, "expires", m->expires)))
		return err;
	sodium_bin2hex(hash, sizeof(hash), m->sha512, VZ_MANIFEST_HASH);
	if ((err = put_number(out, "size", m->size)) || (err = vz_buf_str(out, hash)))
		return err;
	return vz_buf_str(out, MANIFEST_BODY);
}

int
vz_manifest_encode(const struct vz_manifest *m, struct vz_buf *out)
{
	size_t before = out->len;
	int err = in_range(m) ? put_all(m, out) : VZ_EINVAL;

	if (err)
		vz_buf_truncate(out, before);
	return err;
}

int
vz_manifest_parse(const char *text, size_t len, struct vz_manifest *out)
{
	struct vz_manifest m = {0};
	struct vz_buf again;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (len > VZ_MANIFEST_MAX || !vz_manifest_read(text, len, &m) || !in_range(&m))
		return VZ_EFORMAT;
	/* One manifest has one text: whatever was read too kindly is found here. */
	vz_buf_init(&again, VZ_MANIFEST_MAX);
	err = vz_manifest_encode(&m, &again);
	if (!err && (again.len != len || memcmp(vz_buf_ptr(&again), text, len) != 0))
		err = VZ_EFORMAT;
	vz_buf_free(&again);
	if (!err)
		*out = m;
	return err;
}

void
vz_manifest_hash(const char *text, size_t len, uint8_t out[static VZ_MANIFEST_HASH])
{
	vz_hash2(VZ_HASH_SHA512, text, len, NULL, 0, out);
}

/* A signer that is somebody else is believed no more than a sender. */
int
vz_manifest_sign(const struct vz_key *from, const void *text, size_t len, vz_manifest_sign_fn *sign,
    void *arg, struct vz_buf *out)
{
	uint8_t digest[VZ_MANIFEST_HASH], raw[VZ_SIGN_LEN];
	int err;

	vz_manifest_hash(text, len, digest);
	err = sign(arg, digest, raw);
	if (!err)
		err = vz_sshsig_verify(from->b, VZ_NS_MESSAGE, text, len, raw);
	return err ? err : vz_sshsig_armor(from->b, VZ_NS_MESSAGE, raw, out);
}

/* The signature of a text by its `from`; one signature has one armour. */
static int
check_sig(
    const struct vz_manifest *m, const char *text, size_t len, const char *sig, size_t sig_len)
{
	uint8_t public[VZ_SIGN_PUBLIC], raw[VZ_SIGN_LEN];
	struct vz_buf again;
	int bits, err = vz_sshsig_unarmor(sig, sig_len, VZ_NS_MESSAGE, public, raw, &bits);

	if (err)
		return err == VZ_EFORMAT ? VZ_EAUTH : err;
	vz_buf_init(&again, VZ_MANIFEST_SIG_MAX);
	err = vz_sshsig_armor(public, VZ_NS_MESSAGE, raw, &again);
	if (!err &&
	    (bits != 512 || again.len != sig_len || memcmp(vz_buf_ptr(&again), sig, sig_len) != 0))
		err = VZ_EAUTH;
	vz_buf_free(&again);
	if (err)
		return err;
	if (memcmp(public, m->from.b, sizeof(public)) != 0)
		return VZ_EMISMATCH;
	return vz_sshsig_verify_known(m->from.b, VZ_NS_MESSAGE, text, len, raw);
}

int
vz_manifest_verify(
    const char *text, size_t len, const char *sig, size_t sig_len, struct vz_manifest *out)
{
	int err = vz_manifest_parse(text, len, out);

	if (!err)
		err = check_sig(out, text, len, sig, sig_len);
	if (err)
		memset(out, 0, sizeof(*out));
	return err;
}
