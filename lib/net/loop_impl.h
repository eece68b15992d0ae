/*
 * The loop's own insides, shared by loop.c, timer.c and signal.c. Internal to lib/net.
 */
#ifndef VZ_NET_LOOP_IMPL_H
#define VZ_NET_LOOP_IMPL_H

#include <signal.h>
#include "net/loop.h"
#include "net/poller.h"

#define VZ_LOOP_BATCH   64
#define VZ_LOOP_SIGNALS 16

struct vz_loop_signal {
	int signo;
	vz_signal_fn *fn;
	void *arg;
	struct sigaction old;
};

struct vz_loop_child {
	pid_t pid;
	vz_child_fn *fn;
	void *arg;
};

struct vz_loop {
	struct vz_poller *poller;
	uint64_t now;
	bool running, stopped;
	int result;
	size_t n_watches;

	/* what this turn has still to tell: ready[at .. n_ready) */
	struct vz_ready ready[VZ_LOOP_BATCH];
	int at, n_ready;

	/* descriptors that cannot be polled: always ready */
	struct vz_watch **always;
	size_t n_always, cap_always;

	/* a binary heap from heap[1], earliest first */
	struct vz_timer **heap;
	size_t n_heap, cap_heap;
	uint64_t seq;

	/* made when first needed */
	int wake[2];
	struct vz_watch wake_watch;
	struct vz_loop_signal signals[VZ_LOOP_SIGNALS];
	size_t n_signals;
	struct vz_loop_child *children;
	size_t n_children, cap_children;
	bool reap; /* a child may have ended */
};

uint64_t vz_clock_ms(void);

/* Milliseconds until the first timer, 0 when due, -1 when there is none. */
int vz_timers_wait(const struct vz_loop *l);
/* Calls what is due and was set before this call. */
void vz_timers_run(struct vz_loop *l);

/* Asks after the registered children and tells of those that ended. */
void vz_children_run(struct vz_loop *l);
/* Gives the old dispositions back and frees all about signals and children. */
void vz_signals_free(struct vz_loop *l);

#endif
