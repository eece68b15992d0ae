/*
 * Bodies of messages that are to be stored: whole files, all of standard input or of a command's
 * output, or items of it.
 */
#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/store_impl.h"

#define AHEAD (256u * 1024)

static bool
has_room(const struct store *st)
{
	return st->count < STORE_QUEUE && st->held < STORE_HELD;
}

static void
begin_body(struct store *st)
{
	vz_buf_clear(&st->body);
	st->too_long = false;
}

static void
add(struct store *st, const uint8_t *p, size_t n)
{
	if (n > VZ_RELAY_MAIL_MAX - st->body.len)
		st->too_long = true;
	if (st->too_long || vz_buf_put(&st->body, p, n) == 0)
		return;
	diag_error("%s", diag_words(VZ_ENOMEM));
	store_fail(st, VZ_EXIT_OSERR);
}

/* One message from each input. */

/* The input that is read now, or NULL: none is there, or no more. */
static struct item *
current(struct store *st)
{
	struct lane *l = st->lane;
	struct item *it;

	for (; l->cur < l->run->n_inputs; l->cur++) {
		struct input *in = &l->run->inputs[l->cur];

		it = &l->items[l->cur];
		if (it->state == ITEM_WAITING) {
			/* A command's output has no path: it comes when the command is started. */
			if (!in->path && !in->source)
				return NULL;
			it->status = input_open(in, l->index);
			it->state = it->status ? ITEM_OVER : ITEM_OPENED;
			it->began_us = link_clock_us();
		}
		if (it->state != ITEM_OVER)
			return it;
		begin_body(st);
	}
	st->ended = true;
	return NULL;
}

static void
leave(struct store *st)
{
	struct lane *l = st->lane;

	input_leave(&l->run->inputs[l->cur], l->index);
	l->cur++;
	begin_body(st);
}

void
store_too_long(struct store *st, uint64_t item)
{
	store_words_too_long(st, item);
	store_failed(st, item, VZ_EXIT_REFUSED,
	    st->lane->batch ? "longer than what is kept for a host that is away" : NULL);
}

static void
broke(struct store *st, struct item *it, int err)
{
	struct lane *l = st->lane;

	pump_cancel(l, it, input_failed(&l->run->inputs[l->cur], err), "reading the input failed");
}

static void
copy(struct store *st, struct item *it)
{
	struct lane *l = st->lane;
	struct input *in = &l->run->inputs[l->cur];
	const uint8_t *p;
	uint64_t have;
	size_t n;

	while ((have = vz_source_end(in->source) - it->sent) > 0 &&
	    (n = vz_source_peek(in->source, it->sent, &p)) > 0) {
		if (n > have)
			n = (size_t)have;
		add(st, p, n);
		it->sent += n;
	}
	input_release(in, l->index, it->sent);
}

/* It was read to its end, and is what it was. */
static void
whole(struct store *st, struct item *it)
{
	struct lane *l = st->lane;
	struct input *in = &l->run->inputs[l->cur];
	int err = vz_source_verify(in->source);

	if (err)
		broke(st, it, err);
	else if (store_seal(st, l->cur, in->name ? in->name : "") > 0)
		leave(st);
}

/* True when it makes sense to look again at once. */
static bool
take_input(struct store *st)
{
	struct item *it = current(st);
	struct lane *l = st->lane;
	struct input *in;
	uint64_t length, before;
	int got;

	if (!it)
		return false;
	in = &l->run->inputs[l->cur];
	before = it->sent;
	length = vz_source_length(in->source);
	st->too_long |= length != VZ_LENGTH_UNKNOWN && length > VZ_RELAY_MAIL_MAX;
	got = st->too_long ? 0 : input_fill(in, l->index, it->sent + AHEAD);
	if (got < 0) {
		broke(st, it, got);
		return true;
	}
	if (!st->too_long)
		copy(st, it);
	if (st->too_long) {
		store_too_long(st, l->cur);
		return true;
	}
	if (got == VZ_SOURCE_END && it->sent == vz_source_end(in->source)) {
		whole(st, it);
		return true;
	}
	if (got == VZ_SOURCE_FULL && it->sent == before)
		slow_check(l->run);
	return it->sent > before;
}

/* Items of one input. */

static void
end_items(struct store *st)
{
	st->ended = true;
	input_leave(&st->lane->run->inputs[0], st->lane->index);
}

static void
malformed(struct store *st)
{
	struct lane *l = st->lane;
	struct input *in = &l->run->inputs[0];

	if (!in->status)
		diag_error("%s: the frame at byte %llu is cut short", input_shown(in),
		    (unsigned long long)cut_item(&l->batch->cut));
	in->status = VZ_EXIT_DATA;
	batch_failed(l, l->batch->count, VZ_EXIT_DATA, NULL);
	end_items(st);
}

static void
item_over(struct store *st)
{
	st->lane->batch->count++;
	begin_body(st);
}

static void
take_piece(struct store *st, const struct piece *p)
{
	struct batch *b = st->lane->batch;

	if (p->first) {
		begin_body(st);
		st->too_long = p->length != VZ_LENGTH_UNKNOWN && p->length > VZ_RELAY_MAIL_MAX;
	}
	if (p->len > 0)
		add(st, p->p, p->len);
	if (!p->first)
		cut_took(&b->cut, p, p->len);
	if (!p->last)
		return;
	if (st->too_long)
		store_too_long(st, b->count);
	else if (store_seal(st, b->count, "") == 0)
		return;
	item_over(st);
}

static bool
take_items(struct store *st)
{
	struct lane *l = st->lane;
	struct input *in = &l->run->inputs[0];
	uint64_t before = cut_offset(&l->batch->cut);
	struct piece p;
	int got = in->source ? input_fill(in, l->index, before + AHEAD) : VZ_EINVAL, r = 0;

	if (got < 0) {
		batch_failed(l, l->batch->count, input_failed(in, got), NULL);
		end_items(st);
		return false;
	}
	while (has_room(st) && st->status == 0 && !st->sealing &&
	    (r = cut_next(&l->batch->cut, in->source, got == VZ_SOURCE_END, &p)) > 0)
		take_piece(st, &p);
	if (r < 0)
		malformed(st);
	else if (r == 0 && got == VZ_SOURCE_END && has_room(st))
		end_items(st);
	if (st->ended)
		return false;
	input_release(in, l->index, cut_offset(&l->batch->cut));
	if (got == VZ_SOURCE_FULL && cut_offset(&l->batch->cut) == before)
		slow_check(l->run);
	return cut_offset(&l->batch->cut) > before;
}

/* The signature was awaited. True: it is there, and what it was for is over. */
static bool
go_on(struct store *st)
{
	int r = store_seal_go_on(st);

	if (r > 0 && st->lane->batch)
		item_over(st);
	else if (r > 0)
		leave(st);
	return r > 0;
}

void
store_take(struct store *st)
{
	bool moved = true;

	while (moved && !st->ended && st->status == 0 && has_room(st)) {
		if (st->sealing)
			moved = go_on(st);
		else
			moved = st->lane->batch ? take_items(st) : take_input(st);
	}
}
