#include "cmd/vz-send/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"

#define WRITE_AT (64u * 1024) /* gathered bytes that make a write worth it before the turn ends */

/* A question's place, by its number: as many as a session can have open, so that none collide. */
struct answer {
	uint8_t *bytes;
	size_t len, cap;
	bool ended; /* the reply came whole */
	bool lost;  /* its bytes were dropped */
	bool ready; /* verdict and all: it waits for its turn */
};

struct answers {
	struct lane *lane;
	struct outlet *out;
	enum vz_items_mode mode;
	bool unordered;
	bool held;     /* the connection, for the sake of the outlet */
	uint64_t next; /* in order: the question whose reply is written next */
	size_t kept;   /* bytes of storage in slots */
	struct answer slot[VZ_UNFINISHED_MAX];
};

struct answers *
answers_new(struct lane *l)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->lane = l;
	a->out = &l->run->out;
	a->mode = l->run->options->mode;
	a->unordered = l->run->options->unordered;
	return a;
}

static struct answer *
slot_of(struct answers *a, uint64_t number)
{
	return &a->slot[number % VZ_UNFINISHED_MAX];
}

static void
forget(struct answers *a, struct answer *s)
{
	a->kept -= s->cap;
	free(s->bytes);
	memset(s, 0, sizeof(*s));
}

void
answers_free(struct answers *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < VZ_UNFINISHED_MAX; i++)
		free(a->slot[i].bytes);
	free(a);
}

/* The other side did its part, and yet there is no reply to show. */
static void
reply_failed(struct answers *a, uint64_t number, int status, const char *words)
{
	a->lane->batch->delivered--;
	batch_failed(a->lane, number, status, words);
}

/* Keeping. */

static void
lose(struct answers *a, struct answer *s)
{
	a->kept -= s->cap;
	free(s->bytes);
	s->bytes = NULL;
	s->len = s->cap = 0;
	s->lost = true;
}

/*
 * Room for n more bytes of storage. Reading no more would not help, for the reply that all the
 * others wait for may be behind them: what came last in the order of the questions is lost, and its
 * question fails. False when that is the asker itself.
 */
static bool
make_room(struct answers *a, uint64_t number, size_t n)
{
	uint64_t last = a->lane->batch->count;

	while (a->kept + n > ANSWERS_MAX && last > number) {
		struct answer *s = slot_of(a, --last);

		if (last == number)
			return false;
		if (!s->bytes)
			continue;
		lose(a, s);
		if (s->ready)
			reply_failed(a, last, VZ_EXIT_TEMPFAIL,
			    "too much came before its turn: the reply was dropped");
	}
	return a->kept + n <= ANSWERS_MAX;
}

static void
keep(struct answers *a, uint64_t number, const uint8_t *p, size_t n)
{
	struct answer *s = slot_of(a, number);
	size_t cap = s->cap ? s->cap * 2 : n;
	uint8_t *bytes;

	if (s->lost || n == 0)
		return;
	if (cap < s->len + n)
		cap = s->len + n;
	if (s->len + n > s->cap) {
		if (!make_room(a, number, cap - s->cap) || !(bytes = realloc(s->bytes, cap))) {
			lose(a, s);
			return;
		}
		a->kept += cap - s->cap;
		s->bytes = bytes;
		s->cap = cap;
	}
	memcpy(s->bytes + s->len, p, n);
	s->len += n;
}

/* Writing. */

static void
put(struct answers *a, uint64_t number, const uint8_t *p, size_t len)
{
	char before[32] = "";
	struct vz_item_ends ends;
	size_t n = 0;
	uint8_t *to;

	if (a->unordered)
		n = (size_t)snprintf(
		    before, sizeof(before), "%llu\t", (unsigned long long)number + 1);
	if (vz_item_ends(a->mode, n + len, &ends) != 0 ||
	    vz_buf_reserve(&a->out->buf, ends.head_len + n + len + ends.tail_len, &to) != 0) {
		lane_broken(a->lane, VZ_ENOMEM);
		return;
	}
	memcpy(to, ends.head, ends.head_len);
	memcpy(to + ends.head_len, before, n);
	if (len > 0)
		memcpy(to + ends.head_len + n, p, len);
	memcpy(to + ends.head_len + n + len, ends.tail, ends.tail_len);
	vz_buf_added(&a->out->buf, ends.head_len + n + len + ends.tail_len);
}

