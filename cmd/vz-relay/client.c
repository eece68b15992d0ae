/*
 * One connection. Each turn: read, answer what was asked, write; then interest is computed anew.
 */
#include "cmd/vz-relay/client.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-relay/admit.h"
#include "cmd/vz-relay/drain.h"
#include "cmd/vz-relay/limits.h"
#include "cmd/vz-relay/live.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/pair.h"
#include "cmd/vz-relay/report.h"

#define LINGER_MS  2000
#define SILENT_MAX 4096
/* Rounds of writing before other descriptors get their turn. */
#define ROUNDS 8

static uint64_t
now_of(const struct client *c)
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

/* The end. */

void
client_leave_protocol(struct client *c)
{
	live_gone(c);
	mail_gone(c);
	vz_relay_serve_free(c->live.serve);
	c->live.serve = NULL;
}

void
client_free(struct client *c)
{
	struct relay *rl = c->rl;

	report_gone(c);
	client_leave_protocol(c);
	vz_timer_stop(rl->loop, &c->timer);
	vz_timer_stop(rl->loop, &c->soon);
	vz_loop_del(rl->loop, &c->watch);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	use_leave(c);
	if (c->admitted)
		rl->admitted--;
	gate_forget(&rl->gate, &c->who);
	vz_grant_release(&c->who.grant);
	TAILQ_REMOVE(&rl->clients, c, all);
	free(c);
	relay_wake(rl);
}

static void
end(struct client *c, int err)
{
	if (c->state == CLIENT_OVER)
		return;
	c->state = CLIENT_OVER;
	c->err = err;
}

struct client *
client_beyond(const struct client *c)
{
	struct client *next = TAILQ_NEXT(c, all);

	if (next && c->pair && next->pair == c->pair)
		next = TAILQ_NEXT(next, all);
	return next;
}

void
client_drop(struct client *c)
{
	if (c->pair) {
		pair_drop(c->pair);
		return;
	}
	/* From inside its turn, that cleans up on its way out. */
	end(c, 0);
	if (!c->in_turn)
		client_free(c);
}

/* Nothing is said before authentication, and nothing of it is kept (DESIGN 5). */
static void
go_silent(struct client *c, int err)
{
	c->err = err;
	c->state = CLIENT_SILENT;
	c->by = vz_relay_serve_deadline(c->live.serve);
	client_leave_protocol(c);
}

static void
begin_closing(struct client *c, int err)
{
	live_gone(c);
	mail_gone(c);
	c->err = err;
	c->state = CLIENT_CLOSING;
	c->by = now_of(c) + limits_stall_ms(c->rl);
	client_kick(c);
}

void
client_refuse(struct client *c, enum refusal why, uint8_t status, const char *words)
{
	c->rl->counts.refused[why]++;
	report_denied(c, status, words);
	if (c->state != CLIENT_RUNNING)
		return;
	if (vz_relay_serve_close(c->live.serve, status, words) < 0)
		client_drop(c);
	else
		begin_closing(c, 0);
}

void
client_refused(struct client *c)
{
	if (c->state == CLIENT_RUNNING && !c->refused && c->mail.status != 0)
		report_denied(c, c->mail.status, c->mail.words);
	c->refused = true;
	client_kick(c);
}

void
client_dismiss(struct client *c, uint8_t status, const char *words)
{
	if (c->pair || !c->admitted) {
		client_drop(c);
		return;
	}
	if (c->state != CLIENT_RUNNING)
		return;
	if (vz_relay_serve_close(c->live.serve, status, words) < 0)
		client_drop(c);
	else
		begin_closing(c, 0);
}

static uint8_t
status_of(int err)
{
	return err == VZ_ETIMEOUT ? VZ_EXIT_TEMPFAIL
	    : err == VZ_ENOMEM    ? VZ_EXIT_OSERR
				  : VZ_EXIT_PROTOCOL;
}

static void
failed(struct client *c, int err)
{
	if (!vz_relay_serve_peer(c->live.serve)) {
		if (err == VZ_ENOMEM)
			end(c, err);
		else
			go_silent(c, err);
	} else if (err == VZ_EDENIED) {
		c->rl->counts.refused[REFUSED_RIGHT]++;
		report_denied(c, VZ_EXIT_REFUSED, "this key has no such right here");
		begin_closing(c, 0);
	} else {
		c->rl->counts.refused[REFUSED_PROTOCOL]++;
		(void)vz_relay_serve_close(c->live.serve, status_of(err), vz_strerror(err));
		begin_closing(c, err);
	}
}

/* Reading. */

static void
read_and_drop(struct client *c)
{
	uint8_t dropped[SILENT_MAX];
	ssize_t n = read(c->watch.fd, dropped, sizeof(dropped));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end(c, c->err);
	else if (n > 0)
		c->dropped += (size_t)n;
}

