/*
 * A connected socket and the session on it. Each turn: read, hand the events out, let the owner say
 * more, flush, write; then interest is computed anew from what is left.
 */
#include "net/conn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/err.h"

#define STALL_MS   (60 * 1000)
#define LINGER_MS  2000
#define SILENT_MAX 4096
/* Events between two looks at how long a turn has taken. */
#define EVENTS 16
/* Rounds of filling and writing before other descriptors get their turn. */
#define ROUNDS 8

enum conn_state {
	RUNNING,
	CLOSING,  /* close is said; output drains */
	DRAINING, /* our side is shut down: read and drop until end of file */
	SILENT,   /* failed before authentication: read and drop, hold the descriptor */
	OVER,
};

struct vz_conn {
	struct vz_loop *loop;
	struct vz_watch watch;
	struct vz_timer timer; /* the session's deadlines, the linger, the silence */
	struct vz_timer soon;  /* a turn from the loop: resume and kick */
	struct vz_session *session;
	const struct vz_conn_handler *handler;
	void *arg;
	enum conn_state state;
	bool held, linger, in_turn, write_dead, dropped;
	bool resumed;       /* the rest of a record waits: it comes before anything is read */
	bool more;          /* ... so do events, after a turn that took too long */
	bool backlog;       /* output waits for the network, since moved_at */
	bool told_old;      /* that it is old */
	int err, sys_errno; /* why it is over */
	uint64_t stall_ms, moved_at, silent_by;
	size_t silent_read;
	uint8_t *first; /* was read by somebody else before; NULL once the session has it */
	size_t first_len, first_at;
};

/* False while the owner holds events back, or while our own output is stuck. */
static bool
reads(const struct vz_conn *c)
{
	return !c->held && !c->more && (c->session == NULL || !vz_session_stuck(c->session));
}

struct vz_session *
vz_conn_leave_session(struct vz_conn *c)
{
	struct vz_session *s = c->session;

	c->session = NULL; /* moved */
	c->state = OVER;
	if (s != NULL)
		vz_session_detach(s);
	return s;
}

int
vz_conn_adopt(struct vz_conn *c, struct vz_session *s, void *arg)
{
	int r = vz_session_adopt(s, c->session);

	if (r == VZ_EINVAL)
		return r;
	c->session = s; /* what was there is freed */
	c->arg = arg;
	return r;
}

struct vz_session *
vz_conn_session(struct vz_conn *c)
{
	return c->session;
}

int
vz_conn_fd(const struct vz_conn *c)
{
	return c->watch.fd;
}

bool
vz_conn_silent(const struct vz_conn *c)
{
	return c->state == SILENT;
}

static void
destroy(struct vz_conn *c)
{
	vz_loop_del(c->loop, &c->watch);
	vz_timer_stop(c->loop, &c->timer);
	vz_timer_stop(c->loop, &c->soon);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	vz_session_free(c->session);
	free(c->first);
	free(c);
}

void
vz_conn_drop(struct vz_conn *c)
{
	if (c == NULL)
		return;
	/* From inside a handler the turn is still on the stack: it cleans up on its way out. */
	c->state = OVER;
	c->dropped = true;
	if (!c->in_turn)
		destroy(c);
}

static void
end(struct vz_conn *c, int err, int sys_errno)
{
	if (c->state == OVER)
		return;
	c->state = OVER;
	c->err = err;
	c->sys_errno = sys_errno;
}

/* The last act of a turn. */
static void
finish(struct vz_conn *c)
{
	if (!c->dropped) {
		vz_loop_del(c->loop, &c->watch);
		c->handler->ended(c->arg, c, c->err, c->sys_errno);
	}
	destroy(c);
}

/* Failures. */

/* Nothing is said before authentication, and nothing of it is kept (DESIGN 5). */
static void
go_silent(struct vz_conn *c, int err)
{
	c->err = err;
	c->state = SILENT;
	c->silent_by = vz_session_deadline(c->session);
	vz_session_free(c->session);
	c->session = NULL;
}

static void
failed(struct vz_conn *c, int err)
{
	if (!vz_session_authenticated(c->session)) {
		if (vz_session_is_sender(c->session) || err == VZ_ENOMEM)
			end(c, err, 0);
		else
			go_silent(c, err);
		return;
	}
	/* The peer learns of it: our own direction is still sound. */
	vz_session_close(c->session,
	    err == VZ_ETIMEOUT     ? 75
		: err == VZ_ENOMEM ? 71
				   : 65,
	    vz_strerror(err));
	c->err = err;
	c->linger = true;
	c->state = CLOSING;
}

/* Reading. */

static void
read_error(struct vz_conn *c, int sys_errno)
{
	if (c->state == DRAINING || c->state == CLOSING || c->state == SILENT)
		end(c, c->err, 0);
	else
		end(c, vz_session_closed(c->session) ? 0 : VZ_ECUT, sys_errno);
}

