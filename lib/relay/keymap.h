/*
 * A table by identity: open addressing, keyed hash, so that nobody can choose identities that meet
 * in one place. Bounded; grows and shrinks with what it holds. Pure.
 */
#ifndef VZ_RELAY_KEYMAP_H
#define VZ_RELAY_KEYMAP_H

#include <stddef.h>
#include <stdint.h>
#include "id/key.h"

#define VZ_KEYMAP_SEED 16

struct vz_keymap_slot {
	struct vz_key key;
	void *value; /* NULL = free */
};

/* The fields but n are private. */
struct vz_keymap {
	struct vz_keymap_slot *slot;
	size_t n, cap, max; /* cap: a power of two, or 0 */
	uint8_t seed[VZ_KEYMAP_SEED];
};

void vz_keymap_init(struct vz_keymap *m, size_t max, const uint8_t seed[static VZ_KEYMAP_SEED]);
/* The values are the caller's. */
void vz_keymap_free(struct vz_keymap *m);
/* NULL when it is not there. */
void *vz_keymap_get(const struct vz_keymap *m, const struct vz_key *key);
/* Of a key that is not there yet; value is not NULL. VZ_EFULL, VZ_ENOMEM. */
int vz_keymap_add(struct vz_keymap *m, const struct vz_key *key, void *value);
/* Nothing happens when it is not there. */
void vz_keymap_remove(struct vz_keymap *m, const struct vz_key *key);
/* Any value that is there, for emptying it; NULL when none is. */
void *vz_keymap_any(const struct vz_keymap *m);

#endif
