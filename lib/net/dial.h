/*
 * Connecting out: every address of a host, both families, staggered as RFC 8305 has it (250 ms),
 * with bounds on resolving and on each connect. Names are resolved in a child process; numeric
 * addresses and Unix sockets start none.
 */
#ifndef VZ_NET_DIAL_H
#define VZ_NET_DIAL_H

#include <stdint.h>
#include "id/address.h"
#include "net/loop.h"

struct vz_dial;

struct vz_dial_config {
	struct vz_endpoint at; /* TCP or UNIX */
	uint64_t resolve_ms;   /* bound on the resolver; 0 = 10 s */
	uint64_t connect_ms;   /* bound on each address; 0 = 10 s */
	int family;            /* AF_UNSPEC, AF_INET (-4), AF_INET6 (-6) */
};

enum vz_dial_step {
	VZ_DIAL_RESOLVE,
	VZ_DIAL_CONNECT,
	VZ_DIAL_CONNECTED, /* no step of it: what went on over the connection (net/rlink.h) */
};

/*
 * Called exactly once: fd >= 0 (non-blocking, close-on-exec, TCP_NODELAY; the callee's), or fd < 0
 * with err VZ_ENOTFOUND (no such host, or no address of the family), VZ_ETIMEOUT (also: no name
 * server answered), VZ_ENOMEM, VZ_ESYSTEM, and the step that failed. sys_errno is that of the last
 * address in order, whenever it failed; one that this host has no way to yields to the others. The
 * dial is freed after the call.
 */
typedef void vz_dial_fn(void *arg, int fd, int err, int sys_errno, enum vz_dial_step step);

/* VZ_ENOMEM, VZ_ESYSTEM, VZ_EINVAL (a relay is no place to connect to). fn is never called before
 * this returns. */
int vz_dial_start(struct vz_loop *l, const struct vz_dial_config *c, vz_dial_fn *fn, void *arg,
    struct vz_dial **out);
/* Gives up without calling fn; NULL, and the dial whose fn is being called, are left alone. */
void vz_dial_cancel(struct vz_dial *d);

#endif
