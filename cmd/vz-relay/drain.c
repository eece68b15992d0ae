#include "cmd/vz-relay/drain.h"

#include "cmd/common/exit.h"
#include "cmd/vz-relay/client.h"
#include "cmd/vz-relay/report.h"

/* Of those who are told, and strangers, for whom nobody waits. */
static void
over(struct relay *rl, bool complete)
{
	report_drained(rl, complete);
	if (!complete)
		rl->signo = rl->drain.signo;
	relay_stop(rl, 0);
}

static void
on_time_over(struct vz_loop *l, struct vz_timer *t)
{
	struct relay *rl = t->arg;

	(void)l;
	over(rl, rl->pairs == 0);
}

void
drain_wake(struct relay *rl)
{
	if (rl->drain.on && !rl->stopping && rl->pairs == 0 && !gate_is_open_for_others(&rl->gate))
		(void)vz_timer_set(rl->loop, &rl->drain.by, 0);
}

void
drain_begin(struct relay *rl, int signo)
{
	uint64_t ms = rl->options->serve.drain_ms;
	struct client *c, *next;

	rl->drain.on = true;
	rl->drain.signo = signo;
	rl->drain.by = (struct vz_timer){.fn = on_time_over, .arg = rl};
	report_draining(rl);
	sockets_notify_end(ms);
	(void)gate_hand_over(&rl->gate);
	TAILQ_FOREACH_SAFE(c, &rl->clients, all, next)
	if (c->admitted && !c->pair)
		client_dismiss(c, VZ_EXIT_TEMPFAIL, "this relay is stopping");
	if (vz_timer_set(rl->loop, &rl->drain.by, ms) < 0)
		over(rl, rl->pairs == 0);
	drain_wake(rl);
}
