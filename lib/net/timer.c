#include <limits.h>
#include <stdlib.h>
#include "base/err.h"
#include "net/loop_impl.h"

/* Equal times go in the order in which they were set. */
static bool
before(const struct vz_timer *a, const struct vz_timer *b)
{
	return a->when != b->when ? a->when < b->when : a->seq < b->seq;
}

static void
put(struct vz_loop *l, size_t i, struct vz_timer *t)
{
	l->heap[i] = t;
	t->index = i;
}

/* Moves t, whose place is i, up or down to where it belongs. */
static void
settle(struct vz_loop *l, size_t i, struct vz_timer *t)
{
	size_t c;

	for (; i > 1 && before(t, l->heap[i / 2]); i /= 2)
		put(l, i, l->heap[i / 2]);
	while ((c = 2 * i) <= l->n_heap) {
		if (c < l->n_heap && before(l->heap[c + 1], l->heap[c]))
			c++;
		if (!before(l->heap[c], t))
			break;
		put(l, i, l->heap[c]);
		i = c;
	}
	put(l, i, t);
}

/*
 * The time is read afresh: a callback may have worked long since the turn began, and a bound that
 * is counted from then would be over too early.
 */
int
vz_timer_set(struct vz_loop *l, struct vz_timer *t, uint64_t ms)
{
	uint64_t now = vz_clock_ms();

	if (t->index == 0) {
		if (l->n_heap + 1 >= l->cap_heap) {
			size_t cap = l->cap_heap ? 2 * l->cap_heap : 16;
			struct vz_timer **heap =
			    reallocarray(l->heap, cap, sizeof(struct vz_timer *));
			if (heap == NULL)
				return VZ_ENOMEM;
			l->heap = heap;
			l->cap_heap = cap;
		}
		t->index = ++l->n_heap;
	}
	t->when = ms > UINT64_MAX - now ? UINT64_MAX : now + ms;
	t->seq = l->seq++;
	settle(l, t->index, t);
	return 0;
}

void
vz_timer_stop(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_timer *last;
	size_t i = t->index;

	if (i == 0)
		return;
	t->index = 0;
	last = l->heap[l->n_heap--];
	if (last != t)
		settle(l, i, last);
}

int
vz_timers_wait(const struct vz_loop *l)
{
	uint64_t now, when;

	if (l->n_heap == 0)
		return -1;
	now = vz_clock_ms();
	when = l->heap[1]->when;
	if (when <= now)
		return 0;
	return when - now > INT_MAX ? INT_MAX : (int)(when - now);
}

/* A timer that is set for 0 ms by a timer's callback waits for the next turn, so that descriptors
 * have theirs; it is behind `limit`, and all that is due and older sorts before it. */
void
vz_timers_run(struct vz_loop *l)
{
	uint64_t limit = l->seq;

	while (l->n_heap > 0 && !l->stopped) {
		struct vz_timer *t = l->heap[1];

		if (t->when > l->now || t->seq >= limit)
			break;
		vz_timer_stop(l, t);
		t->fn(l, t);
	}
}
