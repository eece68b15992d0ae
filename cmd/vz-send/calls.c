/*
 * Which destinations are called when: all at once, but for those at relays, of which a relay lets a
 * few of one key wait (vz-protocol(7), Matches).
 */
#include "cmd/vz-send/send.h"

#define ASKING_MOST 8 /* half of them: others may call by this key, too */

/* It has called, and nobody has come yet. Who is tried again later holds nobody up. */
static bool
is_asking(const struct lane *l)
{
	return l->started && !l->over && l->link.to.relayed && l->link.stage == LINK_DIALLING &&
	    !l->link.was_lost;
}

/* Who only leaves messages at the relay waits for nobody there. */
static bool
is_to_be_met(const struct lane *l)
{
	return l->link.to.relayed && l->run->options->store != STORE_ONLY;
}

void
run_call(struct run *r)
{
	size_t asking = 0;

	for (size_t i = 0; i < r->n_lanes; i++)
		asking += is_asking(&r->lanes[i]);
	for (size_t i = 0; i < r->n_lanes && !r->signo; i++) {
		struct lane *l = &r->lanes[i];

		if (l->started || l->over || (is_to_be_met(l) && asking >= ASKING_MOST))
			continue;
		l->started = true;
		lane_start(l);
		asking += is_asking(l);
	}
}
