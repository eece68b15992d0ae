#include "cmd/vz-listen/post_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/introduce.h"
#include "cmd/common/reach.h"
#include "cmd/common/trust.h"
#include "cmd/vz-listen/server.h"

/* What ended it, from the most to the least telling. */
enum cause {
	UNWANTED = 1, /* by us: unwanted */
	CLOSED,       /* by the relay's word: status, text */
	UNREACHED,    /* err, sys_errno, step */
	UNANSWERED,   /* nobody proved to be the relay: err */
	BROKEN,       /* later: err, sys_errno */
};

static enum cause
cause_of(const struct post_ending *e)
{
	if (e->unwanted != 0)
		return UNWANTED;
	if (e->closed)
		return CLOSED;
	if (e->step != VZ_DIAL_CONNECTED || e->err == VZ_ENOMEM)
		return UNREACHED;
	return e->authenticated ? BROKEN : UNANSWERED;
}

static int
status_of(const struct post_ending *e)
{
	switch (cause_of(e)) {
	case UNWANTED:
		return e->unwanted == VZ_EDENIED ? VZ_EXIT_TEMPFAIL : trust_status(e->unwanted);
	case CLOSED: return e->status != 0 ? e->status : VZ_EXIT_UNAVAILABLE;
	case UNREACHED: return reach_status(e->err, e->sys_errno);
	case UNANSWERED: return VZ_EXIT_PROTOCOL;
	default: break;
	}
	switch (e->err) {
	case 0:
	case VZ_ECUT:
	case VZ_ETIMEOUT: return VZ_EXIT_TEMPFAIL;
	default: return vz_exit_of_peer(e->err);
	}
}

struct stay_failure
post_failure(const struct post_ending *e)
{
	enum cause cause = cause_of(e);
	struct stay_failure f = {.status = status_of(e)};

	/* Told so by the relay; or by our list. Session keys may be renewed, and files mended. */
	f.final = (cause == CLOSED && e->status == VZ_EXIT_REFUSED) || e->unwanted == VZ_EREVOKED;
	f.crowded = cause == UNANSWERED && e->err == VZ_ECUT && e->at_once;
	f.cause = (uint32_t)cause << 24 | ((uint32_t)-e->err & 0xff) << 16 |
	    ((uint32_t)e->sys_errno & 0xffff);
	return f;
}

static const char *
words_of_errno(int e)
{
	errno = e;
	return diag_words(VZ_ESYSTEM);
}

/* Nothing that came has proved anything: all of these are one (DESIGN 5). */
static const char *
words_unanswered(const struct post_ending *e)
{
	switch (e->err) {
	case VZ_EMISMATCH: return "answered by another key than the one called";
	case VZ_ETIMEOUT: return "connected, but no answer in time";
	default: return "connected, but no valid answer";
	}
}

static const char *
words_broken(const struct post_ending *e)
{
	switch (e->err) {
	case 0: return "the relay ended the connection";
	case VZ_ECUT: return e->sys_errno ? words_of_errno(e->sys_errno) : "the connection broke";
	case VZ_ETIMEOUT: return "the relay fell silent";
	case VZ_EAUTH: return "what came was tampered with";
	case VZ_ESYSTEM: return words_of_errno(e->sys_errno);
	default: return diag_words(e->err);
	}
}

/* Valid until the next call. */
static const char *
why(const struct post *p, const struct post_ending *e)
{
	switch (cause_of(e)) {
	case UNWANTED:
		errno = e->why_errno;
		return e->unwanted == VZ_EDENIED
		    ? "nobody is trusted anew until the list of revoked keys is mended"
		    : trust_words(&p->srv->me, e->unwanted);
	case CLOSED: return e->text[0] ? e->text : "the relay ended the connection";
	case UNREACHED: return reach_words(e->err, e->sys_errno, e->step);
	case UNANSWERED: return words_unanswered(e);
	default: return words_broken(e);
	}
}

static struct vz_json *
event(const char *name, const struct post *p)
{
	struct vz_json *j = diag_event(name);

	vz_json_str(j, "relay", p->text);
	return j;
}

