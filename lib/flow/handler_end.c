/*
 * How a command ends: its time, what it leaves behind, and what is said of it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "flow/handler_impl.h"

static bool
exited_well(const struct vz_handler_end *e)
{
	return vz_handler_status(e) != VZ_HANDLER_FAILED;
}

void
vz_handler_has_ended(struct vz_handler *h, int status)
{
	bool waiting = h->waiting;

	h->end.wait = status;
	h->phase = VZ_HANDLER_DRAINING;
	if (!exited_well(&h->end)) /* what it left behind goes with it */
		vz_handler_signal(h, SIGKILL);
	vz_handler_cut_input(h);
	h->waiting = false;
	if (h->dropped) {
		h->phase = VZ_HANDLER_TOLD;
		vz_handler_release(h);
		return;
	}
	if (h->out.fd < 0)
		vz_handler_output_over(h);
	else if (h->paused)
		vz_handler_arm(h, VZ_HANDLER_FOREVER);
	else
		vz_handler_arm_silence(h);
	if (waiting) /* it takes all from now on */
		h->events->room(h->arg, h);
}

/* What it left behind may hold its stdin without wanting it, for as long as a shell needs to put a
 * background command's stdin elsewhere; or for good, and is ended then. */
static void
tell_end(struct vz_handler *h)
{
	h->phase = VZ_HANDLER_TOLD;
	if (h->held.on)
		vz_handler_arm(h, h->output_ms);
	if (!h->dropped)
		h->events->ended(h->arg, h, &h->end);
	vz_handler_release(h);
}

/* Silence after the end, or no time left: from now on what the pipe holds is all. */
static void
end_output(struct vz_handler *h)
{
	vz_handler_arm(h, VZ_HANDLER_FOREVER);
	if (!h->last) {
		h->last = true;
		h->end.timed_out |= vz_loop_now(h->all->loop) >= h->deadline;
		vz_handler_signal(h, SIGKILL);
	}
	h->events->output(h->arg, h);
}

void
vz_handler_on_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_handler *h = t->arg;

	(void)l;
	switch (h->phase) {
	case VZ_HANDLER_RUNNING:
		h->end.timed_out = true;
		h->phase = VZ_HANDLER_TERMED;
		vz_handler_arm(h, h->grace_ms);
		vz_handler_signal(h, SIGTERM);
		vz_handler_signal(h, SIGCONT); /* one that is stopped has to hear it */
		break;
	case VZ_HANDLER_TERMED:
		h->phase = VZ_HANDLER_KILLED;
		vz_handler_arm(h, VZ_HANDLER_FOREVER);
		vz_handler_signal(h, SIGKILL);
		break;
	case VZ_HANDLER_DRAINING: end_output(h); break;
	case VZ_HANDLER_DONE: tell_end(h); break;
	case VZ_HANDLER_TOLD:
		vz_handler_arm(h, VZ_HANDLER_FOREVER);
		vz_handler_signal(h, SIGKILL);
		break;
	case VZ_HANDLER_KILLED: break;
	}
}

int
vz_handler_status(const struct vz_handler_end *end)
{
	if (end->timed_out || end->killed || end->wait == -1 || !WIFEXITED(end->wait) ||
	    WEXITSTATUS(end->wait) > 63)
		return VZ_HANDLER_FAILED;
	return WEXITSTATUS(end->wait);
}

const char *
vz_handler_words(const struct vz_handler_end *end, char *buf, size_t cap)
{
	if (end->timed_out)
		snprintf(buf, cap, "timed out");
	else if (end->killed)
		snprintf(buf, cap, "was killed because its message was given up");
	else if (end->wait != -1 && WIFEXITED(end->wait))
		snprintf(buf, cap, "exited %d%s", WEXITSTATUS(end->wait),
		    WEXITSTATUS(end->wait) > 63 ? ", above 63" : "");
	else if (end->wait != -1 && WIFSIGNALED(end->wait))
		snprintf(buf, cap, "was killed by signal %d (%s)", WTERMSIG(end->wait),
		    strsignal(WTERMSIG(end->wait)));
	else
		snprintf(buf, cap, "ended in an unknown way");
	return buf;
}
