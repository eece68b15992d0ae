#include "cmd/vz-listen/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/signed.h"

#define NAME_SHOWN 1100 /* 255 bytes, each \xNN at worst */

static const char *
peer(const struct visit *v)
{
	return report_peer(&v->who);
}

static struct vz_json *
event(const char *name, const struct visit *v)
{
	return report_event(name, &v->who);
}

static struct vz_json *
message_event(const char *name, const struct visit *v, const struct incoming *in)
{
	struct vz_json *j = event(name, v);

	vz_json_str(j, "message", in->id);
	vz_json_bytes(j, "message_name", in->name, in->name_len);
	vz_json_u64(j, "bytes", in->bytes);
	return j;
}

void
report_asked(const struct visit *v)
{
	if (diag_is_json())
		diag_event_end(event("asked", v));
	else
		diag_verbose(
		    1, "%s from %s: not known; waits for an answer", peer(v), v->who.remote);
}

void
report_answered(struct server *srv, const struct vz_key *key, const char *answer)
{
	char text[VZ_KEY_TEXT], words[100];
	struct vz_json *j;

	vz_key_format(key, text);
	snprintf(words, sizeof(words), "asked about %s: %s", text, answer);
	record_reloaded(&srv->record, words);
	if (!diag_is_json()) {
		diag_verbose(1, "%s", words);
		return;
	}
	j = diag_event("answered");
	vz_json_str(j, "key", text);
	vz_json_str(j, "text", answer);
	diag_event_end(j);
}

void
report_draining(const struct server *srv)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		if (srv->messages > 0)
			diag_verbose(0,
			    "stopping: %u message%s under way, for at most %llu.%03llu s; a second "
			    "signal ends at once",
			    srv->messages, srv->messages == 1 ? "" : "s",
			    (unsigned long long)(srv->options->serve.drain_ms / 1000),
			    (unsigned long long)(srv->options->serve.drain_ms % 1000));
		return;
	}
	j = diag_event("draining");
	vz_json_u64(j, "sessions", srv->sessions);
	vz_json_u64(j, "messages", srv->messages);
	vz_json_u64(j, "milliseconds", srv->options->serve.drain_ms);
	diag_event_end(j);
}

void
report_drained(const struct server *srv, bool complete)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		if (!complete)
			diag_error("the time of --drain is over: %u message%s still under way",
			    srv->messages, srv->messages == 1 ? "" : "s");
		return;
	}
	j = diag_event("drained");
	vz_json_bool(j, "complete", complete);
	vz_json_u64(j, "sessions", srv->sessions);
	vz_json_u64(j, "messages", srv->messages);
	diag_event_end(j);
}

void
report_ended(const struct visit *v, int err)
{
	const char *words = err ? vz_strerror(err) : "";
	struct vz_json *j;

	if (diag_is_json()) {
		j = event("ended", v);
		vz_json_str(j, "text", words);
		diag_event_end(j);
	} else if (!v->who.key_text[0])
		diag_verbose(1, "%s: gone before it was authenticated%s%s", v->who.remote,
		    err ? ": " : "", words);
	else if (err != 0 && !v->leaving)
		diag_verbose(1, "%s from %s: %s", peer(v), v->who.remote, words);
	else
		diag_verbose(1, "%s from %s: session over", peer(v), v->who.remote);
}

void
report_broken(const struct visit *v, int err)
{
	struct vz_json *j;

	if (diag_is_json()) {
		j = event("broken", v);
		vz_json_str(j, "text", vz_strerror(err));
		diag_event_end(j);
	} else {
		diag_verbose(1, "%s from %s: %s; waiting for it to come back", peer(v),
		    v->who.remote, vz_strerror(err));
	}
}

void
report_resumed(const struct visit *v)
{
	if (diag_is_json())
		diag_event_end(event("resumed", v));
	else
		diag_verbose(1, "%s: resumed from %s", peer(v), v->who.remote);
}

static const char *
name_of(const struct incoming *in)
{
	static char text[NAME_SHOWN + 8];
	char name[NAME_SHOWN];

	if (in->name_len == 0)
		return "";
	snprintf(
	    text, sizeof(text), " '%s'", diag_escape(name, sizeof(name), in->name, in->name_len));
	return text;
}

bool
report_wants_each(const struct server *srv)
{
	return srv->options->common.level >= 1 || diag_is_json() || srv->record.audit != NULL;
}

void
report_begun(const struct visit *v, const struct incoming *in)
{
	if (diag_is_json())
		diag_event_end(message_event("begun", v, in));
	else
		diag_verbose(1, "message %s%s from %s", in->id, name_of(in), peer(v));
}

void
report_delivered(const struct visit *v, const struct incoming *in)
{
	uint64_t ms = vz_loop_now(v->srv->loop) - in->begun_at;
	struct vz_json *j;

	audit_log_message(v, in, "delivered", 0, NULL, 0);
	if (!diag_is_json()) {
		diag_verbose(1, "message %s%s%s delivered: %llu bytes in %llu.%03llu s", in->id,
		    name_of(in), signed_is(in) ? ", signed," : "", (unsigned long long)in->bytes,
		    (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
		return;
	}
	j = message_event("delivered", v, in);
	vz_json_u64(j, "milliseconds", ms);
	if (signed_is(in))
		vz_json_bool(j, "signed", true);
	diag_event_end(j);
}

void
report_not_taken(const struct visit *v, const char *id, int status, const char *words)
{
	struct vz_json *j;

	audit_log_not_taken(v, id, status, words);
	if (!diag_is_json()) {
		diag_error("message %s from %s not taken: %s", id, peer(v), words);
		if (status == VZ_EXIT_UNAVAILABLE && v->srv->options->single && v->srv->used)
			diag_hint("--dir takes any number of messages, --keep one after the other");
		return;
	}
	j = event("not-taken", v);
	vz_json_str(j, "message", id);
	report_verdict(j, status, words, strlen(words));
}

void
report_failed(const struct visit *v, const struct incoming *in, int status, const char *words)
{
	audit_log_message(v, in, "failed", status, words, strlen(words));
	if (diag_is_json())
		report_verdict(message_event("failed", v, in), status, words, strlen(words));
	else
		diag_error("message %s%s from %s failed after %llu bytes: %s", in->id, name_of(in),
		    peer(v), (unsigned long long)in->bytes, words);
}

void
report_cancelled(
    const struct visit *v, const struct incoming *in, int status, const uint8_t *text, size_t len)
{
	char words[NAME_SHOWN];

	audit_log_message(v, in, "failed", status, text, len);
	if (diag_is_json())
		report_verdict(message_event("cancelled", v, in), status, text, len);
	else
		diag_error("message %s%s from %s cancelled by the sender after %llu bytes: %s",
		    in->id, name_of(in), peer(v), (unsigned long long)in->bytes,
		    diag_escape(words, sizeof(words), text, len));
}

void
report_left(const struct visit *v, const struct incoming *in)
{
	static const char words[] = "left as it is, for its sender to go on with";

	audit_log_message(v, in, "failed", VZ_EXIT_TEMPFAIL, words, sizeof(words) - 1);
	if (diag_is_json())
		report_verdict(
		    message_event("left", v, in), VZ_EXIT_TEMPFAIL, words, sizeof(words) - 1);
	else
		diag_verbose(0, "message %s%s from %s after %llu bytes: %s", in->id, name_of(in),
		    peer(v), (unsigned long long)in->bytes, words);
}
