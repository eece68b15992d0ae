/*
 * The connection on which a lane stores: to the relay, there to the recipient's bundle, and again
 * after a break.
 */
#include <sodium.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/peer.h"
#include "cmd/vz-send/store_impl.h"
#include "cmd/vz-send/words.h"

#define FIRST_MS 250
#define MOST_MS  30000

static void
ready(struct store *st)
{
	struct run *r = st->lane->run;

	st->stage = STORE_READY;
	st->tries = 0;
	if (r->options->command)
		command_start(r);
}

/* It certifies itself; whether it is the latest is for our memory to say. */
static void
on_bundle(struct store *st, const struct vz_relay_event *ev)
{
	struct link *k = &st->lane->link;
	int status;

	if (vz_bundle_parse(ev->bytes, ev->bytes_len, &st->to) != 0) {
		store_fail(st, VZ_EXIT_PROTOCOL);
		return;
	}
	status = peer_check(k, &st->to, k->shown);
	if (status) {
		store_fail(st, status);
		return;
	}
	st->known = true;
	ready(st);
}

static void
on_turn(void *arg, struct vz_rlink *rlink)
{
	(void)rlink;
	store_turn(arg);
}

static void
on_connected(void *arg, struct vz_rlink *rlink)
{
	struct store *st = arg;

	(void)rlink;
	st->stage = STORE_HANDSHAKE;
	words_connected(&st->lane->link);
}

static int
on_peer(void *arg, struct vz_rlink *rlink, const struct vz_bundle *relay)
{
	struct store *st = arg;
	struct link *k = &st->lane->link;
	char shown[sizeof(k->shown) + 16];
	int status;

	snprintf(shown, sizeof(shown), "%s: the relay", k->shown);
	status = peer_check(k, relay, shown);
	if (status) {
		st->status = status;
		return -1;
	}
	st->met = true;
	if (st->known) {
		ready(st);
		return 0;
	}
	st->stage = STORE_BUNDLE;
	words_relay(k);
	return vz_relay_client_bundle(vz_rlink_client(rlink), &k->to.key);
}

static void
on_event(void *arg, struct vz_rlink *rlink, const struct vz_relay_event *ev)
{
	struct store *st = arg;
	struct via *via = &st->lane->link.via;

	(void)rlink;
	switch (ev->type) {
	case VZ_RELAY_EVENT_BUNDLE: on_bundle(st, ev); break;
	case VZ_RELAY_EVENT_DEPOSITED: store_deposited(st, ev); break;
	case VZ_RELAY_EVENT_REFUSED: store_refused(st, ev); break;
	case VZ_RELAY_EVENT_CLOSE:
		via->status = ev->status;
		diag_escape(via->text, sizeof(via->text), ev->bytes, ev->bytes_len);
		break;
	default: break; /* ROOM: the turn goes on */
	}
}

static void
over(struct store *st, int status)
{
	st->stage = STORE_OVER;
	if (status == 0 && st->stored > 0)
		store_words_away(st);
	lane_over(st->lane, status);
}

static void
on_time(struct vz_loop *l, struct vz_timer *t)
{
	struct store *st = t->arg;
	int status;

	(void)l;
	status = store_dial(st);
	if (status)
		over(st, status);
}

/* What has never been a relay is not tried again because of what it answers (DESIGN 8). */
static bool
worth_another(const struct store *st)
{
	return st->met || (st->lane->run->options->retry_given && st->stage != STORE_HANDSHAKE);
}

/* What may be otherwise next time: a break, or a relay that ends or is busy. */
static bool
may_pass(const struct store *st, int err)
{
	uint8_t said = st->lane->link.via.status;

	return err == VZ_ECUT || err == VZ_ETIMEOUT || err == VZ_ESYSTEM || err == VZ_ENOTFOUND ||
	    (err == 0 && (said == VZ_EXIT_OK || said == VZ_EXIT_TEMPFAIL));
}

/* False: the time for that is over, which was said. */
static bool
later(struct store *st, int err, int sys_errno)
{
	const struct send_options *o = st->lane->run->options;
	struct vz_loop *loop = st->lane->run->loop;
	uint64_t now = vz_loop_now(loop), delay, left;

	if (st->progressed || !st->was_lost) {
		st->progressed = false;
		st->was_lost = true;
		st->tries = 0;
		st->lost_at = now;
	}
	if (now - st->lost_at >= o->retry_ms) {
		st->status = words_given_up(&st->lane->link, err ? err : VZ_ECLOSED, sys_errno);
		return false;
	}
	left = o->retry_ms - (now - st->lost_at);
	delay = st->tries < 7 ? (uint64_t)FIRST_MS << st->tries : MOST_MS;
	delay = delay / 2 + randombytes_uniform((uint32_t)delay + 1);
	if (delay > left)
		delay = left;
	st->tries++;
	words_lost(&st->lane->link, err ? err : VZ_ECLOSED, sys_errno, delay);
	st->again = (struct vz_timer){.fn = on_time, .arg = st};
	if (vz_timer_set(loop, &st->again, delay) == 0)
		return true;
	diag_error("%s", diag_words(VZ_ENOMEM));
	st->status = VZ_EXIT_OSERR;
	return false;
}

static void
on_ended(void *arg, struct vz_rlink *rlink, int err, int sys_errno, enum vz_dial_step step)
{
	struct store *st = arg;
	const struct send_options *o = st->lane->run->options;

	(void)rlink;
	st->rlink = NULL;
	link_give_back(&st->lane->link);
	st->lane->link.via.step = st->stage == STORE_DIALLING ? VIA_DIALLING
	    : st->stage == STORE_HANDSHAKE                    ? VIA_HANDSHAKE
							      : VIA_MATCH;
	if (!st->done && st->status == 0 && o->retry_ms > 0 && worth_another(st) &&
	    may_pass(st, err)) {
		if (later(st, err, sys_errno))
			return;
	} else if (!st->done && st->status == 0) {
		st->status = store_words_failed(st, err, sys_errno, step);
	}
	over(st, st->status);
}

static const struct vz_rlink_handler handler = {
    .connected = on_connected,
    .peer = on_peer,
    .event = on_event,
    .turn = on_turn,
    .ended = on_ended,
};

int
store_dial(struct store *st)
{
	struct link *k = &st->lane->link;
	struct vz_relay_limits limits;
	struct vz_rlink_config c;
	int err;

	link_borrow(k);
	via_config(k, &limits, &c);
	c.handler = &handler;
	c.arg = st;
	k->began_us = link_clock_us();
	k->via = (struct via){.step = VIA_DIALLING};
	st->stage = STORE_DIALLING;
	store_unsay(st);
	err = vz_rlink_new(k->loop, &c, &st->rlink);
	if (!err)
		return 0;
	diag_error("%s: %s", k->shown, diag_words(err));
	return vz_exit_of(err);
}
