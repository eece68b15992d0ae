#include "cmd/vz-listen/away.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/report.h"

unsigned
away_count(const struct visit *v)
{
	const struct visit *other;
	unsigned n = 0;

	TAILQ_FOREACH(other, &v->srv->visits, all)
	n += other->session && vz_key_equal(&other->who.key, &v->who.key);
	return n;
}

/* For one more, of so many bytes: replies and tables. */
static bool
has_room(const struct server *srv, size_t more)
{
	const struct visit *v;
	unsigned n = 0;

	TAILQ_FOREACH(v, &srv->visits, all)
	if (v->session) {
		n++;
		more += v->away_memory;
	}
	return n < AWAY_MAX && more <= AWAY_MEMORY;
}

/* The one session that is served for all its messages is not over before its sender says so. */
static bool
has_more(const struct visit *v)
{
	return vz_session_remembers(visit_session(v)) ||
	    (v == v->srv->served && !v->srv->options->single);
}

bool
away_may_return(const struct visit *v, int err)
{
	return (err == VZ_ECUT || err == VZ_ETIMEOUT || err == VZ_EEXPIRED) &&
	    v->srv->options->resume_ms > 0 && v->admitted && !v->leaving && !v->srv->stopping &&
	    has_more(v) && away_count(v) < AWAY_MAX_OF_PEER &&
	    has_room(v->srv, vz_session_memory(visit_session(v)));
}

/* What an event that waits points to lies in the connection. */
static int
keep_held(struct visit *v)
{
	if (!v->waiting || v->held.bytes_len == 0 || v->held_bytes)
		return 0;
	v->held_bytes = malloc(v->held.bytes_len);
	if (!v->held_bytes)
		return VZ_ENOMEM;
	memcpy(v->held_bytes, v->held.bytes, v->held.bytes_len);
	v->held.bytes = v->held_bytes;
	return 0;
}

/* For the sender to hear its last verdict and to go. */
static void
be_patient(struct visit *v)
{
	struct server *srv = v->srv;

	if (!v->told)
		return;
	if (vz_timer_set(
		srv->loop, &srv->patience, v->session ? srv->options->resume_ms : PATIENCE_MS) < 0)
		server_over(srv);
}

bool
away_is_last(struct visit *v, int status)
{
	if (v->srv->options->resume_ms == 0 || v != v->srv->served)
		return false;
	server_note(v->srv, status);
	v->told = true;
	be_patient(v);
	return true;
}

static void
on_too_late(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	away_end(t->arg, VZ_EXIT_DATA, "the connection broke and was not taken up again");
}

/* Takes v's session out of its connection, which is its owner's to free. */
static bool
part(struct visit *v)
{
	if (keep_held(v) < 0)
		return false;
	v->session = vz_conn_leave_session(v->conn);
	v->away_memory = vz_session_memory(v->session);
	v->conn = NULL;
	v->srv->sessions--;
	return true;
}

bool
away_leave(struct visit *v, int err)
{
	struct server *srv = v->srv;

	if (!part(v))
		return false;
	be_patient(v);
	v->away = (struct vz_timer){.fn = on_too_late, .arg = v};
	report_broken(v, err);
	if (vz_timer_set(srv->loop, &v->away, srv->options->resume_ms) < 0)
		away_end(v, VZ_EXIT_OSERR, "out of memory");
	return true;
}

void
away_end(struct visit *v, int status, const char *text)
{
	struct server *srv = v->srv;
	bool others = srv->stopping || (srv->drain.on && srv->gate.handing);
	struct incoming *in;

	LIST_FOREACH(in, &v->incoming, list)
	{
		/* Its sender, who is told nothing now, may find whoever comes after us. */
		if (others && srv->taker->leave && srv->taker->leave(v, in)) {
			report_left(v, in);
			continue;
		}
		report_failed(v, in, status, text);
		deliver_note(v, VZ_EXIT_DATA);
	}
	deliver_note(v, status);
	report_ended(v, VZ_ECUT);
	visit_free(v);
}

static struct visit *
find(const struct visit *v)
{
	const uint8_t *stream = vz_session_stream(visit_session(v));
	struct visit *other;

	TAILQ_FOREACH(other, &v->srv->visits, all)
	if (other != v && other->admitted && !other->leaving &&
	    vz_key_equal(&other->who.key, &v->who.key) && visit_session(other) &&
	    memcmp(vz_session_stream(visit_session(other)), stream, VZ_STREAM_LEN) == 0)
		return other;
	return NULL;
}

/* Its connection may be dead without our knowing. */
static bool
disconnect(struct visit *v)
{
	struct vz_conn *c = v->conn;

	if (v->session)
		return true;
	if (!part(v))
		return false;
	vz_conn_drop(c);
	return true;
}

bool
away_returned(struct visit *v)
{
	struct server *srv = v->srv;
	struct visit *old = srv->options->resume_ms > 0 ? find(v) : NULL;
	struct vz_conn *c = v->conn;

	if (!old && srv->served && srv->served != v) {
		visit_dismiss(v, VZ_EXIT_TEMPFAIL, "this listener serves one session and has it");
		return true;
	}
	if (!old) {
		(void)recall_stream(v);
		return true;
	}
	if (!disconnect(old) || vz_conn_adopt(c, old->session, old) < 0)
		return true;
	vz_timer_stop(srv->loop, &old->away);
	old->conn = c;
	old->session = NULL; /* moved */
	srv->sessions++;
	be_patient(old);
	v->conn = NULL; /* moved */
	memcpy(old->who.remote, v->who.remote, sizeof(old->who.remote));
	old->who.relayed = v->who.relayed;
	old->who.relay = v->who.relay;
	visit_free(v);
	report_resumed(old);
	return !old->waiting;
}
