/*
 * Why there is no way through a relay, in words.
 */
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/introduce.h"
#include "cmd/vz-send/link.h"
#include "cmd/vz-send/words.h"

int
via_words_refused(const struct link *k, const char *right)
{
	diag_error("%s: refused by the relay%s%s", k->shown, *k->via.text ? ": " : "", k->via.text);
	introduce_to_relay(k->me, right, k->via.text);
	return VZ_EXIT_REFUSED;
}

/* The relay said no: why, and what of that is the destination's. */
static int
closed(const struct link *k)
{
	uint8_t status = k->via.status;

	switch (status) {
	case VZ_EXIT_UNAVAILABLE:
		diag_error("%s: not registered at the relay", k->shown);
		diag_hint("is vz-listen running there, with the relay as its address?");
		return status;
	case VZ_EXIT_REFUSED: return via_words_refused(k, "connect");
	case VZ_EXIT_OK: /* it ends, and says goodbye */
		diag_error("%s: the relay ended the connection", k->shown);
		return VZ_EXIT_TEMPFAIL;
	default:
		diag_error("%s: the relay: %s%s%s", k->shown, words_of_status(status),
		    *k->via.text ? ": " : "", k->via.text);
		return status;
	}
}

/* Before the relay has proved anything all of these are one (DESIGN 5). */
static int
no_answer(const struct link *k, int err)
{
	if (err == VZ_EMISMATCH) {
		diag_error("%s: the relay: answered by another key than the one called", k->shown);
		return VZ_EXIT_PROTOCOL;
	}
	diag_error("%s: the relay: connected, but no %s", k->shown,
	    err == VZ_ETIMEOUT ? "answer in time" : "valid answer");
	diag_hint("not vz-relay, or another key than this one");
	return VZ_EXIT_PROTOCOL;
}

static int
no_match(const struct link *k, int err)
{
	switch (err) {
	case VZ_ECLOSED: return closed(k);
	case VZ_ETIMEOUT:
		diag_error("%s: it did not come to the relay in time", k->shown);
		return VZ_EXIT_TEMPFAIL;
	case VZ_ECUT:
	case VZ_ESYSTEM: diag_error("%s: the relay went away", k->shown); return VZ_EXIT_TEMPFAIL;
	default:
		diag_error("%s: the relay: %s", k->shown, diag_words(err));
		return vz_exit_of_peer(err);
	}
}

int
via_words_failed(const struct link *k, int err)
{
	if (err == VZ_ENOMEM || err == VZ_EINVAL) {
		diag_error("%s: %s", k->shown, diag_words(err));
		return vz_exit_of(err);
	}
	return k->via.step == VIA_MATCH ? no_match(k, err) : no_answer(k, err);
}

const char *
via_words_why(const struct link *k, int err)
{
	if (err == VZ_ECLOSED)
		return k->via.status == VZ_EXIT_UNAVAILABLE ? "not registered at the relay"
		    : *k->via.text                          ? k->via.text
							    : "the relay ended the connection";
	if (err == VZ_ETIMEOUT && k->via.step == VIA_MATCH)
		return "it did not come to the relay in time";
	if (err == VZ_ECUT && k->via.step != VIA_NONE)
		return "the relay went away";
	return NULL;
}
