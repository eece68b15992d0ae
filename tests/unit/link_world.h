/*
 * vz-send's own link (cmd/vz-send/link.h) with one message to send, and a listener in the same
 * process: its one session, and the connections on it.
 */
#ifndef VZ_TESTS_LINK_WORLD_H
#define VZ_TESTS_LINK_WORLD_H

#include "virtual_wire.h"

#include "cmd/vz-send/link.h"
#include "tempdir.h"

#define SIZE       3000000
#define PATIENCE_S 30

/* The listener. */
static struct {
	struct vz_loop *loop;
	struct tempdir tmp;
	bool resumes;
	unsigned drop; /* this connection is closed when it names its stream; 0 = none is */
	unsigned last; /* at this one `no_more` is called */
	void (*no_more)(void);
	struct vz_conn *conn, *fresh; /* fresh: has not named its stream */
	struct vz_session *left;      /* without a connection */
	unsigned accepted, cut, opened;
	uint64_t got, number;
	void (*got_some)(void); /* after each piece */
	bool delivered;
} there;

/* The sender. */
static struct {
	struct self me;
	struct send_options options;
	struct link link;
	uint64_t sent, number;
	unsigned ready, taken_up;
	char steps[64]; /* a letter for each that was told */
	bool opened, ended;
	bool pauses; /* in the middle, until there is a second connection */
	int status;  /* of the verdict, -1 before it */
	int over;
} here;

static uint8_t *bytes;

/* The listener. */

static inline void
there_stream(struct vz_conn *c)
{
	struct vz_conn *old = there.conn;

	there.fresh = NULL;
	if (there.accepted == there.last)
		there.no_more();
	if (there.accepted == there.drop) {
		vz_conn_drop(c);
		return;
	}
	there.conn = c;
	if (old != NULL && there.resumes)
		there.left = vz_conn_leave_session(old);
	vz_conn_drop(old);
	if (there.left != NULL)
		assert_int_equal(vz_conn_adopt(c, there.left, &there), 0);
	there.left = NULL; /* moved */
}

static inline bool
there_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct vz_session *s = vz_conn_session(c);

	(void)arg;
	switch (ev->type) {
	case VZ_EVENT_PEER: assert_int_equal(vz_session_accept(s, 3, 0), 0); break;
	case VZ_EVENT_STREAM: there_stream(c); break;
	case VZ_EVENT_OPEN: there.opened++; break;
	case VZ_EVENT_DATA:
		assert_int_equal(ev->offset + ev->bytes_len > SIZE, 0);
		assert_int_equal(ev->offset, there.got);
		assert_memory_equal(bytes + ev->offset, ev->bytes, ev->bytes_len);
		there.got += ev->bytes_len;
		assert_int_equal(vz_session_taken(s, ev->number, ev->bytes_len), 0);
		if (there.got_some != NULL)
			there.got_some();
		break;
	case VZ_EVENT_END:
		there.delivered = true;
		assert_int_equal(vz_session_done(s, ev->number, 0, NULL), 0);
		break;
	default: break;
	}
	return true;
}

static inline void
there_ended(void *arg, struct vz_conn *c, int err, int sys_errno)
{
	(void)arg;
	(void)sys_errno;
	there.cut += err != 0;
	if (c == there.fresh)
		there.fresh = NULL;
	if (c != there.conn)
		return;
	there.conn = NULL;
	if (err == 0)
		vz_loop_stop(there.loop, 0);
	else if (there.resumes)
		there.left = vz_conn_leave_session(c);
}

static const struct vz_conn_handler there_handler = {.event = there_event, .ended = there_ended};

/* A sender's connection; of c the way it came and its first bytes are looked at. */
static inline void
there_takes(int fd, struct vz_conn_config *c)
{
	struct vz_channel_config way = c->session.channel;

	assert_true(fd >= 0);
	there.accepted++;
	c->handler = &there_handler;
	c->arg = &there;
	vz_session_defaults(&c->session);
	c->session.channel = way;
	c->session.channel.service = VZ_SERVICE_MESSAGES;
	c->session.channel.self = wire_ids[1];
	c->session.channel.responder = wire_ids[1]->bundle.identity;
	c->session.channel.aes = true;
	memset(c->session.channel.random, (int)there.accepted, sizeof c->session.channel.random);
	c->session.resumes = there.resumes;
	assert_int_equal(vz_conn_new(there.loop, fd, c, &there.fresh), 0);
}

/* The sender. */

static inline void
here_told(char step)
{
	size_t n = strlen(here.steps);

	if (n + 1 < sizeof here.steps)
		here.steps[n] = step;
}

static inline void
here_connected(void *arg)
{
	(void)arg;
	here_told('c');
}

