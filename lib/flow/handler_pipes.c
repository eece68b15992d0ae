/*
 * A command's bytes: what goes into its stdin, what comes from its stdout, and when each is closed.
 */
#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "flow/handler_impl.h"
#include "flow/starter.h"

void
vz_handler_close(struct vz_handler *h, struct vz_watch *w)
{
	if (w->fd < 0)
		return;
	vz_loop_del(h->all->loop, w);
	close(w->fd);
	w->fd = -1;
}

static void
on_readers_gone(void *arg)
{
	struct vz_handler *h = arg;

	h->all->held--;
	vz_handler_release(h);
}

void
vz_handler_cut_input(struct vz_handler *h)
{
	int fd = h->in.fd;

	if (fd < 0)
		return;
	vz_loop_del(h->all->loop, &h->in);
	h->in.fd = -1; /* moved */
	vz_held_take(&h->held, h->all->loop, fd, on_readers_gone, h);
	h->all->held += h->held.on;
}

void
vz_handler_output_over(struct vz_handler *h)
{
	vz_handler_close(h, &h->out);
	if (h->phase == VZ_HANDLER_DRAINING) {
		h->phase = VZ_HANDLER_DONE;
		vz_handler_arm(h, 0);
	}
}

void
vz_handler_arm_silence(struct vz_handler *h)
{
	uint64_t now = vz_loop_now(h->all->loop), ms = h->output_ms;

	if (h->deadline <= now)
		ms = 0;
	else if (h->deadline - now < ms)
		ms = h->deadline - now;
	vz_handler_arm(h, h->last ? 0 : ms);
}

void
vz_handler_on_room(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_handler *h = w->arg;

	(void)got;
	(void)vz_loop_want(l, w, 0);
	h->waiting = false;
	h->events->room(h->arg, h);
}

void
vz_handler_on_output(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_handler *h = w->arg;

	(void)l;
	(void)got;
	h->events->output(h->arg, h);
}

ssize_t
vz_handler_write(struct vz_handler *h, const void *p, size_t n)
{
	ssize_t put;

	if (h->finished)
		return VZ_EINVAL;
	if (h->in.fd < 0 || vz_handler_is_reaped(h) || h->end.killed)
		return (ssize_t)n;
	do
		put = write(h->in.fd, p, n);
	while (put < 0 && errno == EINTR);
	if (put < 0 && errno == EPIPE) {
		vz_handler_close(h, &h->in); /* nobody is there who could see it end */
		return (ssize_t)n;
	}
	if (put < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return VZ_ESYSTEM;
		put = 0;
	}
	if ((size_t)put < n) {
		if (vz_loop_want(h->all->loop, &h->in, VZ_WRITE) != 0)
			return VZ_ESYSTEM;
		h->waiting = true;
	}
	return put;
}

int
vz_handler_prove(struct vz_handler *h, const void *p, size_t n)
{
	ssize_t r;

	if (n > VZ_HANDLER_PROOF || h->finished)
		return VZ_EINVAL;
	if (h->proof < 0)
		return 0;
	/* An empty pipe takes that much at once; who has closed it does not want it. */
	do
		r = write(h->proof, p, n);
	while (r < 0 && errno == EINTR);
	close(h->proof);
	h->proof = -1;
	return 0;
}

void
vz_handler_finish_input(struct vz_handler *h)
{
	/* One that has not taken all of it may not see it end. */
	if (h->finished || vz_handler_is_reaped(h) || h->end.killed)
		return;
	h->finished = true;
	vz_starter_finish(h->all->starter, h->id);
	vz_handler_close(h, &h->in);
}

bool
vz_handler_input_gone(const struct vz_handler *h)
{
	return h->in.fd < 0 || vz_handler_is_reaped(h) || h->end.killed;
}

ssize_t
vz_handler_read(struct vz_handler *h, void *buf, size_t cap)
{
	ssize_t got;

	if (h->out.fd < 0)
		return VZ_ECLOSED;
	do
		got = read(h->out.fd, buf, cap);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		if (!h->last)
			return 0;
	} else if (got < 0) {
		/* What it wrote cannot be had: it did not end well, whatever it says itself. */
		vz_handler_kill(h);
		return VZ_ECLOSED;
	}
	if (got <= 0) {
		vz_handler_output_over(h);
		return VZ_ECLOSED;
	}
	if (h->phase == VZ_HANDLER_DRAINING && !h->paused)
		vz_handler_arm_silence(h);
	return got;
}

void
vz_handler_pause_output(struct vz_handler *h, bool pause)
{
	if (h->paused == pause || h->out.fd < 0)
		return;
	h->paused = pause;
	(void)vz_loop_want(h->all->loop, &h->out, pause ? 0 : VZ_READ);
	if (h->phase != VZ_HANDLER_DRAINING)
		return;
	if (pause)
		vz_handler_arm(h, VZ_HANDLER_FOREVER);
	else
		vz_handler_arm_silence(h);
}
