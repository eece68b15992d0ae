/*
 * One connection. Each turn: read, answer what was asked, write; then interest is computed anew.
 */
#include "cmd/common/talk.h"
#include "cmd/vz-relay/client_impl.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/vz-relay/admit.h"
#include "cmd/vz-relay/drain.h"
#include "cmd/vz-relay/limits.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/pair.h"
#include "cmd/vz-relay/report.h"

uint64_t
client_now(const struct client *c)
{
	return vz_loop_now(c->rl->loop);
}

static struct client *
client_of(const struct caller *w)
{
	return (struct client *)(uintptr_t)((const char *)w - offsetof(struct client, who));
}

struct client *
client_of_live(const struct vz_live_client *l)
{
	return (struct client *)(uintptr_t)((const char *)l - offsetof(struct client, live));
}

struct client *
client_of_mail(const struct vz_mailbox_client *m)
{
	return (struct client *)(uintptr_t)((const char *)m - offsetof(struct client, mail));
}

static void
on_event(struct client *c, const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_PEER:
		gate_settle(&c->who);
		admit(c);
		break;
	case VZ_RELAY_EVENT_CLOSE:
		report_goodbye(&c->who, ev->status, ev->bytes, ev->bytes_len);
		client_end(c, 0);
		break;
	default: admit_request(c, ev); break;
	}
}

static void
hand_out_events(struct client *c)
{
	struct vz_relay_event ev;
	int r = 0;

	while (c->state == CLIENT_RUNNING && (r = vz_relay_serve_next(c->live.serve, &ev)) > 0)
		on_event(c, &ev);
	if (c->state == CLIENT_RUNNING && r < 0)
		client_failed(c, r);
	if (c->state == CLIENT_RUNNING && !c->admitted && vz_relay_serve_begun(c->live.serve))
		gate_begun(&c->rl->gate, &c->who);
}

/* Waiting. */

static void
set_timer(struct client *c)
{
	uint64_t now = client_now(c), by = c->by;

	if (c->state == CLIENT_RUNNING) {
		by = vz_relay_serve_deadline(c->live.serve);
		if (c->backlog && c->moved_at + limits_stall_ms(c->rl) < by)
			by = c->moved_at + limits_stall_ms(c->rl);
	}
	if (by == UINT64_MAX)
		vz_timer_stop(c->rl->loop, &c->timer);
	else if (vz_timer_set(c->rl->loop, &c->timer, by > now ? by - now : 0) < 0)
		client_end(c, VZ_ENOMEM);
}

/* Raw bytes are the other end's, and who does not listen is not listened to. */
static bool
reads(const struct client *c)
{
	return !vz_relay_serve_raw(c->live.serve) && !vz_relay_serve_stuck(c->live.serve);
}

static void
set_interest(struct client *c)
{
	unsigned want = VZ_READ;
	size_t waiting = 0;

	if (c->live.serve && c->state != CLIENT_DRAINING)
		(void)vz_relay_serve_out(c->live.serve, &waiting);
	if (c->state == CLIENT_RUNNING && !reads(c))
		want = 0;
	if (c->state == CLIENT_SILENT && c->dropped >= CLIENT_SILENT_MAX)
		want = 0;
	if (waiting > 0)
		want |= VZ_WRITE;
	if (vz_loop_want(c->rl->loop, &c->watch, want) < 0)
		client_end(c, VZ_ESYSTEM);
}

static bool
is_alone(const struct client *c)
{
	return c->live.role == VZ_LIVE_JOINED && !c->live.other;
}

/* The services have done something to it, which is looked at in its own turn. */
static bool
is_touched(const struct client *c)
{
	return c->live.hang_up || is_alone(c) || c->live.refused != 0 || c->refused;
}

static void
look_at_it(struct client *c)
{
	if (c->state != CLIENT_RUNNING || !c->admitted)
		return;
	if (c->live.hang_up || is_alone(c))
		client_end(c, c->live.hang_up ? VZ_ENOMEM : VZ_ECUT);
	else if (c->live.refused != 0 || c->refused)
		client_begin_closing(c, 0);
}