/* Those whose turn it is by now. */
static void
catch_up(struct answers *a)
{
	struct answer *s;

	while (!a->unordered && a->out->buf.len < OUTLET_FULL && (s = slot_of(a, a->next))->ready) {
		put(a, a->next, s->bytes, s->len);
		forget(a, s);
		a->next++;
	}
}

/* The same, and out with it where a write is worth it. */
static void
emit(struct answers *a)
{
	do {
		catch_up(a);
		if (a->out->buf.len >= WRITE_AT && !outlet_waits(a->out))
			outlet_flush(a->out);
	} while (!a->unordered && a->out->buf.len < OUTLET_FULL && slot_of(a, a->next)->ready);
}

/*
 * A handler that ends its only line like every other program says the same as one that does not:
 * that newline is the item's own. A reply that holds another one would come out as two.
 */
static size_t
without_end(enum vz_items_mode mode, const uint8_t *p, size_t len)
{
	uint8_t end = mode == VZ_ITEMS_LINES ? '\n' : '\0';

	return mode != VZ_ITEMS_FRAMES && len > 0 && p[len - 1] == end ? len - 1 : len;
}

/* A reply and its verdict are here. In order an empty item stands for one that is not whole. */
static bool
give(struct answers *a, uint64_t number, bool whole, const uint8_t *p, size_t len)
{
	struct answer *s = slot_of(a, number);

	if (whole) {
		len = without_end(a->mode, p, len);
		if (vz_item_refusal(a->mode, p, len) != NULL) {
			reply_failed(a, number, VZ_EXIT_DATA,
			    a->mode == VZ_ITEMS_LINES ? "its reply has more than one line"
						      : "its reply contains a NUL byte");
			whole = false;
		}
	}
	len = whole ? len : 0;
	if (a->unordered || (number == a->next && a->out->buf.len < OUTLET_FULL)) {
		if (whole || !a->unordered)
			put(a, number, p, len);
		forget(a, s);
		a->next++;
	} else {
		if (p != s->bytes)
			keep(a, number, p, len);
		else
			s->len = len;
		if (s->lost && whole)
			reply_failed(a, number, VZ_EXIT_TEMPFAIL,
			    "too much came before its turn: the reply was dropped");
		s->ready = true;
	}
	emit(a);
	a->held = a->out->buf.len >= OUTLET_FULL;
	return !a->held;
}

/* Events. */

bool
answers_data(struct answers *a, const struct vz_event *ev)
{
	keep(a, ev->number, ev->bytes, ev->bytes_len);
	(void)vz_session_taken(link_session(&a->lane->link), ev->number, ev->bytes_len);
	return true;
}

void
answers_end(struct answers *a, uint64_t number)
{
	slot_of(a, number)->ended = true;
}

bool
answers_whole(struct answers *a, const struct vz_event *ev)
{
	return give(a, ev->number, true, ev->bytes, ev->bytes_len);
}

bool
answers_done(struct answers *a, uint64_t number, uint8_t status)
{
	struct answer *s = slot_of(a, number);

	if (s->lost && s->ended && status == 0)
		reply_failed(a, number, VZ_EXIT_TEMPFAIL,
		    "its reply is longer than can be kept: it was dropped");
	return give(a, number, s->ended && !s->lost, s->bytes, s->len);
}

void
answers_none(struct answers *a, uint64_t number)
{
	if (a)
		(void)give(a, number, false, NULL, 0);
}

static void
output_gone(struct answers *a)
{
	lane_abort(a->lane, a->out->status, "the sender's output failed");
}

void
answers_write(struct answers *a)
{
	if (a->out->buf.len > 0 && !outlet_waits(a->out))
		outlet_flush(a->out);
	if (a->out->status)
		output_gone(a);
}

void
answers_freed(struct answers *a)
{
	if (a->out->status) {
		output_gone(a);
		return;
	}
	emit(a);
	answers_write(a);
	if (a->held && !outlet_waits(a->out)) {
		a->held = false;
		link_resume(&a->lane->link);
	}
	lane_kick(a->lane);
}

bool
answers_idle(const struct answers *a)
{
	return !a || a->unordered || a->next == a->lane->batch->count;
}

bool
answers_many(const struct answers *a)
{
	return a && a->kept > ANSWERS_MAX / 2;
}
