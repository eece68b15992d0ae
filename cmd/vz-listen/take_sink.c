/*
 * Messages into a sink (flow/sink.h): standard output as they come, one file, a folder.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/recall.h"

/* Messages of one session under way at once; each holds descriptors. */
#define OPEN_MAX 16
/* Whole ones of all sessions that get their places together. */
#define PLACE_MAX 64
/* How much may be there that is not durable: little where the sender has to hold it (DESIGN 5). */
#define SYNC_BYTES        (4u * 1024 * 1024)
#define SYNC_MS           1000
#define SYNC_REREAD_BYTES (64u * 1024 * 1024)
#define SYNC_REREAD_MS    10000

static mode_t
file_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

_Noreturn static void
no_sink(const struct listen_options *o, int err)
{
	const char *path = o->file ? o->file : o->dir;
	char shown[512];

	if (!path) {
		diag_error("standard output: %s", diag_words(err));
		exit(VZ_EXIT_IOERR);
	}
	diag_escape(shown, sizeof(shown), path, strlen(path));
	if (err != VZ_EMODE)
		diag_error("%s: %s", shown, diag_words(err));
	else if (o->dir)
		diag_error("%s: not a folder", shown);
	else
		diag_error("%s: is there and is not a regular file", shown);
	if (err == VZ_EMODE && o->file)
		diag_hint(
		    "without -o the message goes to standard output, which > can point there");
	exit(VZ_EXIT_CANTCREAT);
}

static void
open_sink(struct server *srv)
{
	const struct listen_options *o = srv->options;
	bool escape = !o->raw && isatty(STDOUT_FILENO);
	int r;

	if (!o->file && env_stdout_closed()) {
		diag_error("standard output is closed");
		exit(VZ_EXIT_IOERR);
	}
	if (o->file)
		r = vz_sink_file(o->file, file_mode(), &srv->sink);
	else if (o->dir)
		r = vz_sink_dir(o->dir, file_mode(), STDOUT_FILENO, &srv->sink);
	else
		r = vz_sink_stream(STDOUT_FILENO, escape, &srv->sink);
	if (r < 0)
		no_sink(o, r);
	srv->output_fd = vz_sink_fd(srv->sink);
}

static void
close_sink(struct server *srv)
{
	vz_sink_free(srv->sink);
}

/* Where no message can succeed any more, that is the end. */
static void
failed(struct visit *v, struct incoming *in, int err, int own)
{
	struct server *srv = v->srv;
	bool broken = vz_sink_failed(srv->sink);

	/* Before it is also torn: that its output failed is the cause. */
	if (broken && srv->status == 0)
		srv->status = own;
	deliver_output_failed(v, in, err, own);
	if (broken)
		deliver_last(v, own);
}

static struct vz_arrival
arrival(struct visit *v, const struct vz_event *ev)
{
	return (struct vz_arrival){.stream = v->stream,
	    .number = ev->number,
	    .name = ev->type == VZ_EVENT_OPEN ? ev->bytes : NULL,
	    .name_len = ev->type == VZ_EVENT_OPEN ? ev->bytes_len : 0};
}

/* What is left of it is taken up when it is first asked for; what cannot be is none. */
static uint64_t
have(struct visit *v, const struct vz_event *ev)
{
	const struct vz_arrival m = arrival(v, ev);
	struct part *p = recall_part(v, ev->number);

	if (!p)
		return 0;
	if (!p->drop && vz_sink_take_up(v->srv->sink, &m, p->file, p->length, &p->drop) < 0) {
		recall_part_free(v, p);
		return 0;
	}
	return p->length;
}

/* Where an earlier process was. */
static void
go_on(struct visit *v, struct incoming *in, struct part *p)
{
	in->own = p->drop;
	p->drop = NULL; /* moved */
	in->bytes = in->durable = p->length;
	(void)vz_session_have(visit_session(v), in->number, p->length);
	recall_part_free(v, p);
}

