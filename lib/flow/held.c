#include "flow/held.h"

#include <poll.h>
#include <unistd.h>

/* pipe(7): the writing end of a pipe that nobody has open for reading polls as an error. */
static bool
has_readers(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) <= 0 || (p.revents & POLLERR) == 0;
}

static void
on_hup(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_held *held = w->arg;

	(void)got;
	if (has_readers(w->fd)) {
		w->hup = true;
		vz_loop_del(l, w);
		(void)vz_loop_add(l, w, 0);
		return;
	}
	vz_held_close(held);
	held->gone(held->arg);
}

void
vz_held_take(struct vz_held *held, struct vz_loop *l, int fd, vz_held_fn *fn, void *arg)
{
	if (!has_readers(fd)) {
		close(fd);
		return;
	}
	*held = (struct vz_held){.on = true, .loop = l, .gone = fn, .arg = arg};
	held->watch = (struct vz_watch){.fd = fd, .fn = on_hup, .arg = held, .hup = true};
	(void)vz_loop_add(l, &held->watch, 0);
}

void
vz_held_close(struct vz_held *held)
{
	if (!held->on)
		return;
	vz_loop_del(held->loop, &held->watch);
	close(held->watch.fd);
	held->on = false;
}
