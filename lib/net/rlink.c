/*
 * One connection to a relay. Each turn: read, hand the events out, flush, write; then interest and
 * timer are computed anew from what is left.
 */
#include "net/rlink.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/err.h"

#define LINGER_MS 2000
#define DROP_MAX  4096
#define ROUNDS    8 /* of saying and sending before others get their turn */

enum rlink_state {
	DIALLING,
	RUNNING,
	CLOSING,  /* close is said; output drains */
	DRAINING, /* our side is shut down: read and drop until end of file */
	READY,    /* the descriptor goes to the owner at the end of this turn */
	OVER,
};

struct vz_rlink {
	struct vz_loop *loop;
	struct vz_dial *dial;
	struct vz_watch watch;
	struct vz_timer timer; /* the client's deadlines, a stall, the linger */
	struct vz_timer soon;  /* a turn from the loop */
	struct vz_relay_client *client;
	struct vz_channel_config channel;
	struct vz_relay_limits limits;
	const struct vz_rlink_handler *handler;
	void *arg;
	enum rlink_state state;
	bool in_turn, dropped, write_dead;
	bool accepted;      /* the relay, by its owner */
	int err, sys_errno; /* why it is over */
	uint64_t linger_by;
};

struct vz_relay_client *
vz_rlink_client(struct vz_rlink *k)
{
	return k->client;
}

int
vz_rlink_fd(const struct vz_rlink *k)
{
	return k->watch.fd;
}

static void
destroy(struct vz_rlink *k)
{
	vz_dial_cancel(k->dial);
	vz_loop_del(k->loop, &k->watch);
	vz_timer_stop(k->loop, &k->timer);
	vz_timer_stop(k->loop, &k->soon);
	if (k->watch.fd >= 0)
		close(k->watch.fd);
	vz_relay_client_free(k->client);
	free(k);
}

void
vz_rlink_drop(struct vz_rlink *k)
{
	if (k == NULL)
		return;
	/* From inside a handler the turn is still on the stack: it cleans up on its way out. */
	k->state = OVER;
	k->dropped = true;
	if (!k->in_turn)
		destroy(k);
}

static void
end(struct vz_rlink *k, int err, int sys_errno)
{
	if (k->state == OVER)
		return;
	k->state = OVER;
	k->err = err;
	k->sys_errno = sys_errno;
}

static void
hand_over(struct vz_rlink *k)
{
	struct vz_rlink_ready r = {.fd = k->watch.fd};

	r.first = vz_relay_client_rest(k->client, &r.first_len);
	k->watch.fd = -1; /* moved */
	k->handler->ready(k->arg, k, &r);
}

/* The last act of a turn: nothing that a handler does to k matters any more. */
static void
finish(struct vz_rlink *k, enum vz_dial_step step)
{
	bool ready = k->state == READY;

	k->in_turn = true;
	vz_loop_del(k->loop, &k->watch);
	if (ready)
		hand_over(k);
	else if (!k->dropped)
		k->handler->ended(k->arg, k, k->err, k->sys_errno, step);
	destroy(k);
}

/* The relay learns of it where something may still be said: our own direction is sound. */
static void
failed(struct vz_rlink *k, int err)
{
	if (err == VZ_ENOMEM || vz_relay_client_close(k->client, 76, vz_strerror(err)) < 0) {
		end(k, err, 0);
		return;
	}
	k->err = err;
	k->state = CLOSING;
}

/* Reading. */

static size_t
waiting(const struct vz_rlink *k)
{
	size_t n;

	vz_relay_client_out(k->client, &n);
	return n;
}

static void
read_error(struct vz_rlink *k, int sys_errno)
{
	if (k->state == RUNNING)
		end(k, VZ_ECUT, sys_errno);
	else
		end(k, k->err, 0);
}

static void
read_bytes(struct vz_rlink *k)
{
	uint8_t dropped[DROP_MAX], *p = dropped;
	size_t room = sizeof(dropped);
	ssize_t n;

	if (k->state == RUNNING && (p = vz_relay_client_space(k->client, &room)) == NULL) {
		end(k, VZ_ENOMEM, 0);
		return;
	}
	n = read(k->watch.fd, p, room);
	if (n > 0 && k->state == RUNNING)
		vz_relay_client_fed(k->client, (size_t)n, vz_loop_now(k->loop));
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		read_error(k, n < 0 ? errno : 0);
}

