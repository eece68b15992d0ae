#include "cmd/vz-listen/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/shortage.h"
#include "cmd/vz-listen/visit.h"
#include "net/sockopt.h"
#include "net/unix.h"

#define PAUSE_MS 100
/* For handshakes of TCP that have begun when we stop to listen. */
#define HAND_OVER_MS 300
/* Connections accepted in one turn, so that those that are there get theirs. */
#define AT_ONCE 16

/* Handshakes under way keep the identity that they began with (DESIGN 4: re-read before the next).
 */
static void
refresh_identity(struct server *srv)
{
	struct vz_key before = srv->me.identity->bundle.identity;
	struct self probe = srv->me;
	struct lent *fresh;
	int r;

	/* Without one it frees none: the old one may be lent. */
	probe.identity = NULL;
	r = self_reload(&probe);
	srv->me.seen = probe.seen;
	if (r <= 0)
		return;
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh) {
		vz_identity_free(probe.identity);
		return;
	}
	fresh->identity = srv->me.identity = probe.identity;
	srv->lent->replaced = true;
	if (srv->lent->users == 0) {
		vz_identity_free(srv->lent->identity);
		free(srv->lent);
	}
	srv->lent = fresh;
	diag_verbose(1, "identity read again");
	if (!vz_key_equal(&before, &fresh->identity->bundle.identity))
		for (size_t i = 0; i < srv->n_listeners; i++)
			if (srv->listeners[i].fd >= 0)
				report_listening(srv, &srv->listeners[i]);
}

/* Those that failed after they were callers hold nobody up. */
static void
disown_silent(struct server *srv)
{
	struct visit *v, *next, *out;

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	{
		if (v->admitted || !vz_conn_silent(v->conn))
			continue;
		out = vz_pool_disown(&srv->pool, vz_loop_now(srv->loop), v);
		if (!out)
			continue;
		if (out == next)
			next = TAILQ_NEXT(next, all);
		report_pushed_out(out);
		visit_drop(out);
	}
}

void
gate_failed(const struct visit *v)
{
	struct server *srv = v->srv;
	uint64_t now = vz_loop_now(srv->loop);
	unsigned before = vz_penalty_level(&srv->penalties, &v->source, now);
	unsigned level = vz_penalty_failed(&srv->penalties, &v->source, now);

	if (level > before && vz_bucket_take(&srv->penalty_words, 1, now) == 0)
		report_penalised(v, VZ_POOL_PER_SOURCE >> level);
}

/* Who is pushed out by others of its source had too many, and who failed already has failed. */
void
gate_push_out(struct visit *out, const struct vz_source *by)
{
	if ((by && vz_source_equal(&out->source, by)) || vz_conn_silent(out->conn))
		gate_failed(out);
	report_pushed_out(out);
	visit_drop(out);
}

/*
 * Who has to go may have spoken since it was last looked at, most of all where this process is kept
 * busy by a crowd: then it stays, as a caller. True also when it has gone by itself.
 */
static bool
has_spoken(struct server *srv, struct visit *out)
{
	if (vz_conn_silent(out->conn))
		return false;
	if (!vz_conn_look(out->conn) || out->admitted)
		return true;
	return !vz_conn_silent(out->conn) && vz_session_begun(vz_conn_session(out->conn)) &&
	    vz_pool_save(&srv->pool, &out->source, 0, vz_loop_now(srv->loop), out);
}

static void
take_in(struct server *srv, int fd, const struct sockaddr_storage *from, bool late)
{
	uint64_t now = vz_loop_now(srv->loop);
	struct vz_source source;
	struct visit *v, *out;
	uid_t uid = (uid_t)-1;

	if (from->ss_family == AF_UNIX)
		(void)vz_peer_uid(fd, &uid);
	vz_source_of((const struct sockaddr *)from, uid, &source);
	refresh_identity(srv);
	v = visit_new(srv, fd);
	if (!v)
		return;
	v->late = late;
	v->source = source;
	report_accepted(v);
	if (srv->pool.n_callers == VZ_POOL_CALLERS)
		disown_silent(srv);
	out = vz_pool_arrive(
	    &srv->pool, &source, vz_penalty_level(&srv->penalties, &source, now), now, v);
	if (out && !has_spoken(srv, out))
		gate_push_out(out, &source);
	/* Who knows us has spoken by now, and is heard before the next one can push it out. */
	(void)vz_conn_look(v->conn);
}

