#include "flow/handler_impl.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "flow/starter.h"

#define PATIENCE_MS 1000 /* of vz_handlers_free */

/* An id of 0: the starter is gone, and all have ended in an unknown way. */
static void
on_child(void *arg, uint32_t id, int status)
{
	struct vz_handlers *all = arg;
	struct vz_handler *h;

	do {
		h = all->first;
		while (h != NULL && (vz_handler_is_reaped(h) || (id != 0 && h->id != id)))
			h = h->next;
		if (h != NULL)
			vz_handler_has_ended(h, status);
	} while (h != NULL && id == 0);
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int
vz_handlers_new_with(struct vz_loop *l, struct vz_starter *starter, struct vz_handlers **out)
{
	struct vz_handlers *all = calloc(1, sizeof(*all));
	int err;

	*out = NULL;
	if (all == NULL)
		return VZ_ENOMEM;
	all->loop = l;
	all->starter = starter;
	err = vz_starter_watch(starter, l, on_child, all);
	if (err != 0) {
		free(all);
		return err;
	}
	*out = all;
	return 0;
}

int
vz_handlers_new(struct vz_loop *l, struct vz_handlers **out)
{
	struct vz_starter *starter;
	int err;

	*out = NULL;
	err = vz_starter_split(NULL, &starter);
	if (err == 0)
		err = vz_handlers_new_with(l, starter, out);
	if (err != 0)
		vz_starter_free(starter);
	else
		(*out)->own = true;
	return err;
}

static bool
any_runs(const struct vz_handlers *all)
{
	const struct vz_handler *h = all->first;

	while (h != NULL && vz_handler_is_reaped(h))
		h = h->next;
	return h != NULL;
}

/* All are killed when we wait, so that this takes as long as the kernel needs; unless one sits in a
 * system call that cannot be broken off. */
void
vz_handlers_free(struct vz_handlers *all)
{
	uint64_t until;
	struct vz_handler *h;

	if (all == NULL)
		return;
	for (h = all->first; h != NULL; h = h->next) {
		vz_handler_signal(h, SIGKILL);
		h->dropped = true;
		h->waiting = false;
	}
	until = now_ms() + PATIENCE_MS;
	while (any_runs(all) && now_ms() < until)
		if (!vz_starter_wait(all->starter, (int)(until - now_ms())))
			break;
	while ((h = all->first) != NULL) {
		vz_handler_close(h, &h->in);
		vz_held_close(&h->held);
		h->phase = VZ_HANDLER_TOLD;
		vz_handler_release(h);
	}
	vz_starter_ignore(all->starter);
	if (all->own)
		vz_starter_free(all->starter);
	free(all);
}

struct vz_loop *
vz_handlers_loop(const struct vz_handlers *all)
{
	return all->loop;
}

size_t
vz_handlers_held(const struct vz_handlers *all)
{
	return all->held;
}
