/*
 * The writing end of a pipe on which a message was cut. Closing it would end that message well for
 * whoever reads (law 1), so that it is held until nobody does. For flow/handler and flow/starter.
 */
#ifndef VZ_FLOW_HELD_H
#define VZ_FLOW_HELD_H

#include <stdbool.h>
#include "net/loop.h"

/* Its readers are gone, and it is closed. From the loop. */
typedef void vz_held_fn(void *arg);

/* Zero it first; the memory is the owner's and stays put while `on`. */
struct vz_held {
	bool on; /* there is a pipe, for the owner to look at */
	/* its own: */
	struct vz_loop *loop;
	struct vz_watch watch;
	vz_held_fn *gone;
	void *arg;
};

/*
 * Takes fd, which is in no loop any more. One that nobody reads is closed at once, and fn is not
 * called: `on` is false then. Should the watch fail, fd stays for good.
 */
void vz_held_take(struct vz_held *held, struct vz_loop *l, int fd, vz_held_fn *fn, void *arg);
/* Closes it whoever reads: the message is whole after all, or this process ends. Safe when not on.
 */
void vz_held_close(struct vz_held *held);

#endif
