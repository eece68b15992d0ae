#if defined(__linux__) && !defined(VZ_LOOP_POLL)

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/err.h"
#include "net/poller.h"

#define BATCH 64

struct vz_poller {
	int fd;
};

int
vz_poller_new(struct vz_poller **out)
{
	struct vz_poller *p;

	*out = NULL;
	if ((p = malloc(sizeof(*p))) == NULL)
		return VZ_ENOMEM;
	if ((p->fd = epoll_create1(EPOLL_CLOEXEC)) < 0) {
		free(p);
		return VZ_ESYSTEM;
	}
	*out = p;
	return 0;
}

void
vz_poller_free(struct vz_poller *p)
{
	if (p == NULL)
		return;
	close(p->fd);
	free(p);
}

/*
 * EPOLLERR and EPOLLHUP are reported whatever was asked for (epoll_ctl(2)), so a watch that wants
 * nothing is not registered at all; w->index says whether it is.
 */
int
vz_poller_change(struct vz_poller *p, struct vz_watch *w)
{
	struct epoll_event ev = {.data.ptr = w};
	bool on = w->want != 0 || w->hup;
	int op;

	if (!on && !w->index)
		return 0;
	if (w->want & VZ_READ)
		ev.events |= EPOLLIN;
	if (w->want & VZ_WRITE)
		ev.events |= EPOLLOUT;
	op = !on ? EPOLL_CTL_DEL : w->index ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(p->fd, op, w->fd, &ev) != 0)
		return errno == EPERM && op == EPOLL_CTL_ADD ? VZ_EMODE : VZ_ESYSTEM;
	w->index = on;
	return 0;
}

/* Whether a descriptor can be polled is learnt by trying, so a watch that wants nothing yet is
 * tried as well. */
int
vz_poller_add(struct vz_poller *p, struct vz_watch *w)
{
	struct epoll_event ev = {.data.ptr = w};

	w->index = 0;
	if (w->want != 0 || w->hup)
		return vz_poller_change(p, w);
	if (epoll_ctl(p->fd, EPOLL_CTL_ADD, w->fd, &ev) != 0)
		return errno == EPERM ? VZ_EMODE : VZ_ESYSTEM;
	w->index = 1;
	return vz_poller_change(p, w);
}

void
vz_poller_del(struct vz_poller *p, struct vz_watch *w)
{
	struct epoll_event ev = {0};

	if (w->index)
		(void)epoll_ctl(p->fd, EPOLL_CTL_DEL, w->fd, &ev);
	w->index = 0;
}

int
vz_poller_wait(struct vz_poller *p, int ms, struct vz_ready *out, int cap)
{
	struct epoll_event ev[BATCH];
	int n, i;

	n = epoll_wait(p->fd, ev, cap < BATCH ? cap : BATCH, ms);
	if (n < 0)
		return errno == EINTR ? 0 : VZ_ESYSTEM;
	for (i = 0; i < n; i++) {
		out[i].w = ev[i].data.ptr;
		out[i].got = (ev[i].events & EPOLLIN ? VZ_READ : 0) |
		    (ev[i].events & EPOLLOUT ? VZ_WRITE : 0);
		out[i].gone = (ev[i].events & (EPOLLERR | EPOLLHUP)) != 0;
	}
	return n;
}

#else
typedef int vz_poller_epoll_unused; /* ISO C wants a declaration in every file */
#endif