/* As read(2), but what came before begins it. */
static ssize_t
read_some(struct vz_conn *c, uint8_t *p, size_t room)
{
	size_t n = c->first_len - c->first_at;

	if (c->first == NULL)
		return read(c->watch.fd, p, room);
	n = n < room ? n : room;
	memcpy(p, c->first + c->first_at, n);
	c->first_at += n;
	if (c->first_at == c->first_len) {
		free(c->first);
		c->first = NULL;
	}
	return (ssize_t)n;
}

static void
read_and_drop(struct vz_conn *c)
{
	uint8_t dropped[SILENT_MAX];
	ssize_t n = read_some(c, dropped, sizeof(dropped));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		read_error(c, n < 0 ? errno : 0);
	else if (n > 0)
		c->silent_read += (size_t)n;
}

static void
read_bytes(struct vz_conn *c)
{
	size_t room;
	uint8_t *p = vz_session_space(c->session, &room);
	ssize_t n;

	if (p == NULL) {
		end(c, VZ_ENOMEM, 0);
		return;
	}
	n = read_some(c, p, room);
	if (n > 0)
		vz_session_fed(c->session, (size_t)n, vz_loop_now(c->loop));
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		read_error(c, n < 0 ? errno : 0);
}

static void
hand_out_events(struct vz_conn *c)
{
	struct vz_event ev;
	unsigned n = 0;
	int r = 0;

	c->more = false;
	while (c->state == RUNNING && !c->held && !c->more &&
	    (r = vz_session_next(c->session, &ev)) > 0) {
		if (!c->handler->event(c->arg, c, &ev))
			c->held = true;
		c->more = ++n % EVENTS == 0 && vz_loop_overdue(c->loop);
	}
	if (c->state == RUNNING && r < 0)
		failed(c, r);
	else if (c->state == RUNNING && !c->held && !c->more && vz_session_closed(c->session))
		c->state = CLOSING; /* nothing follows the peer's close: ours needs no answer */
}

/* Writing. */

