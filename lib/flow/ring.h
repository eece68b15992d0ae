/*
 * The sender's ring (DESIGN 5): one buffer into which input is read, from which it is sealed, and
 * which keeps what the other side has not yet taken. Bytes are named by their offset in the
 * message.
 */
#ifndef VZ_FLOW_RING_H
#define VZ_FLOW_RING_H

#include <stddef.h>
#include <stdint.h>

#define VZ_RING_MAX   (8u * 1024 * 1024) /* DESIGN 9 */
#define VZ_RING_FIRST (64u * 1024)       /* the first allocation, so that small inputs stay small */

/* Fields are read-only to callers: bytes [begin, end) are held. */
struct vz_ring {
	uint8_t *data;
	size_t cap, max;
	size_t head; /* where byte `begin` is */
	uint64_t begin, end;
};

/* Makes r empty with the given bound, at least VZ_RING_FIRST; allocates nothing. */
void vz_ring_init(struct vz_ring *r, size_t max);
void vz_ring_free(struct vz_ring *r);
/*
 * Contiguous room for the bytes from `end` on: *n of them at the result, until the next call. The
 * storage grows, up to the bound, only when all of it is in use; NULL and *n = 0 when it may not
 * or cannot.
 */
uint8_t *vz_ring_space(struct vz_ring *r, size_t *n);
/* n bytes of that room were filled. */
void vz_ring_added(struct vz_ring *r, size_t n);
/* Contiguous bytes from `offset` on: how many, at *p. 0 when none of them is held. */
size_t vz_ring_peek(const struct vz_ring *r, uint64_t offset, const uint8_t **p);
/* Bytes below `offset` are not needed any more. Never goes back, nor past `end`. */
void vz_ring_release(struct vz_ring *r, uint64_t offset);

#endif
