/*
 * A sender's connection that has become old, by vz-send's own link (cmd/vz-send/renew.h) over a
 * real socket: another one takes its place, and nobody notices but by being told.
 */
#include "virtual_wire.h"

#include <sys/socket.h>
#include <sys/un.h>
#include "cmd/vz-send/link.h"
#include "cmd/vz-send/renew.h"
#include "tempdir.h"

#define SIZE       3000000
#define AGE        400000 /* bytes of a connection */
#define PATIENCE_S 30

/* The listener: its socket, its one session, and the connections on it. */
static struct {
	struct vz_loop *loop;
	struct tempdir tmp;
	struct vz_watch gate;
	bool resumes;
	unsigned drop; /* this connection is closed when it names its stream; 0 = none is */
	unsigned last; /* and after this one nobody is there any more */
	struct vz_conn *conn;
	struct vz_session *left; /* without a connection */
	unsigned accepted, cut, opened;
	uint64_t got, number;
	bool delivered;
} there;

/* The sender. */
static struct {
	struct self me;
	struct send_options options;
	struct link link;
	uint64_t sent, number;
	unsigned ready, taken_up;
	bool opened, ended;
	int status; /* of the verdict, -1 before it */
	int over;
} here;

static uint8_t *bytes;

/* The listener. */

static void
nobody_there(void)
{
	vz_loop_del(there.loop, &there.gate);
	close(there.gate.fd);
	there.gate.fd = -1;
}

static void
on_stream(struct vz_conn *c)
{
	struct vz_conn *old = there.conn;

	if (there.accepted == there.last)
		nobody_there();
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

static bool
listener_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct vz_session *s = vz_conn_session(c);

	(void)arg;
	switch (ev->type) {
	case VZ_EVENT_PEER: assert_int_equal(vz_session_accept(s, 3, 0), 0); break;
	case VZ_EVENT_STREAM: on_stream(c); break;
	case VZ_EVENT_OPEN: there.opened++; break;
	case VZ_EVENT_DATA:
		assert_int_equal(ev->offset + ev->bytes_len > SIZE, 0);
		assert_int_equal(ev->offset, there.got);
		assert_memory_equal(bytes + ev->offset, ev->bytes, ev->bytes_len);
		there.got += ev->bytes_len;
		assert_int_equal(vz_session_taken(s, ev->number, ev->bytes_len), 0);
		break;
	case VZ_EVENT_END:
		there.delivered = true;
		assert_int_equal(vz_session_done(s, ev->number, 0, NULL), 0);
		break;
	default: break;
	}
	return true;
}

static void
listener_ended(void *arg, struct vz_conn *c, int err, int sys_errno)
{
	(void)arg;
	(void)sys_errno;
	there.cut += err != 0;
	if (c != there.conn)
		return;
	there.conn = NULL;
	if (err == 0)
		vz_loop_stop(there.loop, 0);
	else if (there.resumes)
		there.left = vz_conn_leave_session(c);
}

static const struct vz_conn_handler listener_handler = {
    .event = listener_event, .ended = listener_ended};

static void
on_accept(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_conn_config config = {.handler = &listener_handler, .arg = &there};
	struct vz_session_config *c = &config.session;
	struct vz_conn *conn;
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)got;
	assert_true(fd >= 0);
	there.accepted++;
	vz_session_defaults(c);
	c->channel.service = VZ_SERVICE_MESSAGES;
	c->channel.self = wire_ids[1];
	c->channel.responder = wire_ids[1]->bundle.identity;
	c->channel.aes = true;
	memset(c->channel.random, (int)there.accepted, sizeof c->channel.random);
	c->resumes = there.resumes;
	assert_int_equal(vz_conn_new(l, fd, &config, &conn), 0);
}

static void
listen_there(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(un.sun_path, tempdir_path(&there.tmp, "s"));
	remove(un.sun_path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	assert_int_equal(listen(fd, 8), 0);
	there.gate = (struct vz_watch){.fd = fd, .fn = on_accept};
	assert_int_equal(vz_loop_add(there.loop, &there.gate, VZ_READ), 0);
}

/* The sender. */

static void
on_ready(void *arg, const struct vz_event *ev)
{
	struct vz_session *s = link_session(arg);

	here.ready++;
	if (ev->attempt > 0 && here.status < 0)
		assert_int_equal(vz_session_reopen(s, here.number, 0, "", 0), 0);
}

static bool
on_event(void *arg, const struct vz_event *ev)
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

static void
on_turn(void *arg)
{
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
	if (vz_session_waits(s, here.number) || here.ended)
		return;
	n = vz_session_data(s, here.number, bytes + here.sent, SIZE - here.sent);
	assert_true(n >= 0);
	here.sent += (uint64_t)n;
	if (here.sent == SIZE)
		here.ended = vz_session_end(s, here.number) == 0;
}

static void
on_over(void *arg, int status)
{
	(void)arg;
	here.over = status;
	if (status != 0)
		vz_loop_stop(there.loop, 0);
}

static const struct link_user user = {
    .ready = on_ready, .event = on_event, .turn = on_turn, .over = on_over};

static void
too_long(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, -1);
}

