/*
 * The relay's table: who is registered; and what a match leaves when it ends.
 */
#include "relay/match.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "relay/match_impl.h"
#include "wire/relay_frame.h"

void
vz_match_limits_default(struct vz_match_limits *l)
{
	l->listeners = VZ_MATCH_LISTENERS;
	l->per_listener = VZ_MATCH_PER_LISTENER;
	l->per_sender = VZ_MATCH_PER_SENDER;
	l->ttl_ms = VZ_MATCH_TTL_MS;
}

int
vz_matches_new(struct vz_matches **out, const struct vz_match_limits *l,
    const uint8_t seed[static VZ_KEYMAP_SEED])
{
	struct vz_matches *t;

	*out = NULL;
	if (l->per_listener > VZ_MATCH_PER_LISTENER || l->ttl_ms == 0)
		return VZ_EINVAL;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return VZ_ENOMEM;
	t->limits = *l;
	/* Listeners, and one sender for each of their places: the limits below keep within it. */
	vz_keymap_init(&t->parties, l->listeners * (1 + VZ_MATCH_PER_LISTENER), seed);
	*out = t;
	return 0;
}

int
vz_match_party(struct vz_matches *t, const struct vz_key *key, struct party **out)
{
	struct party *p = vz_keymap_get(&t->parties, key);
	int r;

	*out = p;
	if (p != NULL)
		return 0;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return VZ_ENOMEM;
	p->key = *key;
	if ((r = vz_keymap_add(&t->parties, key, p)) < 0) {
		free(p);
		return r;
	}
	*out = p;
	return 0;
}

/* Whoever neither listens nor waits nor is waited for is forgotten. */
static void
leave(struct vz_matches *t, struct party *p)
{
	if (p->listener != NULL || p->waits > 0 || p->waiting > 0)
		return;
	vz_keymap_remove(&t->parties, &p->key);
	free(p);
}

static void
unlink_match(struct vz_matches *t, struct match *m)
{
	*(m->before != NULL ? &m->before->after : &t->first) = m->after;
	*(m->after != NULL ? &m->after->before : &t->last) = m->before;
	m->before = m->after = NULL;
}

/* The one that it was made for does not know it any more. */
static void
take_from(struct party *to, const struct match *m)
{
	size_t i = 0;

	while (to->match[i] != m)
		i++;
	to->waiting--;
	memmove(&to->match[i], &to->match[i + 1], (to->waiting - i) * sizeof(to->match[0]));
}

void *
vz_match_end(struct vz_matches *t, struct match *m)
{
	struct party *from = m->from, *to = m->to;
	void *sender = m->sender;

	unlink_match(t, m);
	t->count--;
	from->waits--;
	if (to != NULL)
		take_from(to, m);
	free(m);
	if (to != NULL && to != from)
		leave(t, to);
	leave(t, from);
	return sender;
}

void
vz_match_in_vain(struct vz_matches *t, struct match *m)
{
	take_from(m->to, m);
	m->to = NULL;
	m->until = 0;
	unlink_match(t, m);
	m->after = t->first;
	*(t->first != NULL ? &t->first->before : &t->last) = m;
	t->first = m;
}

void
vz_matches_free(struct vz_matches *t)
{
	struct party *p;

	if (t == NULL)
		return;
	while (t->first != NULL)
		vz_match_end(t, t->first);
	while ((p = vz_keymap_any(&t->parties)) != NULL) {
		vz_keymap_remove(&t->parties, &p->key);
		free(p);
	}
	vz_keymap_free(&t->parties);
	free(t);
}

/* Listeners. */

/* The number of a new registration: above all of before, here and of this identity. */
static uint64_t
new_number(struct vz_matches *t, const struct party *p, uint64_t unix_ms)
{
	uint64_t n = t->number + 1;

	if (unix_ms > n && unix_ms < VZ_RELAY_NUMBER_MAX)
		n = unix_ms;
	t->number = n;
	/* What a client says of itself counts for itself only. */
	if (p->listener != NULL && p->number >= n)
		n = p->number < VZ_RELAY_NUMBER_MAX - 1 ? p->number + 1 : p->number;
	return n;
}

int
vz_match_register(struct vz_matches *t, const struct vz_key *who, void *listener, uint64_t number,
    uint64_t unix_ms, uint64_t *given, void **displaced)
{
	struct party *p;
	int r;

	*given = 0;
	*displaced = NULL;
	if (listener == NULL || number >= VZ_RELAY_NUMBER_MAX)
		return VZ_EINVAL;
	p = vz_keymap_get(&t->parties, who);
	if (p != NULL && p->listener != NULL && number != 0 && number < p->number)
		return VZ_EROLLBACK;
	if ((p == NULL || p->listener == NULL) && t->listeners >= t->limits.listeners)
		return VZ_EFULL;
	if ((r = vz_match_party(t, who, &p)) < 0)
		return r;
	if (number == 0)
		number = new_number(t, p, unix_ms);
	*displaced = p->listener;
	if (p->listener == NULL)
		t->listeners++;
	p->listener = listener;
	p->number = *given = number;
	return 0;
}

const uint8_t *
vz_match_waiting(const struct vz_matches *t, const struct vz_key *who, size_t i)
{
	const struct party *p = vz_keymap_get(&t->parties, who);

	return p != NULL && i < p->waiting ? p->match[i]->id : NULL;
}

void
vz_match_gone(struct vz_matches *t, const struct vz_key *who, const void *listener)
{
	struct party *p = vz_keymap_get(&t->parties, who);

	if (p == NULL || listener == NULL || p->listener != listener)
		return;
	p->listener = NULL;
	t->listeners--;
	while (p->waiting > 0)
		vz_match_in_vain(t, p->match[0]);
	leave(t, p);
}
