/*
 * Two sockets become one: what comes out of each goes into the other (DESIGN 6, live relaying). The
 * bytes are nobody's business: neither looked at nor changed.
 *
 * A direction begins with read and write through the pool's buffer; once VZ_MOVER_SPLICE bytes have
 * passed, pages are moved by splice(2) through a pipe borrowed from the pool (flow/pipes.h), if one
 * is to be had. Only what the other side does not take yet is held, at most VZ_MOVER_HELD bytes or
 * a pipe for each direction, and until it is out nothing more is read there. An idle pair holds
 * neither.
 *
 * The end of a direction is passed on when all its bytes are out (shutdown(2)); the other goes on.
 * When a side breaks, what came from it before still goes out and is followed by an end, since it
 * may say why; what comes for it is dropped; that lasts VZ_MOVER_LINGER_MS from the last byte that
 * went out.
 *
 * SIGPIPE is the caller's matter: ignored.
 */
#ifndef VZ_FLOW_MOVER_H
#define VZ_FLOW_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "flow/pipes.h"
#include "net/loop.h"

#define VZ_MOVER_SPLICE    (1024 * 1024)
#define VZ_MOVER_HELD      VZ_PIPES_BUFFER
#define VZ_MOVER_LINGER_MS 2000

struct vz_mover;

/* A side is 0 or 1; a direction is named by the side that its bytes come from. */
struct vz_mover_handler {
	/* n bytes of `side` have gone out to the other since the last call, at most a pipe full. A
	 * place to pause it. May be NULL. */
	void (*moved)(void *arg, struct vz_mover *m, unsigned side, size_t n);
	/*
	 * It is over: both sockets are closed, and m is freed after this call; what it counted can
	 * still be asked for. err: 0 = both directions ended by themselves; VZ_ECUT = a side broke,
	 * sys_errno; VZ_ETIMEOUT = idle or stalled (vz_mover_waits tells which); VZ_ENOMEM,
	 * VZ_ESYSTEM.
	 */
	void (*ended)(void *arg, struct vz_mover *m, int err, int sys_errno);
};

struct vz_mover_config {
	int fd[2];            /* non-blocking stream sockets, TCP_NODELAY set */
	const void *first[2]; /* bytes that came from a side already, at most VZ_MOVER_HELD */
	size_t first_len[2];
	struct vz_pipes *pipes; /* borrowed, outlives the mover */
	uint64_t idle_ms;       /* nothing came from either side for so long; 0 = for ever */
	uint64_t stall_ms;      /* a side took nothing of what waits for it; 0 = for ever */
	const struct vz_mover_handler *handler;
	void *arg;
};

/*
 * Takes both descriptors over whatever the result. VZ_EINVAL (too many first bytes), VZ_ENOMEM,
 * VZ_ESYSTEM. No handler is called before this returns. The caller owns *out until `ended`.
 */
int vz_mover_new(struct vz_loop *l, const struct vz_mover_config *config, struct vz_mover **out);
/* Closes both at once, without `ended`. From a handler, too. NULL is allowed. */
void vz_mover_drop(struct vz_mover *m);

/* Whether anything is read from a side; what was read still goes out. A pair that is paused is
 * never idle. */
void vz_mover_pause(struct vz_mover *m, unsigned side, bool pause);

/* Bytes of a side that went out to the other, its first ones too. */
uint64_t vz_mover_moved(const struct vz_mover *m, unsigned side);
/* Bytes of a side that are held, because the other does not take them. */
size_t vz_mover_waits(const struct vz_mover *m, unsigned side);
/* When the last byte of either side came or went, in the loop's time. */
uint64_t vz_mover_progress(const struct vz_mover *m);

#endif
