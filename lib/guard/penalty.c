#include "guard/penalty.h"

#include <sodium.h>
#include <string.h>

#define POINT      256u
#define LEVEL_1_AT (4 * POINT)

_Static_assert(VZ_PENALTY_SEED == crypto_shorthash_KEYBYTES, "the seed is SipHash's key");

void
vz_penalties_init(struct vz_penalties *p, const uint8_t seed[static VZ_PENALTY_SEED])
{
	memset(p, 0, sizeof(*p));
	memcpy(p->seed, seed, sizeof(p->seed));
}

/* Keyed, so that nobody can choose sources that meet in one set. */
static size_t
set_of(const struct vz_penalties *p, const struct vz_source *s)
{
	uint8_t in[1 + sizeof(s->bytes)], out[crypto_shorthash_BYTES];

	in[0] = s->kind;
	memcpy(in + 1, s->bytes, sizeof(s->bytes));
	crypto_shorthash(out, in, sizeof(in), p->seed);
	return out[0] % VZ_PENALTY_SETS;
}

/* Halved for each whole half-life, and straight between two of them. */
static uint32_t
points_at(const struct vz_penalty_entry *e, uint64_t now)
{
	uint64_t passed = now > e->at ? now - e->at : 0;
	uint64_t halvings = passed / VZ_PENALTY_HALF_MS, points;

	if (halvings >= 32)
		return 0;
	points = e->points >> halvings;
	return (
	    uint32_t)(points - points * (passed % VZ_PENALTY_HALF_MS) / (2 * VZ_PENALTY_HALF_MS));
}

static void
settle(struct vz_penalty_entry *e, uint32_t points, uint64_t now)
{
	e->points = points;
	if (now > e->at)
		e->at = now;
}

static size_t
find(const struct vz_penalty_entry set[static VZ_PENALTY_WAYS], const struct vz_source *source)
{
	size_t i = 0;

	while (
	    i < VZ_PENALTY_WAYS && (set[i].points == 0 || !vz_source_equal(&set[i].source, source)))
		i++;
	return i;
}

/* A place for a new source, or VZ_PENALTY_WAYS: those that are there deserve theirs more. */
static size_t
make_room(const struct vz_penalty_entry set[static VZ_PENALTY_WAYS], uint64_t now)
{
	size_t least = 0;

	for (size_t i = 1; i < VZ_PENALTY_WAYS; i++)
		if (points_at(&set[i], now) < points_at(&set[least], now))
			least = i;
	return points_at(&set[least], now) < POINT ? least : VZ_PENALTY_WAYS;
}

static unsigned
level_of(uint32_t points)
{
	unsigned level = 0;

	while (level < VZ_POOL_LEVEL_MAX && points >= LEVEL_1_AT << level)
		level++;
	return level;
}

unsigned
vz_penalty_level(const struct vz_penalties *p, const struct vz_source *source, uint64_t now_ms)
{
	const struct vz_penalty_entry *set = p->entries[set_of(p, source)];
	size_t i = find(set, source);

	return i < VZ_PENALTY_WAYS ? level_of(points_at(&set[i], now_ms)) : 0;
}

unsigned
vz_penalty_failed(struct vz_penalties *p, const struct vz_source *source, uint64_t now_ms)
{
	struct vz_penalty_entry *set = p->entries[set_of(p, source)];
	size_t i = find(set, source);
	uint32_t points;

	if (i == VZ_PENALTY_WAYS) {
		i = make_room(set, now_ms);
		if (i == VZ_PENALTY_WAYS)
			return 0;
		set[i] = (struct vz_penalty_entry){.source = *source};
	}
	points = points_at(&set[i], now_ms) + POINT;
	if (points > VZ_PENALTY_POINTS_MAX * POINT)
		points = VZ_PENALTY_POINTS_MAX * POINT;
	settle(&set[i], points, now_ms);
	return level_of(points);
}

void
vz_penalty_succeeded(struct vz_penalties *p, const struct vz_source *source, uint64_t now_ms)
{
	struct vz_penalty_entry *set = p->entries[set_of(p, source)];
	size_t i = find(set, source);

	if (i < VZ_PENALTY_WAYS)
		settle(&set[i], points_at(&set[i], now_ms) / 4, now_ms);
}
