#include "cmd/vz-send/words.h"

#include <errno.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/introduce.h"
#include "cmd/common/reach.h"

static void
event_on_the_way(const struct link *k, const char *name)
{
	struct vz_json *j = diag_event(name);
	char relay[VZ_KEY_TEXT];

	vz_json_str(j, "to", k->text);
	if (k->to.relayed) {
		vz_key_format(&k->to.relay_key, relay);
		vz_json_str(j, "relay", relay);
	}
	vz_json_u64(j, "us", link_clock_us() - k->began_us);
	diag_event_end(j);
}

void
words_connected(const struct link *k)
{
	diag_verbose(1, "connected to %s%s", k->to.relayed ? "the relay of " : "", k->shown);
	event_on_the_way(k, "connect");
}

void
words_relay(const struct link *k)
{
	char relay[VZ_KEY_TEXT];

	vz_key_format(&k->to.relay_key, relay);
	diag_verbose(1, "the relay is %s; asked for %s", relay, k->shown);
	event_on_the_way(k, "relay");
}

void
words_matched(const struct link *k)
{
	diag_verbose(1, "%s has come to the relay", k->shown);
	event_on_the_way(k, "match");
}

void
words_authenticated(const struct link *k)
{
	const struct vz_session *s = vz_conn_session(k->conn);
	const char *cipher = vz_session_is_aes(s) ? "AES-256-GCM" : "ChaCha20-Poly1305";
	char peer[VZ_KEY_TEXT];
	struct vz_json *j;

	vz_key_format(&vz_session_peer(s)->identity, peer);
	diag_verbose(1, "authenticated %s, %s", peer, cipher);
	j = diag_event("authenticated");
	vz_json_str(j, "peer", peer);
	vz_json_str(j, "cipher", cipher);
	vz_json_u64(j, "us", link_clock_us() - k->began_us);
	diag_event_end(j);
}

void
words_no_right(const struct link *k)
{
	link_failing(k, NULL);
	diag_error("%s: refused: this host may not %s there", k->shown,
	    k->options->reply ? "ask" : "send messages");
	introduce_right(k->me, k->options->reply ? "ask" : "send");
}

static const char *
errno_words(int e)
{
	errno = e;
	return diag_words(VZ_ESYSTEM);
}

int
words_not_dialled(const struct link *k, int err, int sys_errno, enum vz_dial_step step)
{
	const char *program = k->to.relayed ? "vz-relay" : "vz-listen", *hint;

	link_failing(k, step == VZ_DIAL_RESOLVE ? "resolve" : NULL);
	if (step == VZ_DIAL_CONNECTED)
		return via_words_failed(k, err);
	diag_error("%s: %s%s", k->shown, k->to.relayed ? "the relay is not there: " : "",
	    reach_words(err, sys_errno, step));
	hint = reach_hint(err, sys_errno, step, program, k->options->common.family);
	if (hint)
		diag_hint("%s", hint);
	return reach_status(err, sys_errno);
}

const char *
words_of_status(int status)
{
	if (status > 0 && status <= VZ_EXIT_HANDLER_MAX)
		return "the command there failed";
	switch (status) {
	case VZ_EXIT_OK: return "ended early by the other side";
	case VZ_EXIT_DATA: return "not whole there";
	case VZ_EXIT_UNAVAILABLE: return "not taken there";
	case VZ_EXIT_SOFTWARE: return "a bug at the other side";
	case VZ_EXIT_CANTCREAT: return "cannot be created there";
	case VZ_EXIT_IOERR: return "cannot be written there";
	case VZ_EXIT_TEMPFAIL: return "try again later";
	case VZ_EXIT_PROTOCOL: return "not understood there";
	case VZ_EXIT_REFUSED: return "refused";
	case VZ_EXIT_HANDLER: return "the command there did not end by itself";
	default: return "failed there";
	}
}

int
words_closed(const struct link *k, const struct vz_event *ev)
{
	char text[1024];

	link_failing(k, NULL);
	diag_escape(text, sizeof(text), ev->bytes, ev->bytes_len);
	diag_error("%s: %s%s%s", k->shown, words_of_status(ev->status), *text ? ": " : "", text);
	if (ev->status == VZ_EXIT_REFUSED && k->stage < LINK_READY)
		introduce_to_listener(k->me, text);
	if (ev->status == VZ_EXIT_DATA && k->options->sign)
		diag_hint("a listener of an earlier version takes no signed messages");
	return ev->status != 0 ? ev->status : VZ_EXIT_UNAVAILABLE;
}

