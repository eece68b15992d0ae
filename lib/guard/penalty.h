/*
 * Sources that keep failing before authentication, and what they get for it: fewer places among the
 * strangers (guard/pool.h). Pure: the clock is an argument.
 *
 * Each failure is a point, up to VZ_PENALTY_POINTS_MAX, and points halve every VZ_PENALTY_HALF_MS:
 * nobody is punished for long after the last failure, and nobody ever without a place. Who proves
 * an authorised key loses three quarters of its source's points.
 *
 * The table has a fixed size, in sets chosen by a keyed hash. In a full set a new source takes the
 * place of the one with the fewest points, but only when these have decayed to less than one. So
 * whoever has many sources neither makes it grow, nor pushes one of them out while it is punished.
 * What that costs: while a set is full of offenders, one more of them goes unpunished.
 */
#ifndef VZ_GUARD_PENALTY_H
#define VZ_GUARD_PENALTY_H

#include <stdint.h>

#include "guard/pool.h"

#define VZ_PENALTY_SETS       128
#define VZ_PENALTY_WAYS       8
#define VZ_PENALTY_SEED       16
#define VZ_PENALTY_HALF_MS    30000
#define VZ_PENALTY_POINTS_MAX 32

struct vz_penalty_entry {
	struct vz_source source;
	uint32_t points; /* in 256ths, at `at`; 0 = free */
	uint64_t at;
};

/* The fields are private. */
struct vz_penalties {
	uint8_t seed[VZ_PENALTY_SEED];
	struct vz_penalty_entry entries[VZ_PENALTY_SETS][VZ_PENALTY_WAYS];
};

/* Empty; seed holds random bytes. */
void vz_penalties_init(struct vz_penalties *p, const uint8_t seed[static VZ_PENALTY_SEED]);
/*
 * How much source is punished at now_ms (monotonic; a clock that goes back decays nothing): 0 = not
 * at all, 1 from 4 points on, VZ_POOL_LEVEL_MAX from 8, each with half the places of the one below.
 */
unsigned
vz_penalty_level(const struct vz_penalties *p, const struct vz_source *source, uint64_t now_ms);
/* It failed. Returns its level after that. */
unsigned vz_penalty_failed(struct vz_penalties *p, const struct vz_source *source, uint64_t now_ms);
/* An authorised key was proved from there. */
void vz_penalty_succeeded(struct vz_penalties *p, const struct vz_source *source, uint64_t now_ms);

#endif
