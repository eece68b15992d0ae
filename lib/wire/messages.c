#include "wire/messages.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "wire/session.h"

static size_t
place(const struct vz_messages *t, uint64_t number)
{
	return (size_t)(number & (t->cap - 1));
}

static void
drop_late(struct vz_message *m)
{
	if (m->late == NULL)
		return;
	vz_buf_free(&m->late->reply);
	free(m->late->text);
	free(m->late);
	m->late = NULL;
}

struct vz_late *
vz_message_late(struct vz_message *m)
{
	if (m->late == NULL && (m->late = calloc(1, sizeof(*m->late))) != NULL)
		vz_buf_init(&m->late->reply, VZ_WINDOW_CONNECTION);
	return m->late;
}

void
vz_messages_free(struct vz_messages *t)
{
	vz_messages_forget(t, t->next);
	free(t->slot);
	memset(t, 0, sizeof(*t));
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
	for (; t->base < number; t->base++)
		drop_late(&t->slot[place(t, t->base)]);
}

void
vz_messages_skip(struct vz_messages *t, uint64_t number)
{
	t->base = t->next = number;
}
