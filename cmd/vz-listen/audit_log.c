#include "cmd/vz-listen/audit_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

/* Refused sessions recorded one by one: so many a second, so many at once. */
#define REFUSED_RATE  10
#define REFUSED_BURST 100

#define RESULT_MAX 256

static const char *
shown(const struct server *srv)
{
	static char buf[512];
	const char *path = srv->options->audit;

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

static uint64_t
wall_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0 || t.tv_sec < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The file. */

_Noreturn static void
unusable(const struct server *srv, int err)
{
	switch (err) {
	case VZ_EMODE:
		diag_error("%s: not a regular file of ours that only we may write", shown(srv));
		exit(VZ_EXIT_CONFIG);
	case VZ_EFORMAT:
		diag_error("%s: not an audit file, or damaged at its end", shown(srv));
		diag_hint("it is left as it is; vz-keygen --verify-audit says more");
		exit(VZ_EXIT_CONFIG);
	default:
		if (err == VZ_ESYSTEM && errno == EBUSY)
			diag_error("%s: another process writes it", shown(srv));
		else
			diag_error("%s: %s", shown(srv), diag_words(err));
		exit(VZ_EXIT_CANTCREAT);
	}
}

static void
on_broken(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	server_stop(t->arg, VZ_EXIT_IOERR);
}

void
audit_log_open(struct server *srv)
{
	struct audit_log *log = &srv->audit;
	int r;

	if (!srv->options->audit)
		return;
	r = vz_audit_open(srv->options->audit, wall_ms(), srv->me.identity, &log->audit);
	if (r < 0)
		unusable(srv, r);
	vz_bucket_init(&log->refused, REFUSED_RATE, REFUSED_BURST);
	log->end = (struct vz_timer){.fn = on_broken, .arg = srv};
}

/* Not at once: whoever recorded something is in the middle of what would be ended. */
static void
broken(struct server *srv, int err)
{
	if (srv->audit.broken)
		return;
	srv->audit.broken = true;
	diag_error("%s: cannot be written: %s: stopping", shown(srv), diag_words(err));
	if (vz_timer_set(srv->loop, &srv->audit.end, 0) < 0)
		vz_loop_stop(srv->loop, VZ_ENOMEM);
}

bool
audit_log_broken(const struct server *srv)
{
	return srv->audit.broken;
}

void
audit_log_reopen(struct server *srv)
{
	int r;

	if (!srv->audit.audit)
		return;
	r = vz_audit_reopen(srv->audit.audit, wall_ms(), srv->me.identity);
	if (r == VZ_EEXISTS)
		diag_error(
		    "%s: another file with something in it is there: going on in the old one",
		    shown(srv));
	else if (r < 0)
		diag_error("%s: %s: going on in the old one", shown(srv), diag_words(r));
}

/* Lines. */

static void
record(struct server *srv, const struct vz_audit_entry *e)
{
	int r;

	if (!srv->audit.audit)
		return;
	r = vz_audit_write(srv->audit.audit, e, wall_ms(), srv->me.identity);
	if (r < 0)
		broken(srv, r);
}

static struct vz_audit_entry
entry(const struct visit *v, const char *event)
{
	return (struct vz_audit_entry){.event = event,
	    .key = v->key_text[0] ? &v->key : NULL,
	    .name = v->grant.name[0] ? v->grant.name : NULL,
	    .remote = v->remote};
}

/* "STATUS" or "STATUS WORDS"; what the words hold is escaped when they become JSON. */
static const char *
result(char buf[static RESULT_MAX], int status, const void *text, size_t len)
{
	int n = snprintf(buf, RESULT_MAX, len > 0 ? "%d " : "%d", status);
	size_t room = RESULT_MAX - 1 - (size_t)n;

	if (len > room)
		len = room;
	if (len > 0)
		memcpy(buf + n, text, len);
	buf[(size_t)n + len] = '\0';
	return buf;
}

void
audit_log_session(const struct visit *v, const char *event, int status, const char *words)
{
	struct vz_audit_entry e = entry(v, event);
	char buf[RESULT_MAX];

	e.result = result(buf, status, words, strlen(words));
	record(v->srv, &e);
}

static void
own_up(struct server *srv)
{
	char buf[RESULT_MAX];

	if (srv->audit.unrecorded == 0)
		return;
	snprintf(buf, sizeof(buf), "%llu more sessions, not recorded one by one",
	    (unsigned long long)srv->audit.unrecorded);
	srv->audit.unrecorded = 0;
	record(srv, &(struct vz_audit_entry){.event = "refused", .result = buf});
}

void
audit_log_refused(const struct visit *v, int status, const char *words)
{
	const char *event = status == VZ_EXIT_TEMPFAIL ? "limited" : "refused";
	struct audit_log *log = &v->srv->audit;

	if (!log->audit)
		return;
	if (vz_bucket_take(&log->refused, 1, vz_loop_now(v->srv->loop)) > 0) {
		log->unrecorded++;
		return;
	}
	own_up(v->srv);
	audit_log_session(v, event, status, words);
}

void
audit_log_not_taken(const struct visit *v, const char *id, int status, const char *words)
{
	struct vz_audit_entry e = entry(v, status == VZ_EXIT_TEMPFAIL ? "limited" : "refused");
	char buf[RESULT_MAX];

	e.message = id;
	e.result = result(buf, status, words, strlen(words));
	record(v->srv, &e);
}

bool
audit_log_started(const struct visit *v, const struct incoming *in)
{
	struct vz_audit_entry e = entry(v, "started");

	e.message = in->id;
	record(v->srv, &e);
	return !v->srv->audit.broken;
}

void
audit_log_message(const struct visit *v, const struct incoming *in, const char *event, int status,
    const void *text, size_t len)
{
	struct vz_audit_entry e = entry(v, event);
	char buf[RESULT_MAX];

	e.message = in->id;
	e.bytes = in->bytes;
	e.result = result(buf, status, text, len);
	record(v->srv, &e);
}

void
audit_log_reloaded(struct server *srv, const char *words)
{
	record(srv, &(struct vz_audit_entry){.event = "reloaded", .result = words});
}

/* Now and then, and the end. */

void
audit_log_tick(struct server *srv)
{
	uint64_t wait;
	int r;

	if (!srv->audit.audit)
		return;
	if (srv->audit.unrecorded > 0 &&
	    vz_bucket_take(&srv->audit.refused, 1, vz_loop_now(srv->loop)) == 0)
		own_up(srv);
	r = vz_audit_tick(srv->audit.audit, wall_ms(), srv->me.identity, &wait);
	if (r < 0)
		broken(srv, r);
}

void
audit_log_close(struct server *srv)
{
	static const char words[] = "this listener ended";
	const struct incoming *in;
	const struct visit *v;
	int r;

	if (!srv->audit.audit)
		return;
	TAILQ_FOREACH(v, &srv->visits, all)
	LIST_FOREACH(in, &v->incoming, list)
	audit_log_message(v, in, "failed", VZ_EXIT_TEMPFAIL, words, sizeof(words) - 1);
	own_up(srv);
	vz_timer_stop(srv->loop, &srv->audit.end);
	r = vz_audit_close(srv->audit.audit, wall_ms(), srv->me.identity);
	srv->audit.audit = NULL; /* freed */
	if (r < 0 && !srv->audit.broken) {
		diag_error("%s: cannot be signed at the end: %s", shown(srv), diag_words(r));
		if (srv->status == 0)
			srv->status = VZ_EXIT_IOERR;
	}
}
