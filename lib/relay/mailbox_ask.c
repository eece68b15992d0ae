/* The requests of a connection: begun and answered in the order in which they were asked. */
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "relay/mailbox_impl.h"

/* Outcomes. */

void
vz_mailbox_refuse(
    struct vz_mailbox_request *r, enum vz_mailbox_reason why, uint8_t status, const char *words)
{
	r->box->stats.refused[why]++;
	r->state = VZ_MAILBOX_DONE;
	r->status = status;
	r->words = words;
	if (r->ev.type == VZ_RELAY_EVENT_DEPOSIT)
		vz_mailbox_deposit_over(r);
}

static void
refuse_full(struct vz_mailbox_request *r, enum vz_store_full full)
{
	switch (full) {
	case VZ_STORE_FULL_MAILBOX:
		vz_mailbox_refuse(r, VZ_MAILBOX_FULL_MAILBOX, 75, "this mailbox is full");
		break;
	case VZ_STORE_FULL_DEPOSITOR:
		vz_mailbox_refuse(
		    r, VZ_MAILBOX_FULL_DEPOSITOR, 75, "too much of this key is kept here");
		break;
	case VZ_STORE_FULL_STORE:
		vz_mailbox_refuse(r, VZ_MAILBOX_FULL_STORE, 75, "this relay keeps no more");
		break;
	case VZ_STORE_FULL_DISK:
		vz_mailbox_refuse(r, VZ_MAILBOX_FULL_DISK, 75, "this relay's disk is full");
		break;
	default: vz_mailbox_refuse(r, VZ_MAILBOX_BUSY, 75, "this relay is busy");
	}
}

void
vz_mailbox_refuse_for(struct vz_mailbox_request *r, int err, enum vz_store_full full)
{
	switch (err) {
	case VZ_EFULL: refuse_full(r, full); break;
	case VZ_ENOMEM: refuse_full(r, VZ_STORE_NOT_FULL); break;
	case VZ_ENOTFOUND:
		vz_mailbox_refuse(r, VZ_MAILBOX_UNKNOWN, 69,
		    r->ev.type == VZ_RELAY_EVENT_BUNDLE_WANTED
			? "no bundle of that key is known here"
			: "no such message waits here");
		break;
	case VZ_EEXPIRED:
		vz_mailbox_refuse(r, VZ_MAILBOX_EXPIRED, 65, "past its time already");
		break;
	case VZ_ELIMIT:
		vz_mailbox_refuse(
		    r, VZ_MAILBOX_LIMIT, 77, "longer, or for longer, than what is kept here");
		break;
	case VZ_EAUTH:
		vz_mailbox_refuse(
		    r, VZ_MAILBOX_HASH, 65, "the bytes are not those that were announced");
		break;
	case VZ_EDENIED:
		vz_mailbox_refuse(r, VZ_MAILBOX_DENIED, 77, "this key may not deposit that here");
		break;
	default: vz_mailbox_refuse(r, VZ_MAILBOX_BROKEN, 71, "this relay's store has failed");
	}
}

/* Bundles and removals. */

static void
have_bundle(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_request *r = arg;

	r->op = NULL;
	if (a->err == 0 && a->len == sizeof(r->bundle)) {
		memcpy(r->bundle, a->bytes, a->len);
		r->box->stats.bundles_given++;
		r->state = VZ_MAILBOX_DONE;
	} else {
		vz_mailbox_refuse_for(r, a->err != 0 ? a->err : VZ_EFORMAT, a->full);
	}
	vz_mailbox_go_on(r->client);
}

static void
removed(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_request *r = arg;

	r->op = NULL;
	if (a->err == 0) {
		r->box->stats.removed++;
		r->state = VZ_MAILBOX_DONE;
	} else {
		vz_mailbox_refuse_for(r, a->err, a->full);
	}
	vz_mailbox_go_on(r->client);
}

static void
start(struct vz_mailbox_request *r)
{
	struct vz_store *s = r->box->config.store;
	const struct vz_key *own = &vz_relay_serve_peer(r->client->serve)->identity;
	int err = 0;

	r->state = VZ_MAILBOX_RUNS;
	switch (r->ev.type) {
	case VZ_RELAY_EVENT_BUNDLE_WANTED:
		err = vz_store_get_bundle(s, &r->ev.key, have_bundle, r, &r->op);
		break;
	case VZ_RELAY_EVENT_TAKEN:
		err = vz_store_remove(s, own, r->ev.number, removed, r, &r->op);
		break;
	case VZ_RELAY_EVENT_NEXT: vz_mailbox_collect_start(r); break;
	default: vz_mailbox_deposit_start(r);
	}
	if (err < 0)
		vz_mailbox_refuse_for(r, err, VZ_STORE_NOT_FULL);
}

/* The order. */

