#include "cmd/vz-listen/server.h"

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/serve/signals.h"
#include "cmd/serve/watchdog.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/commands.h"
#include "cmd/vz-listen/drain.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/rights.h"
#include "cmd/vz-listen/taker.h"
#include "cmd/vz-listen/visit.h"

/* What is left of it for who is asked twice: time to write a word to everybody. */
#define HURRY_MS 100
#define EACH_MS  1000

/* Waiting for the taker. */

static void
retry_waiting(struct server *srv)
{
	struct visit *v, *next;

	TAILQ_FOREACH_SAFE(v, &srv->waiting, turn, next)
	{
		if (!visit_retry(v))
			continue;
		TAILQ_REMOVE(&srv->waiting, v, turn);
		v->waiting = false;
	}
}

static void
on_output_ready(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct server *srv = w->arg;

	(void)got;
	/* Who finds no room asks for this again. */
	(void)vz_loop_want(l, w, 0);
	if (srv->taker->turn)
		srv->taker->turn(srv, NULL);
	retry_waiting(srv);
}

static void
on_wake(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;

	(void)l;
	if (srv->taker->turn)
		srv->taker->turn(srv, NULL);
	retry_waiting(srv);
}

void
server_watch_output(struct server *srv)
{
	if (srv->output_fd >= 0)
		(void)vz_loop_want(srv->loop, &srv->output_watch, VZ_WRITE);
}

void
server_wake(struct server *srv)
{
	if (!TAILQ_EMPTY(&srv->waiting) || srv->queued > 0)
		(void)vz_timer_set(srv->loop, &srv->wake, 0);
}

void
server_wake_later(struct server *srv)
{
	(void)vz_timer_set(srv->loop, &srv->wake_later, 1000);
}

void
server_wait(struct server *srv, struct visit *v)
{
	v->waiting = true;
	TAILQ_INSERT_TAIL(&srv->waiting, v, turn);
}

/* Ends. */

void
server_note(struct server *srv, int status)
{
	if (srv->status == 0)
		srv->status = status;
}

static void
close_all(struct server *srv)
{
	gate_close(&srv->gate);
	posts_leave(srv);
}

void
server_serve(struct server *srv, struct visit *v)
{
	struct visit *other, *next;

	srv->served = v;
	if (srv->options->resume_ms == 0) /* else it may need another connection */
		close_all(srv);
	/* Those who are not authenticated yet hear it when they are. */
	TAILQ_FOREACH_SAFE(other, &srv->visits, all, next)
	if (other != v && (other->admitted || other->letter))
		visit_dismiss(
		    other, VZ_EXIT_TEMPFAIL, "this listener serves one session and has it");
}

static void
on_patience_over(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 0);
}

void
server_over(struct server *srv)
{
	vz_loop_stop(srv->loop, 0);
}

/* Everybody is gone. */
static void
finish(struct server *srv)
{
	if (srv->finishing)
		return;
	srv->finishing = true;
	if (!srv->taker->finish || srv->taker->finish(srv) ||
	    vz_timer_set(srv->loop, &srv->patience, PATIENCE_MS) < 0)
		server_over(srv);
}

void
server_stop(struct server *srv, int status)
{
	struct visit *v, *next;

	server_note(srv, status);
	if (srv->stopping)
		return;
	srv->stopping = true;
	drain_stop(srv);
	sockets_notify_end(0);
	close_all(srv);
	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	visit_dismiss(v, VZ_EXIT_TEMPFAIL, "this listener is stopping");
	if (TAILQ_EMPTY(&srv->visits))
		finish(srv);
	else if (vz_timer_set(srv->loop, &srv->patience, PATIENCE_MS) < 0)
		server_over(srv);
}

