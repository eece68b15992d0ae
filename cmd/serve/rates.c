#include "cmd/serve/rates.h"

/* Reconnecting must not fill a bucket. */
static void
set_bucket(bool *counts, struct vz_bucket *b, bool wanted, const struct vz_bucket *fresh)
{
	if (wanted && (!*counts || !vz_bucket_alike(b, fresh)))
		*b = *fresh;
	*counts = wanted;
}

bool
rates_granted(const struct vz_grant *g)
{
	struct vz_bucket unused;

	return vz_grant_messages(g, &unused) || vz_grant_bytes(g, &unused);
}

bool
rates_set(struct rates *r, const struct vz_grant *g)
{
	struct vz_bucket fresh;

	set_bucket(&r->counts_messages, &r->messages, vz_grant_messages(g, &fresh), &fresh);
	set_bucket(&r->counts_bytes, &r->bytes, vz_grant_bytes(g, &fresh), &fresh);
	return r->counts_messages || r->counts_bytes;
}
