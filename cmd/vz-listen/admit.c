#include "cmd/vz-listen/admit.h"

#include <time.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/drain.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/report.h"
#include "keep/serials.h"

/* A status and the words for it, or 0. */
struct verdict {
	uint8_t status;
	const char *words;
};

static struct verdict
judge_rights(const struct visit *v, struct vz_grant *grant)
{
	const char *words;

	switch (vz_acl_check(v->srv->me.acl, &v->key, grant)) {
	case 0:
		words = limits_judge(v, grant);
		return (struct verdict){words ? VZ_EXIT_REFUSED : 0, words};
	case VZ_EREVOKED: return (struct verdict){VZ_EXIT_REFUSED, "this key is revoked"};
	default: return (struct verdict){VZ_EXIT_REFUSED, "this key is not authorised here"};
	}
}

/* Only an authorised identity may add to the memory, or strangers would fill it (DESIGN 4). */
static struct verdict
judge_bundle(const struct visit *v, const struct vz_bundle *b)
{
	int r = vz_serials_raise(v->srv->me.state_dir, b);

	switch (r) {
	case 0: break;
	case VZ_EROLLBACK:
		return (struct verdict){
		    VZ_EXIT_REFUSED, "an older bundle of this key than one already seen"};
	case VZ_ECLASH: return (struct verdict){VZ_EXIT_REFUSED, "two hosts share this identity"};
	default:
		report_memory_failed(v, r);
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener cannot write its memory of peers"};
	}
	if (b->not_after != 0 && (uint64_t)time(NULL) >= b->not_after)
		return (struct verdict){VZ_EXIT_REFUSED, "this key's bundle is past its not-after"};
	return (struct verdict){0};
}

static unsigned
sessions_of(const struct server *srv, const struct vz_key *key)
{
	const struct visit *v;
	unsigned n = 0;

	TAILQ_FOREACH(v, &srv->visits, all)
	n += v->admitted && !v->session && vz_key_equal(&v->key, key);
	return n;
}

static struct verdict
judge_limits(const struct visit *v)
{
	const struct server *srv = v->srv;

	if (audit_log_broken(srv))
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener cannot write its record"};
	if (srv->stopping || drain_refuses(v))
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener is stopping"};
	/* It may be the one again: that is seen when it names its stream. */
	if (srv->served &&
	    (srv->options->resume_ms == 0 || !vz_key_equal(&srv->served->key, &v->key)))
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener serves one session and has it"};
	if (srv->locked)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener takes nobody new at the moment"};
	if (srv->sessions >= srv->options->max_conns)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener has as many sessions as it takes"};
	if (sessions_of(srv, &v->key) >= limits_sessions(v))
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this key has too many sessions here"};
	return (struct verdict){0};
}

void
admit(struct visit *v)
{
	struct vz_session *s = visit_session(v);
	const struct vz_bundle *b = vz_session_peer(s);
	struct verdict no;

	v->key = b->identity;
	vz_key_format(&v->key, v->key_text);
	no = judge_rights(v, &v->grant);
	if (no.status == 0)
		no = judge_bundle(v, b);
	if (no.status == 0)
		no = judge_limits(v);
	if (no.status == 0 &&
	    (quota_join(v) < 0 ||
		vz_session_accept(s, (uint8_t)v->grant.rights, limits_max_size(v)) < 0))
		no = (struct verdict){VZ_EXIT_TEMPFAIL, "this listener is out of memory"};
	if (no.status != 0) {
		report_refused(v, no.status, no.words);
		v->leaving = true;
		vz_conn_close(v->conn, no.status, no.words, true);
		return;
	}
	v->admitted = true;
	v->srv->sessions++;
	vz_pool_leave(&v->srv->pool, v);
	vz_penalty_succeeded(&v->srv->penalties, &v->source, vz_loop_now(v->srv->loop));
	report_authenticated(v);
}
