#include "id/identity.h"

#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/noise.h"
#include "crypto/sign.h"
#include "id/signer.h"

#define BUNDLE_VERSION 1

/* Where the fields of an encoded bundle begin. */
enum {
	AT_VERSION = 0,
	AT_IDENTITY = 1,
	AT_NOISE = 33,
	AT_AGE = 65,
	AT_SERIAL = 97,
	AT_NOT_AFTER = 105,
	AT_SIG = VZ_BUNDLE_SIGNED,
};

void
vz_bundle_encode(const struct vz_bundle *b, uint8_t out[static VZ_BUNDLE_LEN])
{
	out[AT_VERSION] = BUNDLE_VERSION;
	memcpy(out + AT_IDENTITY, b->identity.b, 32);
	memcpy(out + AT_NOISE, b->noise, 32);
	memcpy(out + AT_AGE, b->age, 32);
	vz_store64(out + AT_SERIAL, b->serial);
	vz_store64(out + AT_NOT_AFTER, b->not_after);
	memcpy(out + AT_SIG, b->sig, 64);
}

int
vz_bundle_parse(const uint8_t *p, size_t len, struct vz_bundle *out)
{
	struct vz_bundle b;

	memset(out, 0, sizeof(*out));
	if (len != VZ_BUNDLE_LEN || p[AT_VERSION] != BUNDLE_VERSION)
		return VZ_EFORMAT;
	memcpy(b.identity.b, p + AT_IDENTITY, 32);
	memcpy(b.noise, p + AT_NOISE, 32);
	memcpy(b.age, p + AT_AGE, 32);
	b.serial = vz_load64(p + AT_SERIAL);
	b.not_after = vz_load64(p + AT_NOT_AFTER);
	memcpy(b.sig, p + AT_SIG, 64);
	if (b.serial < 1 || b.serial > VZ_SERIAL_MAX)
		return VZ_EFORMAT;
	*out = b;
	return 0;
}

int
vz_bundle_decode(const uint8_t *p, size_t len, struct vz_bundle *out)
{
	int err = vz_bundle_parse(p, len, out);

	if (err)
		return err;
	/* Judges the point too. */
	if (vz_sshsig_verify(out->identity.b, VZ_NS_BUNDLE, p, VZ_BUNDLE_SIGNED, out->sig) == 0)
		return 0;
	memset(out, 0, sizeof(*out));
	return VZ_EAUTH;
}

int
vz_bundle_verify_known(const struct vz_bundle *b)
{
	uint8_t bytes[VZ_BUNDLE_LEN];

	vz_bundle_encode(b, bytes);
	return vz_sshsig_verify_known(b->identity.b, VZ_NS_BUNDLE, bytes, VZ_BUNDLE_SIGNED, b->sig);
}

int
vz_bundle_armor(const struct vz_bundle *b, struct vz_buf *out)
{
	return vz_sshsig_armor(b->identity.b, VZ_NS_BUNDLE, b->sig, out);
}

struct vz_identity *
vz_identity_new(void)
{
	return vz_secret_new(sizeof(struct vz_identity));
}

void
vz_identity_free(struct vz_identity *id)
{
	vz_secret_free(id);
}

void
vz_identity_certify(struct vz_identity *id)
{
	uint8_t bytes[VZ_BUNDLE_LEN];

	vz_bundle_encode(&id->bundle, bytes);
	vz_sshsig_sign(id->sign_secret, VZ_NS_BUNDLE, bytes, VZ_BUNDLE_SIGNED, id->bundle.sig);
}

/* Comment, and the keys that the identity's own vouches for. */
static int
begin(struct vz_identity *id, const uint8_t random[static VZ_ROTATED_RANDOM], uint64_t serial,
    const char *comment)
{
	size_t comment_len = strlen(comment);

	vz_wipe(id, sizeof(*id));
	if (serial < 1 || serial > VZ_SERIAL_MAX)
		return VZ_EINVAL;
	if (!vz_name_ok(comment, comment_len) || comment_len >= sizeof(id->comment))
		return VZ_EFORMAT;
	memcpy(id->noise_secret, random, 32);
	memcpy(id->age_secret, random + 32, 32);
	if (vz_x25519_public(id->noise_secret, id->bundle.noise) != 0 ||
	    vz_x25519_public(id->age_secret, id->bundle.age) != 0)
		return VZ_EAUTH;
	id->bundle.serial = serial;
	memcpy(id->comment, comment, comment_len + 1);
	return 0;
}

int
vz_identity_make(
    struct vz_identity *id, const uint8_t random[static 96], uint64_t serial, const char *comment)
{
	int err = begin(id, random + 32, serial, comment);

	if (err) {
		vz_wipe(id, sizeof(*id));
		return err;
	}
	vz_sign_from_seed(random, id->bundle.identity.b, id->sign_secret);
	vz_identity_certify(id);
	return 0;
}

int
vz_identity_make_held(struct vz_identity *id, const struct vz_key *key,
    const uint8_t random[static VZ_HELD_RANDOM], uint64_t serial, const char *comment,
    vz_signer_fn *ask, void *arg)
{
	struct vz_signer signer = {id, ask, arg};
	uint8_t bytes[VZ_BUNDLE_LEN];
	int err = begin(id, random, serial, comment);

	if (!err && !vz_sign_point_ok(key->b))
		err = VZ_EAUTH;
	if (!err) {
		id->held_elsewhere = true;
		id->bundle.identity = *key;
		vz_bundle_encode(&id->bundle, bytes);
		err = vz_signer_sign_bytes(
		    &signer, VZ_NS_BUNDLE, bytes, VZ_BUNDLE_SIGNED, id->bundle.sig);
	}
	if (err)
		vz_wipe(id, sizeof(*id));
	return err;
}
