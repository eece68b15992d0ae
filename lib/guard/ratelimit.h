/*
 * Token buckets (DESIGN 7): how many messages or bytes a key may send. Integers only, the clock is
 * an argument. Pure.
 *
 * A bucket begins full, with `burst` tokens, gains `rate` of them a second and never holds more
 * than `burst`. It counts thousandths, so that at any rate no millisecond is lost: over any time in
 * which it never overflows, what is granted is the rate times the time, exactly.
 */
#ifndef VZ_GUARD_RATELIMIT_H
#define VZ_GUARD_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* A wait that never ends. */
#define VZ_BUCKET_NEVER UINT64_MAX

/* The fields are private. */
struct vz_bucket {
	uint64_t rate, burst;
	uint64_t held;  /* whole tokens */
	uint64_t owed;  /* tokens given on credit; not 0 only while held is 0 */
	uint64_t part;  /* thousandths of the next token */
	uint64_t last;  /* when it was looked at, ms */
	bool looked_at; /* last holds a time */
};

/*
 * A full bucket. A burst of 0 counts as 1. A rate of 0 never gains anything. Rates over
 * UINT64_MAX / 1000 count as that.
 */
void vz_bucket_init(struct vz_bucket *b, uint64_t rate_per_s, uint64_t burst);
/*
 * Takes n tokens at now_ms, of a clock that should not jump (CLOCK_MONOTONIC). 0 when they were
 * taken; else nothing was, and it is the least number of milliseconds after which the same call
 * would be granted (VZ_BUCKET_NEVER: none).
 *
 * More than the burst can never be held at once: a full bucket gives them, and the rest is owed and
 * made up for before anything else is given. So one message longer than a second's bytes passes,
 * and the rate stays what it is. n = 0 takes nothing and asks whether something is owed.
 *
 * A clock that goes back gains nothing and loses at most what was gained since the last call; one
 * that jumps ahead fills the bucket, no more. Any values are safe.
 */
uint64_t vz_bucket_take(struct vz_bucket *b, uint64_t n, uint64_t now_ms);
/* True when both have the same rate and burst, whatever is in them. */
bool vz_bucket_alike(const struct vz_bucket *a, const struct vz_bucket *b);

#endif
