/* Collecting: a message on its way from the store to its recipient, no faster than that one reads.
 */
#include <string.h>
#include "base/err.h"
#include "relay/mailbox_impl.h"

/* It is answered with all that there is to answer with. */
static void
done(struct vz_mailbox_request *r)
{
	r->state = VZ_MAILBOX_DONE;
	r->answered = true;
	r->box->stats.collected++;
	r->box->stats.collected_bytes += r->ev.size;
}

/* More or less than the entry said is damage, too. */
static int
judge(const struct vz_mailbox_request *r, const struct vz_store_answer *a)
{
	if (a->err != 0)
		return a->err;
	return a->len == 0 || a->len > r->ev.size - r->offset ? VZ_EFORMAT : 0;
}

static void
have_chunk(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_request *r = arg;
	struct vz_mailbox_client *c = r->client;
	int err = judge(r, a);

	r->op = NULL;
	/* It may have been taken by another, or been swept, in the middle. */
	if (err < 0)
		vz_mailbox_refuse_for(r, err, a->full);
	for (size_t at = 0, n; err == 0 && at < a->len && !c->refused; at += n) {
		n = a->len - at < VZ_RELAY_CHUNK ? a->len - at : VZ_RELAY_CHUNK;
		c->refused = vz_relay_serve_piece(c->serve, a->bytes + at, n) < 0;
	}
	if (err == 0 && (r->offset += a->len) == r->ev.size)
		done(r);
	vz_mailbox_go_on(c);
}

void
vz_mailbox_collect_more(struct vz_mailbox_request *r)
{
	int err;

	if (!r->entered || r->op != NULL || vz_relay_serve_stuck(r->client->serve))
		return;
	err = vz_store_read(r->box->config.store, &vz_relay_serve_peer(r->client->serve)->identity,
	    r->ev.number, r->offset, have_chunk, r, &r->op);
	if (err < 0)
		vz_mailbox_refuse_for(r, err, VZ_STORE_NOT_FULL);
}

static void
have_entry(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_request *r = arg;
	struct vz_mailbox_client *c = r->client;
	const struct vz_store_entry *e = a->entries;

	r->op = NULL;
	if (a->err != 0) {
		vz_mailbox_refuse_for(r, a->err, a->full);
	} else if (a->count == 0) {
		r->state = VZ_MAILBOX_DONE;
	} else {
		r->ev.number = e->seq;
		r->ev.key = e->depositor;
		r->ev.size = e->size;
		r->ev.deposited = e->deposited;
		r->ev.expires = e->expires;
		memcpy(r->ev.content, e->content, sizeof(r->ev.content));
		r->entered = true;
		if (vz_relay_serve_entry(c->serve, &r->ev) < 0)
			c->refused = true;
	}
	vz_mailbox_go_on(c);
}

void
vz_mailbox_collect_start(struct vz_mailbox_request *r)
{
	const struct vz_mailbox_config *config = &r->box->config;
	int err = vz_store_list(config->store, &vz_relay_serve_peer(r->client->serve)->identity,
	    r->ev.number, config->now(config->ctx), 1, have_entry, r, &r->op);

	if (err < 0)
		vz_mailbox_refuse_for(r, err, VZ_STORE_NOT_FULL);
}
