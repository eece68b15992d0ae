#include "cmd/vz-send/store.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/peer.h"
#include "cmd/vz-send/store_impl.h"
#include "cmd/vz-send/words.h"

#define FIRST_MS 250
#define MOST_MS  30000

int
store_open(struct run *r)
{
	int err = vz_mailbook_open(&r->book, r->me.state_dir);

	return err ? store_words_book(r, err) : 0;
}

/* The queue. */

struct parcel *
store_head(struct store *st)
{
	return st->count > 0 ? &st->queue[st->first] : NULL;
}

void
store_pop(struct store *st)
{
	struct parcel *p = &st->queue[st->first];

	st->held -= p->sealed.len;
	vz_buf_free(&p->sealed);
	memset(p, 0, sizeof(*p));
	st->first = (st->first + 1) % STORE_QUEUE;
	st->count--;
}

/* Of another connection nothing was said in this one. */
static void
unsay(struct store *st)
{
	for (unsigned i = 0; i < STORE_QUEUE; i++) {
		st->queue[i].asked = false;
		st->queue[i].sent = 0;
	}
}

/* Outcomes. */

void
store_fail(struct store *st, int status)
{
	if (st->status == 0)
		st->status = status;
	if (st->rlink)
		vz_rlink_close(st->rlink, 0, "");
}

void
store_failed(struct store *st, uint64_t item, int status, const char *words)
{
	struct lane *l = st->lane;
	struct item *it;

	if (l->batch) {
		batch_failed(l, item, status, words);
		return;
	}
	it = &l->items[item];
	if (words) {
		diag_error("%s: %s",
		    l->run->n_inputs > 1 ? input_shown(&l->run->inputs[item]) : l->link.shown,
		    words);
	}
	pump_cancel(l, it, status, words ? words : "");
}

static void
stored(struct store *st, const struct vz_relay_event *ev)
{
	struct parcel *p = store_head(st);
	struct lane *l = st->lane;
	bool away = l->run->options->store == STORE_AUTO;

	if (!p) {
		store_fail(st, VZ_EXIT_PROTOCOL);
		return;
	}
	store_words_stored(st, p, ev->duplicate);
	st->stored++;
	l->bytes += p->bytes;
	if (l->batch) {
		l->batch->delivered++;
		l->batch->stored++;
		l->batch->bytes += p->bytes;
		l->link.oldest = p->item + 1;
	} else {
		l->items[p->item].status = away ? VZ_EXIT_STORED : 0;
		l->items[p->item].state = ITEM_OVER;
	}
	store_pop(st);
	st->progressed = true;
}

static void
refused(struct store *st, const struct vz_relay_event *ev)
{
	struct parcel *p = store_head(st);
	char words[2048], all[2100];

	if (ev->of == VZ_RELAY_BUNDLE_WANTED || !p) {
		store_fail(st, store_words_no_bundle(st, ev));
		return;
	}
	verdict_words(ev->status, ev->bytes, ev->bytes_len, words);
	snprintf(all, sizeof(all), "the relay: %s", words);
	store_failed(st, p->item, ev->status ? ev->status : VZ_EXIT_PROTOCOL, all);
	if (st->lane->batch)
		st->lane->link.oldest = p->item + 1;
	store_pop(st);
	st->progressed = true;
}

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
	status = peer_check(k->me, &st->to, k->shown);
	if (status) {
		store_fail(st, status);
		return;
	}
	st->known = true;
	ready(st);
}

/* Sending. */

