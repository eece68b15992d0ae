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
#include "cmd/vz-listen/take_file.h"

/* Messages of one session under way at once; each holds descriptors. */
#define OPEN_MAX 16

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
		diag_hint("-o takes the name of a file, -d that of a folder; without either "
			  "messages go to standard output");
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

void
take_sink_failed(struct visit *v, struct incoming *in, int err, int own)
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
	visit_have(v, in->number, p->length);
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
		take_sink_failed(v, in, r, VZ_EXIT_CANTCREAT);
		return;
	}
	in->own = drop;
	if (vz_sink_exclusive(srv->sink))
		srv->writer = v;
}

static bool
data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	while (ev->bytes_len > 0) {
		ssize_t n = vz_drop_write(in->own, ev->bytes, ev->bytes_len);

		if (n < 0) {
			take_sink_failed(v, in, (int)n, VZ_EXIT_IOERR);
			return true;
		}
		if (n == 0) {
			server_watch_output(v->srv);
			return false;
		}
		ev->bytes += n;
		ev->bytes_len -= (size_t)n;
		in->bytes += (uint64_t)n;
		visit_taken(v, in->number, (size_t)n);
	}
	if (vz_sink_lasts(v->srv->sink))
		(void)take_file_moved(v, in);
	return true;
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
		take_sink_failed(v, in, r, VZ_EXIT_IOERR);
		return true;
	}
	in->own = NULL; /* moved */
	deliver_done(v, in);
	return true;
}

static bool
end(struct visit *v, struct incoming *in)
{
	if (!vz_sink_lasts(v->srv->sink))
		return end_stream(v, in);
	take_file_whole(v, in);
	return true;
}

static int
prove(struct incoming *in, const uint8_t *p, size_t text_len, size_t len)
{
	return vz_drop_prove(in->own, p, text_len, len);
}

static ssize_t
read_back(const struct incoming *in, uint64_t at, uint8_t *p, size_t n)
{
	return vz_drop_read(in->own, at, p, n);
}

static void
turn(struct server *srv, struct visit *v)
{
	(void)v;
	take_file_settle(srv);
}

/* Those that come slowly. A failure may take others along: the rest is looked at a second later. */
static void
second(struct server *srv)
{
	struct visit *v;
	struct incoming *in;

	if (!vz_sink_lasts(srv->sink))
		return;
	TAILQ_FOREACH(v, &srv->visits, all)
	LIST_FOREACH(in, &v->incoming, list)
	if (!take_file_moved(v, in))
		return;
}

/* Only one at a time may write to a descriptor; it is watched while that one waits. */
static uint8_t
may_begin(struct visit *v, const struct vz_event *ev, const char **words)
{
	struct server *srv = v->srv;

	(void)ev;
	if (v->n_incoming >= OPEN_MAX)
		take_file_settle(srv);
	if (v->n_incoming >= OPEN_MAX || srv->stopping) {
		if (take_file_unsaid(v))
			return TAKER_WAIT;
		*words = srv->stopping ? "this listener is stopping"
				       : "too many messages under way at once";
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
	return vz_sink_lasts(v->srv->sink) && take_file_leave(v, in);
}

static void
drop(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

	take_file_drop(v, in);
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
    .prove = prove,
    .read_back = read_back,
    .leave = leave,
    .drop = drop,
    .turn = turn,
    .second = second,
};
