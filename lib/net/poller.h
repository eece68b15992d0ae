/*
 * What the loop asks of the kernel's readiness interface; epoll(7) and poll(2) answer behind it.
 * Internal to lib/net.
 */
#ifndef VZ_NET_POLLER_H
#define VZ_NET_POLLER_H

#include "net/loop.h"

struct vz_poller;

/* One answer. w is set to NULL when the watch goes before its turn comes. */
struct vz_ready {
	struct vz_watch *w;
	unsigned got; /* VZ_READ, VZ_WRITE */
	bool gone;    /* error or hang-up */
};

/* VZ_ESYSTEM, VZ_ENOMEM. */
int vz_poller_new(struct vz_poller **out);
void vz_poller_free(struct vz_poller *p);
/* Begins with w->want and w->hup. VZ_EMODE: cannot be polled, is always ready. VZ_ESYSTEM,
 * VZ_ENOMEM. */
int vz_poller_add(struct vz_poller *p, struct vz_watch *w);
/* Takes w->want and w->hup anew. VZ_ESYSTEM. */
int vz_poller_change(struct vz_poller *p, struct vz_watch *w);
void vz_poller_del(struct vz_poller *p, struct vz_watch *w);
/* Waits up to ms (-1 = for ever); fills out[0..cap), returns how many (0 also when a signal came),
 * or VZ_ESYSTEM. No watch is starved when more than cap are ready. */
int vz_poller_wait(struct vz_poller *p, int ms, struct vz_ready *out, int cap);

#endif
