#include "cmd/serve/gate.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/err.h"
#include "cmd/serve/shortage.h"
#include "net/sockopt.h"
#include "net/unix.h"

#define PAUSE_MS 100
/* For handshakes of TCP that have begun when we stop to listen. */
#define HAND_OVER_MS 300
/* Connections accepted in one turn, so that those that are there get theirs. */
#define AT_ONCE 16
/* Lines about sources that fail: so many a second, and at once. */
#define PENALTY_WORDS_RATE  1
#define PENALTY_WORDS_BURST 10

static void
want_all(struct gate *g, unsigned want)
{
	for (size_t i = 0; i < g->sockets->n_listeners; i++)
		(void)vz_loop_want(g->loop, &g->watches[i], want);
}

/* Level-triggered readiness would spin until a descriptor is free. */
static void
rest(struct gate *g)
{
	want_all(g, 0);
	if (vz_timer_set(g->loop, &g->pause, PAUSE_MS) < 0)
		want_all(g, VZ_READ);
}

static void
on_rested(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	want_all(t->arg, VZ_READ);
}

static bool
is_others_too(const struct vz_listener *li)
{
	return li->shared || li->inherited;
}

/* Errors of the one connection that was next, not of accepting (accept(2)). */
static bool
is_theirs(int sys_errno)
{
	switch (sys_errno) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case EOPNOTSUPP: return true;
	default: return false;
	}
}

/* Takes so many in. True when there are no more. */
static bool
take_some(struct vz_watch *w, int n)
{
	struct gate *g = w->arg;
	bool late = g->ending && !is_others_too(&g->sockets->listeners[w - g->watches]);
	struct sockaddr_storage from;
	int fd;

	while (n-- > 0) {
		fd = shortage_accept(g, w->fd, &from);
		if (fd >= 0) {
			gate_take_in(g, fd, &from, late);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return true;
		} else if (!is_theirs(errno) && !shortage_relieve(g, errno)) {
			rest(g);
			return false;
		}
	}
	return false;
}

static void
on_arrival(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)l;
	(void)got;
	(void)take_some(w, AT_ONCE);
}

static void
close_one(struct gate *g, size_t i)
{
	vz_loop_del(g->loop, &g->watches[i]);
	vz_listen_close(&g->sockets->listeners[i], 1);
}

/* The queue goes with the socket, so it has to be empty. */
static void
on_handed_over(struct vz_loop *l, struct vz_timer *t)
{
	struct gate *g = t->arg;
	bool more = false;

	for (size_t i = 0; i < g->sockets->n_listeners; i++) {
		if (!g->sockets->listeners[i].shared || g->sockets->listeners[i].fd < 0)
			continue;
		if (take_some(&g->watches[i], AT_ONCE))
			close_one(g, i);
		else
			more = true;
	}
	if (more)
		(void)vz_timer_set(l, t, g->is_short ? PAUSE_MS : 0);
}

/* Nobody new comes; what has come is still accepted. */
static void
leave(struct vz_listener *li)
{
	if (!li->path[0]) {
		(void)vz_turn_away(li->fd);
		return;
	}
	vz_unix_unlink(li->path, li->dev, li->ino);
	li->path[0] = '\0';
}

bool
gate_hand_over(struct gate *g)
{
	bool shared = false, inherited = false;

	g->ending = true;
	for (size_t i = 0; i < g->sockets->n_listeners; i++) {
		if (g->sockets->listeners[i].inherited) {
			/* Its queue stays with the others who hold it. */
			inherited = true;
			close_one(g, i);
		} else if (g->sockets->listeners[i].shared) {
			shared = true;
			leave(&g->sockets->listeners[i]);
		}
	}
	g->hand_over = (struct vz_timer){.fn = on_handed_over, .arg = g};
	if (shared && vz_timer_set(g->loop, &g->hand_over, HAND_OVER_MS) < 0)
		on_handed_over(g->loop, &g->hand_over);
	g->handing = shared || inherited;
	return g->handing;
}

bool
gate_is_open_for_others(const struct gate *g)
{
	for (size_t i = 0; i < g->sockets->n_listeners; i++)
		if (g->sockets->listeners[i].shared && g->sockets->listeners[i].fd >= 0)
			return g->handing;
	return false;
}

static void
start_penalties(struct gate *g)
{
	uint8_t seed[VZ_PENALTY_SEED];

	randombytes_buf(seed, sizeof(seed));
	vz_penalties_init(&g->penalties, seed);
	vz_bucket_init(&g->penalty_words, PENALTY_WORDS_RATE, PENALTY_WORDS_BURST);
}

int
gate_open(struct gate *g)
{
	int r = 0;

	TAILQ_INIT(&g->callers);
	start_penalties(g);
	g->lent = lent_new(g->me);
	if (!g->lent)
		return VZ_ENOMEM;
	g->pause = (struct vz_timer){.fn = on_rested, .arg = g};
	for (size_t i = 0; i < g->sockets->n_listeners && r == 0; i++) {
		g->watches[i] = (struct vz_watch){
		    .fd = g->sockets->listeners[i].fd, .fn = on_arrival, .arg = g};
		r = vz_loop_add(g->loop, &g->watches[i], VZ_READ);
	}
	return r;
}

void
gate_close(struct gate *g)
{
	vz_timer_stop(g->loop, &g->pause);
	vz_timer_stop(g->loop, &g->hand_over);
	for (size_t i = 0; i < g->sockets->n_listeners; i++)
		vz_loop_del(g->loop, &g->watches[i]);
	sockets_close(g->sockets);
}

void
gate_free(struct gate *g)
{
	free(g->lent);
	g->lent = NULL;
}
