#include "cmd/vz-listen/admit.h"

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/serve/judge.h"
#include "cmd/vz-listen/ask.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/drain.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/report.h"

static unsigned
sessions_of(const struct server *srv, const struct vz_key *key)
{
	const struct visit *v;
	unsigned n = 0;

	TAILQ_FOREACH(v, &srv->visits, all)
	n += v->admitted && v->conn && vz_key_equal(&v->who.key, key);
	return n;
}

static struct verdict
judge_limits(const struct visit *v)
{
	const struct server *srv = v->srv;

	if (srv->record.broken)
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener cannot write its record"};
	if (srv->stopping || drain_refuses(v))
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener is stopping"};
	/* It may be the one again: that is seen when it names its stream. */
	if (srv->served &&
	    (srv->options->resume_ms == 0 || !vz_key_equal(&srv->served->who.key, &v->who.key)))
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener serves one session and has it"};
	if (srv->rights.locked)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener takes nobody new at the moment"};
	if (srv->sessions >= srv->options->serve.max_conns)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener has as many sessions as it takes"};
	if (sessions_of(srv, &v->who.key) >= limits_sessions(v))
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this key has too many sessions here"};
	return (struct verdict){0};
}

void
admit_refuse(struct visit *v, uint8_t status, const char *words)
{
	audit_log_refused(v, status, words);
	report_refused(&v->who, status, words);
	v->leaving = true;
	vz_conn_close(v->conn, status, words, true);
}

void
admit(struct visit *v)
{
	struct vz_session *s = visit_session(v);
	const struct vz_bundle *b = vz_session_peer(s);
	struct verdict no;

	no = judge_caller(&v->who, &v->srv->me, b, vz_conn_fd(v->conn),
	    "this listener cannot write its memory of peers");
	if (judge_is_stranger(no) && judge_limits(v).status == 0 && ask_hold(v))
		return;
	if (no.status == 0)
		no = judge_limits(v);
	if (no.status == 0 &&
	    (quota_join(v) < 0 ||
		vz_session_accept(s, (uint8_t)v->who.grant.rights, limits_max_size(v)) < 0))
		no = (struct verdict){VZ_EXIT_TEMPFAIL, "this listener is out of memory"};
	if (no.status != 0) {
		admit_refuse(v, no.status, no.words);
		if (judge_is_stranger(no))
			stranger_hint(&v->srv->rights, &v->who.key, vz_loop_now(v->srv->loop));
		return;
	}
	v->admitted = true;
	v->srv->sessions++;
	gate_admit(&v->srv->gate, &v->who);
	audit_log_session(v, "accepted", 0, "");
	report_authenticated(&v->who);
}
