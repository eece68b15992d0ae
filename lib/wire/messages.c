#include "wire/messages.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "wire/session.h"

void
vz_messages_free(struct vz_messages *t)
{
	free(t->slot);
	memset(t, 0, sizeof(*t));
}

static size_t
place(const struct vz_messages *t, uint64_t number)
{
	return (size_t)(number & (t->cap - 1));
}

/* Doubles the ring; each message moves to its place in the larger one. */
static int
grow(struct vz_messages *t)
{
	struct vz_messages larger = *t;

	larger.cap = t->cap == 0 ? 4 : t->cap * 2;
	if ((larger.slot = calloc(larger.cap, sizeof(*larger.slot))) == NULL)
		return VZ_ENOMEM;
	for (uint64_t i = t->base; i < t->next; i++)
		larger.slot[place(&larger, i)] = t->slot[place(t, i)];
	free(t->slot);
	*t = larger;
	return 0;
}

int
vz_messages_add(struct vz_messages *t, struct vz_message **out)
{
	uint64_t held = t->next - t->base;
	int r;

	*out = NULL;
	if (held >= VZ_UNFINISHED_MAX || t->next == UINT64_MAX)
		return VZ_EFULL;
	if (held == t->cap && (r = grow(t)) < 0)
		return r;
	*out = &t->slot[place(t, t->next)];
	memset(*out, 0, sizeof **out);
	(*out)->number = t->next++;
	return 0;
}

struct vz_message *
vz_messages_get(const struct vz_messages *t, uint64_t number)
{
	if (number < t->base || number >= t->next)
		return NULL;
	return &t->slot[place(t, number)];
}

void
vz_messages_forget(struct vz_messages *t, uint64_t number)
{
	t->base = number;
}