/* One write. 1 = all of it went, 0 = the network is full, -1 = the peer is gone. */
static int
write_some(struct vz_conn *c, const uint8_t *p, size_t len)
{
	ssize_t n;

	do
		n = send(c->watch.fd, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	vz_session_sent(c->session, (size_t)n, vz_loop_now(c->loop));
	c->backlog = false;
	return (size_t)n == len ? 1 : 0;
}

/* True when all is out. A peer that is gone may have said why: what it left is still read. */
static bool
write_bytes(struct vz_conn *c)
{
	const uint8_t *p;
	size_t len;
	int r = 1;

	while (r == 1 && (p = vz_session_out(c->session, &len), len > 0)) {
		if (c->write_dead)
			return false;
		r = write_some(c, p, len);
		c->write_dead = r < 0;
	}
	if (r == 0 && !c->backlog) {
		c->backlog = true;
		c->moved_at = vz_loop_now(c->loop);
	}
	return r == 1;
}

static void
shut_down(struct vz_conn *c)
{
	if (!c->linger) {
		end(c, c->err, 0);
		return;
	}
	shutdown(c->watch.fd, SHUT_WR);
	c->state = DRAINING;
	c->silent_by = vz_loop_now(c->loop) + LINGER_MS;
}

/* Fills and writes until the network is full or there is nothing to say. True: call again soon. */
static bool
push(struct vz_conn *c)
{
	size_t waiting;

	for (int i = 0; i < ROUNDS; i++) {
		if (c->state == RUNNING && c->handler->turn != NULL)
			c->handler->turn(c->arg, c);
		if (c->state == OVER)
			return false;
		if (vz_session_flush(c->session, vz_loop_now(c->loop)) < 0) {
			end(c, VZ_ENOMEM, 0);
			return false;
		}
		vz_session_out(c->session, &waiting);
		if (!write_bytes(c))
			return false;
		if (c->state == CLOSING) {
			shut_down(c);
			return false;
		}
		if (waiting == 0)
			return false;
	}
	return true;
}

/* Waiting. */

/*
 * A sender's writing rests as long as the sink is slow: its peer's keepalives are what counts. A
 * listener's peer reads at all times, or it is up to no good.
 */
static bool
stalls(const struct vz_conn *c)
{
	return c->backlog && !vz_session_is_sender(c->session);
}

static void
set_timer(struct vz_conn *c)
{
	uint64_t now = vz_loop_now(c->loop), by;

	if (c->state == SILENT || c->state == DRAINING) {
		by = c->silent_by;
	} else {
		by = vz_session_deadline(c->session);
		if (stalls(c) && c->moved_at + c->stall_ms < by)
			by = c->moved_at + c->stall_ms;
	}
	vz_timer_set(c->loop, &c->timer, by > now ? by - now : 0);
}

static void
set_interest(struct vz_conn *c)
{
	unsigned want = 0;
	size_t waiting = 0;

	if (c->session != NULL && c->state != DRAINING)
		vz_session_out(c->session, &waiting);
	if (reads(c) && !(c->state == SILENT && c->silent_read >= SILENT_MAX))
		want |= VZ_READ;
	if (waiting > 0 && !c->write_dead)
		want |= VZ_WRITE;
	if (vz_loop_want(c->loop, &c->watch, want) < 0)
		end(c, VZ_ESYSTEM, errno);
}

/* Its owner may let go of it. */
static void
tell_old(struct vz_conn *c)
{
	if (c->told_old || c->handler->old == NULL || !vz_session_old(c->session))
		return;
	c->told_old = true;
	c->handler->old(c->arg, c);
}

/* False: it is over, and c is gone. */
static bool
turn(struct vz_conn *c, bool readable)
{
	bool again = false;

	readable |= c->first != NULL;
	c->in_turn = true;
	if ((c->resumed || c->more) && c->state == RUNNING) {
		c->resumed = false;
		hand_out_events(c);
	}
	if (readable && c->state == RUNNING && reads(c))
		read_bytes(c);
	else if (readable && c->state != RUNNING)
		read_and_drop(c);
	if (c->state == RUNNING && !c->more)
		hand_out_events(c);
	if (c->state == RUNNING || c->state == CLOSING)
		again = push(c);
	if (c->state == RUNNING)
		tell_old(c);
	if (c->state != OVER)
		set_interest(c);
	c->in_turn = false;
	if (c->state == OVER) {
		finish(c);
		return false;
	}
	set_timer(c);
	if (again || ((c->resumed || c->more) && c->state == RUNNING) ||
	    (c->first != NULL && reads(c)))
		vz_timer_set(c->loop, &c->soon, 0);
	return true;
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
	struct vz_conn *c = t->arg;
	uint64_t now = vz_loop_now(l);
	int r;

	c->in_turn = true;
	if (c->state == SILENT || c->state == DRAINING) {
		end(c, c->err, 0);
	} else {
		r = vz_session_tick(c->session, now, reads(c));
		if (r == VZ_ETIMEOUT || (stalls(c) && now >= c->moved_at + c->stall_ms))
			end(c, c->state == CLOSING && c->err != 0 ? c->err : VZ_ETIMEOUT, 0);
		else if (r < 0)
			end(c, r, 0);
	}
	c->in_turn = false;
	(void)turn(c, false);
}

/* From outside. */

/* Another connection of `again`, what has begun already, or a session of its own. */
static int
take_session(
    struct vz_conn *c, const struct vz_conn_config *config, const struct vz_session_config *session)
{
	if (config->again != NULL)
		return vz_session_redial(config->again, session);
	if (config->begun == NULL)
		return vz_session_new(&c->session, session);
	vz_session_begins(config->begun, session->now, session->handshake_ms);
	return 0;
}

static int
keep_first(struct vz_conn *c, const struct vz_conn_config *config)
{
	if (config->first_len == 0)
		return 0;
	if ((c->first = malloc(config->first_len)) == NULL)
		return VZ_ENOMEM;
	memcpy(c->first, config->first, config->first_len);
	c->first_len = config->first_len;
	return 0;
}

int
vz_conn_new(struct vz_loop *l, int fd, const struct vz_conn_config *config, struct vz_conn **out)
{
	struct vz_session_config session = config->session;
	struct vz_conn *c;
	int r;

	*out = NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return VZ_ENOMEM;
	}
	session.now = vz_loop_now(l);
	c->loop = l;
	c->watch = (struct vz_watch){.fd = fd, .fn = on_ready, .arg = c};
	c->timer = (struct vz_timer){.fn = on_deadline, .arg = c};
	c->soon = (struct vz_timer){.fn = on_soon, .arg = c};
	c->handler = config->handler;
	c->arg = config->arg;
	c->stall_ms = config->stall_ms != 0 ? config->stall_ms : STALL_MS;
	c->moved_at = session.now;
	if ((r = keep_first(c, config)) == 0)
		r = take_session(c, config, &session);
	if (r < 0 || (r = vz_loop_add(l, &c->watch, VZ_READ)) < 0 ||
	    (r = vz_timer_set(l, &c->soon, 0)) < 0) {
		destroy(c);
		if (config->again != NULL && !vz_session_detached(config->again))
			vz_session_detach(config->again);
		return r;
	}
	if (config->again != NULL)
		c->session = config->again; /* moved */
	else if (config->begun != NULL)
		c->session = config->begun; /* moved */
	*out = c;
	return 0;
}

void
vz_conn_resume(struct vz_conn *c)
{
	c->held = false;
	c->resumed = true;
	vz_conn_kick(c);
}

void
vz_conn_kick(struct vz_conn *c)
{
	if (!c->in_turn && c->state != OVER)
		vz_timer_set(c->loop, &c->soon, 0);
}

bool
vz_conn_look(struct vz_conn *c)
{
	return turn(c, true);
}

void
vz_conn_close(struct vz_conn *c, uint8_t status, const char *text, bool linger)
{
	if (c->state != RUNNING)
		return;
	vz_session_close(c->session, status, text);
	c->linger = linger;
	c->held = false;
	c->state = CLOSING;
	vz_conn_kick(c);
}