static void
read_bytes(struct client *c)
{
	size_t room;
	uint8_t *p = vz_relay_serve_space(c->live.serve, &room);
	ssize_t n;

	if (!p) {
		end(c, VZ_ENOMEM);
		return;
	}
	n = read(c->watch.fd, p, room);
	if (n > 0)
		vz_relay_serve_fed(c->live.serve, (size_t)n, now_of(c));
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end(c, VZ_ECUT);
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
		end(c, 0);
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
		failed(c, r);
	if (c->state == CLIENT_RUNNING && !c->admitted && vz_relay_serve_begun(c->live.serve))
		gate_begun(&c->rl->gate, &c->who);
}

/* Writing. */

/* One write. 1 = all of it went, 0 = the network is full, -1 = the peer is gone. */
static int
write_some(struct client *c, const uint8_t *p, size_t len)
{
	ssize_t n;

	do
		n = send(c->watch.fd, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	vz_relay_serve_sent(c->live.serve, (size_t)n, now_of(c));
	c->backlog = false;
	return (size_t)n == len ? 1 : 0;
}

/* True when all is out. */
static bool
write_bytes(struct client *c)
{
	const uint8_t *p;
	size_t len;
	int r = 1;

	while (r == 1 && (p = vz_relay_serve_out(c->live.serve, &len), len > 0)) {
		if (c->write_dead)
			return false;
		r = write_some(c, p, len);
		c->write_dead = r < 0;
	}
	if (r == 0 && !c->backlog) {
		c->backlog = true;
		c->moved_at = now_of(c);
	}
	return r == 1;
}

static void
shut_down(struct client *c)
{
	shutdown(c->watch.fd, SHUT_WR);
	c->state = CLIENT_DRAINING;
	c->by = now_of(c) + LINGER_MS;
}

/* Writes what there is; true when that made room for more of it. */
static bool
push(struct client *c)
{
	size_t before, after;

	if (c->state == CLIENT_RUNNING && vz_relay_serve_flush(c->live.serve, now_of(c)) < 0) {
		end(c, VZ_ENOMEM);
		return false;
	}
	(void)vz_relay_serve_out(c->live.serve, &before);
	if (!write_bytes(c)) {
		/* Who cannot be told reads no more; what it said before is of no use either. */
		if (c->write_dead)
			end(c, c->state == CLIENT_CLOSING ? c->err : VZ_ECUT);
	} else if (c->state == CLIENT_CLOSING) {
		shut_down(c);
	}
	if (c->state != CLIENT_RUNNING || before == 0)
		return false;
	mail_drained(c);
	(void)vz_relay_serve_out(c->live.serve, &after);
	return after > 0 && !c->backlog;
}

static void
push_all(struct client *c)
{
	for (int i = 0; push(c); i++)
		if (i == ROUNDS) {
			c->more = true;
			return;
		}
}

/* Waiting. */

static void
set_timer(struct client *c)
{
	uint64_t now = now_of(c), by = c->by;

	if (c->state == CLIENT_RUNNING) {
		by = vz_relay_serve_deadline(c->live.serve);
		if (c->backlog && c->moved_at + limits_stall_ms(c->rl) < by)
			by = c->moved_at + limits_stall_ms(c->rl);
	}
	if (by == UINT64_MAX)
		vz_timer_stop(c->rl->loop, &c->timer);
	else if (vz_timer_set(c->rl->loop, &c->timer, by > now ? by - now : 0) < 0)
		end(c, VZ_ENOMEM);
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
	if (c->state == CLIENT_SILENT && c->dropped >= SILENT_MAX)
		want = 0;
	if (waiting > 0)
		want |= VZ_WRITE;
	if (vz_loop_want(c->rl->loop, &c->watch, want) < 0)
		end(c, VZ_ESYSTEM);
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
		end(c, c->live.hang_up ? VZ_ENOMEM : VZ_ECUT);
	else if (c->live.refused != 0 || c->refused)
		begin_closing(c, 0);
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
		end(c, VZ_ENOMEM);
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
		read_bytes(c);
	else if (readable && c->state != CLIENT_RUNNING && c->state != CLIENT_OVER)
		read_and_drop(c);
	if (c->state == CLIENT_RUNNING)
		hand_out_events(c);
	look_at_it(c);
	drain_look(c);
	if (c->state == CLIENT_RUNNING || c->state == CLIENT_CLOSING)
		push_all(c);
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
		end(c, c->err);
	else if (c->backlog && now >= c->moved_at + limits_stall_ms(c->rl))
		end(c, VZ_ETIMEOUT);
	else
		r = vz_relay_serve_tick(c->live.serve, now);
	if (r == VZ_ETIMEOUT && !c->admitted)
		end(c, r);
	else if (r < 0)
		failed(c, r);
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
	if (vz_relay_serve_new(&c->live.serve, &config.channel, &limits, now_of(c)) < 0 ||
	    vz_loop_add(rl->loop, &c->watch, VZ_READ) < 0) {
		vz_relay_serve_free(c->live.serve);
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
