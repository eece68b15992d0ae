#include "cmd/vz-send/again.h"

#include <string.h>
#include "base/err.h"
#include "cmd/vz-send/send.h"
#include "wire/frame.h"

void
again_init(struct again *a, enum vz_items_mode mode)
{
	cut_init(&a->cut, mode);
}

static struct long_item *
nth(struct again *a, size_t i)
{
	return &a->many[(a->first + i) % AGAIN_LONG_MAX];
}

static struct long_item *
find(struct again *a, uint64_t number)
{
	for (size_t i = a->n; i-- > 0;)
		if (nth(a, i)->number == number)
			return nth(a, i);
	return NULL;
}

void
again_began(struct again *a, uint64_t number, uint64_t begin)
{
	a->begin[number % VZ_UNFINISHED_MAX] = begin;
}

static void
set(struct again *a, struct long_item *item, enum long_state state)
{
	a->late -= item->state != LONG_QUIET;
	a->late += state != LONG_QUIET;
	item->state = state;
}

/* Those before the first message without a verdict are over. */
static void
drop_settled(struct again *a, uint64_t oldest)
{
	while (a->n > 0 && nth(a, 0)->number < oldest) {
		set(a, nth(a, 0), LONG_QUIET);
		a->first = (a->first + 1) % AGAIN_LONG_MAX;
		a->n--;
	}
}

bool
again_full(struct lane *l)
{
	struct again *a = &l->batch->again;

	if (a->n == AGAIN_LONG_MAX)
		drop_settled(a, vz_session_oldest(link_session(&l->link)));
	return a->n == AGAIN_LONG_MAX;
}

void
again_long(struct again *a, uint64_t number, uint64_t body)
{
	*nth(a, a->n++) = (struct long_item){.number = number, .body = body};
}

void
again_ended(struct again *a, uint64_t number, uint64_t length)
{
	struct long_item *item = find(a, number);

	if (item)
		item->length = length;
}

void
again_settled(struct again *a, uint64_t number, uint64_t count)
{
	for (size_t i = 0; a->late > 0 && i < a->n; i++)
		if (nth(a, i)->number >= number && nth(a, i)->number - number < count)
			set(a, nth(a, i), LONG_QUIET);
}

/* Where message `number` is that has no verdict, or what follows the last of them. */
static uint64_t
place_of(const struct batch *b, uint64_t number)
{
	const struct again *a = &b->again;
	const struct long_item *item;

	if (number >= b->count)
		return cut_offset(&b->cut);
	for (size_t i = 0; i < a->n; i++) {
		item = &a->many[(a->first + i) % AGAIN_LONG_MAX];
		if (item->number >= number)
			return item->number > number ? a->begin[number % VZ_UNFINISHED_MAX]
						     : item->body + item->taken;
	}
	return a->begin[number % VZ_UNFINISHED_MAX];
}

uint64_t
again_held(struct lane *l)
{
	struct batch *b = l->batch;
	struct again *a = &b->again;
	struct vz_session *s = link_session(&l->link);
	uint64_t oldest = s ? vz_session_oldest(s) : 0;

	drop_settled(a, oldest);
	/* Where a break is the end nothing is said again. */
	a->held = l->run->options->retry_ms == 0 ? cut_offset(&b->cut) : place_of(b, oldest);
	return a->held;
}

uint64_t
again_reached(const struct lane *l)
{
	const struct vz_session *s = link_session(&l->link);

	return s ? place_of(l->batch, vz_session_oldest(s)) : l->batch->again.held;
}

/* After a break. */

void
again_resume(struct lane *l)
{
	struct again *a = &l->batch->again;

	a->next = vz_session_oldest(link_session(&l->link));
	a->to = l->batch->count;
	for (size_t i = 0; i < a->n; i++)
		set(a, nth(a, i), LONG_QUIET);
}

/* The one that is being cut: the last one. */
static bool
is_open(const struct batch *b, uint64_t number)
{
	return b->open && number == b->count - 1;
}

