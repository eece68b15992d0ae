#include "cmd/vz-send/batch.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/answers.h"
#include "cmd/vz-send/send.h"
#include "wire/frame.h"

#define AHEAD (256u * 1024) /* read at once, and ahead of what is sent */

#define TOO_LONG "longer than what is taken there"

struct batch *
batch_new(enum vz_items_mode mode, uint64_t in_flight)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	cut_init(&b->cut, mode);
	again_init(&b->again, mode);
	b->in_flight = in_flight;
	return b;
}

void
batch_ready(struct lane *l, const struct vz_event *ev)
{
	struct batch *b = l->batch;

	b->max_size = ev->max_size;
	if (b->began_us == 0)
		b->began_us = link_clock_us();
	if (ev->attempt > 0)
		again_resume(l);
}

static struct input *
input_of(const struct lane *l)
{
	return &l->run->inputs[0];
}

static uint8_t
kind_of(const struct lane *l)
{
	return l->run->options->reply ? VZ_KIND_ASK : VZ_KIND_SEND;
}

/* Failures. */

/* A million items that are refused one by one must not be a million lines. */
static void
say_failed(struct lane *l, uint64_t number, const char *words)
{
	struct batch *b = l->batch;
	unsigned long long n = (unsigned long long)number + 1;

	if (b->told++ < TOLD_MAX || l->run->options->common.level > 0)
		diag_error("%s: message %llu: %s", l->link.shown, n, words);
	else if (b->told == TOLD_MAX + 1)
		diag_error("%s: more messages failed (-v tells each)", l->link.shown);
}

