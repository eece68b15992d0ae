#include "flow/ring.h"

#include <stdlib.h>
#include <string.h>

void
vz_ring_init(struct vz_ring *r, size_t max)
{
	memset(r, 0, sizeof(*r));
	r->max = max < VZ_RING_FIRST ? VZ_RING_FIRST : max;
}

void
vz_ring_free(struct vz_ring *r)
{
	free(r->data);
	vz_ring_init(r, r->max);
}

static size_t
held(const struct vz_ring *r)
{
	return (size_t)(r->end - r->begin);
}

/* The place of a byte that is, or is about to be, in the ring. */
static size_t
place(const struct vz_ring *r, uint64_t offset)
{
	size_t at = r->head + (size_t)(offset - r->begin);

	return at < r->cap ? at : at - r->cap;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Four times as large, the bytes laid out from the start. False: it stays as it is. */
static int
grow(struct vz_ring *r)
{
	size_t cap = r->cap == 0 ? VZ_RING_FIRST : least(r->cap, r->max / 4) * 4;
	size_t n = held(r), first;
	uint8_t *data;

	if (cap <= r->cap)
		cap = r->max;
	if (cap <= r->cap || !(data = malloc(cap)))
		return 0;
	if (n > 0) {
		first = least(n, r->cap - r->head);
		memcpy(data, r->data + r->head, first);
		memcpy(data + first, r->data, n - first);
	}
	free(r->data);
	r->data = data;
	r->cap = cap;
	r->head = 0;
	return 1;
}

uint8_t *
vz_ring_space(struct vz_ring *r, size_t *n)
{
	size_t at;

	*n = 0;
	if (held(r) == r->cap && !grow(r))
		return NULL;
	at = place(r, r->end);
	*n = least(r->cap - held(r), r->cap - at);
	return r->data + at;
}

void
vz_ring_added(struct vz_ring *r, size_t n)
{
	r->end += n;
}

size_t
vz_ring_peek(const struct vz_ring *r, uint64_t offset, const uint8_t **p)
{
	size_t at;

	*p = NULL;
	if (offset < r->begin || offset >= r->end)
		return 0;
	at = place(r, offset);
	*p = r->data + at;
	return least((size_t)(r->end - offset), r->cap - at);
}

void
vz_ring_release(struct vz_ring *r, uint64_t offset)
{
	if (offset > r->end)
		offset = r->end;
	if (offset <= r->begin)
		return;
	/* An empty ring starts over at the front: memory that the cache still knows. */
	r->head = offset == r->end ? 0 : place(r, offset);
	r->begin = offset;
}
