/*
 * A destination that is slower than the others: it has the ring to lag behind in, and a moment to
 * catch up in. Then it is dropped, for the others are not to wait for it.
 */
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"

#define GRACE_MS                                                                        \
	2000 /* that the ring may stay more than half full of what one of several lacks \
	      */

static void
grace_over(struct vz_loop *loop, struct vz_timer *t)
{
	struct run *r = t->arg;
	size_t who;

	(void)loop;
	for (size_t i = 0; i < r->n_inputs; i++) {
		if (!input_full(&r->inputs[i]) || !input_slowest(&r->inputs[i], &who))
			continue;
		diag_error("%s: too slow for the others", r->lanes[who].link.shown);
		lane_abort(&r->lanes[who], VZ_EXIT_TEMPFAIL, "too slow for the other receivers");
		return;
	}
}

void
slow_check(struct run *r)
{
	bool full = false;

	for (size_t i = 0; i < r->n_inputs && !full; i++)
		full = input_full(&r->inputs[i]);
	if (!full || r->grace.index != 0)
		return;
	r->grace = (struct vz_timer){.fn = grace_over, .arg = r};
	(void)vz_timer_set(r->loop, &r->grace, GRACE_MS);
}
