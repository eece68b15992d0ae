/*
 * The event loop of every program (DESIGN 3): descriptors, timers, signals, children.
 * Level-triggered; epoll(7) on Linux, poll(2) elsewhere or with LOOP=poll. Descriptors that cannot
 * be polled (regular files) are always ready. One loop, one thread.
 */
#ifndef VZ_NET_LOOP_H
#define VZ_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VZ_READ  1u
#define VZ_WRITE 2u

struct vz_loop;
struct vz_watch;
struct vz_timer;

/*
 * `got` holds VZ_READ and/or VZ_WRITE, only of what is wanted; an error or hang-up shows as
 * whatever is wanted (and as VZ_READ when nothing is and `hup` is set), so that the next system
 * call meets it.
 */
typedef void vz_watch_fn(struct vz_loop *l, struct vz_watch *w, unsigned got);

/* A watched descriptor; the memory is the owner's and stays put between add and del. */
struct vz_watch {
	int fd;
	vz_watch_fn *fn;
	void *arg;
	bool hup; /* tell also when nothing is wanted and the other side is gone */
	/* the loop's own: */
	unsigned want;
	bool pollable, added;
	size_t index;
};

typedef void vz_timer_fn(struct vz_loop *l, struct vz_timer *t);

/* A one-shot timer; the memory is the owner's and stays put while set. Zero it first. */
struct vz_timer {
	vz_timer_fn *fn;
	void *arg;
	/* the loop's own: */
	uint64_t when;
	size_t index; /* in the heap, from 1; 0 = not set */
};

/* VZ_ESYSTEM, VZ_ENOMEM. */
int vz_loop_new(struct vz_loop **out);
void vz_loop_free(struct vz_loop *l);
/* Monotonic milliseconds, read once a turn. */
uint64_t vz_loop_now(const struct vz_loop *l);

/* Watches w->fd for `want` (VZ_READ|VZ_WRITE or 0). VZ_ESYSTEM, VZ_ENOMEM. */
int vz_loop_add(struct vz_loop *l, struct vz_watch *w, unsigned want);
/* Changes what is wanted; free when it is the same. */
int vz_loop_want(struct vz_loop *l, struct vz_watch *w, unsigned want);
/* Stops watching (before the close); its fn is not called again, even in this turn. Safe when not
 * added. */
void vz_loop_del(struct vz_loop *l, struct vz_watch *w);

/* (Re)sets the timer to fire in ms milliseconds. VZ_ENOMEM. */
int vz_timer_set(struct vz_loop *l, struct vz_timer *t, uint64_t ms);
void vz_timer_stop(struct vz_loop *l, struct vz_timer *t);

/* Calls fn from the loop for each delivery of signo; the handler itself only sets a flag and wakes
 * the loop. */
typedef void vz_signal_fn(struct vz_loop *l, int signo, void *arg);
int vz_loop_signal(struct vz_loop *l, int signo, vz_signal_fn *fn, void *arg);
/* Calls fn once when child pid has ended, with its wait status. */
typedef void vz_child_fn(struct vz_loop *l, pid_t pid, int status, void *arg);
int vz_loop_child(struct vz_loop *l, pid_t pid, vz_child_fn *fn, void *arg);
void vz_loop_child_forget(struct vz_loop *l, pid_t pid);

/* Runs until vz_loop_stop; returns its argument, or VZ_ESYSTEM. */
int vz_loop_run(struct vz_loop *l);
void vz_loop_stop(struct vz_loop *l, int result);

#endif
