#include "cmd/vz-listen/ask_impl.h"

#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/admit.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/visit.h"
#include "crypto/sign.h"

/* Who waits. */

uint64_t
ask_patience(const struct server *srv)
{
	return srv->options->common.wait_ms != 0 ? srv->options->common.wait_ms : ASK_MS;
}

static bool
is_among(const struct vz_key *keys, unsigned n, const struct vz_key *key)
{
	for (unsigned i = 0; i < n; i++)
		if (vz_key_equal(&keys[i], key))
			return true;
	return false;
}

static unsigned
held_of(const struct ask *a, const struct vz_source *source)
{
	const struct visit *v;
	unsigned n = 0;

	TAILQ_FOREACH(v, &a->held, ask.list)
	n += vz_source_equal(&v->who.source, source);
	return n;
}

/* A point that is none, and keys that have ended, are nothing to be asked about. */
static bool
is_sound(const struct visit *v)
{
	const struct vz_bundle *b = vz_session_peer(visit_session(v));

	return vz_sign_point_ok(v->who.key.b) &&
	    (b->not_after == 0 || (uint64_t)time(NULL) < b->not_after);
}

bool
ask_is_full(const struct ask *a)
{
	return a->n_no == ASK_KEYS || a->n_now == ASK_KEYS;
}

/* Everybody is asked about while there is room to remember what was said. */
static bool
may_ask(const struct visit *v)
{
	const struct ask *a = &v->srv->ask;

	return a->screen.fd >= 0 && v->conn && a->n_held < ASK_HELD && !ask_is_full(a) &&
	    !is_among(a->no, a->n_no, &v->who.key) && !vz_acl_names(v->srv->me.acl, &v->who.key) &&
	    held_of(a, &v->who.source) < ASK_PER_SOURCE && is_sound(v);
}

static void
set_late(struct server *srv)
{
	const struct visit *first = TAILQ_FIRST(&srv->ask.held);
	uint64_t now = vz_loop_now(srv->loop);

	if (!first)
		vz_timer_stop(srv->loop, &srv->ask.late);
	else
		(void)vz_timer_set(
		    srv->loop, &srv->ask.late, first->ask.until > now ? first->ask.until - now : 0);
}

bool
ask_hold(struct visit *v)
{
	struct server *srv = v->srv;
	struct ask *a = &srv->ask;
	uint64_t now = vz_loop_now(srv->loop);

	if (!srv->options->ask || !may_ask(v))
		return false;
	v->ask.held = true;
	v->ask.until = now + ask_patience(srv);
	/* The handshake's time was for the other side; this is ours. */
	vz_session_begins(visit_session(v), now, 2 * ask_patience(srv));
	TAILQ_INSERT_TAIL(&a->held, v, ask.list);
	a->n_held++;
	report_asked(v);
	set_late(srv);
	if (!a->asking)
		ask_next(srv);
	return true;
}

void
ask_forget(struct visit *v)
{
	struct ask *a = &v->srv->ask;

	if (!v->ask.held)
		return;
	v->ask.held = false;
	TAILQ_REMOVE(&a->held, v, ask.list);
	a->n_held--;
	set_late(v->srv);
}

static void
refuse(struct visit *v, const char *words)
{
	ask_forget(v);
	admit_refuse(v, VZ_EXIT_REFUSED, words);
}

void
ask_refuse_all(struct server *srv, const struct vz_key *key, const char *words)
{
	struct visit *v, *next;

	TAILQ_FOREACH_SAFE(v, &srv->ask.held, ask.list, next)
	if (vz_key_equal(&v->who.key, key))
		refuse(v, words);
}

void
ask_refuse_rest(struct server *srv, const char *words)
{
	while (!TAILQ_EMPTY(&srv->ask.held))
		refuse(TAILQ_FIRST(&srv->ask.held), words);
}

static void
on_late(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;
	struct visit *v;

	while ((v = TAILQ_FIRST(&srv->ask.held)) != NULL && v->ask.until <= vz_loop_now(l))
		refuse(v, ASK_NOBODY);
	set_late(srv);
}

void
ask_second(struct server *srv)
{
	if (srv->ask.asking)
		(void)vz_loop_want(srv->loop, &srv->ask.watch, VZ_READ);
}

void
ask_again(struct server *srv)
{
	struct visit *v, *next;
	struct vz_grant grant;
	int r;

	if (!srv->options->ask)
		return;
	if (srv->ask.asking && vz_acl_check(srv->me.acl, &srv->ask.key, &grant) != VZ_EDENIED) {
		vz_grant_release(&grant);
		ask_screen_newline(&srv->ask.screen);
		ask_screen_say(&srv->ask.screen, "that was decided by the files meanwhile");
		ask_end_question(srv);
	}
	TAILQ_FOREACH_SAFE(v, &srv->ask.held, ask.list, next)
	{
		r = vz_acl_check(srv->me.acl, &v->who.key, &grant);
		vz_grant_release(&grant);
		if (r == VZ_EDENIED)
			continue;
		ask_forget(v);
		admit(v);
		visit_kick(v);
	}
	ask_next(srv);
}

/* Beginning and end. */

void
ask_open(struct server *srv)
{
	TAILQ_INIT(&srv->ask.held);
	srv->ask.screen.fd = -1;
	if (srv->options->ask && !ask_screen_open(&srv->ask.screen))
		diag_usage("--ask: there is no terminal to ask at");
}

int
ask_start(struct server *srv)
{
	struct ask *a = &srv->ask;

	a->late = (struct vz_timer){.fn = on_late, .arg = srv};
	a->over = (struct vz_timer){.fn = ask_over, .arg = srv};
	a->watch = (struct vz_watch){.fd = a->screen.fd, .fn = ask_typed, .arg = srv};
	return a->screen.fd >= 0 ? vz_loop_add(srv->loop, &a->watch, 0) : 0;
}

void
ask_close(struct server *srv)
{
	struct ask *a = &srv->ask;

	vz_timer_stop(srv->loop, &a->late);
	vz_timer_stop(srv->loop, &a->over);
	if (a->screen.fd < 0)
		return;
	if (a->asking) {
		ask_screen_newline(&a->screen);
		ask_end_question(srv);
	}
	vz_loop_del(srv->loop, &a->watch);
	ask_screen_close(&a->screen);
}
