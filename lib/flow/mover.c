/*
 * Two directions and the two watches that they share: what is wanted of a socket is computed anew
 * after each turn from what the directions hold.
 */
#include "flow/mover.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/err.h"
#include "flow/mover_way.h"

/* Of one direction before others have their turn: a megabyte through pipes. */
#define ROUNDS 4

struct vz_mover {
	struct vz_loop *loop;
	struct vz_watch watch[2]; /* of the sides */
	struct vz_way way[2];     /* from the side of that number */
	struct vz_timer timer;    /* set, if at all, for no later than `due` */
	uint64_t due;
	struct vz_pipes *pipes;
	const struct vz_mover_handler *handler;
	void *arg;
	uint64_t idle_ms, stall_ms;
	uint64_t woken_at; /* of the last pause and its end: who is slowed is not idle */
	size_t waited[2];  /* vz_mover_waits, when it is over */
	bool gone[2];      /* that side broke */
	bool over, dropped, in_turn;
	int err, sys_errno;
};

static void
destroy(struct vz_mover *m)
{
	for (unsigned s = 0; s < 2; s++) {
		vz_loop_del(m->loop, &m->watch[s]);
		m->waited[s] = vz_way_held(&m->way[s]);
		vz_way_drop(&m->way[s], VZ_WAY_OVER, m->pipes);
		if (m->watch[s].fd >= 0)
			close(m->watch[s].fd);
		m->watch[s].fd = -1;
	}
	vz_timer_stop(m->loop, &m->timer);
}

static void
end(struct vz_mover *m, int err, int sys_errno)
{
	if (m->over)
		return;
	m->over = true;
	if (m->err == 0) {
		m->err = err;
		m->sys_errno = sys_errno;
	}
}

/* A side broke: nothing goes there any more. What it has left is still read, up to its end. */
static void
broke(struct vz_mover *m, unsigned side, int sys_errno)
{
	if (!m->gone[side] && m->err == 0) {
		m->err = VZ_ECUT;
		m->sys_errno = sys_errno;
	}
	m->gone[side] = true;
	m->way[side].at = vz_loop_now(m->loop);
	if (m->gone[1 - side])
		end(m, VZ_ECUT, sys_errno);
	if (m->way[1 - side].state != VZ_WAY_OVER)
		vz_way_drop(&m->way[1 - side], VZ_WAY_DROPPING, m->pipes);
}

static void
account(struct vz_mover *m, unsigned side, uint64_t before, size_t held)
{
	struct vz_way *w = &m->way[side];

	if (w->moved == before && vz_way_held(w) == held)
		return;
	w->at = vz_loop_now(m->loop);
	if (w->moved > before && m->handler->moved != NULL && !m->over)
		m->handler->moved(m->arg, m, side, (size_t)(w->moved - before));
}

/* What went wrong, if anything did. */
static void
judge(struct vz_mover *m, unsigned side, enum vz_way_result r)
{
	int sys_errno = errno;

	switch (r) {
	case VZ_WAY_READ_FAILED: broke(m, side, sys_errno); break;
	case VZ_WAY_WRITE_FAILED: broke(m, 1 - side, sys_errno); break;
	case VZ_WAY_NO_MEMORY: end(m, VZ_ENOMEM, 0); break;
	default: break;
	}
}

static void
move(struct vz_mover *m, unsigned side)
{
	struct vz_way *w = &m->way[side];
	enum vz_way_result r = VZ_WAY_MORE;

	for (unsigned n = 0; n < ROUNDS && r == VZ_WAY_MORE && !m->over; n++) {
		uint64_t before = w->moved;
		size_t held = vz_way_held(w);

		if (n > 0 && vz_loop_overdue(m->loop))
			break;
		r = vz_way_move(w, m->watch[side].fd, m->watch[1 - side].fd, m->pipes);
		judge(m, side, r);
		account(m, side, before, held);
	}
}

static bool
wants_reading(const struct vz_way *w)
{
	if (w->state == VZ_WAY_DROPPING)
		return true;
	return w->state == VZ_WAY_OPEN && !w->paused && vz_way_held(w) == 0;
}

static void
set_interest(struct vz_mover *m)
{
	for (unsigned s = 0; s < 2; s++) {
		unsigned want = (wants_reading(&m->way[s]) ? VZ_READ : 0) |
		    (vz_way_held(&m->way[1 - s]) > 0 ? VZ_WRITE : 0);

		if (vz_loop_want(m->loop, &m->watch[s], want) < 0)
			end(m, VZ_ESYSTEM, errno);
	}
}