static void
want_all(struct server *srv, unsigned want)
{
	for (size_t i = 0; i < srv->n_listeners; i++)
		(void)vz_loop_want(srv->loop, &srv->gates[i], want);
}

/* Level-triggered readiness would spin until a descriptor is free. */
static void
rest(struct server *srv)
{
	want_all(srv, 0);
	if (vz_timer_set(srv->loop, &srv->pause, PAUSE_MS) < 0)
		want_all(srv, VZ_READ);
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
	struct server *srv = w->arg;
	bool late = srv->drain.on && !is_others_too(&srv->listeners[w - srv->gates]);
	struct sockaddr_storage from;
	int fd;

	while (n-- > 0) {
		fd = shortage_accept(srv, w->fd, &from);
		if (fd >= 0) {
			take_in(srv, fd, &from, late);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return true;
		} else if (!is_theirs(errno) && !shortage_relieve(srv, errno)) {
			rest(srv);
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
close_one(struct server *srv, size_t i)
{
	vz_loop_del(srv->loop, &srv->gates[i]);
	vz_listen_close(&srv->listeners[i], 1);
}

/* The queue goes with the socket, so it has to be empty. */
static void
on_handed_over(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;
	bool more = false;

	for (size_t i = 0; i < srv->n_listeners; i++) {
		if (!srv->listeners[i].shared || srv->listeners[i].fd < 0)
			continue;
		if (take_some(&srv->gates[i], AT_ONCE))
			close_one(srv, i);
		else
			more = true;
	}
	if (more)
		(void)vz_timer_set(l, t, srv->is_short ? PAUSE_MS : 0);
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
gate_hand_over(struct server *srv)
{
	bool shared = false, inherited = false;

	for (size_t i = 0; i < srv->n_listeners; i++) {
		if (srv->listeners[i].inherited) {
			/* Its queue stays with the others who hold it. */
			inherited = true;
			close_one(srv, i);
		} else if (srv->listeners[i].shared) {
			shared = true;
			leave(&srv->listeners[i]);
		}
	}
	srv->hand_over = (struct vz_timer){.fn = on_handed_over, .arg = srv};
	if (shared && vz_timer_set(srv->loop, &srv->hand_over, HAND_OVER_MS) < 0)
		on_handed_over(srv->loop, &srv->hand_over);
	return shared || inherited;
}

bool
gate_is_open_for_others(const struct server *srv)
{
	for (size_t i = 0; i < srv->n_listeners; i++)
		if (srv->listeners[i].shared && srv->listeners[i].fd >= 0)
			return srv->drain.handing;
	return false;
}

int
gate_open(struct server *srv)
{
	int r = 0;

	srv->pause = (struct vz_timer){.fn = on_rested, .arg = srv};
	for (size_t i = 0; i < srv->n_listeners && r == 0; i++) {
		srv->gates[i] =
		    (struct vz_watch){.fd = srv->listeners[i].fd, .fn = on_arrival, .arg = srv};
		r = vz_loop_add(srv->loop, &srv->gates[i], VZ_READ);
	}
	return r;
}

void
gate_close(struct server *srv)
{
	vz_timer_stop(srv->loop, &srv->pause);
	vz_timer_stop(srv->loop, &srv->hand_over);
	for (size_t i = 0; i < srv->n_listeners; i++)
		vz_loop_del(srv->loop, &srv->gates[i]);
	vz_listen_close(srv->listeners, srv->n_listeners);
	srv->n_listeners = 0;
}