static void
begin(bool resumes)
{
	struct tempdir tmp = there.tmp;
	struct vz_address to = {.key = wire_ids[1]->bundle.identity};

	memset(&there, 0, sizeof there);
	memset(&here, 0, sizeof here);
	there.tmp = tmp;
	there.resumes = resumes;
	assert_int_equal(vz_loop_new(&there.loop), 0);
	listen_there();
	here.status = here.over = -1;
	here.me.identity = wire_ids[0];
	here.me.acl = vz_acl_new();
	assert_non_null(here.me.acl);
	strcpy(here.me.state_dir, there.tmp.dir);
	common_defaults(&here.options.common);
	here.options.retry_ms = 20000;
	to.at.kind = VZ_ADDRESS_UNIX;
	strcpy(to.at.path, tempdir_path(&there.tmp, "s"));
	link_init(&here.link, &here.options, &here.me, there.loop, "there", &to);
	here.link.resumes = true;
	here.link.config.age_bytes = AGE;
	assert_int_equal(link_start(&here.link, &user, &here.link), 0);
}

/* Until the listener has heard the goodbye. */
static void
run(void)
{
	struct vz_timer patience = {.fn = too_long};

	assert_int_equal(vz_timer_set(there.loop, &patience, PATIENCE_S * 1000), 0);
	assert_int_equal(vz_loop_run(there.loop), 0);
	vz_timer_stop(there.loop, &patience);
}

static void
end(void)
{
	link_drop(&here.link);
	vz_conn_drop(there.conn);
	vz_session_free(there.left);
	if (there.gate.fd >= 0)
		nobody_there();
	vz_loop_free(there.loop);
	vz_acl_free(here.me.acl);
}

static void
assert_delivered_once(void)
{
	assert_int_equal(here.status, 0);
	assert_true(there.delivered);
	assert_int_equal(there.opened, 1);
	assert_int_equal(there.got, SIZE);
}

static void
an_old_connection_is_left_for_another_without_a_break_on_either_side(void **unused)
{
	(void)unused;
	begin(true);
	run();
	assert_delivered_once();
	assert_true(there.accepted >= 4);
	assert_int_equal(here.ready, there.accepted);
	assert_int_equal(here.taken_up, there.accepted - 1);
	assert_int_equal(there.cut, 0);
	assert_false(here.link.was_lost);
	end();
}

static void
where_nobody_is_there_the_old_connection_goes_on(void **unused)
{
	(void)unused;
	begin(true);
	there.last = 1;
	run();
	assert_delivered_once();
	assert_int_equal(there.accepted, 1);
	assert_int_equal(there.cut, 0);
	assert_false(here.link.was_lost);
	end();
}

static void
a_new_connection_that_fails_is_a_break_that_is_mended(void **unused)
{
	(void)unused;
	begin(true);
	there.drop = 2;
	run();
	assert_delivered_once();
	assert_true(there.accepted >= 4);
	assert_true(here.link.was_lost);
	end();
}

static void
a_listener_that_would_not_go_on_with_the_stream_is_not_left(void **unused)
{
	(void)unused;
	begin(false);
	run();
	assert_delivered_once();
	assert_int_equal(there.accepted, 1);
	assert_int_equal(there.cut, 0);
	end();
}

static void
age_is_told_at_its_time_or_byte_and_begins_anew_with_another_connection(void **unused)
{
	struct vz_session_config c = {
	    .age_ms = 3600000, .keepalive_ms = 15000, .dead_ms = 45000, .now = 1000};
	struct vz_session *s;
	size_t n;

	(void)unused;
	c.channel.initiator = true;
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.self = wire_ids[0];
	c.channel.responder = wire_ids[1]->bundle.identity;
	assert_int_equal(vz_session_new(&s, &c), 0);
	vz_session_sent(s, 0, 3600999);
	assert_false(vz_session_old(s));
	vz_session_sent(s, 0, 3601000);
	assert_true(vz_session_old(s));
	vz_session_detach(s);
	assert_false(vz_session_old(s));
	c.now = 3601000;
	c.age_ms = 0;
	c.age_bytes = 48;
	assert_int_equal(vz_session_redial(s, &c), 0);
	vz_session_out(s, &n);
	assert_true(n >= 48);
	vz_session_sent(s, 47, 9000000);
	assert_false(vz_session_old(s));
	vz_session_sent(s, 1, 9000000);
	assert_true(vz_session_old(s));
	vz_session_free(s);
}

static void
ten_per_cent_more_or_less_are_spread_over_all_of_that(void **unused)
{
	uint64_t least = UINT64_MAX, most = 0;

	(void)unused;
	for (int i = 0; i < 2000; i++) {
		uint64_t ms = renew_after(VZ_RENEW_MS);

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(least >= VZ_RENEW_MS / 10 * 9 && least < VZ_RENEW_MS / 100 * 92);
	assert_true(most <= VZ_RENEW_MS / 10 * 11 && most > VZ_RENEW_MS / 100 * 108);
	assert_int_equal(renew_after(0), 0);
}

static int
set_up(void **unused)
{
	(void)unused;
	wire_setup();
	bytes = malloc(SIZE);
	for (size_t i = 0; bytes != NULL && i < SIZE; i++)
		bytes[i] = wire_byte(7, i);
	return bytes != NULL ? tempdir_make(&there.tmp) : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	free(bytes);
	tempdir_remove(&there.tmp);
	wire_teardown();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_old_connection_is_left_for_another_without_a_break_on_either_side),
	    cmocka_unit_test(where_nobody_is_there_the_old_connection_goes_on),
	    cmocka_unit_test(a_new_connection_that_fails_is_a_break_that_is_mended),
	    cmocka_unit_test(a_listener_that_would_not_go_on_with_the_stream_is_not_left),
	    cmocka_unit_test(
		age_is_told_at_its_time_or_byte_and_begins_anew_with_another_connection),
	    cmocka_unit_test(ten_per_cent_more_or_less_are_spread_over_all_of_that),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
