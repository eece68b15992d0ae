#include "cmd/vz-send/patience.h"

#include "cmd/common/diag.h"
#include "cmd/vz-send/link.h"

static void
on_time(struct vz_loop *loop, struct vz_timer *t)
{
	const struct link *k = t->arg;

	(void)loop;
	diag_verbose(0, "%s: waiting to be let in there", k->shown);
}

void
patience_begin(struct link *k)
{
	if (k->was_ready)
		return;
	k->patience = (struct vz_timer){.fn = on_time, .arg = k};
	(void)vz_timer_set(k->loop, &k->patience, PATIENCE_MS);
}

void
patience_end(struct link *k)
{
	if (k->patience.fn)
		vz_timer_stop(k->loop, &k->patience);
}