static void
begin(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	struct server *srv = v->srv;
	const struct vz_arrival m = arrival(v, ev);
	struct part *p = recall_part(v, ev->number);
	struct vz_drop *drop;
	int r;

	in->one_pass = (ev->flags & VZ_OPEN_ONE_PASS) != 0;
	in->synced_at = vz_loop_now(srv->loop);
	if (p && p->drop) {
		go_on(v, in, p);
		return;
	}
	r = vz_sink_begin(srv->sink, &m, &drop);
	if (r < 0) {
		failed(v, in, r, VZ_EXIT_CANTCREAT);
		return;
	}
	in->own = drop;
	if (vz_sink_exclusive(srv->sink))
		srv->writer = v;
}

/* What has come outlives us from now on, and its sender may let go of it. */
static int
make_durable(struct visit *v, struct incoming *in)
{
	char file[VZ_SINK_FILE_MAX];
	int r = vz_drop_sync(in->own);

	in->synced_at = vz_loop_now(v->srv->loop);
	if (r == 0)
		r = vz_drop_file(in->own, file);
	if (r == 0 && !recall_durable(in, in->bytes, file))
		r = VZ_ESYSTEM;
	if (r < 0)
		return r;
	in->durable = in->bytes;
	(void)vz_session_durable(visit_session(v), in->number, in->durable);
	return 0;
}

static bool
is_due(const struct incoming *in, uint64_t now)
{
	uint64_t n = in->bytes - in->durable;

	if (n == 0 || !in->visit->srv->ledger || in->visit->srv->options->resume_ms == 0)
		return false;
	return in->one_pass ? n >= SYNC_BYTES || now - in->synced_at >= SYNC_MS
			    : n >= SYNC_REREAD_BYTES || now - in->synced_at >= SYNC_REREAD_MS;
}

static bool
data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	while (ev->bytes_len > 0) {
		ssize_t n = vz_drop_write(in->own, ev->bytes, ev->bytes_len);

		if (n < 0) {
			failed(v, in, (int)n, VZ_EXIT_IOERR);
			return true;
		}
		if (n == 0) {
			server_watch_output(v->srv);
			return false;
		}
		ev->bytes += n;
		ev->bytes_len -= (size_t)n;
		in->bytes += (uint64_t)n;
		(void)vz_session_taken(visit_session(v), in->number, (size_t)n);
	}
	if (vz_sink_lasts(v->srv->sink) && is_due(in, vz_loop_now(v->srv->loop))) {
		int r = make_durable(v, in);

		if (r < 0)
			failed(v, in, r, VZ_EXIT_IOERR);
	}
	return true;
}

/* Those that come slowly. */
static void
second(struct server *srv)
{
	uint64_t now = vz_loop_now(srv->loop);
	struct visit *v, *next;
	struct incoming *in, *more;
	int r;

	if (!vz_sink_lasts(srv->sink))
		return;
	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	LIST_FOREACH_SAFE(in, &v->incoming, list, more)
	if (in->own && is_due(in, now)) {
		r = make_durable(v, in);
		if (r < 0) {
			failed(v, in, r, VZ_EXIT_IOERR);
			break;
		}
		visit_kick(v);
	}
}

/* Those that are whole and in their place are told of, one after the other. */
static void
tell(struct server *srv)
{
	struct incoming *in;
	int r;

	while ((in = TAILQ_FIRST(&srv->placed)) != NULL) {
		struct visit *v = in->visit;

		r = vz_drop_finish(in->own);
		if (r == VZ_SINK_WAIT) {
			server_watch_output(srv);
			return;
		}
		if (r < 0) {
			failed(v, in, r, r == VZ_ESYSTEM ? VZ_EXIT_IOERR : VZ_EXIT_CANTCREAT);
			continue;
		}
		TAILQ_REMOVE(&srv->placed, in, queue);
		in->own = NULL; /* moved */
		in->noted = in->placing = false;
		deliver_done(v, in);
		visit_kick(v);
	}
}

/*
 * Those that are whole get their places, all of them with the disk waited for as often as for one,
 * and are known to be there before anybody is told.
 */
