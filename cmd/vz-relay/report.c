#include "cmd/vz-relay/report.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

void
report_draining(const struct relay *rl)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		if (rl->pairs > 0)
			diag_verbose(0,
			    "stopping: %u pair%s joined, for at most %llu.%03llu s; a second "
			    "signal ends at once",
			    rl->pairs, rl->pairs == 1 ? "" : "s",
			    (unsigned long long)(rl->options->serve.drain_ms / 1000),
			    (unsigned long long)(rl->options->serve.drain_ms % 1000));
		return;
	}
	j = diag_event("draining");
	vz_json_u64(j, "connections", rl->admitted);
	vz_json_u64(j, "pairs", rl->pairs);
	vz_json_u64(j, "milliseconds", rl->options->serve.drain_ms);
	diag_event_end(j);
}

void
report_drained(const struct relay *rl, bool complete)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		if (!complete)
			diag_error("the time of --drain is over: %u pair%s still joined", rl->pairs,
			    rl->pairs == 1 ? "" : "s");
		return;
	}
	j = diag_event("drained");
	vz_json_bool(j, "complete", complete);
	vz_json_u64(j, "pairs", rl->pairs);
	diag_event_end(j);
}

void
report_in(const struct client *c)
{
	record_session(&c->rl->record, &c->who, "accepted", 0, "");
	report_authenticated(&c->who);
}

void
report_denied(const struct client *c, int status, const char *words)
{
	record_refused(&c->rl->record, &c->who, status, words);
	/* That somebody is not here, or is busy, is nobody's fault. */
	if (c->admitted && status != VZ_EXIT_REFUSED && !diag_is_json())
		diag_verbose(1, "%s from %s: %s", report_peer(&c->who), c->who.remote, words);
	else
		report_refused(&c->who, status, words);
}

void
report_out(const struct client *c, const char *words)
{
	record_session(&c->rl->record, &c->who, "refused", VZ_EXIT_REFUSED, words);
	report_refused(&c->who, VZ_EXIT_REFUSED, words);
}

void
report_registered(const struct client *c)
{
	record_session(&c->rl->record, &c->who, "registered", 0, "");
	if (diag_is_json())
		diag_event_end(report_event("registered", &c->who));
	else
		diag_verbose(1, "%s: registered from %s", report_peer(&c->who), c->who.remote);
}

void
report_gone(const struct client *c)
{
	const char *words = c->err ? vz_strerror(c->err) : "";
	struct vz_json *j;

	if (diag_is_json()) {
		j = report_event("ended", &c->who);
		vz_json_str(j, "text", words);
		diag_event_end(j);
	} else if (!c->who.key_text[0]) {
		diag_verbose(1, "%s: gone before it was authenticated%s%s", c->who.remote,
		    c->err ? ": " : "", words);
	} else {
		diag_verbose(1, "%s from %s: %s", report_peer(&c->who), c->who.remote,
		    c->err ? words : "connection over");
	}
}

/* The listener's key, which a line about the sender names. */
static void
put_listener(struct vz_json *j, const struct client *listener)
{
	vz_json_str(j, "listener", listener->who.key_text);
	vz_json_str(j, "listener_name", listener->who.grant.name);
	vz_json_str(j, "listener_remote", listener->who.remote);
}

void
report_joined(const struct client *sender, const struct client *listener)
{
	char text[512];
	struct vz_json *j;

	record_session(&sender->rl->record, &sender->who, "joined", 0, listener->who.key_text);
	if (diag_is_json()) {
		j = report_event("joined", &sender->who);
		put_listener(j, listener);
		diag_event_end(j);
		return;
	}
	snprintf(text, sizeof(text), "%s", report_peer(&sender->who));
	diag_verbose(1, "joined: %s from %s and %s from %s", text, sender->who.remote,
	    report_peer(&listener->who), listener->who.remote);
}

static void
record_parted(const struct client *sender, const struct client *listener, uint64_t bytes, int err)
{
	struct vz_audit_entry e = record_entry(&sender->who, "parted");
	char buf[RECORD_RESULT_MAX], words[200];

	snprintf(words, sizeof(words), "%s%s%s", listener->who.key_text, err ? ": " : "",
	    err ? vz_strerror(err) : "");
	e.bytes = bytes;
	e.result = record_result(buf, err ? VZ_EXIT_TEMPFAIL : 0, words, strlen(words));
	record_put(&sender->rl->record, &e);
}

