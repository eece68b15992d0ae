#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/noise.h"
#include "crypto/sign.h"
#include "id/signer.h"

/* A clock that was set back makes no key older. */
static bool
too_old(const struct vz_retired *r, uint64_t now)
{
	return now >= r->at && now - r->at >= VZ_RETIRED_S;
}

unsigned
vz_identity_expire(struct vz_identity *id, uint64_t now)
{
	unsigned kept = 0, gone;

	for (unsigned i = 0; i < id->retired_len; i++)
		if (!too_old(&id->retired[i], now))
			id->retired[kept++] = id->retired[i];
	gone = id->retired_len - kept;
	vz_wipe(&id->retired[kept], gone * sizeof(id->retired[0]));
	id->retired_len = kept;
	return gone;
}

size_t
vz_identity_age_secrets(
    const struct vz_identity *id, uint64_t now, uint8_t out[static VZ_RETIRED_MAX + 1][32])
{
	size_t n = 0;

	memcpy(out[n++], id->age_secret, 32);
	for (unsigned i = 0; i < id->retired_len; i++)
		if (!too_old(&id->retired[i], now))
			memcpy(out[n++], id->retired[i].secret, 32);
	return n;
}

static void
retire(struct vz_identity *id, uint64_t now)
{
	memmove(&id->retired[1], &id->retired[0], id->retired_len * sizeof(id->retired[0]));
	id->retired[0].at = now;
	memcpy(id->retired[0].secret, id->age_secret, 32);
	id->retired_len++;
}

/* What the bundle is to be, unsigned. */
static int
next_bundle(const struct vz_identity *id, const uint8_t random[static VZ_ROTATED_RANDOM],
    uint64_t now, struct vz_bundle *fresh)
{
	unsigned kept = 0;

	*fresh = id->bundle;
	if (now < 1 || now > VZ_SERIAL_MAX)
		return VZ_EINVAL;
	for (unsigned i = 0; i < id->retired_len; i++)
		kept += !too_old(&id->retired[i], now);
	if (kept >= VZ_RETIRED_MAX || fresh->serial >= VZ_SERIAL_MAX)
		return VZ_EFULL;
	fresh->serial = fresh->serial + 1 > now ? fresh->serial + 1 : now;
	if (vz_x25519_public(random, fresh->noise) != 0 ||
	    vz_x25519_public(random + 32, fresh->age) != 0)
		return VZ_EAUTH;
	return 0;
}

int
vz_identity_rotate_by(struct vz_identity *id, const uint8_t random[static VZ_ROTATED_RANDOM],
    uint64_t now, vz_signer_fn *ask, void *arg)
{
	struct vz_signer signer = {id, ask, arg};
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_bundle fresh;
	int err = next_bundle(id, random, now, &fresh);

	if (err)
		return err;
	vz_bundle_encode(&fresh, bytes);
	err = vz_signer_sign_bytes(&signer, VZ_NS_BUNDLE, bytes, VZ_BUNDLE_SIGNED, fresh.sig);
	if (err)
		return err;
	(void)vz_identity_expire(id, now);
	retire(id, now);
	memcpy(id->noise_secret, random, 32);
	memcpy(id->age_secret, random + 32, 32);
	id->bundle = fresh;
	return 0;
}

int
vz_identity_rotate(
    struct vz_identity *id, const uint8_t random[static VZ_ROTATED_RANDOM], uint64_t now)
{
	return vz_identity_rotate_by(id, random, now, NULL, NULL);
}
