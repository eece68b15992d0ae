#include <stdlib.h>
#include <time.h>
#include "base/err.h"
#include "net/loop_impl.h"

/* Of one turn, after which it gives way: well below what anybody notices. */
#define TURN_MS 50

uint64_t
vz_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int
vz_loop_new(struct vz_loop **out)
{
	struct vz_loop *l;
	int r;

	*out = NULL;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return VZ_ENOMEM;
	if ((r = vz_poller_new(&l->poller)) != 0) {
		free(l);
		return r;
	}
	*out = l;
	return 0;
}

void
vz_loop_free(struct vz_loop *l)
{
	if (l == NULL)
		return;
	vz_signals_free(l);
	vz_poller_free(l->poller);
	free(l->always);
	free(l->heap);
	free(l);
}

uint64_t
vz_loop_now(const struct vz_loop *l)
{
	return l->running ? l->now : vz_clock_ms();
}

bool
vz_loop_overdue(const struct vz_loop *l)
{
	return l->running && vz_clock_ms() - l->now >= TURN_MS;
}

static int
always_add(struct vz_loop *l, struct vz_watch *w)
{
	if (l->n_always == l->cap_always) {
		size_t cap = l->cap_always ? 2 * l->cap_always : 4;
		struct vz_watch **list = reallocarray(l->always, cap, sizeof(struct vz_watch *));

		if (list == NULL)
			return VZ_ENOMEM;
		l->always = list;
		l->cap_always = cap;
	}
	w->index = l->n_always;
	l->always[l->n_always++] = w;
	return 0;
}

static void
always_del(struct vz_loop *l, const struct vz_watch *w)
{
	struct vz_watch *last = l->always[--l->n_always];

	l->always[w->index] = last;
	last->index = w->index;
}

int
vz_loop_add(struct vz_loop *l, struct vz_watch *w, unsigned want)
{
	int r;

	if (w->added || w->fd < 0)
		return VZ_EINVAL;
	w->want = want;
	w->pollable = true;
	r = vz_poller_add(l->poller, w);
	if (r == VZ_EMODE) {
		w->pollable = false;
		r = always_add(l, w);
	}
	if (r != 0)
		return r;
	w->added = true;
	l->n_watches++;
	return 0;
}

int
vz_loop_want(struct vz_loop *l, struct vz_watch *w, unsigned want)
{
	unsigned old = w->want;
	int r;

	if (!w->added)
		return VZ_EINVAL;
	if (old == want)
		return 0;
	w->want = want;
	if (w->pollable && (r = vz_poller_change(l->poller, w)) != 0) {
		w->want = old;
		return r;
	}
	return 0;
}

void
vz_loop_del(struct vz_loop *l, struct vz_watch *w)
{
	int i;

	if (!w->added)
		return;
	w->added = false;
	l->n_watches--;
	if (!w->pollable) {
		always_del(l, w);
		return;
	}
	vz_poller_del(l->poller, w);
	for (i = l->at; i < l->n_ready; i++)
		if (l->ready[i].w == w)
			l->ready[i].w = NULL;
}

/* What is wanted may have changed since the kernel was asked, so it is looked at now. */
static void
tell(struct vz_loop *l, const struct vz_ready *e)
{
	struct vz_watch *w = e->w;
	unsigned got;

	if (w == NULL)
		return;
	got = (e->gone ? VZ_READ | VZ_WRITE : e->got) & w->want;
	if (got == 0 && e->gone && w->hup) {
		/* Told once: the condition stays, and would keep the loop spinning. */
		w->hup = false;
		(void)vz_poller_change(l->poller, w);
		got = VZ_READ;
	}
	if (got != 0)
		w->fn(l, w, got);
}

/* From the last to the first, so that a callback may add (at the end, for the next turn) and delete
 * (the last, told already, fills the gap). */
static void
tell_always(struct vz_loop *l)
{
	size_t i;

	for (i = l->n_always; i-- > 0 && !l->stopped;) {
		if (i < l->n_always && l->always[i]->want != 0)
			l->always[i]->fn(l, l->always[i], l->always[i]->want);
	}
}

static int
how_long(const struct vz_loop *l)
{
	size_t i;

	if (l->reap)
		return 0;
	for (i = 0; i < l->n_always; i++)
		if (l->always[i]->want != 0)
			return 0;
	return vz_timers_wait(l);
}

static int
turn(struct vz_loop *l)
{
	int n = vz_poller_wait(l->poller, how_long(l), l->ready, VZ_LOOP_BATCH);

	if (n < 0)
		return n;
	l->now = vz_clock_ms();
	l->n_ready = n;
	for (l->at = 0; l->at < l->n_ready && !l->stopped;)
		tell(l, &l->ready[l->at++]);
	l->n_ready = 0;
	tell_always(l);
	if (l->reap && !l->stopped)
		vz_children_run(l);
	vz_timers_run(l);
	return 0;
}

int
vz_loop_run(struct vz_loop *l)
{
	int r = 0;

	l->now = vz_clock_ms();
	l->running = true;
	while (!l->stopped && r == 0) {
		/* Nothing can ever happen: a bug of the caller, better told than hung. */
		if (l->n_watches == 0 && l->n_heap == 0)
			r = VZ_EINVAL;
		else
			r = turn(l);
	}
	l->running = false;
	if (l->stopped)
		r = l->result;
	l->stopped = false;
	return r;
}

void
vz_loop_stop(struct vz_loop *l, int result)
{
	l->stopped = true;
	l->result = result;
}
