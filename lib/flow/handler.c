#include "flow/handler.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "flow/handler_impl.h"
#include "flow/starter.h"

void
vz_handler_arm(struct vz_handler *h, uint64_t ms)
{
	(void)vz_timer_set(h->all->loop, &h->timer, ms);
}

void
vz_handler_signal(const struct vz_handler *h, int signo)
{
	vz_starter_signal(h->all->starter, h->id, signo);
}

void
vz_handler_release(struct vz_handler *h)
{
	if (h->phase != VZ_HANDLER_TOLD || h->held.on)
		return;
	vz_timer_stop(h->all->loop, &h->timer);
	vz_handler_close(h, &h->out);
	if (h->proof >= 0)
		close(h->proof);
	vz_starter_forget(h->all->starter, h->id);
	if (h->next != NULL)
		h->next->back = h->back;
	*h->back = h->next;
	free(h);
}

static void
link_in(struct vz_handlers *all, struct vz_handler *h)
{
	h->all = all;
	h->next = all->first;
	h->back = &all->first;
	if (h->next != NULL)
		h->next->back = &h->next;
	all->first = h;
}

/* The timer and the watches of a command that runs. */
static int
watch(struct vz_handler *h, uint64_t timeout_ms)
{
	struct vz_loop *l = h->all->loop;
	uint64_t now = vz_loop_now(l);
	int r;

	h->timer = (struct vz_timer){.fn = vz_handler_on_timer, .arg = h};
	h->deadline =
	    timeout_ms == 0 || timeout_ms > VZ_HANDLER_FOREVER ? UINT64_MAX : now + timeout_ms;
	r = vz_timer_set(l, &h->timer, timeout_ms == 0 ? VZ_HANDLER_FOREVER : timeout_ms);
	if (r == 0)
		r = vz_loop_add(l, &h->in, 0);
	if (r == 0 && h->out.fd >= 0)
		r = vz_loop_add(l, &h->out, VZ_READ);
	return r;
}

int
vz_handler_start(struct vz_handlers *all, const struct vz_handler_config *config,
    const struct vz_handler_events *events, void *arg, struct vz_handler **out)
{
	unsigned wants = (config->reply ? VZ_RUN_REPLY : 0) | (config->proof ? VZ_RUN_PROOF : 0);
	int fds[VZ_RUN_FDS], err;
	struct vz_handler *h;

	*out = NULL;
	if (all->held >= VZ_HANDLER_HELD)
		return VZ_EFULL;
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return VZ_ENOMEM;
	h->events = events;
	h->arg = arg;
	h->grace_ms = config->grace_ms ? config->grace_ms : VZ_HANDLER_GRACE_MS;
	h->output_ms = config->output_ms ? config->output_ms : VZ_HANDLER_OUTPUT_MS;
	h->in = (struct vz_watch){.fn = vz_handler_on_room, .arg = h};
	h->out = (struct vz_watch){.fn = vz_handler_on_output, .arg = h};
	err = vz_starter_start(all->starter, config->argv, config->envp, wants, &h->id, fds);
	if (err != 0) {
		free(h);
		return err;
	}
	h->in.fd = fds[VZ_RUN_IN];
	h->out.fd = fds[VZ_RUN_OUT];
	h->proof = fds[VZ_RUN_PROOFS];
	link_in(all, h);
	if ((err = watch(h, config->timeout_ms)) != 0) {
		int saved = errno;

		vz_handler_signal(h, SIGKILL);
		vz_handler_close(h, &h->in); /* nothing was written: no message is cut */
		h->phase = VZ_HANDLER_TOLD;
		vz_handler_release(h);
		errno = saved;
		return err;
	}
	*out = h;
	return 0;
}

void
vz_handler_kill(struct vz_handler *h)
{
	if (h->phase >= VZ_HANDLER_DONE || h->end.killed)
		return;
	h->end.killed = true;
	vz_handler_signal(h, SIGKILL);
	/* A pipe that it is to read from stays: on_child closes it, or holds it. */
	if (h->in.fd >= 0)
		(void)vz_loop_want(h->all->loop, &h->in, 0);
	h->waiting = false;
	if (!vz_handler_is_reaped(h)) {
		h->phase = VZ_HANDLER_KILLED;
		vz_handler_arm(h, VZ_HANDLER_FOREVER);
	}
	vz_handler_output_over(h);
}

void
vz_handler_drop(struct vz_handler *h)
{
	if (h == NULL || h->phase == VZ_HANDLER_TOLD)
		return;
	h->dropped = true;
	vz_handler_kill(h);
	if (vz_handler_is_reaped(h)) {
		h->phase = VZ_HANDLER_TOLD;
		vz_handler_release(h);
	}
}