void
post_say_registered(const struct post *p)
{
	char address[VZ_ADDRESS_TEXT_MAX], text[VZ_ADDRESS_TEXT_MAX];
	struct vz_json *j;

	if (sockets_relayed(
		p->at, &p->srv->me.identity->bundle.identity, address, sizeof(address)) < 0)
		return;
	if (!diag_is_json()) {
		diag_escape(text, sizeof(text), address, strlen(address));
		diag_verbose(0, "listening on %s", text);
		return;
	}
	j = diag_event("listening");
	vz_json_str(j, "address", address);
	vz_json_bool(j, "loopback", false);
	vz_json_str(j, "relay", p->text);
	diag_event_end(j);
}

void
post_say_again(
    const struct post *p, const struct post_ending *e, const struct stay_failure *f, bool known)
{
	uint64_t now = vz_loop_now(p->srv->loop), ms = p->stay.due > now ? p->stay.due - now : 0;
	struct vz_json *j;

	if (!diag_is_json() && !known) {
		diag_verbose(0, "relay %s: %s; trying until it is there", p->shown, why(p, e));
		return;
	}
	if (!diag_is_json()) {
		diag_verbose(1, "relay %s: %s; trying again in %llu.%03llu s", p->shown, why(p, e),
		    (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
		return;
	}
	j = event("relay-lost", p);
	vz_json_u64(j, "status", (uint64_t)f->status);
	vz_json_str(j, "text", why(p, e));
	vz_json_u64(j, "milliseconds", ms);
	diag_event_end(j);
}

static void
hint(const struct post *p, const struct post_ending *e)
{
	const char *words = NULL;

	switch (cause_of(e)) {
	case UNWANTED: words = trust_hint(e->unwanted); break;
	case CLOSED:
		if (e->status != VZ_EXIT_REFUSED)
			break;
		if (!p->stay.was_registered) {
			introduce_to_relay(&p->srv->me, "register", e->text);
			break;
		}
		if (trust_hint_told(e->text))
			break;
		words = "two listeners cannot share an identity at a relay: stop one of them, or "
			"give it its own with vz-keygen -f and -i; this one does not come back by "
			"itself";
		break;
	case UNREACHED:
		words = reach_hint(
		    e->err, e->sys_errno, e->step, "vz-relay", p->srv->options->common.family);
		break;
	case UNANSWERED:
		words = "not vz-relay, another key than this one, or a pre-shared key is asked for";
		break;
	default: break;
	}
	if (words)
		diag_hint("%s", words);
}

void
post_say_over(const struct post *p, const struct post_ending *e, const struct stay_failure *f)
{
	struct vz_json *j;

	if (diag_is_json()) {
		j = event("relay-over", p);
		vz_json_u64(j, "status", (uint64_t)f->status);
		vz_json_str(j, "text", why(p, e));
		diag_event_end(j);
	} else if (p->stay.was_registered && cause_of(e) != CLOSED) {
		diag_error("relay %s: %s, and was tried again in vain", p->shown, why(p, e));
	} else {
		diag_error("relay %s: %s%s", p->shown,
		    cause_of(e) == CLOSED && e->status == VZ_EXIT_REFUSED ? "refused: " : "",
		    why(p, e));
	}
	hint(p, e);
}

void
post_say_revoked(const struct post *p)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		diag_error("relay %s: %s", p->shown, trust_words(&p->srv->me, VZ_EREVOKED));
		return;
	}
	j = event("relay-over", p);
	vz_json_u64(j, "status", VZ_EXIT_REFUSED);
	vz_json_str(j, "text", trust_words(&p->srv->me, VZ_EREVOKED));
	diag_event_end(j);
}

static void
say_unclaimed(struct post *p, int status, const char *words)
{
	struct vz_json *j;

	if (vz_bucket_take(&p->claim_words, 1, vz_loop_now(p->srv->loop)) != 0)
		return;
	if (!diag_is_json()) {
		diag_verbose(1, "relay %s: not reached who came there: %s", p->shown, words);
		return;
	}
	j = event("unclaimed", p);
	vz_json_u64(j, "status", (uint64_t)status);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

/* Its sender may have gone, which is nothing. */
void
post_say_unclaimed(struct post *p, const struct post_ending *e)
{
	say_unclaimed(p, status_of(e), why(p, e));
}

void
post_say_crowded(struct post *p)
{
	say_unclaimed(p, VZ_EXIT_TEMPFAIL, "more come at once than are taken");
}