/* Before the peer has proved anything all of these are one: no valid answer (DESIGN 5). */
static int
no_answer(const struct link *k, int err)
{
	if (err == VZ_EMISMATCH) {
		diag_error("%s: answered by another key than the one called", k->shown);
		return VZ_EXIT_PROTOCOL;
	}
	if (err == VZ_ETIMEOUT)
		diag_error("%s: connected, but no answer in time", k->shown);
	else
		diag_error("%s: connected, but no valid answer", k->shown);
	diag_hint(k->to.relayed
		? "another pre-shared key than this one, or a relay that is not to be trusted"
		: "what is there is not vz, or has another key than this one, or another "
		  "pre-shared key");
	return VZ_EXIT_PROTOCOL;
}

int
words_broken(const struct link *k, int err, int sys_errno)
{
	bool local = err == VZ_ENOMEM || err == VZ_EINVAL;

	link_failing(k, err == VZ_EMISMATCH ? "identity" : NULL);
	if (k->stage < LINK_AUTHENTICATED && !local)
		return no_answer(k, err);
	switch (err) {
	case 0:
		diag_error("%s: the other side ended the session early", k->shown);
		return VZ_EXIT_UNAVAILABLE;
	case VZ_ECUT:
	case VZ_ESYSTEM:
		diag_error("%s: the connection broke before delivery was confirmed%s%s", k->shown,
		    sys_errno ? ": " : "", sys_errno ? errno_words(sys_errno) : "");
		return VZ_EXIT_DATA;
	case VZ_EAUTH: diag_error("%s: what came was tampered with", k->shown); return VZ_EXIT_DATA;
	case VZ_ETIMEOUT:
		diag_error("%s: the other side fell silent", k->shown);
		if (k->stage == LINK_AUTHENTICATED)
			diag_hint("it may be asking its owner whether to let this host in: try "
				  "again, or wait longer with -w");
		return VZ_EXIT_TEMPFAIL;
	default: diag_error("%s: %s", k->shown, diag_words(err)); return vz_exit_of_peer(err);
	}
}

static const char *
why_lost(const struct link *k, int err, int sys_errno)
{
	const char *via = via_words_why(k, err);

	if (via)
		return via;
	if (k->try_again)
		return "the other side has no place for it yet";
	if (err == VZ_ESYSTEM || (err == VZ_ECUT && sys_errno))
		return errno_words(sys_errno);
	return diag_words(err);
}

void
words_lost(const struct link *k, int err, int sys_errno, uint64_t delay_ms)
{
	const char *why = why_lost(k, err, sys_errno);
	struct vz_json *j = diag_event("broken");

	vz_json_str(j, "to", k->text);
	vz_json_str(j, "text", why);
	vz_json_u64(j, "milliseconds", delay_ms);
	diag_event_end(j);
	if (!diag_is_json())
		diag_verbose(1, "%s: %s; trying again in %llu.%03llu s", k->shown, why,
		    (unsigned long long)(delay_ms / 1000), (unsigned long long)(delay_ms % 1000));
}

void
words_resumed(const struct link *k)
{
	struct vz_json *j = diag_event("resumed");

	vz_json_str(j, "to", k->text);
	diag_event_end(j);
	diag_verbose(1, "%s: resumed", k->shown);
}

void
words_renewed(const struct link *k)
{
	struct vz_json *j = diag_event("renewed");

	vz_json_str(j, "to", k->text);
	diag_event_end(j);
	diag_verbose(1, "%s: renewed", k->shown);
}

void
words_not_renewed(const struct link *k, int err, int sys_errno)
{
	diag_verbose(1, "%s: another connection is not to be had yet: %s", k->shown,
	    why_lost(k, err, sys_errno));
}

int
words_given_up(const struct link *k, int err, int sys_errno)
{
	diag_error("%s: %s, and tried again in vain for as long as --retry-for allows", k->shown,
	    why_lost(k, err, sys_errno));
	return VZ_EXIT_TEMPFAIL;
}