/* When what is would have lasted too long; UINT64_MAX = it may. */
static uint64_t
deadline(const struct vz_mover *m)
{
	uint64_t by = UINT64_MAX, quiet = vz_mover_progress(m);
	bool waits = m->way[0].paused || m->way[1].paused;

	if (m->gone[0] || m->gone[1])
		return m->way[m->gone[1]].at + VZ_MOVER_LINGER_MS;
	for (unsigned s = 0; s < 2; s++) {
		waits = waits || vz_way_held(&m->way[s]) > 0;
		if (vz_way_held(&m->way[s]) > 0 && m->stall_ms > 0 &&
		    m->way[s].at + m->stall_ms < by)
			by = m->way[s].at + m->stall_ms;
	}
	if (!waits && m->idle_ms > 0)
		by = (quiet > m->woken_at ? quiet : m->woken_at) + m->idle_ms;
	return by;
}

/* A deadline that moves away is met by the timer when it comes: no timer is set for each byte. */
static void
set_timer(struct vz_mover *m)
{
	uint64_t by = deadline(m), now = vz_loop_now(m->loop);

	if (by == UINT64_MAX || (m->timer.index != 0 && m->due <= by))
		return;
	m->due = by;
	if (vz_timer_set(m->loop, &m->timer, by > now ? by - now : 0) < 0)
		end(m, VZ_ENOMEM, 0);
}

/* After anything happened. m may be gone then. */
static void
settle(struct vz_mover *m)
{
	m->in_turn = false;
	if (!m->over && m->way[0].state == VZ_WAY_OVER && m->way[1].state == VZ_WAY_OVER)
		end(m, 0, 0);
	if (!m->over)
		set_interest(m);
	if (!m->over)
		set_timer(m);
	if (!m->over)
		return;
	destroy(m);
	if (!m->dropped)
		m->handler->ended(m->arg, m, m->err, m->sys_errno);
	free(m);
}

static void
on_ready(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_mover *m = w->arg;
	unsigned side = w == &m->watch[1];
	int sys_errno = 0;
	socklen_t len = sizeof(sys_errno);

	(void)l;
	m->in_turn = true;
	if (w->want == 0) {
		/* Both directions of it have ended, or it broke while nothing was wanted of it. */
		(void)getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &sys_errno, &len);
		if (sys_errno != 0)
			broke(m, side, sys_errno);
	}
	if ((got & VZ_WRITE) != 0)
		move(m, 1 - side);
	if ((got & VZ_READ) != 0 && !m->over && wants_reading(&m->way[side]))
		move(m, side);
	settle(m);
}

static void
on_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_mover *m = t->arg;
	uint64_t now = vz_loop_now(l);

	m->in_turn = true;
	if (deadline(m) <= now)
		end(m, VZ_ETIMEOUT, 0);
	settle(m);
}

int
vz_mover_new(struct vz_loop *l, const struct vz_mover_config *config, struct vz_mover **out)
{
	struct vz_mover *m = calloc(1, sizeof(*m));
	int r = m == NULL ? VZ_ENOMEM : 0;

	*out = NULL;
	if (m == NULL) {
		close(config->fd[0]);
		close(config->fd[1]);
		return r;
	}
	m->loop = l;
	m->pipes = config->pipes;
	m->handler = config->handler;
	m->arg = config->arg;
	m->idle_ms = config->idle_ms;
	m->stall_ms = config->stall_ms;
	m->timer = (struct vz_timer){.fn = on_timer, .arg = m};
	for (unsigned s = 0; s < 2; s++) {
		m->watch[s] =
		    (struct vz_watch){.fd = config->fd[s], .fn = on_ready, .arg = m, .hup = true};
		m->way[s].at = vz_loop_now(l);
		if (config->first_len[s] > VZ_MOVER_HELD)
			r = VZ_EINVAL;
		if (r == 0)
			r = vz_way_first(&m->way[s], config->first[s], config->first_len[s]);
		if (r == 0)
			r = vz_loop_add(l, &m->watch[s], 0);
	}
	if (r == 0) {
		set_interest(m);
		set_timer(m);
		r = m->err;
	}
	if (r != 0) {
		destroy(m);
		free(m);
		return r;
	}
	*out = m;
	return 0;
}

void
vz_mover_drop(struct vz_mover *m)
{
	if (m == NULL)
		return;
	/* From inside a handler the turn is still on the stack: it cleans up on its way out. */
	m->over = m->dropped = true;
	if (m->in_turn)
		return;
	destroy(m);
	free(m);
}

void
vz_mover_pause(struct vz_mover *m, unsigned side, bool pause)
{
	m->way[side].paused = pause;
	m->woken_at = vz_loop_now(m->loop);
	if (m->in_turn || m->over)
		return;
	set_interest(m);
	set_timer(m);
	/* Handlers are called by the loop only. */
	if (m->over)
		(void)vz_timer_set(m->loop, &m->timer, 0);
}

uint64_t
vz_mover_moved(const struct vz_mover *m, unsigned side)
{
	return m->way[side].moved;
}

size_t
vz_mover_waits(const struct vz_mover *m, unsigned side)
{
	return m->over ? m->waited[side] : vz_way_held(&m->way[side]);
}

uint64_t
vz_mover_progress(const struct vz_mover *m)
{
	return m->way[0].at > m->way[1].at ? m->way[0].at : m->way[1].at;
}
