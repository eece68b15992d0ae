#include "cmd/vz-listen/deliver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/report.h"

/* Messages of one session under way at once; each holds descriptors. */
#define OPEN_MAX_PER_VISIT 16

static struct incoming *
find(const struct visit *v, uint64_t number)
{
	struct incoming *in;

	LIST_FOREACH(in, &v->incoming, list)
	if (in->number == number)
		return in;
	return NULL;
}

static void
note_failure(struct visit *v, int status)
{
	if (v->status == 0)
		v->status = status;
}

/* There will be no other message. v's sender has the verdict, and ends the session by itself. */
static void
stop_after(struct visit *v, int status)
{
	v->told = v->n_incoming == 0;
	server_stop(v->srv, status);
}

/* The message leaves the sink, aborted unless its drop is gone by now. */
static void
release(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

	LIST_REMOVE(in, list);
	vz_drop_abort(in->drop);
	free(in);
	v->n_incoming--;
	srv->messages--;
	if (srv->writer == v) {
		srv->writer = NULL;
		server_wake(srv);
	}
	/* Half a message on a descriptor: nothing may follow it, and no status but this one. */
	if (vz_sink_torn(srv->sink)) {
		note_failure(v, VZ_EXIT_DATA);
		if (srv->options->keep && !srv->stopping)
			diag_error("standard output ends in the middle of a message: stopping");
		stop_after(v, VZ_EXIT_DATA);
	}
}

static void
say_done(struct visit *v, uint64_t number, uint8_t status, const char *words)
{
	/* Without memory for the verdict the session is about to end, and the sender has none. */
	(void)vz_session_done(vz_conn_session(v->conn), number, status, words);
	vz_conn_kick(v->conn);
}

void
deliver_refuse(struct visit *v, const struct vz_event *ev, uint8_t status, const char *words)
{
	char id[VZ_MESSAGE_ID_TEXT];

	vz_message_id(vz_session_stream(vz_conn_session(v->conn)), ev->number, id);
	report_not_taken(v, id, status, words);
	if (v == v->srv->served)
		note_failure(v, status);
	say_done(v, ev->number, status, words);
}

/*
 * Our own output failed: `own` is our status, the sender's is 75. Where there will be no other
 * message, or none can succeed, that is the end.
 */
static void
output_failed(struct visit *v, struct incoming *in, int err, int own)
{
	struct server *srv = v->srv;
	uint64_t number = in->number;
	char words[200];

	snprintf(words, sizeof(words), "the receiver's output failed: %s", diag_words(err));
	report_failed(v, in, own, words);
	note_failure(v, own);
	say_done(v, number, VZ_EXIT_TEMPFAIL, words);
	/* Before it is also torn: that its output failed is the cause. */
	if (vz_sink_failed(srv->sink) && srv->status == 0)
		srv->status = own;
	release(v, in);
	if (vz_sink_failed(srv->sink) || srv->options->single)
		stop_after(v, own);
}

static void
too_long(struct visit *v, struct incoming *in)
{
	uint64_t number = in->number;

	report_failed(v, in, VZ_EXIT_DATA, "longer than --max-size");
	note_failure(v, VZ_EXIT_DATA);
	say_done(v, number, VZ_EXIT_REFUSED, "longer than what is taken here");
	release(v, in);
	if (v->srv->options->single)
		stop_after(v, VZ_EXIT_DATA);
}

/* 0, or the status and words of a refusal. */
static uint8_t
refusal(const struct visit *v, const struct vz_event *ev, const char **words)
{
	const struct server *srv = v->srv;
	uint8_t status = limits_refusal(v, ev, words);

	if (status != 0)
		return status;
	if (srv->stopping) {
		*words = "this listener is stopping";
		return VZ_EXIT_TEMPFAIL;
	}
	if (ev->kind == VZ_KIND_ASK) {
		*words = "nothing here answers";
		return VZ_EXIT_UNAVAILABLE;
	}
	if (srv->options->single && srv->used) {
		*words = "this listener takes one message; it needs --dir or --keep to take more";
		return VZ_EXIT_UNAVAILABLE;
	}
	if (v->n_incoming >= OPEN_MAX_PER_VISIT) {
		*words = "too many messages under way at once";
		return VZ_EXIT_TEMPFAIL;
	}
	if (vz_sink_exclusive(srv->sink) && srv->writer == v) {
		*words = "this listener takes one message after the other";
		return VZ_EXIT_TEMPFAIL;
	}
	return 0;
}