static void
settle(struct server *srv)
{
	struct incoming *in[PLACE_MAX];
	struct vz_drop *drops[PLACE_MAX];
	int results[PLACE_MAX];
	size_t n = 0;

	while (n < PLACE_MAX && (in[n] = TAILQ_FIRST(&srv->whole)) != NULL) {
		TAILQ_REMOVE(&srv->whole, in[n], queue);
		srv->n_whole--;
		in[n]->placing = false;
		drops[n] = in[n]->own;
		n++;
	}
	if (n == 0)
		return;
	vz_sink_place(srv->sink, drops, results, n);
	recall_placed(srv, in, results, n);
	for (size_t i = 0; i < n; i++) {
		int r = results[i];

		if (r < 0) {
			failed(in[i]->visit, in[i], r,
			    r == VZ_ESYSTEM ? VZ_EXIT_IOERR : VZ_EXIT_CANTCREAT);
			continue;
		}
		in[i]->placing = in[i]->placed = true;
		TAILQ_INSERT_TAIL(&srv->placed, in[i], queue);
	}
	tell(srv);
	server_wake(srv);
}

static bool
end_stream(struct visit *v, struct incoming *in)
{
	int r = vz_drop_finish(in->own);

	if (r == VZ_SINK_WAIT) {
		server_watch_output(v->srv);
		return false;
	}
	if (r < 0) {
		failed(v, in, r, VZ_EXIT_IOERR);
		return true;
	}
	in->own = NULL; /* moved */
	deliver_done(v, in);
	return true;
}

static bool
end(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

	if (!vz_sink_lasts(srv->sink))
		return end_stream(v, in);
	TAILQ_INSERT_TAIL(&srv->whole, in, queue);
	in->placing = true;
	if (++srv->n_whole == PLACE_MAX)
		settle(srv);
	return true;
}

static void
turn(struct server *srv, struct visit *v)
{
	(void)v;
	if (!TAILQ_EMPTY(&srv->whole))
		settle(srv);
	else if (!TAILQ_EMPTY(&srv->placed))
		tell(srv);
}

static bool
has_unsaid(const struct visit *v)
{
	const struct incoming *in;

	LIST_FOREACH(in, &v->incoming, list)
	if (in->placing)
		return true;
	return false;
}

/* Only one at a time may write to a descriptor; it is watched while that one waits. */
static uint8_t
may_begin(struct visit *v, const struct vz_event *ev, const char **words)
{
	struct server *srv = v->srv;

	(void)ev;
	if (v->n_incoming >= OPEN_MAX && !TAILQ_EMPTY(&srv->whole))
		settle(srv);
	if (v->n_incoming >= OPEN_MAX) {
		if (has_unsaid(v))
			return TAKER_WAIT;
		*words = "too many messages under way at once";
		return VZ_EXIT_TEMPFAIL;
	}
	if (!vz_sink_exclusive(srv->sink) || !srv->writer)
		return 0;
	if (srv->writer != v)
		return TAKER_WAIT;
	*words = "this listener takes one message after the other";
	return VZ_EXIT_TEMPFAIL;
}

static bool
leave(struct visit *v, struct incoming *in)
{
	if (!in->own || in->placing || !v->srv->ledger || !vz_sink_lasts(v->srv->sink) ||
	    (in->bytes > in->durable && make_durable(v, in) < 0) || in->durable == 0)
		return false;
	vz_drop_leave(in->own);
	in->own = NULL; /* gone */
	return true;
}

static void
drop(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

	if (in->placing)
		TAILQ_REMOVE(in->placed ? &srv->placed : &srv->whole, in, queue);
	srv->n_whole -= in->placing && !in->placed;
	if (in->own && (in->noted || in->durable > 0))
		recall_drop(in);
	vz_drop_abort(in->own);
	if (srv->writer == v) {
		srv->writer = NULL;
		server_wake(srv);
	}
	/* Half a message on a descriptor: nothing may follow it, and no status but this one. */
	if (vz_sink_torn(srv->sink)) {
		deliver_note(v, VZ_EXIT_DATA);
		if (srv->options->keep && !srv->stopping)
			diag_error("standard output ends in the middle of a message: stopping");
		deliver_last(v, VZ_EXIT_DATA);
	}
}

const struct taker taker_sink = {
    .open = open_sink,
    .close = close_sink,
    .may_begin = may_begin,
    .have = have,
    .begin = begin,
    .data = data,
    .end = end,
    .leave = leave,
    .drop = drop,
    .turn = turn,
    .second = second,
};
