/*
 * Signals that end us: the other side is told that the message is not coming, and then we die of
 * the signal.
 */
#include <errno.h>
#include <signal.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"

#define GOODBYE_MS 1000 /* how long a signal waits for the other side to be told */

#define INTERRUPTED "the sender was interrupted"

static void
patience_over(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 0);
}

/* True when there is somebody to be told. */
static bool
say_goodbye(struct lane *l)
{
	struct vz_session *s = link_session(&l->link);

	if (l->over || !s || l->link.stage < LINK_AUTHENTICATED)
		return false;
	for (size_t i = 0; l->items && i < l->run->n_inputs; i++)
		if (l->items[i].state == ITEM_SENDING)
			(void)vz_session_cancel(s, l->items[i].number, VZ_EXIT_DATA, INTERRUPTED);
	if (l->batch && l->batch->open)
		(void)vz_session_cancel(s, l->batch->count - 1, VZ_EXIT_DATA, INTERRUPTED);
	link_abort(&l->link, VZ_EXIT_DATA, INTERRUPTED);
	return true;
}

static void
on_signal(struct vz_loop *loop, int signo, void *arg)
{
	struct run *r = arg;
	bool again = r->signo != 0, wait = false;

	r->signo = signo;
	r->patience.fn = patience_over;
	for (size_t i = 0; !again && i < r->n_lanes; i++)
		wait |= say_goodbye(&r->lanes[i]);
	if (!wait || vz_timer_set(loop, &r->patience, GOODBYE_MS) != 0)
		vz_loop_stop(loop, 0);
}

int
interrupt_catch(struct run *r)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Who starts us may have had these ignored: nohup(1), a shell's `&`. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		int err = vz_loop_signal(r->loop, signals[i], on_signal, r);

		if (err) {
			diag_error("%s", diag_words(err));
			return VZ_EXIT_OSERR;
		}
	}
	return 0;
}