void
report_parted(const struct client *sender, const struct client *listener, uint64_t there,
    uint64_t back, int err)
{
	char text[512];
	struct vz_json *j;

	record_parted(sender, listener, there + back, err);
	if (diag_is_json()) {
		j = report_event("parted", &sender->who);
		put_listener(j, listener);
		vz_json_u64(j, "bytes_there", there);
		vz_json_u64(j, "bytes_back", back);
		vz_json_str(j, "text", err ? vz_strerror(err) : "");
		diag_event_end(j);
		return;
	}
	snprintf(text, sizeof(text), "%s", report_peer(&sender->who));
	diag_verbose(1, "parted: %s and %s: %llu bytes there, %llu back%s%s", text,
	    report_peer(&listener->who), (unsigned long long)there, (unsigned long long)back,
	    err ? ": " : "", err ? vz_strerror(err) : "");
}

/* A deposit names its recipient, everything else is about the client's own mailbox. */
static void
record_mail(const struct client *c, const char *event, const struct vz_relay_event *ev,
    uint8_t status, const char *words)
{
	struct vz_audit_entry e = record_entry(&c->who, event);
	char buf[RECORD_RESULT_MAX], text[200], to[VZ_KEY_TEXT] = "";

	if (ev->type == VZ_RELAY_EVENT_DEPOSIT)
		vz_key_format(&ev->key, to);
	snprintf(text, sizeof(text), "%s%s%s", to, *to && *words ? ": " : "", words);
	e.bytes = ev->type == VZ_RELAY_EVENT_DEPOSIT ? ev->size : 0;
	e.result = record_result(buf, status, text, strlen(text));
	record_put(&c->rl->record, &e);
}

static const char *
request(const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_DEPOSIT: return "deposit";
	case VZ_RELAY_EVENT_BUNDLE_WANTED: return "bundle";
	case VZ_RELAY_EVENT_NEXT: return "next";
	default: return "taken";
	}
}

static void
say_mail(const struct client *c, const struct vz_relay_event *ev, uint8_t status, const char *words,
    uint64_t number)
{
	char to[VZ_KEY_TEXT];

	vz_key_format(&ev->key, to);
	if (status != 0)
		diag_verbose(1, "%s: %s refused: %s", report_peer(&c->who), request(ev), words);
	else if (ev->type == VZ_RELAY_EVENT_TAKEN)
		diag_verbose(
		    1, "%s: message %llu taken", report_peer(&c->who), (unsigned long long)number);
	else
		diag_verbose(1, "%s: message %llu for %s: %llu bytes", report_peer(&c->who),
		    (unsigned long long)number, to, (unsigned long long)ev->size);
}

static void
tell_mail(const struct client *c, const char *event, const struct vz_relay_event *ev,
    uint8_t status, const char *words, uint64_t number)
{
	char to[VZ_KEY_TEXT] = "";
	struct vz_json *j;

	if (!diag_is_json()) {
		say_mail(c, ev, status, words, number);
		return;
	}
	if (ev->type == VZ_RELAY_EVENT_DEPOSIT)
		vz_key_format(&ev->key, to);
	j = report_event(event, &c->who);
	vz_json_str(j, "request", request(ev));
	vz_json_str(j, "recipient", to);
	vz_json_u64(j, "number", number);
	vz_json_u64(j, "bytes", ev->size);
	vz_json_u64(j, "status", status);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
report_mail(const struct client *c, const struct vz_relay_event *ev, uint8_t status,
    const char *words, uint64_t number)
{
	const char *event = status != 0          ? "not-done"
	    : ev->type == VZ_RELAY_EVENT_DEPOSIT ? "deposited"
	    : ev->type == VZ_RELAY_EVENT_TAKEN   ? "taken"
						 : NULL;

	/* That there is nothing new, or that something is handed out again, is no news. */
	if (!event)
		return;
	if (ev->type == VZ_RELAY_EVENT_TAKEN)
		number = ev->number;
	words = words && status != 0 ? words : "";
	record_mail(c, event, ev, status, words);
	tell_mail(c, event, ev, status, words, number);
}
