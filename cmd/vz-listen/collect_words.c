/* What is said of mail: words, or with --log-json events (vz-listen(1) EVENTS), and in the record.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/collect_impl.h"
#include "cmd/vz-listen/report.h"
#include "keep/mailbook.h"

static struct vz_json *
event(const char *name, const struct collect *c, const struct vz_manifest *m)
{
	struct vz_json *j = diag_event(name);
	char text[VZ_KEY_TEXT];

	vz_json_str(j, "relay", c->post->text);
	if (m) {
		vz_key_format(&m->from, text);
		vz_json_str(j, "key", text);
	}
	return j;
}

/* In the record; m is NULL when nobody is known to have sent it. */
static void
record(const struct collect *c, const struct vz_manifest *m, const char *id, int status,
    const char *words)
{
	struct caller who = {0};
	struct vz_audit_entry e;
	char buf[RECORD_RESULT_MAX], relay[VZ_KEY_TEXT];

	vz_key_format(&c->post->at->relay_key, relay);
	snprintf(who.remote, sizeof(who.remote), "relay:%s", relay);
	if (m) {
		who.key = m->from;
		vz_key_format(&m->from, who.key_text);
	}
	e = record_entry(&who, "refused");
	e.message = id;
	e.result = record_result(buf, status, words, strlen(words));
	record_put(&c->post->srv->record, &e);
}

void
collect_say_unopened(const struct collect *c, const char *words)
{
	struct vz_json *j;

	record(c, NULL, NULL, VZ_EXIT_DATA, words);
	if (!diag_is_json()) {
		diag_error("mail at %s thrown away: %s", c->post->shown, words);
		return;
	}
	j = event("mail-refused", c, NULL);
	vz_json_u64(j, "status", VZ_EXIT_DATA);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
collect_say_clocks(const struct collect *c)
{
	static const char words[] =
	    "expired by this host's clock, and not by the relay's: one of them is wrong";
	struct vz_json *j;

	if (!diag_is_json()) {
		diag_error("mail at %s left there: %s", c->post->shown, words);
		return;
	}
	j = event("mail-failed", c, NULL);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
collect_say_seen(const struct collect *c, const struct letter *l, enum vz_window_verdict verdict)
{
	const char *words = verdict == VZ_WINDOW_SEEN
	    ? "it was delivered before"
	    : "it is so old that it counts as delivered before";
	const struct vz_manifest *m = letter_manifest(l);
	char id[VZ_MESSAGE_ID_TEXT], from[VZ_KEY_TEXT];
	struct vz_json *j;

	vz_message_id(m->stream, m->sequence, id);
	record(c, m, id, VZ_EXIT_DATA, words);
	if (!diag_is_json()) {
		vz_key_format(&m->from, from);
		diag_verbose(0, "mail %s of %s not delivered: %s", id, from, words);
		return;
	}
	j = event("mail-seen", c, m);
	vz_json_str(j, "message", id);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
collect_say_missing(
    const struct collect *c, const struct letter *l, const struct vz_window_gap *gap)
{
	const struct vz_manifest *m = letter_manifest(l);
	unsigned long long first = gap->first, last = gap->last;
	char from[VZ_KEY_TEXT];
	struct vz_json *j;

	if (diag_is_json()) {
		j = event("mail-missing", c, m);
		vz_json_u64(j, "first", first);
		vz_json_u64(j, "last", last);
		diag_event_end(j);
		return;
	}
	vz_key_format(&m->from, from);
	if (first == last)
		diag_error("mail %llu of %s was not delivered, and a later one was", first, from);
	else
		diag_error("mail %llu to %llu of %s was not delivered, and a later one was", first,
		    last, from);
}

void
collect_say_held(const struct collect *c, int err)
{
	const char *words = err == VZ_EEXISTS ? "another vz-listen with this identity delivers mail"
					      : diag_words(err);
	struct vz_json *j;

	if (!diag_is_json()) {
		diag_verbose(err == VZ_EEXISTS ? 1 : 0, "mail at %s: %s; trying again later",
		    c->post->shown, words);
		return;
	}
	j = event("mail-failed", c, NULL);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
collect_say_book(const struct server *srv, int err)
{
	char shown[512];

	diag_escape(shown, sizeof(shown), srv->me.state_dir, strlen(srv->me.state_dir));
	switch (err) {
	case VZ_EFORMAT:
		diag_error("%s/mail.db: damaged, or not of this program", shown);
		diag_hint("without it mail that was delivered may come again: "
			  "look at it with sqlite3, or remove it");
		break;
	case VZ_EMODE:
		diag_error(
		    "%s/mail.db: must be a file of ours that nobody else can read or write", shown);
		break;
	case VZ_EFULL: diag_error("%s/mail.db: mail of too many senders is known", shown); break;
	default: diag_error("%s/mail.db: %s", shown, diag_words(err));
	}
}

void
collect_say_unreached(struct collect *c)
{
	const struct post_ending *e = &c->ending;
	const char *words = e->closed ? e->text : vz_strerror(e->unwanted ? e->unwanted : e->err);
	struct vz_json *j;

	/* What is wrong with the relay itself its registration tells. */
	if (diag_is_json()) {
		j = event("mail-failed", c, NULL);
		vz_json_str(j, "text", words);
		diag_event_end(j);
	} else if (!c->told) {
		diag_verbose(
		    e->closed ? 0 : 1, "mail at %s: %s; trying again later", c->post->shown, words);
	}
	c->told = true;
}

void
collect_say_kept_back(const struct collect *c, uint8_t status, const uint8_t *p, size_t n)
{
	char words[4 * VZ_TEXT_MAX + 1];
	struct vz_json *j;

	if (diag_is_json()) {
		j = event("mail-failed", c, NULL);
		vz_json_u64(j, "status", status);
		vz_json_bytes(j, "text", p, n);
		diag_event_end(j);
		return;
	}
	diag_error("mail at %s: the relay says: %s; trying again later", c->post->shown,
	    diag_escape(words, sizeof(words), p, n));
}
