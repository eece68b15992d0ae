#include "cmd/vz-send/outlet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

#define BUF_MAX (256u * 1024 * 1024) /* its users stop long before, see OUTLET_FULL */

static void
failed(struct outlet *o, int err)
{
	if (o->status)
		return;
	o->status = err == VZ_ENOMEM ? VZ_EXIT_OSERR : VZ_EXIT_IOERR;
	diag_error("standard output: %s", diag_words(err));
	vz_buf_clear(&o->buf);
	vz_loop_del(o->loop, &o->watch);
}

int
outlet_open(struct outlet *o, struct vz_loop *l, bool raw, void (*freed)(void *arg), void *arg)
{
	static const uint8_t no_stream[VZ_STREAM_LEN];
	struct vz_arrival whole = {.stream = no_stream};
	int err;

	*o = (struct outlet){.loop = l, .freed = freed, .arg = arg};
	vz_buf_init(&o->buf, BUF_MAX);
	err = vz_sink_stream(STDOUT_FILENO, !raw && isatty(STDOUT_FILENO), &o->sink);
	if (!err)
		err = vz_sink_begin(o->sink, &whole, &o->drop);
	if (err)
		failed(o, err);
	return o->status;
}

void
outlet_free(struct outlet *o)
{
	if (o->loop)
		vz_loop_del(o->loop, &o->watch);
	vz_drop_abort(o->drop);
	if (o->sink)
		vz_sink_free(o->sink);
	vz_buf_free(&o->buf);
}

bool
outlet_waits(const struct outlet *o)
{
	return o->watch.added && o->watch.want != 0;
}

static void
on_writable(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct outlet *o = w->arg;

	(void)l;
	(void)got;
	outlet_flush(o);
	if (!outlet_waits(o))
		o->freed(o->arg);
}

static void
wait_for(struct outlet *o, bool wait)
{
	int err;

	if (!o->watch.added && !wait)
		return;
	if (o->watch.added) {
		err = vz_loop_want(o->loop, &o->watch, wait ? VZ_WRITE : 0);
	} else {
		o->watch =
		    (struct vz_watch){.fd = vz_sink_fd(o->sink), .fn = on_writable, .arg = o};
		err = vz_loop_add(o->loop, &o->watch, VZ_WRITE);
	}
	if (err)
		failed(o, err);
}

/* How many were taken. */
static size_t
put(struct outlet *o, const uint8_t *p, size_t n)
{
	size_t done = 0;
	ssize_t r = 1;

	while (done < n && r > 0) {
		r = vz_drop_write(o->drop, p + done, n - done);
		if (r > 0)
			done += (size_t)r;
	}
	if (r < 0)
		failed(o, (int)r);
	return done;
}

/*
 * Whoever reads a pipe or a socket is shown the end now; of a file, closing it at the exit is still
 * to be checked. The number stays taken. A socket may be standard input as well, which goes on.
 */
static void
finished(struct outlet *o)
{
	struct stat st;

	o->drop = NULL; /* freed */
	if (!o->ending || fstat(STDOUT_FILENO, &st) != 0 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	vz_loop_del(o->loop, &o->watch);
	vz_sink_free(o->sink); /* which may have the pipe open once more */
	o->sink = NULL;
	(void)shutdown(STDOUT_FILENO, SHUT_WR);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
}

void
outlet_flush(struct outlet *o)
{
	bool waits;

	if (o->status)
		return;
	vz_buf_consume(&o->buf, put(o, vz_buf_ptr(&o->buf), o->buf.len));
	if (o->status)
		return;
	waits = o->buf.len > 0;
	if (!waits && o->finishing) {
		int r = vz_drop_finish(o->drop);

		waits = r == VZ_SINK_WAIT;
		if (r < 0)
			failed(o, r);
		else if (!waits)
			finished(o);
	}
	if (o->status == 0)
		wait_for(o, waits);
}

void
outlet_write(struct outlet *o, const void *p, size_t n)
{
	size_t done = o->buf.len == 0 && o->status == 0 ? put(o, p, n) : 0;
	int err;

	if (o->status || done == n)
		return;
	err = vz_buf_put(&o->buf, (const uint8_t *)p + done, n - done);
	if (err)
		failed(o, err);
	else
		wait_for(o, true);
}

void
outlet_end(struct outlet *o)
{
	o->ending = true;
	(void)outlet_finish(o);
}

bool
outlet_finish(struct outlet *o)
{
	if (o->status || !o->drop)
		return true;
	o->finishing = true;
	outlet_flush(o);
	return o->status || !o->drop;
}
