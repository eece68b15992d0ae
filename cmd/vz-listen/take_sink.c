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

/* Only one at a time may write to a descriptor; it is watched while that one waits. */
static uint8_t
may_begin(struct visit *v, const struct vz_event *ev, const char **words)
{
	const struct server *srv = v->srv;

	(void)ev;
	if (!vz_sink_exclusive(srv->sink) || !srv->writer)
		return 0;
	if (srv->writer != v)
		return TAKER_WAIT;
	*words = "this listener takes one message after the other";
	return VZ_EXIT_TEMPFAIL;
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

static void
begin(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	struct server *srv = v->srv;
	const struct vz_arrival m = {.stream = vz_session_stream(visit_session(v)),
	    .number = in->number,
	    .name = in->name,
	    .name_len = in->name_len};
	struct vz_drop *drop;
	int r = vz_sink_begin(srv->sink, &m, &drop);

	(void)ev;
	if (r < 0) {
		failed(v, in, r, VZ_EXIT_CANTCREAT);
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
	return true;
}

static bool
end(struct visit *v, struct incoming *in)
{
	int r = vz_drop_finish(in->own);

	if (r == VZ_SINK_WAIT) {
		server_watch_output(v->srv);
		return false;
	}
	if (r < 0) {
		failed(v, in, r, r == VZ_ESYSTEM ? VZ_EXIT_IOERR : VZ_EXIT_CANTCREAT);
		return true;
	}
	in->own = NULL; /* moved */
	deliver_done(v, in);
	return true;
}

static void
drop(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

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
    .open_max = OPEN_MAX,
    .open = open_sink,
    .close = close_sink,
    .may_begin = may_begin,
    .begin = begin,
    .data = data,
    .end = end,
    .drop = drop,
};