/* Nothing of ours is sent before the owner has looked at the relay: message 3 says who we are. */
static void
on_peer(struct vz_rlink *k)
{
	int r = vz_relay_client_accept(k->client);

	if (r < 0)
		end(k, r, 0);
	else if (k->handler->peer(k->arg, k, vz_relay_client_peer(k->client)) != 0)
		end(k, VZ_EDENIED, 0);
	else
		k->accepted = true;
}

static void
on_event(struct vz_rlink *k, const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_PEER: on_peer(k); break;
	case VZ_RELAY_EVENT_READY:
		/* The answer to a request that was not sent is none. */
		if (waiting(k) > 0)
			end(k, VZ_EPROTO, 0);
		else
			k->state = READY;
		break;
	case VZ_RELAY_EVENT_CLOSE:
		k->handler->event(k->arg, k, ev);
		end(k, 0, 0);
		break;
	default: k->handler->event(k->arg, k, ev);
	}
}

static void
hand_out_events(struct vz_rlink *k)
{
	struct vz_relay_event ev;
	int r = 0;

	while (k->state == RUNNING && (r = vz_relay_client_next(k->client, &ev)) > 0)
		on_event(k, &ev);
	if (k->state == RUNNING && r < 0)
		failed(k, r);
}

/* Writing. */

/* A relay that is gone may have said why: what it left is still read. */
static void
write_bytes(struct vz_rlink *k)
{
	const uint8_t *p;
	size_t len;
	ssize_t n;

	while ((p = vz_relay_client_out(k->client, &len)) != NULL && len > 0 && !k->write_dead) {
		n = send(k->watch.fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			k->write_dead = true;
			return;
		}
		if (n > 0)
			vz_relay_client_sent(k->client, (size_t)n, vz_loop_now(k->loop));
		if (n < 0 || (size_t)n < len)
			break;
	}
}

/* Once the close is out. */
static void
shut_down(struct vz_rlink *k)
{
	if (waiting(k) > 0 && !k->write_dead)
		return;
	shutdown(k->watch.fd, SHUT_WR);
	k->state = DRAINING;
	k->linger_by = vz_loop_now(k->loop) + LINGER_MS;
}

/* Lets the owner say something and sends what there is. True: it went, so there is room again. */
static bool
push(struct vz_rlink *k)
{
	size_t before;

	if (k->state == RUNNING && k->accepted && k->handler->turn != NULL)
		k->handler->turn(k->arg, k);
	if (k->state == OVER)
		return false;
	if (vz_relay_client_flush(k->client, vz_loop_now(k->loop)) < 0) {
		end(k, VZ_ENOMEM, 0);
		return false;
	}
	before = waiting(k);
	write_bytes(k);
	if (k->state == CLOSING)
		shut_down(k);
	return k->state == RUNNING && before > 0 && waiting(k) == 0;
}

/* Waiting. */

static void
set_waits(struct vz_rlink *k, bool soon)
{
	uint64_t now = vz_loop_now(k->loop), by;
	unsigned want = 0;

	if (k->state == DRAINING || waiting(k) < VZ_RELAY_OUT_STUCK_CLIENT)
		want |= VZ_READ;
	if (k->state != DRAINING && waiting(k) > 0 && !k->write_dead)
		want |= VZ_WRITE;
	by = k->state == DRAINING ? k->linger_by : vz_relay_client_deadline(k->client);
	if (vz_loop_want(k->loop, &k->watch, want) < 0)
		end(k, VZ_ESYSTEM, errno);
	else if (vz_timer_set(k->loop, &k->timer, by > now ? by - now : 0) < 0 ||
	    (soon && vz_timer_set(k->loop, &k->soon, 0) < 0))
		end(k, VZ_ENOMEM, 0);
}

static void
turn(struct vz_rlink *k, bool readable)
{
	bool again = true;

	k->in_turn = true;
	if (readable && k->state != OVER)
		read_bytes(k);
	if (k->state == RUNNING)
		hand_out_events(k);
	for (int i = 0; again && i < ROUNDS; i++)
		again = (k->state == RUNNING || k->state == CLOSING) && push(k);
	if (k->state == RUNNING || k->state == CLOSING || k->state == DRAINING)
		set_waits(k, again);
	k->in_turn = false;
	if (k->state == OVER || k->state == READY)
		finish(k, VZ_DIAL_CONNECTED);
}

