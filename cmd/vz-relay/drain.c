#include "cmd/vz-relay/drain.h"

#include "cmd/common/exit.h"
#include "cmd/vz-relay/client.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/report.h"

#define LOOK_MS 50

static const char stopping_words[] = "this relay is stopping";

/* Strangers, and who was told to go, are not waited for. */
static bool
is_busy(const struct relay *rl)
{
	const struct client *c;

	if (rl->pairs > 0)
		return true;
	TAILQ_FOREACH(c, &rl->clients, all)
	if (c->state == CLIENT_RUNNING && mail_is_busy(c))
		return true;
	return false;
}

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
	over(rl, !is_busy(rl));
}

void
drain_look(struct client *c)
{
	if (c->rl->drain.on && c->mails && c->state == CLIENT_RUNNING && !mail_is_busy(c))
		client_dismiss(c, VZ_EXIT_TEMPFAIL, stopping_words);
}

void
drain_wake(struct relay *rl)
{
	if (rl->drain.on && !rl->stopping && !is_busy(rl) && !gate_is_open_for_others(&rl->gate))
		(void)vz_timer_set(rl->loop, &rl->drain.by, 0);
}

/* Nobody tells when the last socket that others have too is empty and closed. */
static void
on_look(struct vz_loop *l, struct vz_timer *t)
{
	struct relay *rl = t->arg;

	if (!gate_is_open_for_others(&rl->gate) || vz_timer_set(l, t, LOOK_MS) < 0)
		drain_wake(rl);
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
	rl->drain.look = (struct vz_timer){.fn = on_look, .arg = rl};
	if (gate_hand_over(&rl->gate))
		(void)vz_timer_set(rl->loop, &rl->drain.look, LOOK_MS);
	TAILQ_FOREACH_SAFE(c, &rl->clients, all, next)
	if (c->admitted && !c->pair && !mail_is_busy(c))
		client_dismiss(c, VZ_EXIT_TEMPFAIL, stopping_words);
	if (vz_timer_set(rl->loop, &rl->drain.by, ms) < 0)
		over(rl, !is_busy(rl));
	drain_wake(rl);
}
