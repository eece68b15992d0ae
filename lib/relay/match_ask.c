/*
 * The relay's table: who waits for whom.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "relay/match_impl.h"

static size_t
places_of(const struct party *to, const struct party *from)
{
	size_t n = 0;

	for (size_t i = 0; i < to->waiting; i++)
		n += to->match[i]->from == from;
	return n;
}

/* Takes a place from who has most of them, for a sender that has none. VZ_EFULL: they are shared
 * out fairly. */
static int
make_place(struct vz_matches *t, const struct party *to, const struct party *from)
{
	struct match *out = NULL;
	size_t n, most = 1;

	if (from != NULL && places_of(to, from) > 0)
		return VZ_EFULL;
	for (size_t i = 0; i < to->waiting; i++) {
		if ((n = places_of(to, to->match[i]->from)) > most) {
			most = n;
			out = to->match[i];
		}
	}
	if (out == NULL)
		return VZ_EFULL;
	vz_match_in_vain(t, out);
	return 0;
}

static struct match *
find(const struct party *to, const uint8_t id[static VZ_MATCH_LEN])
{
	for (size_t i = 0; to != NULL && i < to->waiting; i++)
		if (sodium_memcmp(to->match[i]->id, id, VZ_MATCH_LEN) == 0)
			return to->match[i];
	return NULL;
}

static void
append(struct vz_matches *t, struct match *m)
{
	m->before = t->last;
	*(t->last != NULL ? &t->last->after : &t->first) = m;
	t->last = m;
	m->to->match[m->to->waiting++] = m;
	m->from->waits++;
	t->count++;
}

/* VZ_EFULL: there is no place for one more from p, who may be unknown (NULL), to the target. */
static int
judge(struct vz_matches *t, const struct party *target, const struct party *p)
{
	if (p != NULL && p->waits >= t->limits.per_sender)
		return VZ_EFULL;
	return target->waiting >= t->limits.per_listener ? make_place(t, target, p) : 0;
}

int
vz_match_ask(struct vz_matches *t, const struct vz_key *from, void *sender, const struct vz_key *to,
    const uint8_t id[static VZ_MATCH_LEN], uint64_t now, void **listener)
{
	struct party *target = vz_keymap_get(&t->parties, to), *p;
	struct match *m;
	int r;

	*listener = NULL;
	if (sender == NULL)
		return VZ_EINVAL;
	if (target == NULL || target->listener == NULL)
		return VZ_ENOTFOUND;
	if (find(target, id) != NULL)
		return VZ_EEXISTS;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return VZ_ENOMEM;
	if ((r = judge(t, target, vz_keymap_get(&t->parties, from))) < 0 ||
	    (r = vz_match_party(t, from, &p)) < 0) {
		free(m);
		return r;
	}
	memcpy(m->id, id, VZ_MATCH_LEN);
	m->sender = sender;
	m->from = p;
	m->to = target;
	m->until = now + t->limits.ttl_ms;
	append(t, m);
	*listener = target->listener;
	return 0;
}

void
vz_match_withdraw(
    struct vz_matches *t, const struct vz_key *to, const uint8_t id[static VZ_MATCH_LEN])
{
	struct match *m = find(vz_keymap_get(&t->parties, to), id);

	/* Or one that is in vain and was not told yet. */
	for (struct match *v = t->first; m == NULL && v != NULL && v->to == NULL; v = v->after)
		if (sodium_memcmp(v->id, id, VZ_MATCH_LEN) == 0)
			m = v;
	if (m != NULL)
		vz_match_end(t, m);
}

int
vz_match_claim(struct vz_matches *t, const struct vz_key *who,
    const uint8_t id[static VZ_MATCH_LEN], uint64_t now, void **sender)
{
	struct match *m = find(vz_keymap_get(&t->parties, who), id);

	*sender = NULL;
	if (m == NULL || now >= m->until)
		return VZ_ENOTFOUND;
	*sender = vz_match_end(t, m);
	return 0;
}

void *
vz_match_ended(struct vz_matches *t, uint64_t now)
{
	return t->first != NULL && now >= t->first->until ? vz_match_end(t, t->first) : NULL;
}

uint64_t
vz_match_deadline(const struct vz_matches *t)
{
	return t->first != NULL ? t->first->until : UINT64_MAX;
}

size_t
vz_match_listeners(const struct vz_matches *t)
{
	return t->listeners;
}

size_t
vz_match_count(const struct vz_matches *t)
{
	return t->count;
}
