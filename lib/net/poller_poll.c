#if !defined(__linux__) || defined(VZ_LOOP_POLL)

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include "base/err.h"
#include "net/poller.h"

/* Two arrays side by side; w->index is the place of a watch in both. */
struct vz_poller {
	struct pollfd *fds;
	struct vz_watch **watches;
	size_t n, cap;
	size_t first; /* where the next search for ready ones begins */
};

int
vz_poller_new(struct vz_poller **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? VZ_ENOMEM : 0;
}

void
vz_poller_free(struct vz_poller *p)
{
	if (p == NULL)
		return;
	free(p->fds);
	free(p->watches);
	free(p);
}

static int
grow(struct vz_poller *p)
{
	size_t cap = p->cap ? 2 * p->cap : 8;
	struct vz_watch **watches;
	struct pollfd *fds;

	if ((fds = reallocarray(p->fds, cap, sizeof(*fds))) == NULL)
		return VZ_ENOMEM;
	p->fds = fds;
	if ((watches = reallocarray(p->watches, cap, sizeof(struct vz_watch *))) == NULL)
		return VZ_ENOMEM;
	p->watches = watches;
	p->cap = cap;
	return 0;
}

/* POLLERR and POLLHUP are reported whatever was asked for, so a watch that wants nothing hides
 * behind a negative descriptor, which poll(2) passes over. */
int
vz_poller_change(struct vz_poller *p, struct vz_watch *w)
{
	struct pollfd *f = &p->fds[w->index];

	f->fd = w->want != 0 || w->hup ? w->fd : -1;
	f->events = (short)((w->want & VZ_READ ? POLLIN : 0) | (w->want & VZ_WRITE ? POLLOUT : 0));
	f->revents = 0;
	return 0;
}

int
vz_poller_add(struct vz_poller *p, struct vz_watch *w)
{
	if (p->n == p->cap && grow(p) != 0)
		return VZ_ENOMEM;
	w->index = p->n++;
	p->watches[w->index] = w;
	return vz_poller_change(p, w);
}

void
vz_poller_del(struct vz_poller *p, struct vz_watch *w)
{
	size_t last = --p->n;

	p->fds[w->index] = p->fds[last];
	p->watches[w->index] = p->watches[last];
	p->watches[w->index]->index = w->index;
}

int
vz_poller_wait(struct vz_poller *p, int ms, struct vz_ready *out, int cap)
{
	int left, n = 0;
	size_t i, k;

	left = poll(p->fds, (nfds_t)p->n, ms);
	if (left < 0)
		return errno == EINTR ? 0 : VZ_ESYSTEM;
	for (k = 0, i = p->first; k < p->n && left > 0 && n < cap; k++, i++) {
		short r;

		if (i >= p->n)
			i = 0;
		if ((r = p->fds[i].revents) == 0)
			continue;
		left--;
		out[n].w = p->watches[i];
		out[n].got = (r & POLLIN ? VZ_READ : 0) | (r & POLLOUT ? VZ_WRITE : 0);
		out[n++].gone = (r & (POLLERR | POLLHUP | POLLNVAL)) != 0;
	}
	p->first = i;
	return n;
}

#else
typedef int vz_poller_poll_unused; /* ISO C wants a declaration in every file */
#endif