static void
on_watch(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)l;
	turn(w->arg, (got & VZ_READ) != 0);
}

static void
on_soon(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	turn(t->arg, false);
}

static void
on_deadline(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_rlink *k = t->arg;
	uint64_t now = vz_loop_now(l);
	int r = 0;

	if (k->state == DRAINING)
		end(k, k->err, 0);
	else
		r = vz_relay_client_tick(k->client, now);
	if (r < 0)
		end(k, k->state == CLOSING ? k->err : r, 0);
	turn(k, false);
}

/* Beginning. */

static int
begin(struct vz_rlink *k, int fd)
{
	int r;

	k->watch.fd = fd;
	k->state = RUNNING;
	r = vz_relay_client_new(&k->client, &k->channel, &k->limits, vz_loop_now(k->loop));
	if (r == 0)
		r = vz_loop_add(k->loop, &k->watch, VZ_READ);
	return r == 0 ? vz_timer_set(k->loop, &k->soon, 0) : r;
}

static void
on_dialled(void *arg, int fd, int err, int sys_errno, enum vz_dial_step step)
{
	struct vz_rlink *k = arg;

	k->dial = NULL;
	if (fd >= 0) {
		step = VZ_DIAL_CONNECTED;
		err = begin(k, fd);
		sys_errno = err == VZ_ESYSTEM ? errno : 0;
	}
	if (err != 0) {
		end(k, err, sys_errno);
		finish(k, step);
		return;
	}
	if (k->handler->connected != NULL)
		k->handler->connected(k->arg, k);
}

static struct vz_rlink *
make(struct vz_loop *l, const struct vz_rlink_config *c)
{
	struct vz_rlink *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->loop = l;
	k->watch = (struct vz_watch){.fd = -1, .fn = on_watch, .arg = k};
	k->timer = (struct vz_timer){.fn = on_deadline, .arg = k};
	k->soon = (struct vz_timer){.fn = on_soon, .arg = k};
	k->channel = c->channel;
	if (c->limits != NULL)
		k->limits = *c->limits;
	else
		vz_relay_limits_default(&k->limits);
	k->handler = c->handler;
	k->arg = c->arg;
	if (c->stall_ms != 0)
		k->limits.stall_ms = c->stall_ms;
	return k;
}

int
vz_rlink_new(struct vz_loop *l, const struct vz_rlink_config *c, struct vz_rlink **out)
{
	struct vz_dial_config at = {
	    .at = c->at,
	    .resolve_ms = c->resolve_ms,
	    .connect_ms = c->connect_ms,
	    .family = c->family,
	};
	struct vz_rlink *k;
	int r;

	*out = NULL;
	if (!c->channel.initiator)
		return VZ_EINVAL;
	if ((k = make(l, c)) == NULL)
		return VZ_ENOMEM;
	if ((r = vz_dial_start(l, &at, on_dialled, k, &k->dial)) < 0) {
		int saved = errno;

		destroy(k);
		errno = saved;
		return r;
	}
	*out = k;
	return 0;
}

int
vz_rlink_over(struct vz_loop *l, int fd, const struct vz_rlink_config *c, struct vz_rlink **out)
{
	struct vz_rlink *k = make(l, c);
	int r;

	*out = NULL;
	if (k == NULL) {
		close(fd);
		return VZ_ENOMEM;
	}
	if ((r = begin(k, fd)) < 0) {
		destroy(k);
		return r;
	}
	*out = k;
	return 0;
}

/* From outside. */

void
vz_rlink_kick(struct vz_rlink *k)
{
	if (!k->in_turn && k->client != NULL)
		(void)vz_timer_set(k->loop, &k->soon, 0);
}

void
vz_rlink_close(struct vz_rlink *k, uint8_t status, const char *text)
{
	if (k->state != DIALLING && k->state != RUNNING)
		return;
	vz_dial_cancel(k->dial);
	k->dial = NULL;
	if (k->client == NULL || vz_relay_client_close(k->client, status, text) < 0)
		end(k, 0, 0);
	else
		k->state = CLOSING;
	if (!k->in_turn)
		(void)vz_timer_set(k->loop, &k->soon, 0);
}