void
server_forget(struct server *srv, struct visit *v)
{
	TAILQ_REMOVE(&srv->visits, v, all);
	if (v->waiting)
		TAILQ_REMOVE(&srv->waiting, v, turn);
	if (v == srv->served) {
		/* It was what we were for. */
		server_note(srv, v->status);
		finish(srv);
	} else if (srv->stopping && TAILQ_EMPTY(&srv->visits)) {
		finish(srv);
	}
	drain_wake(srv);
}

void
server_deserted(struct server *srv, int status, bool successor)
{
	bool handed = successor && srv->options->serve.reuse_port;

	if (srv->stopping || srv->drain.on || srv->sockets.n_listeners > 0 || posts_any(srv))
		return;
	if (!srv->options->keep) {
		if (!srv->served)
			server_stop(srv, status);
		return;
	}
	if (!handed)
		server_note(srv, status);
	if (srv->options->serve.drain_ms > 0)
		drain_deserted(srv, handed);
	else
		server_stop(srv, srv->messages > 0 ? VZ_EXIT_TEMPFAIL : 0);
}

/* Signals. */

static void
on_end_signal(struct vz_loop *l, int signo, void *arg)
{
	struct server *srv = arg;

	/* Asked twice: at once. */
	if (srv->stopping) {
		srv->signo = signo;
		vz_loop_stop(l, 0);
	} else if (srv->drain.on && srv->drain.signo == 0) {
		srv->drain.signo = signo; /* it had begun by itself */
	} else if (srv->drain.on) {
		srv->signo = signo;
		server_stop(srv, 0);
		(void)vz_timer_set(l, &srv->patience, HURRY_MS);
	} else if (srv->options->keep && srv->options->serve.drain_ms > 0) {
		drain_begin(srv, signo);
	} else {
		/* One that goes on for ever and was doing nothing has done all of its work. */
		if (!srv->options->keep || srv->messages > 0)
			srv->signo = signo;
		server_stop(srv, 0);
	}
}

static void
on_hangup(struct vz_loop *l, int signo, void *arg)
{
	struct server *srv = arg;

	(void)l;
	(void)signo;
	record_reopen(&srv->record);
	rights_renew(srv);
	posts_retry(srv);
}

static void
on_second(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;

	if (srv->stopping)
		return;
	(void)vz_timer_set(l, t, EACH_MS);
	watchdog_tick(vz_loop_now(l));
	if (rights_changed(&srv->rights))
		rights_renew(srv);
	else
		rights_expire(srv);
	record_tick(&srv->record);
	commands_check(srv);
	ask_second(srv);
	recall_tick(srv);
	posts_second(srv);
	if (srv->taker->second)
		srv->taker->second(srv);
}

static void
on_broken_record(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	server_stop(t->arg, VZ_EXIT_IOERR);
}

int
server_prepare(struct server *srv)
{
	int r;

	srv->wake = (struct vz_timer){.fn = on_wake, .arg = srv};
	srv->wake_later = srv->wake;
	srv->patience = (struct vz_timer){.fn = on_patience_over, .arg = srv};
	srv->output_watch =
	    (struct vz_watch){.fd = srv->output_fd, .fn = on_output_ready, .arg = srv};
	srv->second = (struct vz_timer){.fn = on_second, .arg = srv};
	record_start(&srv->record, srv->loop, on_broken_record, srv);
	/* A listener for one session ends with its terminal, as programs do. */
	r = signals_start(srv->loop, on_end_signal, srv->options->keep ? on_hangup : NULL, srv);
	if (r == 0 && srv->output_fd >= 0)
		r = vz_loop_add(srv->loop, &srv->output_watch, 0);
	if (r == 0 && srv->taker->start)
		r = srv->taker->start(srv);
	if (r == 0)
		r = ask_start(srv);
	if (r == 0)
		r = vz_timer_set(srv->loop, &srv->second, EACH_MS);
	return r;
}

int
server_run(struct server *srv)
{
	int r = vz_loop_run(srv->loop);

	if (r < 0) {
		diag_error("%s", diag_words(r));
		server_note(srv, VZ_EXIT_OSERR);
	}
	return srv->status;
}
