/* Whom the mailboxes belong to: listeners, their bundles, and notices of mail. */
#include "relay/mailbox.h"
#include <stdlib.h>
#include "base/err.h"
#include "relay/mailbox_impl.h"
#include "relay/match.h"

int
vz_mailbox_new(struct vz_mailbox **out, const struct vz_mailbox_config *config)
{
	struct vz_mailbox *m;

	*out = NULL;
	if (config->store == NULL || config->touched == NULL || config->now == NULL)
		return VZ_EINVAL;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return VZ_ENOMEM;
	m->config = *config;
	if (m->config.listeners == 0)
		m->config.listeners = VZ_MATCH_LISTENERS;
	if (m->config.ttl == 0)
		m->config.ttl = VZ_MAILBOX_TTL;
	vz_keymap_init(&m->listeners, m->config.listeners, config->seed);
	*out = m;
	return 0;
}

void
vz_mailbox_free(struct vz_mailbox *m)
{
	if (m == NULL)
		return;
	while (m->orphans != NULL)
		vz_mailbox_orphan_free(m->orphans);
	if (m->sweeps != NULL)
		vz_store_forget(m->sweeps);
	vz_keymap_free(&m->listeners);
	free(m);
}

static const struct vz_key *
identity(const struct vz_mailbox_client *c)
{
	return &vz_relay_serve_peer(c->serve)->identity;
}

void
vz_mailbox_close(
    struct vz_mailbox_client *c, enum vz_mailbox_reason why, uint8_t status, const char *words)
{
	c->box->stats.refused[why]++;
	c->refused = true;
	c->status = status;
	c->words = words;
	(void)vz_relay_serve_close(c->serve, status, words); /* or it is hung up on */
	c->box->config.touched(c->box->config.ctx, c);
}

/* Notices. */

static void
tell(struct vz_mailbox_client *c)
{
	if (c->refused || vz_relay_serve_mail(c->serve) < 0)
		return;
	c->box->stats.notices++;
	c->box->config.touched(c->box->config.ctx, c);
}

void
vz_mailbox_notify(struct vz_mailbox *m, const struct vz_key *recipient)
{
	struct vz_mailbox_client *c = vz_keymap_get(&m->listeners, recipient);

	if (c != NULL)
		tell(c);
}

static void
looked(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_client *c = arg;

	c->looks = NULL;
	/* Who cannot be told for sure may see for itself. */
	if (a->err != 0 || a->count > 0)
		tell(c);
}

/* Registrations. */

static void
kept(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_client *c = arg;

	c->keeps = NULL;
	switch (a->err) {
	case 0: c->box->stats.bundles_kept++; break;
	case VZ_EROLLBACK:
		vz_mailbox_close(
		    c, VZ_MAILBOX_BUNDLE, 77, "an older bundle of this key than one already seen");
		break;
	case VZ_ECLASH:
		vz_mailbox_close(c, VZ_MAILBOX_BUNDLE, 77, "two hosts share this identity");
		break;
	case VZ_EFULL: c->box->stats.refused[VZ_MAILBOX_FULL_STORE]++; break;
	default: c->box->stats.refused[VZ_MAILBOX_BROKEN]++;
	}
}

static int
keep_bundle(struct vz_mailbox_client *c)
{
	const struct vz_bundle *b = vz_relay_serve_peer(c->serve);
	uint8_t bytes[VZ_BUNDLE_LEN];

	vz_bundle_encode(b, bytes);
	return vz_store_put_bundle(c->box->config.store, &b->identity, b->serial, bytes,
	    sizeof(bytes), kept, c, &c->keeps);
}

void
vz_mailbox_registered(struct vz_mailbox *m, struct vz_mailbox_client *c)
{
	const struct vz_key *who = identity(c);
	int r;

	if (c->refused || c->listens)
		return;
	c->box = m;
	vz_keymap_remove(&m->listeners, who);
	c->listens = vz_keymap_add(&m->listeners, who, c) == 0;
	if ((r = keep_bundle(c)) == 0)
		r = vz_store_list(
		    m->config.store, who, 0, m->config.now(m->config.ctx), 1, looked, c, &c->looks);
	if (r < 0)
		vz_mailbox_close(c, VZ_MAILBOX_BUSY, 75, "this relay is busy");
}

void
vz_mailbox_gone(struct vz_mailbox_client *c)
{
	struct vz_mailbox_request *r;

	if (c->box == NULL)
		return;
	while ((r = c->first) != NULL) {
		c->first = r->next;
		if (r->op != NULL)
			vz_store_forget(r->op);
		if (!vz_mailbox_deposit_orphan(r))
			free(r);
	}
	if (c->keeps != NULL)
		vz_store_forget(c->keeps);
	if (c->looks != NULL)
		vz_store_forget(c->looks);
	if (c->listens && vz_keymap_get(&c->box->listeners, identity(c)) == c)
		vz_keymap_remove(&c->box->listeners, identity(c));
	vz_buf_free(&c->held);
	c->keeps = c->looks = NULL;
	c->listens = false;
	c->refused = true;
	c->box = NULL;
}

/* Cleaning up. */

static void sweep_slice(struct vz_mailbox *m);

static void
swept(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox *m = arg;

	m->sweeps = NULL;
	m->stats.swept += a->count;
	if (a->err == 0 && a->more)
		sweep_slice(m);
}

static void
sweep_slice(struct vz_mailbox *m)
{
	(void)vz_store_sweep(m->config.store, m->config.now(m->config.ctx), VZ_STORE_SWEEP_MAX,
	    swept, m, &m->sweeps); /* a busy store is swept the next time */
}

void
vz_mailbox_sweep(struct vz_mailbox *m)
{
	if (m->sweeps == NULL)
		sweep_slice(m);
}

const struct vz_mailbox_stats *
vz_mailbox_stats(const struct vz_mailbox *m)
{
	return &m->stats;
}

const char *
vz_mailbox_reason_name(enum vz_mailbox_reason r)
{
	static const char *const names[VZ_MAILBOX_REASONS] = {
	    [VZ_MAILBOX_FULL_MAILBOX] = "mailbox_full",
	    [VZ_MAILBOX_FULL_DEPOSITOR] = "depositor_full",
	    [VZ_MAILBOX_FULL_STORE] = "store_full",
	    [VZ_MAILBOX_FULL_DISK] = "disk_full",
	    [VZ_MAILBOX_BUSY] = "busy",
	    [VZ_MAILBOX_UNKNOWN] = "unknown",
	    [VZ_MAILBOX_HASH] = "hash",
	    [VZ_MAILBOX_EXPIRED] = "expired",
	    [VZ_MAILBOX_LIMIT] = "limit",
	    [VZ_MAILBOX_DENIED] = "denied",
	    [VZ_MAILBOX_BUNDLE] = "bundle",
	    [VZ_MAILBOX_BROKEN] = "broken",
	};

	return r < VZ_MAILBOX_REASONS ? names[r] : "unknown";
}