static struct incoming *
incoming_new(struct visit *v, const struct vz_event *ev)
{
	struct incoming *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->number = ev->number;
	in->begun_at = vz_loop_now(v->srv->loop);
	in->name_len = ev->bytes_len < sizeof(in->name) ? ev->bytes_len : sizeof(in->name);
	if (in->name_len > 0)
		memcpy(in->name, ev->bytes, in->name_len);
	vz_message_id(vz_session_stream(vz_conn_session(v->conn)), ev->number, in->id);
	return in;
}

static void
begin(struct visit *v, const struct vz_event *ev)
{
	struct incoming *in = incoming_new(v, ev);
	struct server *srv = v->srv;
	struct vz_arrival m;
	int r;

	if (!in) {
		deliver_refuse(v, ev, VZ_EXIT_TEMPFAIL, "out of memory");
		return;
	}
	if (!audit_log_started(v, in)) {
		free(in);
		deliver_refuse(v, ev, VZ_EXIT_TEMPFAIL, "this listener cannot write its record");
		return;
	}
	srv->used = true;
	if (!srv->options->keep && !srv->served)
		server_serve(srv, v);
	LIST_INSERT_HEAD(&v->incoming, in, list);
	v->n_incoming++;
	srv->messages++;
	m = (struct vz_arrival){.stream = vz_session_stream(vz_conn_session(v->conn)),
	    .number = in->number,
	    .name = in->name,
	    .name_len = in->name_len};
	r = vz_sink_begin(srv->sink, &m, &in->drop);
	if (r < 0) {
		output_failed(v, in, r, VZ_EXIT_CANTCREAT);
		return;
	}
	if (vz_sink_exclusive(srv->sink))
		srv->writer = v;
	report_begun(v, in);
}

bool
deliver_open(struct visit *v, struct vz_event *ev)
{
	struct server *srv = v->srv;
	const char *words;
	uint8_t status = refusal(v, ev, &words);

	if (status != 0)
		deliver_refuse(v, ev, status, words);
	else if (vz_sink_exclusive(srv->sink) && srv->writer)
		return false;
	else
		begin(v, ev);
	return true;
}

bool
deliver_data(struct visit *v, struct vz_event *ev)
{
	struct incoming *in = find(v, ev->number);
	uint64_t max = limits_max_size(v);

	if (!in)
		return true;
	if (max > 0 && ev->bytes_len > max - in->bytes) {
		too_long(v, in);
		return true;
	}
	while (ev->bytes_len > 0) {
		ssize_t n = vz_drop_write(in->drop, ev->bytes, ev->bytes_len);

		if (n < 0) {
			output_failed(v, in, (int)n, VZ_EXIT_IOERR);
			return true;
		}
		if (n == 0)
			return false;
		ev->bytes += n;
		ev->bytes_len -= (size_t)n;
		in->bytes += (uint64_t)n;
		(void)vz_session_taken(vz_conn_session(v->conn), in->number, (size_t)n);
	}
	return true;
}

bool
deliver_end(struct visit *v, struct vz_event *ev)
{
	struct incoming *in = find(v, ev->number);
	int r;

	if (!in)
		return true;
	r = vz_drop_finish(in->drop);
	if (r == VZ_SINK_WAIT)
		return false;
	if (r < 0) {
		output_failed(v, in, r, r == VZ_ESYSTEM ? VZ_EXIT_IOERR : VZ_EXIT_CANTCREAT);
		return true;
	}
	in->drop = NULL; /* moved */
	v->delivered++;
	report_delivered(v, in);
	say_done(v, in->number, 0, "");
	release(v, in);
	return true;
}

void
deliver_cancel(struct visit *v, const struct vz_event *ev)
{
	struct incoming *in = find(v, ev->number);

	if (!in)
		return;
	report_cancelled(v, in, ev->status, ev->bytes, ev->bytes_len);
	note_failure(v, VZ_EXIT_DATA);
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
		note_failure(v, VZ_EXIT_DATA);
	}
	if (v != v->srv->served || v->status != 0)
		return;
	/* One message was wanted and is here: how its sender left is no matter. */
	if (v->srv->options->single && v->delivered > 0)
		return;
	if (err != 0 || (v->said_status != 0 && !v->leaving))
		note_failure(v, VZ_EXIT_DATA);
}

void
deliver_abort_all(struct visit *v)
{
	/* Releasing may end the server, which comes here again. */
	while (!LIST_EMPTY(&v->incoming))
		release(v, LIST_FIRST(&v->incoming));
}
