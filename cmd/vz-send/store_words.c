/*
 * What is said about messages that are stored.
 */
#include <string.h>
#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/store_impl.h"
#include "cmd/vz-send/words.h"
#include "keep/mailbook.h"

#include <sodium.h>
#include <stdio.h>

void
store_words_stored(const struct store *st, const struct parcel *p, bool duplicate)
{
	const struct lane *l = st->lane;
	const struct input *in = l->batch ? NULL : &l->run->inputs[p->item];
	char hex[2 * VZ_MAILBOOK_STREAM + 1], id[64], size[16];
	struct vz_json *j;

	if (l->batch && l->run->options->common.level <= 0)
		return;
	j = diag_event("stored");
	sodium_bin2hex(hex, sizeof(hex), p->number.stream, VZ_MAILBOOK_STREAM);
	snprintf(id, sizeof(id), "%s.%llu", hex, (unsigned long long)p->number.sequence);
	if (l->run->n_lanes > 1)
		vz_json_str(j, "to", l->link.text);
	vz_json_str(j, "id", id);
	if (in && in->path)
		vz_json_str(j, "file", in->path);
	if (in && in->name)
		vz_json_str(j, "name", in->name);
	vz_json_u64(j, "bytes", p->bytes);
	vz_json_u64(j, "expires", p->expires);
	if (duplicate)
		vz_json_bool(j, "again", true);
	vz_json_u64(j, "us", link_clock_us() - p->began_us);
	diag_event_end(j);
	if (diag_is_json())
		return;
	vz_format_size(p->bytes, size);
	if (in)
		diag_verbose(1, "%s: stored, %s", input_shown(in), size);
	else
		diag_verbose(
		    2, "%s: message %llu: stored", l->link.shown, (unsigned long long)p->item + 1);
}

void
store_words_away(const struct store *st)
{
	if (st->lane->run->options->store == STORE_AUTO && !diag_is_json())
		diag_verbose(
		    0, "%s: away: stored at the relay, not delivered yet", st->lane->link.shown);
}

int
store_words_failed(const struct store *st, int err, int sys_errno, enum vz_dial_step step)
{
	const struct link *k = &st->lane->link;

	if (step != VZ_DIAL_CONNECTED)
		return words_not_dialled(k, err, sys_errno, step);
	if (err == 0 && k->via.status == VZ_EXIT_REFUSED)
		return via_words_refused(&st->lane->link, "deposit");
	if (err == 0 && k->via.status == VZ_EXIT_UNAVAILABLE) {
		diag_error(
		    "%s: %s", k->shown, *k->via.text ? k->via.text : "the relay keeps no messages");
		diag_hint("a relay keeps messages where it was started with --spool");
		return VZ_EXIT_UNAVAILABLE;
	}
	if (err == VZ_ETIMEOUT && st->stage != STORE_HANDSHAKE) {
		diag_error("%s: the relay did not answer in time", k->shown);
		return VZ_EXIT_TEMPFAIL;
	}
	if (err == VZ_EMISMATCH && st->stage != STORE_HANDSHAKE) {
		diag_error("%s: the relay gave out the keys of another host", k->shown);
		diag_hint("a relay that does so is broken, or not to be trusted");
		return VZ_EXIT_PROTOCOL;
	}
	return via_words_failed(k, err == 0 ? VZ_ECLOSED : err);
}

int
store_words_no_bundle(const struct store *st, const struct vz_relay_event *ev)
{
	const struct link *k = &st->lane->link;
	char text[1024];

	diag_escape(text, sizeof(text), ev->bytes, ev->bytes_len);
	diag_error("%s: the relay: %s%s%s", k->shown, words_of_status(ev->status),
	    *text ? ": " : "", text);
	if (ev->status == VZ_EXIT_UNAVAILABLE)
		diag_hint("its vz-listen has to have been at this relay once");
	return ev->status ? ev->status : VZ_EXIT_PROTOCOL;
}

void
store_words_too_much(struct store *st, uint8_t status)
{
	if (st->hinted || (status != VZ_EXIT_REFUSED && status != VZ_EXIT_DATA))
		return;
	st->hinted = true;
	diag_hint("look at this host's clock, at --expires, and at max-size= in the relay's "
		  "authorized file");
}

int
store_words_book(const struct run *r, int err)
{
	char dir[512], why[512];

	strlcpy(why, r->book && err == VZ_EFORMAT ? vz_mailbook_words(r->book) : diag_words(err),
	    sizeof(why));
	diag_escape(dir, sizeof(dir), r->me.state_dir, strlen(r->me.state_dir));
	diag_error("cannot count messages in %s/mail.db: %s", dir, why);
	switch (err) {
	case VZ_EFORMAT:
		diag_hint("if it is damaged, remove it: the count begins anew, above the old one");
		return VZ_EXIT_CONFIG;
	case VZ_EMODE:
		diag_hint("the folder and the file have to be yours, and nobody else's to write");
		return VZ_EXIT_CONFIG;
	case VZ_EFULL:
	case VZ_ETIMEOUT: return VZ_EXIT_TEMPFAIL;
	default: return vz_exit_of(err);
	}
}

void
store_words_too_long(const struct store *st, uint64_t item)
{
	const struct lane *l = st->lane;

	if (!l->batch)
		diag_error("%s: longer than what is kept for a host that is away: 16 MiB, sealed",
		    input_shown(&l->run->inputs[item]));
	if (!l->batch || l->batch->told == 0)
		diag_hint("send it while the host is there, or in parts, as split(1) makes them");
}
