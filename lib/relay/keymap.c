#include "relay/keymap.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

#define CAP_MIN 16

_Static_assert(VZ_KEYMAP_SEED == crypto_shorthash_KEYBYTES, "the seed is SipHash's key");

void
vz_keymap_init(struct vz_keymap *m, size_t max, const uint8_t seed[static VZ_KEYMAP_SEED])
{
	memset(m, 0, sizeof(*m));
	m->max = max;
	memcpy(m->seed, seed, sizeof(m->seed));
}

void
vz_keymap_free(struct vz_keymap *m)
{
	free(m->slot);
	m->slot = NULL;
	m->n = m->cap = 0;
}

/* Where a key would be if it met no other. */
static size_t
home(const struct vz_keymap *m, const struct vz_key *key)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, key->b, sizeof(key->b), m->seed);
	return (size_t)h & (m->cap - 1);
}

/* The place of a key, or the free one where it belongs. The table is never full. */
static size_t
find(const struct vz_keymap *m, const struct vz_key *key)
{
	size_t i = home(m, key);

	while (m->slot[i].value != NULL && !vz_key_equal(&m->slot[i].key, key))
		i = (i + 1) & (m->cap - 1);
	return i;
}

/* Moves all to a table of so many places. */
static int
resize(struct vz_keymap *m, size_t cap)
{
	struct vz_keymap_slot *old = m->slot, *slot = calloc(cap, sizeof(*slot));
	size_t old_cap = m->cap;

	if (slot == NULL)
		return VZ_ENOMEM;
	m->slot = slot;
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].value != NULL)
			m->slot[find(m, &old[i].key)] = old[i];
	free(old);
	return 0;
}

void *
vz_keymap_get(const struct vz_keymap *m, const struct vz_key *key)
{
	return m->cap > 0 ? m->slot[find(m, key)].value : NULL;
}

int
vz_keymap_add(struct vz_keymap *m, const struct vz_key *key, void *value)
{
	int r;

	if (m->n >= m->max)
		return VZ_EFULL;
	if (4 * (m->n + 1) > 3 * m->cap && (r = resize(m, m->cap > 0 ? 2 * m->cap : CAP_MIN)) < 0)
		return r;
	m->slot[find(m, key)] = (struct vz_keymap_slot){*key, value};
	m->n++;
	return 0;
}

/* Closes the gap at i: what was pushed on by what stood there moves back. */
static void
close_gap(struct vz_keymap *m, size_t i)
{
	size_t mask = m->cap - 1, k = i;

	for (;;) {
		k = (k + 1) & mask;
		if (m->slot[k].value == NULL)
			break;
		/* It may stand at i when its home is not between them. */
		if (((k - home(m, &m->slot[k].key)) & mask) >= ((k - i) & mask)) {
			m->slot[i] = m->slot[k];
			i = k;
		}
	}
	m->slot[i].value = NULL;
}

void
vz_keymap_remove(struct vz_keymap *m, const struct vz_key *key)
{
	size_t i;

	if (m->cap == 0 || m->slot[i = find(m, key)].value == NULL)
		return;
	close_gap(m, i);
	m->n--;
	/* A larger table than it needs is no failure: without memory it stays. */
	if (m->cap > CAP_MIN && 8 * m->n < m->cap)
		resize(m, m->cap / 2);
}

void *
vz_keymap_any(const struct vz_keymap *m)
{
	for (size_t i = 0; m->n > 0 && i < m->cap; i++)
		if (m->slot[i].value != NULL)
			return m->slot[i].value;
	return NULL;
}
