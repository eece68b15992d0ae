#include "id/identity_text.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "base/bech32.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/noise.h"
#include "crypto/sign.h"

#define MAGIC   "vz-identity-1\n"
#define MAGIC_2 "vz-identity-2\n" /* somebody else holds the key */
#define HOLDER  "ssh-agent"
#define B64     sodium_base64_VARIANT_ORIGINAL
#define AGE_HRP "age-secret-key-"
#define SUM_LEN 16

/* Base64 of the longest field and a NUL. */
#define FIELD_MAX sodium_base64_ENCODED_LEN(VZ_BUNDLE_LEN, B64)

static int
put_line(struct vz_buf *out, const char *name, const char *value)
{
	int err = vz_buf_str(out, name);

	if (!err)
		err = vz_buf_u8(out, ' ');
	if (!err)
		err = vz_buf_str(out, value);
	return err ? err : vz_buf_u8(out, '\n');
}

static int
put_base64(struct vz_buf *out, const char *name, const uint8_t *p, size_t n)
{
	char text[FIELD_MAX];
	int err;

	sodium_bin2base64(text, sizeof(text), p, n, B64);
	err = put_line(out, name, text);
	vz_wipe(text, sizeof(text));
	return err;
}

/* age writes its secrets in capitals. */
static int
put_age(struct vz_buf *out, const char *name, const uint8_t secret[static 32])
{
	char text[VZ_BECH32_TEXT_MAX];
	int err = vz_bech32_encode(AGE_HRP, secret, 32, text, sizeof(text));

	if (!err) {
		for (char *c = text; *c; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		err = put_line(out, name, text);
	}
	vz_wipe(text, sizeof(text));
	return err;
}

static int
put_retired(struct vz_buf *out, const struct vz_retired *r)
{
	char name[40];

	snprintf(name, sizeof(name), "retired %" PRIu64, r->at);
	return put_age(out, name, r->secret);
}

_Static_assert(sizeof(MAGIC) == sizeof(MAGIC_2), "either may be measured");

static const char *
magic_of(bool held)
{
	return held ? MAGIC_2 : MAGIC;
}

/* What makes a damaged file known at once: to see by curves that secrets and bundle belong together
 * costs a tenth of a millisecond at every start. */
static void
sum_of(const struct vz_identity *id, uint8_t sum[static SUM_LEN])
{
	crypto_generichash_state h;
	uint8_t bundle[VZ_BUNDLE_LEN];

	vz_bundle_encode(&id->bundle, bundle);
	crypto_generichash_init(&h, NULL, 0, SUM_LEN);
	crypto_generichash_update(&h, (const uint8_t *)magic_of(id->held_elsewhere), strlen(MAGIC));
	crypto_generichash_update(&h, bundle, sizeof(bundle));
	if (!id->held_elsewhere)
		crypto_generichash_update(&h, id->sign_secret, VZ_SIGN_SEED);
	crypto_generichash_update(&h, id->noise_secret, 32);
	crypto_generichash_update(&h, id->age_secret, 32);
	for (unsigned i = 0; i < id->retired_len; i++) {
		uint8_t at[8];

		vz_store64(at, id->retired[i].at);
		crypto_generichash_update(&h, at, sizeof(at));
		crypto_generichash_update(&h, id->retired[i].secret, 32);
	}
	crypto_generichash_final(&h, sum, SUM_LEN);
	vz_wipe(&h, sizeof(h));
}

int
vz_identity_encode_public(const struct vz_identity *id, struct vz_buf *out)
{
	uint8_t bundle[VZ_BUNDLE_LEN];
	int err = vz_buf_str(out, magic_of(id->held_elsewhere));

	if (!err && id->comment[0])
		err = put_line(out, "comment", id->comment);
	vz_bundle_encode(&id->bundle, bundle);
	if (!err)
		err = put_base64(out, "bundle", bundle, sizeof(bundle));
	return err || !id->held_elsewhere ? err : put_line(out, "signer", HOLDER);
}

int
vz_identity_encode_secrets(const struct vz_identity *id, struct vz_buf *out)
{
	uint8_t sum[SUM_LEN];
	int err = 0;

	/* libsodium's secret is the seed and the public key. */
	if (!id->held_elsewhere)
		err = put_base64(out, "ed25519", id->sign_secret, VZ_SIGN_SEED);
	if (!err)
		err = put_base64(out, "noise", id->noise_secret, 32);
	if (!err)
		err = put_age(out, "age", id->age_secret);
	for (unsigned i = 0; !err && i < id->retired_len; i++)
		err = put_retired(out, &id->retired[i]);
	sum_of(id, sum);
	return err ? err : put_base64(out, "sum", sum, sizeof(sum));
}

int
vz_identity_encode(const struct vz_identity *id, struct vz_buf *out)
{
	int err = vz_identity_encode_public(id, out);

	return err ? err : vz_identity_encode_secrets(id, out);
}

/* If the line at *s is "name value\n", yields the value and steps over the line. */
static const char *
take_line(const char **s, const char *end, const char *name, size_t *value_len)
{
	size_t n = strlen(name);
	const char *value, *nl;

	if ((size_t)(end - *s) <= n || memcmp(*s, name, n) != 0 || (*s)[n] != ' ')
		return NULL;
	value = *s + n + 1;
	nl = memchr(value, '\n', (size_t)(end - value));
	if (!nl)
		return NULL;
	*value_len = (size_t)(nl - value);
	*s = nl + 1;
	return value;
}

/* vz_bundle_decode, or vz_bundle_parse where the sum will tell. */
typedef int bundle_fn(const uint8_t *p, size_t len, struct vz_bundle *out);

static int
take_base64(const char **s, const char *end, const char *name, uint8_t *out, size_t len)
{
	size_t n, got;
	const char *v = take_line(s, end, name, &n), *stop;

	if (!v || vz_base64_decode(v, n, NULL, out, len, &got, &stop) != 0)
		return VZ_EFORMAT;
	return got == len && stop == v + n ? 0 : VZ_EFORMAT;
}

static int
take_comment(const char **s, const char *end, char comment[static 256])
{
	size_t n;
	const char *v = take_line(s, end, "comment", &n);

	if (!v)
		return 0;
	if (n == 0 || n > 255 || !vz_name_ok(v, n))
		return VZ_EFORMAT;
	memcpy(comment, v, n);
	return 0;
}

/* Steps over the first line, which says whether somebody else holds the key. */
static int
take_magic(const char **s, const char *end, bool *held)
{
	if ((size_t)(end - *s) < strlen(MAGIC))
		return VZ_EFORMAT;
	*held = memcmp(*s, MAGIC_2, strlen(MAGIC_2)) == 0;
	if (!*held && memcmp(*s, MAGIC, strlen(MAGIC)) != 0)
		return VZ_EFORMAT;
	*s += strlen(MAGIC);
	return 0;
}

static int
take_holder(const char **s, const char *end)
{
	size_t n;
	const char *v = take_line(s, end, "signer", &n);

	return v && n == strlen(HOLDER) && memcmp(v, HOLDER, n) == 0 ? 0 : VZ_EFORMAT;
}

static int
decode_public(const char *text, size_t len, bundle_fn *decode, struct vz_bundle *bundle,
    char comment[static 256], bool *held, size_t *used)
{
	const char *s = text, *end = text + len;
	uint8_t bytes[VZ_BUNDLE_LEN];

	memset(bundle, 0, sizeof(*bundle));
	memset(comment, 0, 256);
	*used = 0;
	*held = false;
	if (take_magic(&s, end, held) != 0 || take_comment(&s, end, comment) != 0 ||
	    take_base64(&s, end, "bundle", bytes, sizeof(bytes)) != 0 ||
	    (*held && take_holder(&s, end) != 0) || decode(bytes, sizeof(bytes), bundle) != 0) {
		memset(comment, 0, 256);
		*held = false;
		return VZ_EFORMAT;
	}
	*used = (size_t)(s - text);
	return 0;
}

int
vz_identity_decode_public(const char *text, size_t len, struct vz_bundle *bundle,
    char comment[static 256], bool *held, size_t *used)
{
	return decode_public(text, len, vz_bundle_decode, bundle, comment, held, used);
}

int
vz_identity_parse_public(const char *text, size_t len, struct vz_bundle *bundle,
    char comment[static 256], bool *held, size_t *used)
{
	return decode_public(text, len, vz_bundle_parse, bundle, comment, held, used);
}

/* bech32 may be in either case, but age itself reads this one only. */
static int
take_age(const char *text, size_t len, uint8_t secret[static 32])
{
	if (len == 0 || text[0] != 'A')
		return VZ_EFORMAT;
	return vz_bech32_decode(AGE_HRP, text, len, secret, 32) == 0 ? 0 : VZ_EFORMAT;
}

/* Decimal without leading zeros, below 2^63, and the blank after it. */
static const char *
take_time(const char *s, const char *end, uint64_t *out)
{
	uint64_t v = 0;

	if (s == end || *s < '1' || *s > '9')
		return NULL;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (v > (VZ_SERIAL_MAX - digit) / 10)
			return NULL;
		v = v * 10 + digit;
	}
	*out = v;
	return s < end && *s == ' ' ? s + 1 : NULL;
}