static inline void
here_met_relay(void *arg)
{
	(void)arg;
	here_told('r');
}

static inline void
here_matched(void *arg)
{
	(void)arg;
	here_told('m');
}

static inline void
here_authenticated(void *arg)
{
	(void)arg;
	here_told('a');
}

static inline void
here_ready(void *arg, const struct vz_event *ev)
{
	struct vz_session *s = link_session(arg);

	here_told('R');
	here.ready++;
	if (ev->attempt > 0 && here.status < 0)
		assert_int_equal(vz_session_reopen(s, here.number, 0, "", 0), 0);
}

static inline bool
here_event(void *arg, const struct vz_event *ev)
{
	(void)arg;
	if (ev->type == VZ_EVENT_GO_ON) {
		here.taken_up++;
		here.sent = ev->taken;
		here.ended = false;
	} else if (ev->type == VZ_EVENT_DONE) {
		here.status = ev->status;
	}
	return true;
}

static inline void
here_turns(void *arg)
{
	uint64_t to = here.pauses && here.ready < 2 ? SIZE / 2 : SIZE;
	struct vz_session *s = link_session(arg);
	long n;

	if (here.ready == 0)
		return;
	if (!here.opened)
		assert_int_equal(vz_session_open(s, VZ_KIND_SEND, 0, "", SIZE, &here.number), 0);
	here.opened = true;
	if (here.status >= 0) {
		link_finish(arg, true);
		return;
	}
	if (vz_session_waits(s, here.number) || here.ended || here.sent >= to)
		return;
	n = vz_session_data(s, here.number, bytes + here.sent, to - here.sent);
	assert_true(n >= 0);
	here.sent += (uint64_t)n;
	if (here.sent == SIZE)
		here.ended = vz_session_end(s, here.number) == 0;
}

static inline void
here_over(void *arg, int status)
{
	(void)arg;
	here.over = status;
	if (status != 0)
		vz_loop_stop(there.loop, 0);
}

static const struct link_user here_user = {.connected = here_connected,
    .relay = here_met_relay,
    .matched = here_matched,
    .authenticated = here_authenticated,
    .ready = here_ready,
    .event = here_event,
    .turn = here_turns,
    .over = here_over};

static inline void
too_long(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, -1);
}

/* Both, with nobody called yet. */
static inline void
link_world_begin(bool resumes)
{
	struct tempdir tmp = there.tmp;

	memset(&there, 0, sizeof there);
	memset(&here, 0, sizeof here);
	there.tmp = tmp;
	there.resumes = resumes;
	assert_int_equal(vz_loop_new(&there.loop), 0);
	here.status = here.over = -1;
	here.me.identity = wire_ids[0];
	here.me.acl = vz_acl_new();
	assert_non_null(here.me.acl);
	strcpy(here.me.state_dir, there.tmp.dir);
	common_defaults(&here.options.common);
	here.options.retry_ms = 20000;
}

static inline void
link_world_call(const struct vz_address *to, uint64_t age_bytes)
{
	link_init(&here.link, &here.options, &here.me, there.loop, "there", to);
	here.link.resumes = true;
	here.link.config.age_bytes = age_bytes;
	assert_int_equal(link_start(&here.link, &here_user, &here.link), 0);
}

/* Until the listener has heard the goodbye, or the sender has given up. */
static inline void
link_world_run(void)
{
	struct vz_timer patience = {.fn = too_long};

	assert_int_equal(vz_timer_set(there.loop, &patience, PATIENCE_S * 1000), 0);
	assert_int_equal(vz_loop_run(there.loop), 0);
	vz_timer_stop(there.loop, &patience);
}

/* The loop is the caller's to free. */
static inline void
link_world_end(void)
{
	link_drop(&here.link);
	vz_conn_drop(there.fresh);
	vz_conn_drop(there.conn);
	vz_session_free(there.left);
	vz_acl_free(here.me.acl);
}

static inline void
assert_delivered_once(void)
{
	assert_int_equal(here.status, 0);
	assert_true(there.delivered);
	assert_int_equal(there.opened, 1);
	assert_int_equal(there.got, SIZE);
}

static inline int
link_world_setup(void **unused)
{
	(void)unused;
	wire_setup();
	bytes = malloc(SIZE);
	for (size_t i = 0; bytes != NULL && i < SIZE; i++)
		bytes[i] = wire_byte(7, i);
	return bytes != NULL ? tempdir_make(&there.tmp) : -1;
}

static inline int
link_world_teardown(void **unused)
{
	(void)unused;
	free(bytes);
	tempdir_remove(&there.tmp);
	wire_teardown();
	return 0;
}

#endif
