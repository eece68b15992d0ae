#include "cmd/vz-send/store.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/store_impl.h"

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
void
store_unsay(struct store *st)
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

void
store_deposited(struct store *st, const struct vz_relay_event *ev)
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

void
store_refused(struct store *st, const struct vz_relay_event *ev)
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
	store_words_too_much(st, ev->status);
	if (st->lane->batch)
		st->lane->link.oldest = p->item + 1;
	store_pop(st);
	st->progressed = true;
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

void
store_turn(struct store *st)
{
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
	return store_dial(st);
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
	store_seal_drop(st);
	while (st->count > 0)
		store_pop(st);
	vz_buf_free(&st->body);
	free(st);
}