static int
take_retired(const char **s, const char *end, struct vz_identity *id)
{
	const char *v, *key;
	size_t n;

	while ((v = take_line(s, end, "retired", &n)) != NULL) {
		struct vz_retired *r = &id->retired[id->retired_len];

		if (id->retired_len == VZ_RETIRED_MAX || !(key = take_time(v, v + n, &r->at)))
			return VZ_EFORMAT;
		id->retired_len++;
		if (take_age(key, (size_t)(v + n - key), r->secret) != 0)
			return VZ_EFORMAT;
	}
	return 0;
}

static int
take_secrets(const char *s, const char *end, struct vz_identity *id)
{
	uint8_t stated[SUM_LEN], sum[SUM_LEN];
	const char *age;
	size_t n;

	if (!id->held_elsewhere &&
	    take_base64(&s, end, "ed25519", id->sign_secret, VZ_SIGN_SEED) != 0)
		return VZ_EFORMAT;
	if (take_base64(&s, end, "noise", id->noise_secret, 32) != 0)
		return VZ_EFORMAT;
	age = take_line(&s, end, "age", &n);
	if (!age || take_age(age, n, id->age_secret) != 0 || take_retired(&s, end, id) != 0)
		return VZ_EFORMAT;
	if (take_base64(&s, end, "sum", stated, sizeof(stated)) != 0 || s != end)
		return VZ_EFORMAT;
	if (!id->held_elsewhere)
		memcpy(id->sign_secret + VZ_SIGN_SEED, id->bundle.identity.b, VZ_SIGN_PUBLIC);
	sum_of(id, sum);
	return sodium_memcmp(sum, stated, sizeof(sum)) == 0 ? 0 : VZ_EFORMAT;
}

int
vz_identity_decode_secrets(const char *text, size_t len, struct vz_identity *id)
{
	int err;

	vz_wipe(id->retired, sizeof(id->retired));
	id->retired_len = 0;
	err = take_secrets(text, text + len, id);
	if (err) {
		vz_wipe(id->sign_secret, sizeof(id->sign_secret));
		vz_wipe(id->noise_secret, sizeof(id->noise_secret));
		vz_wipe(id->age_secret, sizeof(id->age_secret));
		vz_wipe(id->retired, sizeof(id->retired));
		id->retired_len = 0;
	}
	return err;
}

int
vz_identity_decode(const char *text, size_t len, struct vz_identity *id)
{
	size_t used;
	int err;

	vz_wipe(id, sizeof(*id));
	err = vz_identity_parse_public(
	    text, len, &id->bundle, id->comment, &id->held_elsewhere, &used);
	if (!err)
		err = vz_identity_decode_secrets(text + used, len - used, id);
	if (err)
		vz_wipe(id, sizeof(*id));
	return err;
}