static void
failed_event(const struct lane *l, uint64_t number, int status, const char *words)
{
	struct vz_json *j;
	char id[64];

	if (l->batch->told > TOLD_MAX && l->run->options->common.level <= 0)
		return;
	j = diag_event("failed");
	link_message_id(&l->link, number, id);
	vz_json_str(j, "id", id);
	vz_json_u64(j, "status", (uint64_t)status);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
batch_failed(struct lane *l, uint64_t number, int status, const char *words)
{
	struct batch *b = l->batch;

	b->failed++;
	if (words && !l->run->signo) {
		say_failed(l, number, words);
		failed_event(l, number, status, words);
	}
	if (b->status == 0 || number < b->first_failed) {
		b->first_failed = number;
		b->status = status;
	}
}

/* Begun and given up in one, so that numbers stay those of the items. False: no room now. */
static bool
refuse(struct lane *l, const struct piece *p)
{
	struct vz_session *s = link_session(&l->link);
	uint64_t number;
	int r = vz_session_open(s, kind_of(l), VZ_OPEN_ONE_PASS, "", p->length, &number);

	if (r == 0)
		r = vz_session_cancel(s, number, VZ_EXIT_REFUSED, TOO_LONG);
	if (r < 0) {
		cut_back(&l->batch->cut);
		if (r != VZ_EFULL)
			lane_broken(l, r);
		return false;
	}
	again_began(&l->batch->again, number, p->begin);
	l->batch->count++;
	answers_none(l->run->answers, number);
	batch_failed(l, number, VZ_EXIT_REFUSED, TOO_LONG);
	return true;
}

/* The one that is being sent is given up; the rest of it is read and dropped. */
static void
give_up(struct lane *l, int status, const char *words)
{
	struct batch *b = l->batch;

	(void)vz_session_cancel(link_session(&l->link), b->count - 1, (uint8_t)status, words);
	b->open = false;
	b->skip = true;
	answers_none(l->run->answers, b->count - 1);
	batch_failed(l, b->count - 1, status, words);
}

/* Sending. */

/* False: there is no room for it now, or the session failed. */
static bool
no_room(struct lane *l, int r)
{
	cut_back(&l->batch->cut);
	if (r != VZ_EFULL)
		lane_broken(l, r);
	return false;
}

static bool
send_whole(struct lane *l, const struct piece *p)
{
	uint64_t number;
	int r = vz_session_whole(link_session(&l->link), kind_of(l), p->p, p->len, &number);

	if (r < 0)
		return no_room(l, r);
	again_began(&l->batch->again, number, p->begin);
	l->batch->count++;
	l->batch->bytes += p->len;
	return true;
}

static bool
send_first(struct lane *l, const struct piece *p)
{
	struct batch *b = l->batch;
	uint64_t number;
	int r = again_full(l) ? VZ_EFULL
			      : vz_session_open(link_session(&l->link), kind_of(l),
				    VZ_OPEN_ONE_PASS, "", p->length, &number);

	if (r < 0)
		return no_room(l, r);
	again_began(&b->again, number, p->begin);
	again_long(&b->again, number, cut_offset(&b->cut));
	b->count++;
	b->open = true;
	b->skip = false;
	b->sent = 0;
	return true;
}

/* Some of a long item. False: none of it could be sent now. */
static bool
send_more(struct lane *l, const struct piece *p)
{
	struct vz_session *s = link_session(&l->link);
	struct batch *b = l->batch;
	long r = 0;

	if (vz_session_waits(s, b->count - 1))
		return false; /* after a break: for the word where to go on */
	if (b->max_size && p->len > b->max_size - b->sent) {
		give_up(l, VZ_EXIT_REFUSED, TOO_LONG);
		return true;
	}
	if (p->len > 0)
		r = vz_session_data(s, b->count - 1, p->p, p->len);
	if (r >= 0 && (size_t)r == p->len && p->last) {
		b->open = false;
		b->bytes += b->sent + p->len;
		again_ended(&b->again, b->count - 1, b->sent + p->len);
		if (vz_session_end(s, b->count - 1) < 0)
			r = VZ_EINVAL;
	}
	if (r < 0) {
		lane_broken(l, (int)r);
		return false;
	}
	b->sent += (uint64_t)r;
	cut_took(&b->cut, p, (size_t)r);
	return r > 0 || p->len == 0;
}

static bool
send_piece(struct lane *l, const struct piece *p)
{
	struct batch *b = l->batch;

	if (!p->first && b->open)
		return send_more(l, p);
	if (!p->first) {
		cut_took(&b->cut, p, p->len);
		return true;
	}
	if (b->max_size && p->length != VZ_LENGTH_UNKNOWN && p->length > b->max_size) {
		b->skip = !p->last;
		return refuse(l, p);
	}
	return p->last ? send_whole(l, p) : send_first(l, p);
}

/* What is complete goes; what is not is an error of the input, told once for all lanes. */
static void
malformed(struct lane *l)
{
	struct batch *b = l->batch;
	struct input *in = input_of(l);
	unsigned long long at = (unsigned long long)cut_item(&b->cut);

	if (!in->status)
		diag_error("%s: the frame at byte %llu is cut short", input_shown(in), at);
	in->status = VZ_EXIT_DATA;
	if (b->open)
		give_up(l, VZ_EXIT_DATA, "the input ended inside it");
	else
		batch_failed(l, b->count, VZ_EXIT_DATA, NULL);
	b->ended = true;
}

static void
input_broke(struct lane *l, int err)
{
	struct batch *b = l->batch;
	int status = input_failed(input_of(l), err);

	if (b->open)
		give_up(l, status, "reading the input failed");
	else
		batch_failed(l, b->count, status, NULL);
	b->ended = true;
}

/* Cuts and sends until there is no room or nothing is left. True when something moved. */
static bool
send_items(struct lane *l, bool eof)
{
	struct vz_session *s = link_session(&l->link);
	struct input *in = input_of(l);
	struct batch *b = l->batch;
	uint64_t before = cut_offset(&b->cut);
	struct piece p;
	int r;

	do {
		if (!b->cut.inside &&
		    (vz_session_unfinished(s) >= b->in_flight || answers_many(l->run->answers)))
			return cut_offset(&b->cut) != before;
		r = cut_next(&b->cut, in->source, eof, &p);
	} while (r > 0 && send_piece(l, &p));
	if (r < 0)
		malformed(l);
	else if (r == 0 && eof)
		b->ended = true;
	return cut_offset(&b->cut) != before;
}

static void
settled(struct lane *l)
{
	struct batch *b = l->batch;

	if (b->ended && l->link.stage >= LINK_READY && l->link.status == 0 &&
	    vz_session_unfinished(link_session(&l->link)) == 0 && answers_idle(l->run->answers))
		link_finish(&l->link, b->failed > 0);
}

/* What is new. */
static void
send_on(struct lane *l)
{
	struct input *in = input_of(l);
	struct batch *b = l->batch;
	bool moved = true;
	int got;

	while (!b->ended && moved && l->link.status == 0) {
		got = input_fill(in, l->index, cut_offset(&b->cut) + AHEAD);
		if (got < 0) {
			input_broke(l, got);
			break;
		}
		pump_accelerate(l, vz_source_end(in->source));
		if (l->link.stage < LINK_AUTHENTICATED)
			return;
		moved = send_items(l, got == VZ_SOURCE_END);
		if (got == VZ_SOURCE_FULL && !moved)
			slow_check(l->run);
		input_release(in, l->index, again_held(l));
	}
}

void
batch_pump(struct lane *l)
{
	struct input *in = input_of(l);
	struct batch *b = l->batch;

	if (!b->ended && !in->source)
		input_broke(l, VZ_EINVAL);
	input_release(in, l->index, again_held(l));
	if (again_pump(l))
		send_on(l);
	if (b->ended && again_held(l) == cut_offset(&b->cut))
		input_leave(in, l->index);
	settled(l);
}

/* Verdicts. */

static void
delivered(struct lane *l, uint64_t number, uint64_t count)
{
	struct vz_json *j;
	char id[64];

	l->batch->delivered += count;
	if (l->run->options->common.level <= 0)
		return;
	j = diag_event("delivered");
	link_message_id(&l->link, number, id);
	vz_json_str(j, "id", id);
	vz_json_u64(j, "count", count);
	diag_event_end(j);
	if (!diag_is_json())
		diag_verbose(2, "%s: messages %llu to %llu: delivered", l->link.shown,
		    (unsigned long long)number + 1, (unsigned long long)(number + count));
}

bool
batch_verdict(struct lane *l, const struct verdict *v)
{
	struct batch *b = l->batch;
	char words[2048];

	again_settled(&b->again, v->number, v->count);
	if (b->open && v->number == b->count - 1) {
		b->open = false;
		b->skip = true;
	}
	if (v->status == 0) {
		delivered(l, v->number, v->count);
	} else {
		verdict_words(v->status, v->text, v->text_len, words);
		batch_failed(l, v->number, v->status, words);
	}
	return !l->run->answers || answers_done(l->run->answers, v->number, v->status);
}

void
batch_room(struct lane *l, const struct vz_event *ev)
{
	struct batch *b = l->batch;

	if (!again_room(l, ev))
		return;
	cut_rewind(&b->cut, ev->taken);
	b->sent = ev->taken;
}

bool
batch_answer(struct lane *l, const struct vz_event *ev)
{
	char words[2048];

	again_settled(&l->batch->again, ev->number, 1);
	if (ev->status == 0)
		delivered(l, ev->number, 1);
	else
		batch_failed(l, ev->number, ev->status, verdict_words(ev->status, "", 0, words));
	return answers_whole(l->run->answers, ev);
}

void
batch_over(struct lane *l, int status)
{
	struct batch *b = l->batch;

	l->bytes = b->bytes;
	if (status == 0)
		return;
	/* The words were said; what had a verdict before keeps it. */
	if (b->status == 0 || l->link.oldest < b->first_failed) {
		b->first_failed = l->link.oldest;
		b->status = status;
	}
	b->failed = b->count > b->delivered ? b->count - b->delivered : b->failed;
}

void
batch_tell(const struct lane *l)
{
	const struct batch *b = l->batch;
	struct vz_json *j = diag_event("batch");

	if (l->run->n_lanes > 1)
		vz_json_str(j, "to", l->link.text);
	vz_json_u64(j, "messages", b->count);
	vz_json_u64(j, l->store ? "stored" : "delivered", b->delivered);
	vz_json_u64(j, "failed", b->failed);
	vz_json_u64(j, "bytes", b->bytes);
	if (b->began_us)
		vz_json_u64(j, "us", link_clock_us() - b->began_us);
	diag_event_end(j);
	if (!diag_is_json())
		diag_verbose(1, "%s: %llu messages %s, %llu failed", l->link.shown,
		    (unsigned long long)b->delivered, l->store ? "stored" : "delivered",
		    (unsigned long long)b->failed);
}