/* Several of these may be in the store at once: each has one answer of it, in their order. */
static bool
quick(const struct vz_mailbox_request *r)
{
	return r->ev.type == VZ_RELAY_EVENT_TAKEN ||
	    (r->ev.type == VZ_RELAY_EVENT_DEPOSIT && r->ev.size <= VZ_STORE_CHUNK);
}

/* Begins what may begin, and hands on the bytes that came; true when an outcome may be there. */
static bool
advance(struct vz_mailbox_client *c)
{
	bool begun = false;

	for (struct vz_mailbox_request *r = c->first; r != NULL; r = r->next) {
		if (r->state == VZ_MAILBOX_WAITS) {
			if (r != c->first && !quick(r))
				break;
			start(r);
			begun = true;
		}
		if (r->state == VZ_MAILBOX_RUNS && r->ev.type == VZ_RELAY_EVENT_NEXT)
			vz_mailbox_collect_more(r);
		if (r->state == VZ_MAILBOX_RUNS && r->ev.type == VZ_RELAY_EVENT_DEPOSIT &&
		    !vz_mailbox_deposit_feed(r))
			break;
		if (!quick(r))
			break;
	}
	return begun || (c->first != NULL && c->first->state == VZ_MAILBOX_DONE);
}

static int
answer(struct vz_relay_serve *s, const struct vz_mailbox_request *r)
{
	if (r->answered)
		return 0;
	if (r->status != 0)
		return vz_relay_serve_refused(s, r->status, r->words);
	switch (r->ev.type) {
	case VZ_RELAY_EVENT_BUNDLE_WANTED:
		return vz_relay_serve_bundle(s, r->bundle, sizeof(r->bundle));
	case VZ_RELAY_EVENT_DEPOSIT: return vz_relay_serve_deposited(s, r->seq, r->duplicate);
	case VZ_RELAY_EVENT_TAKEN: return vz_relay_serve_removed(s, r->ev.number);
	default: return vz_relay_serve_nothing(s);
	}
}

static int
answer_all(struct vz_mailbox_client *c)
{
	struct vz_mailbox_request *r;
	int err = 0;

	while (err == 0 && (r = c->first) != NULL && r->state == VZ_MAILBOX_DONE) {
		if (c->box->config.answered != NULL)
			c->box->config.answered(
			    c->box->config.ctx, c, &r->ev, r->status, r->words, r->seq);
		err = answer(c->serve, r);
		if ((c->first = r->next) == NULL)
			c->last = &c->first;
		free(r);
	}
	return err;
}

void
vz_mailbox_go_on(struct vz_mailbox_client *c)
{
	int err = c->refused ? VZ_ECLOSED : 0;

	while (err == 0 && (err = answer_all(c)) == 0 && advance(c))
		;
	/* Without memory for an answer the order is lost. */
	if (err < 0)
		c->refused = true;
	if (c->held.len == 0)
		vz_buf_free(&c->held);
	c->box->config.touched(c->box->config.ctx, c);
}

static int
append(struct vz_mailbox *m, struct vz_mailbox_client *c, const struct vz_relay_event *ev)
{
	struct vz_mailbox_request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return VZ_ENOMEM;
	if (c->box == NULL) {
		c->box = m;
		vz_buf_init(&c->held, VZ_RELAY_ROOM_MAX);
	}
	if (c->first == NULL)
		c->last = &c->first;
	r->box = m;
	r->client = c;
	r->ev = *ev;
	r->ev.bytes = NULL; /* borrowed */
	*c->last = r;
	c->last = &r->next;
	return 0;
}

void
vz_mailbox_request(
    struct vz_mailbox *m, struct vz_mailbox_client *c, const struct vz_relay_event *ev)
{
	if (c->refused)
		return;
	if (ev->type == VZ_RELAY_EVENT_PART) {
		struct vz_mailbox_request *r = c->first;

		while (r != NULL && r->next != NULL)
			r = r->next;
		if (r == NULL || r->ev.type != VZ_RELAY_EVENT_DEPOSIT)
			return;
		vz_mailbox_deposit_part(r, ev->bytes, ev->bytes_len);
	} else if (append(m, c, ev) < 0) {
		c->box = m;
		vz_mailbox_close(c, VZ_MAILBOX_BUSY, 75, "this relay is out of memory");
		return;
	}
	vz_mailbox_go_on(c);
}

void
vz_mailbox_drained(struct vz_mailbox_client *c)
{
	const struct vz_mailbox_request *r = c->first;

	if (r != NULL && r->ev.type == VZ_RELAY_EVENT_NEXT && r->entered && r->op == NULL &&
	    !vz_relay_serve_stuck(c->serve))
		vz_mailbox_go_on(c);
}

bool
vz_mailbox_busy(const struct vz_mailbox_client *c)
{
	return c->first != NULL;
}
