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
	bool hup; /* tell also when nothing is wanted and the other side is gone: an error, or both
		     directions shut (a half-close is seen by reading). Told once, then false. */
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
	uint64_t when, seq;
	size_t index; /* in the heap, from 1; 0 = not set */
};

/* VZ_ESYSTEM, VZ_ENOMEM. */
int vz_loop_new(struct vz_loop **out);
void vz_loop_free(struct vz_loop *l);
/* Monotonic milliseconds, read once a turn (outside vz_loop_run: now). Timers count from the call
 * that sets them. */
uint64_t vz_loop_now(const struct vz_loop *l);
/* True when this turn has taken so long already that others should have theirs. */
bool vz_loop_overdue(const struct vz_loop *l);

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

/*
 * Calls fn from the loop for each delivery of signo (deliveries before it looks are one); the
 * handler itself only sets a flag and wakes the loop. Again for the same signo: the new fn counts.
 * vz_loop_free gives the old disposition back. VZ_ESYSTEM, VZ_ENOMEM, VZ_EFULL; VZ_EINVAL when
 * another loop of the process has it. SIGCHLD may be asked for beside vz_loop_child.
 */
typedef void vz_signal_fn(struct vz_loop *l, int signo, void *arg);
int vz_loop_signal(struct vz_loop *l, int signo, vz_signal_fn *fn, void *arg);
/* In a child, before it does anything else: default dispositions, nothing blocked, and no loop of
 * the parent's has any signal: a new one may. */
void vz_signal_reset(void);
/*
 * Calls fn once, never from inside this call, when child pid has ended, with its wait status; the
 * child may have ended already. The status is -1 (neither exited nor signalled) when somebody else
 * has taken it, as the system does while SIGCHLD is ignored: call vz_loop_children before the fork
 * to have it caught in time.
 */
typedef void vz_child_fn(struct vz_loop *l, pid_t pid, int status, void *arg);
int vz_loop_child(struct vz_loop *l, pid_t pid, vz_child_fn *fn, void *arg);
int vz_loop_children(struct vz_loop *l);
/* Its fn is not called; who forgets a child reaps it. */
void vz_loop_child_forget(struct vz_loop *l, pid_t pid);

/* Runs until vz_loop_stop; returns its argument, or VZ_ESYSTEM, or VZ_EINVAL when nothing is left
 * to wait for. */
int vz_loop_run(struct vz_loop *l);
/* After the callback that calls this no other is called; before vz_loop_run, it returns at once. */
void vz_loop_stop(struct vz_loop *l, int result);

#endif
