#include "cmd/vz-relay/pair.h"

#include <stdlib.h>

#include "base/err.h"
#include "cmd/vz-relay/limits.h"
#include "cmd/vz-relay/live.h"
#include "cmd/vz-relay/report.h"
#include "flow/mover.h"

enum { SENDER, LISTENER };

struct pair {
	struct relay *rl;
	struct client *side[2];
	struct vz_mover *mover;
};

static void
part(struct pair *p, int err)
{
	struct relay *rl = p->rl;

	report_parted(p->side[SENDER], p->side[LISTENER], vz_mover_moved(p->mover, SENDER),
	    vz_mover_moved(p->mover, LISTENER), err);
	rl->pairs--;
	for (int i = 0; i < 2; i++) {
		p->side[i]->pair = NULL;
		client_free(p->side[i]);
	}
	free(p);
}

static void
on_moved(void *arg, struct vz_mover *m, unsigned side, size_t n)
{
	struct pair *p = arg;

	(void)m;
	p->rl->counts.bytes += n;
	use_bytes(p->side[side], n);
}

static void
on_ended(void *arg, struct vz_mover *m, int err, int sys_errno)
{
	(void)m;
	(void)sys_errno;
	part(arg, err);
}

static const struct vz_mover_handler handler = {
    .moved = on_moved,
    .ended = on_ended,
};

/* Its socket is the mover's from here on. */
static int
give_socket(struct client *c, struct pair *p)
{
	int fd = c->watch.fd;

	vz_loop_del(c->rl->loop, &c->watch);
	c->watch.fd = -1; /* moved */
	vz_timer_stop(c->rl->loop, &c->timer);
	vz_timer_stop(c->rl->loop, &c->soon);
	c->live.role = VZ_LIVE_NOTHING;
	c->live.other = NULL;
	client_leave_protocol(c);
	c->state = CLIENT_PAIRED;
	c->pair = p;
	return fd;
}

static bool
join(struct pair *p)
{
	struct relay *rl = p->rl;
	struct vz_mover_config config = {.pipes = rl->pipes,
	    .idle_ms = rl->options->idle_ms,
	    .stall_ms = limits_stall_ms(rl),
	    .handler = &handler,
	    .arg = p};

	for (int i = 0; i < 2; i++)
		config.fd[i] = give_socket(p->side[i], p);
	return vz_mover_new(rl->loop, &config, &p->mover) == 0;
}

bool
pair_begin(struct client *c)
{
	struct client *other = client_of_live(c->live.other);
	struct relay *rl = c->rl;
	struct pair *p;

	if (!client_is_raw(other))
		return true; /* its own turn is still to come */
	p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	p->rl = rl;
	p->side[SENDER] = c->needs == VZ_RIGHT_CONNECT ? c : other;
	p->side[LISTENER] = c->needs == VZ_RIGHT_CONNECT ? other : c;
	if (!join(p)) {
		c->pair = other->pair = NULL;
		free(p);
		client_drop(other);
		return false;
	}
	rl->pairs++;
	rl->counts.matches++;
	report_joined(p->side[SENDER], p->side[LISTENER]);
	return true;
}

void
pair_drop(struct pair *p)
{
	struct vz_mover *m = p->mover;

	part(p, VZ_ECLOSED);
	vz_mover_drop(m);
}

void
pair_pause(struct client *c, bool pause)
{
	struct pair *p = c->pair;

	if (p)
		vz_mover_pause(p->mover, p->side[LISTENER] == c, pause);
}
