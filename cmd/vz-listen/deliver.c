#include "cmd/vz-listen/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/away.h"
#include "cmd/vz-listen/drain.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/signed.h"

void
deliver_note(struct visit *v, int status)
{
	if (v->status == 0)
		v->status = status;
}

void
deliver_last(struct visit *v, int status)
{
	if (away_is_last(v, status))
		return;
	v->told = v->n_incoming == 0;
	server_stop(v->srv, status);
}

/* The message leaves the taker, unfinished unless that has forgotten it by now. */
static void
release(struct visit *v, struct incoming *in)
{
	incoming_detach(v, in);
	v->srv->taker->drop(v, in);
	incoming_free(in);
}

void
deliver_say(struct visit *v, uint64_t number, uint8_t status, const char *words)
{
	visit_done(v, number, status, words);
	visit_kick(v);
}

void
deliver_refuse(struct visit *v, const struct vz_event *ev, uint8_t status, const char *words)
{
	char id[VZ_MESSAGE_ID_TEXT];

	vz_message_id(v->stream, ev->number, id);
	report_not_taken(v, id, status, words);
	if (v == v->srv->served)
		deliver_note(v, status);
	deliver_say(v, ev->number, status, words);
}

void
deliver_failed(struct visit *v, struct incoming *in, int own, const char *why, uint8_t status,
    const char *words)
{
	uint64_t number = in->number;

	report_failed(v, in, own, why);
	deliver_note(v, own);
	recall_verdict(v, number, in->status != 0 ? in->status : status);
	if (status != 0)
		deliver_say(v, number, status, words);
	release(v, in);
	if (v->srv->options->single)
		deliver_last(v, own);
}

void
deliver_output_failed(struct visit *v, struct incoming *in, int err, int own)
{
	char words[200];

	snprintf(words, sizeof(words), "the receiver's output failed: %s", diag_words(err));
	deliver_failed(v, in, own, words, VZ_EXIT_TEMPFAIL, words);
}

void
deliver_told(struct visit *v, struct incoming *in)
{
	recall_verdict(v, in->number, 0);
	v->delivered++;
	v->srv->delivered++;
	report_delivered(v, in);
	release(v, in);
}

void
deliver_done(struct visit *v, struct incoming *in)
{
	deliver_say(v, in->number, 0, NULL);
	deliver_told(v, in);
}

/* 0, TAKER_WAIT, or the status and words of a refusal. */
static uint8_t
refusal(struct visit *v, const struct vz_event *ev, const char **words)
{
	const struct server *srv = v->srv;
	const struct taker *taker = srv->taker;
	uint8_t status;

	if (srv->stopping || drain_refuses(v)) {
		*words = "this listener is stopping";
		return VZ_EXIT_TEMPFAIL;
	}
	if (ev->offset > (taker->have ? taker->have(v, ev) : 0)) {
		*words = "this listener has lost what it had of it";
		return VZ_EXIT_DATA;
	}
	if (ev->kind == VZ_KIND_ASK && !taker->answers) {
		*words = "this listener gives no replies";
		return VZ_EXIT_UNAVAILABLE;
	}
	status = limits_refusal(v, ev, words);
	if (status != 0)
		return status;
	if (srv->options->single && srv->used) {
		*words = "this listener takes one message; it needs --dir or --keep to take more";
		return VZ_EXIT_UNAVAILABLE;
	}
	if (taker->open_max > 0 && v->n_incoming >= taker->open_max) {
		*words = "too many messages under way at once";
		return VZ_EXIT_TEMPFAIL;
	}
	return taker->may_begin ? taker->may_begin(v, ev, words) : 0;
}

/* A message is taken: with the first one, the session is chosen. */
static void
choose(struct server *srv, struct visit *v)
{
	srv->used = true;
	if (!srv->options->keep && !srv->served)
		server_serve(srv, v);
}

