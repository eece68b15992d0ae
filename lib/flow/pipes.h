/*
 * What movers (flow/mover.h) lend themselves while bytes are in flight: pipes for splice(2), and
 * one buffer for read and write.
 *
 * Pipes are scarce: a user may have 16,384 pages of them in all (pipe(7)), which one for each
 * direction of each pair would use up. So a pipe is borrowed, filled, emptied and given back in one
 * go; only one whose bytes nobody takes stays away, and of those there are at most `max`. Without
 * a pipe there is always the buffer. Single-threaded.
 */
#ifndef VZ_FLOW_PIPES_H
#define VZ_FLOW_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VZ_PIPES_BUFFER (64 * 1024)
#define VZ_PIPES_MAX    128          /* borrowed at once: half of what a user may have */
#define VZ_PIPES_KEPT   8            /* that wait for a borrower; others are closed */
#define VZ_PIPE_SIZE    (256 * 1024) /* asked for */
#define VZ_PIPE_LEAST   (64 * 1024)  /* with less, read and write are as good */

struct vz_pipes;

/* Non-blocking, close-on-exec. Who borrows it counts in `held` what is in it. */
struct vz_pipe {
	int out, in; /* bytes come out of one and go into the other */
	size_t size; /* what it really holds */
	size_t held;
	struct vz_pipe *next; /* the pool's own */
};

/* max: borrowed at once, 0 = never any, and so no splice(2). VZ_ENOMEM. */
int vz_pipes_new(struct vz_pipes **out, size_t max);
/* When all are given back. */
void vz_pipes_free(struct vz_pipes *p);

/*
 * An empty pipe of at least VZ_PIPE_LEAST bytes, to be given back; or NULL when `max` are lent, or
 * the system has none: no descriptors, or the user's pages are used up. It is then asked again only
 * every so often.
 */
struct vz_pipe *vz_pipes_borrow(struct vz_pipes *p);
/* Not empty, it is closed with what is in it: no byte meets another borrower. NULL is allowed. */
void vz_pipes_give_back(struct vz_pipes *p, struct vz_pipe *pipe);

/* The buffer, of *size bytes: for use between two calls, its contents are nobody's. */
uint8_t *vz_pipes_buffer(struct vz_pipes *p, size_t *size);

/* How many are lent, and how many wait. */
size_t vz_pipes_lent(const struct vz_pipes *p);
size_t vz_pipes_waiting(const struct vz_pipes *p);

#endif
