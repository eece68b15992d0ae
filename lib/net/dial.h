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

enum vz_dial_step { VZ_DIAL_RESOLVE, VZ_DIAL_CONNECT };

/*
 * Called exactly once: fd >= 0 (non-blocking, close-on-exec, TCP_NODELAY; the callee's), or fd < 0
 * with err VZ_ENOTFOUND (no such host), VZ_ETIMEOUT, VZ_ESYSTEM (sys_errno of the last address
 * tried), and the step that failed. The dial is freed after the call.
 */
typedef void vz_dial_fn(void *arg, int fd, int err, int sys_errno, enum vz_dial_step step);

/* VZ_ENOMEM, VZ_ESYSTEM. fn may be called before this returns only for errors of nothing: never. */
int vz_dial_start(struct vz_loop *l, const struct vz_dial_config *c, vz_dial_fn *fn, void *arg,
    struct vz_dial **out);
/* Gives up without calling fn. */
void vz_dial_cancel(struct vz_dial *d);

#endif