static void
begin(struct visit *v, const struct vz_event *ev)
{
	struct incoming *in = incoming_new(v, ev);
	const char *words;

	if (!in) {
		deliver_refuse(v, ev, VZ_EXIT_TEMPFAIL, "out of memory");
		return;
	}
	choose(v->srv, v);
	/* What cannot be recorded does not happen. */
	if (!audit_log_started(v, in)) {
		words = "this listener cannot write its record";
		deliver_failed(v, in, VZ_EXIT_IOERR, words, VZ_EXIT_TEMPFAIL, words);
		return;
	}
	report_begun(v, in);
	v->srv->taker->begin(v, in, ev);
	in = incoming_find(v, ev->number);
	if (in)
		in->earlier = in->bytes;
}

bool
deliver_open(struct visit *v, struct vz_event *ev)
{
	const char *words = "";
	uint8_t status = refusal(v, ev, &words);

	if (status == TAKER_WAIT)
		return false;
	if (status != 0)
		deliver_refuse(v, ev, status, words);
	else
		begin(v, ev);
	return true;
}

bool
deliver_data(struct visit *v, struct vz_event *ev)
{
	struct incoming *in = incoming_find(v, ev->number);
	uint64_t max = limits_max_size(v);

	if (!in)
		return true;
	if (max > 0 && ev->bytes_len > max - in->bytes) {
		deliver_failed(v, in, VZ_EXIT_DATA, "longer than --max-size", VZ_EXIT_REFUSED,
		    "longer than what is taken here");
		return true;
	}
	in->moved_at = vz_loop_now(v->srv->loop);
	return in->proof ? signed_data(v, in, ev) : v->srv->taker->data(v, in, ev);
}

bool
deliver_signed(struct visit *v, struct vz_event *ev)
{
	struct incoming *in = incoming_find(v, ev->number);

	return !in || !in->proof || signed_proof(v, in, ev);
}

bool
deliver_end(struct visit *v, struct vz_event *ev)
{
	struct incoming *in = incoming_find(v, ev->number);

	if (!in)
		return true;
	if (!signed_is_proved(in)) {
		static const char words[] = "its signature has not come";

		deliver_failed(v, in, VZ_EXIT_DATA, words, VZ_EXIT_DATA, words);
		return true;
	}
	incoming_whole(in);
	return v->srv->taker->end(v, in);
}

/* Open, data and end one after the other, going on where it was. */
static bool
by_steps(struct visit *v, struct vz_event *ev)
{
	if (!incoming_find(v, ev->number)) {
		if (!deliver_open(v, ev))
			return false;
		if (!incoming_find(v, ev->number))
			return true;
	}
	return deliver_data(v, ev) && deliver_end(v, ev);
}

bool
deliver_whole(struct visit *v, struct vz_event *ev)
{
	const struct taker *taker = v->srv->taker;
	const char *words = "";
	uint8_t status;

	if (!taker->whole || report_wants_each(v->srv))
		return by_steps(v, ev);
	status = refusal(v, ev, &words);
	if (status == TAKER_WAIT)
		return false;
	if (status != 0) {
		deliver_refuse(v, ev, status, words);
		return true;
	}
	choose(v->srv, v);
	return taker->whole(v, ev);
}

void
deliver_cancel(struct visit *v, const struct vz_event *ev)
{
	struct incoming *in = incoming_find(v, ev->number);

	if (!in)
		return;
	report_cancelled(v, in, ev->status, ev->bytes, ev->bytes_len);
	deliver_note(v, VZ_EXIT_DATA);
	release(v, in);
}

void
deliver_cut(struct visit *v, int err)
{
	struct incoming *in;

	LIST_FOREACH(in, &v->incoming, list)
	{
		report_failed(v, in, VZ_EXIT_DATA,
		    err == 0 ? "the session ended in the middle of it" : vz_strerror(err));
		deliver_note(v, VZ_EXIT_DATA);
	}
	if (v != v->srv->served || v->status != 0)
		return;
	/* One message was wanted and is here: how its sender left is no matter. */
	if (v->srv->options->single && v->delivered > 0)
		return;
	if (err != 0 || (v->said_status != 0 && !v->leaving))
		deliver_note(v, VZ_EXIT_DATA);
}

void
deliver_abort_all(struct visit *v)
{
	/* Releasing may end the server, which comes here again. */
	while (!LIST_EMPTY(&v->incoming))
		release(v, LIST_FIRST(&v->incoming));
}