/* False: no more now. */
static bool
send_parcel(struct store *st, struct vz_relay_client *c, struct parcel *p)
{
	const uint8_t *bytes = vz_buf_ptr(&p->sealed);
	int64_t n = 0;
	int r;

	if (!p->asked) {
		if (vz_relay_client_missing(c) > 0)
			return false;
		r = vz_relay_client_deposit(
		    c, &st->lane->link.to.key, p->content, p->sealed.len, p->expires);
		if (r == VZ_EFULL)
			return false;
		if (r < 0) {
			n = r;
			goto failed;
		}
		p->asked = true;
		p->sent = 0;
	}
	if (p->sent < p->sealed.len)
		n = vz_relay_client_part(c, bytes + p->sent, p->sealed.len - p->sent);
	if (n < 0)
		goto failed;
	p->sent += (size_t)n;
	return p->sent == p->sealed.len;
failed:
	diag_error("%s: %s", st->lane->link.shown, diag_words((int)n));
	store_fail(st, vz_exit_of_peer((int)n));
	return false;
}

static void
pump_parcels(struct store *st)
{
	struct vz_relay_client *c = vz_rlink_client(st->rlink);

	for (unsigned i = 0; i < st->count; i++)
		if (!send_parcel(st, c, &st->queue[(st->first + i) % STORE_QUEUE]))
			return;
}

static void
on_turn(void *arg, struct vz_rlink *rlink)
{
	struct store *st = arg;

	(void)rlink;
	if (st->stage != STORE_READY || st->status || st->done || st->lane->run->signo)
		return;
	store_take(st);
	if (st->status == 0)
		pump_parcels(st);
	if (st->status == 0 && st->ended && st->count == 0) {
		st->done = true;
		vz_rlink_close(st->rlink, 0, "");
	}
}

/* The link. */

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
	status = peer_check(k->me, relay, shown);
	if (status) {
		st->status = status;
		return -1;
	}
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
	case VZ_RELAY_EVENT_DEPOSITED: stored(st, ev); break;
	case VZ_RELAY_EVENT_REFUSED: refused(st, ev); break;
	case VZ_RELAY_EVENT_CLOSE:
		via->status = ev->status;
		diag_escape(via->text, sizeof(via->text), ev->bytes, ev->bytes_len);
		break;
	default: break; /* ROOM: the turn goes on */
	}
}

static int dial(struct store *st);

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
	status = dial(st);
	if (status)
		over(st, status);
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
	st->lane->link.via.step = st->stage == STORE_DIALLING ? VIA_DIALLING
	    : st->stage == STORE_HANDSHAKE                    ? VIA_HANDSHAKE
							      : VIA_MATCH;
	if (!st->done && st->status == 0 && o->retry_ms > 0 && (st->known || o->retry_given) &&
	    st->stage != STORE_HANDSHAKE && may_pass(st, err)) {
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

static int
dial(struct store *st)
{
	struct link *k = &st->lane->link;
	struct vz_relay_limits limits;
	struct vz_rlink_config c;
	int err;

	via_config(k, &limits, &c);
	c.handler = &handler;
	c.arg = st;
	k->began_us = link_clock_us();
	k->via = (struct via){.step = VIA_DIALLING};
	st->stage = STORE_DIALLING;
	unsay(st);
	err = vz_rlink_new(k->loop, &c, &st->rlink);
	if (!err)
		return 0;
	diag_error("%s: %s", k->shown, diag_words(err));
	return vz_exit_of(err);
}

int
store_start(struct lane *l)
{
	struct store *st = calloc(1, sizeof(*st));

	if (!st) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		return VZ_EXIT_OSERR;
	}
	st->lane = l;
	vz_buf_init(&st->body, VZ_RELAY_MAIL_MAX);
	l->store = st;
	l->link.oldest = 0;
	if (l->batch && l->batch->began_us == 0)
		l->batch->began_us = link_clock_us();
	return dial(st);
}

void
store_kick(struct lane *l)
{
	if (l->store->rlink)
		vz_rlink_kick(l->store->rlink);
}

void
store_free(struct store *st)
{
	if (!st)
		return;
	vz_rlink_drop(st->rlink);
	vz_timer_stop(st->lane->run->loop, &st->again);
	while (st->count > 0)
		store_pop(st);
	vz_buf_free(&st->body);
	free(st);
}