bool
again_room(struct lane *l, const struct vz_event *ev)
{
	struct again *a = &l->batch->again;
	struct long_item *item = find(a, ev->number);
	bool go_on = ev->type == VZ_EVENT_GO_ON;

	if (!item)
		return false;
	/* What is not durable there may be wanted again by who comes after it. */
	item->taken = l->durable ? ev->durable : ev->taken;
	if (!go_on || is_open(l->batch, ev->number))
		return go_on;
	item->sent = ev->taken;
	set(a, item, LONG_BEHIND);
	return false;
}

/* One that went in one frame is cut once more: all of it is held, be its end the input's. */
static int
say_whole(struct lane *l, uint64_t number)
{
	struct again *a = &l->batch->again;
	struct piece p;

	cut_seek(&a->cut, a->begin[number % VZ_UNFINISHED_MAX]);
	if (cut_next(&a->cut, l->run->inputs[0].source, true, &p) != 1 || !p.last)
		return VZ_EINVAL;
	return vz_session_rewhole(link_session(&l->link), number, p.p, p.len);
}

/* With all that is held of it, for a listener that has started again may have nothing. */
static int
say_long(struct lane *l, struct long_item *item)
{
	struct again *a = &l->batch->again;
	int r;

	item->taken = a->held > item->body ? a->held - item->body : 0;
	r = vz_session_reopen(
	    link_session(&l->link), item->number, VZ_OPEN_ONE_PASS, "", item->taken);
	if (r == 0 && !is_open(l->batch, item->number))
		set(a, item, LONG_ASKED);
	return r;
}

/* VZ_EFULL: there is no room, or it has to wait for a long one before it. */
static int
say(struct lane *l, uint64_t number)
{
	struct again *a = &l->batch->again;
	struct long_item *item;

	if (!vz_session_silent(link_session(&l->link), number))
		return 0;
	item = find(a, number);
	if (item)
		return say_long(l, item);
	return a->late > 0 ? VZ_EFULL : say_whole(l, number);
}

/* What is left of a long one, and its end. VZ_EFULL: there is no room for all of it now. */
static int
send_rest(struct lane *l, struct long_item *item)
{
	struct vz_session *s = link_session(&l->link);
	struct vz_source *source = l->run->inputs[0].source;
	const uint8_t *p;
	uint64_t n;
	long r;

	while (item->sent < item->length) {
		n = vz_source_peek(source, item->body + item->sent, &p);
		if (n > item->length - item->sent)
			n = item->length - item->sent;
		r = n > 0 ? vz_session_data(s, item->number, p, (size_t)n) : VZ_EINVAL;
		if (r <= 0)
			return r == 0 ? VZ_EFULL : (int)r;
		item->sent += (uint64_t)r;
	}
	set(&l->batch->again, item, LONG_QUIET);
	return vz_session_end(s, item->number);
}

/* One after the other: who waits for an answer has those after it wait too. */
static int
send_late(struct lane *l)
{
	struct again *a = &l->batch->again;
	int r = 0;

	for (size_t i = 0; r == 0 && a->late > 0 && i < a->n; i++) {
		struct long_item *item = nth(a, i);

		if (item->state == LONG_ASKED)
			r = VZ_EFULL;
		else if (item->state == LONG_BEHIND)
			r = send_rest(l, item);
	}
	return r;
}

static int
say_all(struct lane *l)
{
	struct again *a = &l->batch->again;
	int r = 0;

	for (; a->next < a->to && (r = say(l, a->next)) == 0; a->next++)
		;
	return r;
}

bool
again_pump(struct lane *l)
{
	struct again *a = &l->batch->again;
	bool held_up;
	int said, r;

	if (l->link.stage < LINK_READY || (a->next >= a->to && a->late == 0))
		return true;
	do {
		said = say_all(l);
		held_up = said == VZ_EFULL && a->late > 0;
		r = said == 0 || held_up ? send_late(l) : said;
	} while (r == 0 && held_up);
	if (r < 0 && r != VZ_EFULL)
		lane_broken(l, r);
	return r == 0;
}
