#include "flow/asked.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/err.h"

#define NONE UINT32_MAX

static void
list_add(struct vz_asked_table *t, struct vz_asked_list *l, uint32_t i)
{
	struct vz_asked *a = &t->all[i];

	a->prev = l->last;
	a->next = NONE;
	if (l->last == NONE)
		l->first = i;
	else
		t->all[l->last].next = i;
	l->last = i;
}

static void
list_del(struct vz_asked_table *t, struct vz_asked_list *l, uint32_t i)
{
	const struct vz_asked *a = &t->all[i];

	if (a->prev == NONE)
		l->first = a->next;
	else
		t->all[a->prev].next = a->next;
	if (a->next == NONE)
		l->last = a->prev;
	else
		t->all[a->next].prev = a->prev;
}

int
vz_asked_init(struct vz_asked_table *t, uint32_t places)
{
	*t = (struct vz_asked_table){
	    .places = places, .waiting = {NONE, NONE}, .idle = {NONE, NONE}};
	t->all = calloc(places, sizeof(*t->all));
	if (t->all == NULL)
		return VZ_ENOMEM;
	for (uint32_t i = 0; i < places; i++) {
		t->all[i].number = i;
		list_add(t, &t->idle, i);
	}
	return 0;
}

void
vz_asked_free(struct vz_asked_table *t)
{
	free(t->all);
	t->all = NULL;
}

uint64_t
vz_asked_next(const struct vz_asked_table *t)
{
	return t->all[t->idle.first].number;
}

struct vz_asked *
vz_asked_add(struct vz_asked_table *t)
{
	uint32_t i = t->idle.first;

	list_del(t, &t->idle, i);
	list_add(t, &t->waiting, i);
	t->live++;
	t->all[i] = (struct vz_asked){.number = t->all[i].number,
	    .live = true,
	    .prev = t->all[i].prev,
	    .next = t->all[i].next};
	return &t->all[i];
}

struct vz_asked *
vz_asked_of(struct vz_asked_table *t, uint64_t number)
{
	struct vz_asked *a = &t->all[number % t->places];

	return a->live && a->number == number ? a : NULL;
}

struct vz_asked *
vz_asked_oldest(struct vz_asked_table *t)
{
	return t->waiting.first == NONE ? NULL : &t->all[t->waiting.first];
}

/* Numbers are used once: the place's next one is its last plus the number of places. */
struct vz_asked
vz_asked_take(struct vz_asked_table *t, struct vz_asked *a)
{
	struct vz_asked was = *a;
	uint32_t i = (uint32_t)(a - t->all);

	list_del(t, &t->waiting, i);
	list_add(t, &t->idle, i);
	t->live--;
	a->live = false;
	a->number += t->places;
	return was;
}
