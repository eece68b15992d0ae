#include "cmd/vz-listen/drain.h"

#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/letter.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/visit.h"

/* How long who has nothing under way may take for a handshake, a message, or to leave. */
#define IDLE_MS 2000
/* Looks at who has. */
#define LOOK_MS 50
bool
drain_refuses(const struct visit *v)
{
	return v->srv->drain.on && (!v->srv->gate.handing || v->who.late);
}

static bool
is_busy(const struct visit *v)
{
	return v->n_incoming > 0 || v->in_output > 0 || (v->waiting && !drain_refuses(v));
}

/* True when it is waited for. Else it has left, or is told to. */
static bool
is_waited_for(struct visit *v, uint64_t now)
{
	if (v->letter && letter_is_over(v->letter))
		return true; /* but for its mailbox to know */
	if (v->leaving || (!v->conn && !v->letter))
		return false;
	if (is_busy(v)) {
		v->active_at = now;
		return true;
	}
	/* A stranger may be anybody: worth waiting for only where nobody is told to try again. */
	if (!v->admitted && !v->srv->gate.handing)
		return false;
	if (now - v->active_at < IDLE_MS)
		return true;
	visit_dismiss(v, VZ_EXIT_TEMPFAIL, "this listener is stopping");
	return false;
}

static void
over(struct server *srv, bool complete)
{
	report_drained(srv, complete);
	if (!complete)
		srv->signo = srv->drain.signo;
	/* One that began by itself has no signal to tell of it. */
	server_stop(srv, complete || srv->signo != 0 ? 0 : VZ_EXIT_TEMPFAIL);
}

static void
on_look(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;
	uint64_t now = vz_loop_now(l);
	struct visit *v, *next;
	bool more = srv->messages > 0 || gate_is_open_for_others(&srv->gate) || posts_claim(srv);

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	more |= is_waited_for(v, now);
	if (!more || now >= srv->drain.by)
		over(srv, srv->messages == 0);
	else if (vz_timer_set(l, t, LOOK_MS) < 0)
		over(srv, false);
}

/* Whoever lost the connection will not find us again, but who accepts where we did. */
static void
leave_away(struct server *srv)
{
	struct visit *v, *next;

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	if (v->session)
		visit_dismiss(v, VZ_EXIT_TEMPFAIL, "this listener is stopping");
}

static void
begin(struct server *srv, int signo)
{
	uint64_t ms = srv->options->serve.drain_ms;

	srv->drain.on = true;
	srv->drain.signo = signo;
	srv->drain.by = vz_loop_now(srv->loop) + ms;
	srv->drain.look = (struct vz_timer){.fn = on_look, .arg = srv};
	report_draining(srv);
	sockets_notify_end(ms);
	posts_leave(srv);
}

static void
go_on(struct server *srv)
{
	/* What waits for its turn has not begun. */
	server_wake(srv);
	drain_wake(srv);
}

void
drain_begin(struct server *srv, int signo)
{
	begin(srv, signo);
	if (gate_hand_over(&srv->gate))
		leave_away(srv);
	go_on(srv);
}

void
drain_deserted(struct server *srv, bool handed)
{
	begin(srv, 0);
	srv->gate.ending = true;
	srv->gate.handing = handed;
	leave_away(srv);
	go_on(srv);
}

void
drain_wake(struct server *srv)
{
	if (srv->drain.on && !srv->stopping && vz_timer_set(srv->loop, &srv->drain.look, 0) < 0)
		over(srv, false);
}

void
drain_stop(struct server *srv)
{
	vz_timer_stop(srv->loop, &srv->drain.look);
}