bool
client_is_raw(const struct client *c)
{
	size_t waiting;

	if (c->state != CLIENT_RUNNING || !vz_relay_serve_raw(c->live.serve))
		return false;
	(void)vz_relay_serve_out(c->live.serve, &waiting);
	return waiting == 0;
}

/* The last act of a turn. False: c is gone. */
static bool
finish(struct client *c)
{
	if (c->state != CLIENT_OVER && client_is_raw(c) && !pair_begin(c))
		client_end(c, VZ_ENOMEM);
	if (c->state != CLIENT_OVER && c->state != CLIENT_PAIRED) {
		set_interest(c);
		set_timer(c);
	}
	c->in_turn = false;
	if (c->state == CLIENT_RUNNING && (c->more || is_touched(c)))
		client_kick(c);
	c->more = false;
	if (c->state != CLIENT_OVER)
		return true;
	gate_ended(&c->rl->gate, &c->who, c->err);
	client_free(c);
	return false;
}

static bool
turn(struct client *c, bool readable)
{
	c->in_turn = true;
	look_at_it(c);
	if (readable && c->state == CLIENT_RUNNING && reads(c))
		client_read(c);
	else if (readable && c->state != CLIENT_RUNNING && c->state != CLIENT_OVER)
		client_read_and_drop(c);
	if (c->state == CLIENT_RUNNING)
		hand_out_events(c);
	look_at_it(c);
	drain_look(c);
	if (c->state == CLIENT_RUNNING || c->state == CLIENT_CLOSING)
		client_write(c);
	return finish(c);
}

static void
on_ready(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)l;
	(void)turn(w->arg, (got & VZ_READ) != 0);
}

static void
on_soon(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	(void)turn(t->arg, false);
}

static void
on_deadline(struct vz_loop *l, struct vz_timer *t)
{
	struct client *c = t->arg;
	uint64_t now = vz_loop_now(l);
	int r = 0;

	c->in_turn = true;
	if (c->state != CLIENT_RUNNING)
		client_end(c, c->err);
	else if (c->backlog && now >= c->moved_at + limits_stall_ms(c->rl))
		client_end(c, VZ_ETIMEOUT);
	else
		r = vz_relay_serve_tick(c->live.serve, now);
	if (r == VZ_ETIMEOUT && !c->admitted)
		client_end(c, r);
	else if (r < 0)
		client_failed(c, r);
	(void)turn(c, false);
}

/* From outside. */

void
client_kick(struct client *c)
{
	if (!c->in_turn && c->state != CLIENT_OVER && c->state != CLIENT_PAIRED)
		(void)vz_timer_set(c->rl->loop, &c->soon, 0);
}

static struct caller *
on_arrival(void *arg, int fd)
{
	struct relay *rl = arg;
	struct vz_session_config config;
	struct vz_relay_limits limits;
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->rl = rl;
	c->fd = fd;
	c->watch = (struct vz_watch){.fd = fd, .fn = on_ready, .arg = c};
	c->timer = (struct vz_timer){.fn = on_deadline, .arg = c};
	c->soon = (struct vz_timer){.fn = on_soon, .arg = c};
	limits_protocol(rl, &limits);
	self_session(&rl->me, &rl->options->common, false, NULL, &config);
	c->talk = talk_new(c->who.remote);
	config.channel.observer = talk_observer(c->talk);
	if (vz_relay_serve_new(&c->live.serve, &config.channel, &limits, client_now(c)) < 0 ||
	    vz_loop_add(rl->loop, &c->watch, VZ_READ) < 0) {
		vz_relay_serve_free(c->live.serve);
		talk_free(c->talk);
		close(fd);
		free(c);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&rl->clients, c, all);
	return &c->who;
}

static bool
is_silent(const struct caller *w)
{
	return client_of(w)->state == CLIENT_SILENT;
}

static bool
has_begun(const struct caller *w)
{
	const struct client *c = client_of(w);

	return c->live.serve && vz_relay_serve_begun(c->live.serve);
}

static bool
look(struct caller *w)
{
	return turn(client_of(w), true);
}

static void
push_out(struct caller *w)
{
	client_drop(client_of(w));
}

const struct gate_handler client_gate = {
    .arrived = on_arrival,
    .silent = is_silent,
    .begun = has_begun,
    .look = look,
    .drop = push_out,
};
