#include "cmd/vz-listen/audit_log.h"

#include <string.h>

#include "cmd/common/exit.h"

void
audit_log_session(const struct visit *v, const char *event, int status, const char *words)
{
	record_session(&v->srv->record, &v->who, event, status, words);
}

void
audit_log_refused(const struct visit *v, int status, const char *words)
{
	record_refused(&v->srv->record, &v->who, status, words);
}

void
audit_log_not_taken(const struct visit *v, const char *id, int status, const char *words)
{
	struct vz_audit_entry e =
	    record_entry(&v->who, status == VZ_EXIT_TEMPFAIL ? "limited" : "refused");
	char buf[RECORD_RESULT_MAX];

	e.message = id;
	e.result = record_result(buf, status, words, strlen(words));
	record_put(&v->srv->record, &e);
}

bool
audit_log_started(const struct visit *v, const struct incoming *in)
{
	struct vz_audit_entry e = record_entry(&v->who, "started");

	e.message = in->id;
	record_put(&v->srv->record, &e);
	return !v->srv->record.broken;
}

void
audit_log_message(const struct visit *v, const struct incoming *in, const char *event, int status,
    const void *text, size_t len)
{
	struct vz_audit_entry e = record_entry(&v->who, event);
	char buf[RECORD_RESULT_MAX];

	e.message = in->id;
	e.bytes = in->bytes;
	e.result = record_result(buf, status, text, len);
	record_put(&v->srv->record, &e);
}

void
audit_log_close(struct server *srv)
{
	static const char words[] = "this listener ended";
	const struct incoming *in;
	const struct visit *v;
	int status;

	if (!srv->record.audit)
		return;
	TAILQ_FOREACH(v, &srv->visits, all)
	LIST_FOREACH(in, &v->incoming, list)
	audit_log_message(v, in, "failed", VZ_EXIT_TEMPFAIL, words, sizeof(words) - 1);
	status = record_close(&srv->record);
	if (srv->status == 0)
		srv->status = status;
}
