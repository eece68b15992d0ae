#include "cmd/vz-relay/relay.h"

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/serve/signals.h"
#include "cmd/serve/watchdog.h"
#include "cmd/vz-relay/admit.h"
#include "cmd/vz-relay/client.h"
#include "cmd/vz-relay/drain.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/metrics.h"
#include "cmd/vz-relay/show.h"

#define EACH_MS 1000
/* What is left of the farewell for who is asked twice: time to write a word to everybody. */
#define HURRY_MS 100

static void
note(struct relay *rl, int status)
{
	if (rl->status == 0)
		rl->status = status;
}

static void
on_patience_over(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 0);
}

void
relay_wake(struct relay *rl)
{
	if (rl->stopping && TAILQ_EMPTY(&rl->clients))
		vz_loop_stop(rl->loop, 0);
	drain_wake(rl);
}

void
relay_stop(struct relay *rl, int status)
{
	struct client *c, *next;

	note(rl, status);
	if (rl->stopping)
		return;
	rl->stopping = true;
	vz_timer_stop(rl->loop, &rl->drain.by);
	vz_timer_stop(rl->loop, &rl->drain.look);
	sockets_notify_end(0);
	gate_close(&rl->gate);
	for (c = TAILQ_FIRST(&rl->clients); c; c = next) {
		next = client_beyond(c);
		client_dismiss(c, VZ_EXIT_TEMPFAIL, "this relay is stopping");
	}
	if (TAILQ_EMPTY(&rl->clients) || vz_timer_set(rl->loop, &rl->patience, PATIENCE_MS) < 0)
		vz_loop_stop(rl->loop, 0);
}

static void
on_end_signal(struct vz_loop *l, int signo, void *arg)
{
	struct relay *rl = arg;

	/* Asked twice: at once. */
	if (rl->stopping) {
		rl->signo = signo;
		vz_loop_stop(l, 0);
	} else if (rl->drain.on) {
		rl->signo = signo;
		relay_stop(rl, 0);
		(void)vz_timer_set(l, &rl->patience, HURRY_MS);
	} else if (rl->options->serve.drain_ms > 0) {
		drain_begin(rl, signo);
	} else {
		if (rl->pairs > 0)
			rl->signo = signo;
		relay_stop(rl, 0);
	}
}

static void
on_hangup(struct vz_loop *l, int signo, void *arg)
{
	struct relay *rl = arg;

	if (signals_terminal_gone(rl->terminals)) {
		on_end_signal(l, signo, arg);
		return;
	}
	record_reopen(&rl->record);
	admit_renew(rl);
	rl->metrics_at = 0;
	metrics_tick(rl);
}

static void
on_second(struct vz_loop *l, struct vz_timer *t)
{
	struct relay *rl = t->arg;

	if (rl->stopping)
		return;
	(void)vz_timer_set(l, t, EACH_MS);
	watchdog_tick(vz_loop_now(l));
	if (rights_changed(&rl->rights))
		admit_renew(rl);
	else
		admit_expire(rl);
	record_tick(&rl->record);
	mail_tick(rl);
	metrics_tick(rl);
}

static void
on_broken_record(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	relay_stop(t->arg, VZ_EXIT_IOERR);
}

int
relay_prepare(struct relay *rl)
{
	int r;

	rl->patience = (struct vz_timer){.fn = on_patience_over, .arg = rl};
	rl->second = (struct vz_timer){.fn = on_second, .arg = rl};
	record_start(&rl->record, rl->loop, on_broken_record, rl);
	rl->terminals = signals_terminals();
	r = signals_start(rl->loop, on_end_signal, on_hangup, rl);
	if (r == 0)
		r = show_start(rl);
	return r < 0 ? r : vz_timer_set(rl->loop, &rl->second, EACH_MS);
}

int
relay_run(struct relay *rl)
{
	int r = vz_loop_run(rl->loop);

	if (r < 0) {
		diag_error("%s", diag_words(r));
		note(rl, VZ_EXIT_OSERR);
	}
	return rl->status;
}
