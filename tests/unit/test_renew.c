/*
 * A sender's connection that has become old, by vz-send's own link (cmd/vz-send/renew.h) over a
 * real socket: another one takes its place, and nobody notices but by being told.
 */
#include "link_world.h"

#include <sys/socket.h>
#include <sys/un.h>
#include "cmd/vz-send/renew.h"

#define AGE 400000 /* bytes of a connection */

static struct vz_watch gate = {.fd = -1};

static void
nobody_there(void)
{
	vz_loop_del(there.loop, &gate);
	close(gate.fd);
	gate.fd = -1;
}

static void
on_accept(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_conn_config config = {0};

	(void)l;
	(void)got;
	there_takes(accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), &config);
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
	gate = (struct vz_watch){.fd = fd, .fn = on_accept};
	assert_int_equal(vz_loop_add(there.loop, &gate, VZ_READ), 0);
}

static void
begin(bool resumes)
{
	struct vz_address to = {.key = wire_ids[1]->bundle.identity};

	link_world_begin(resumes);
	there.no_more = nobody_there;
	listen_there();
	to.at.kind = VZ_ADDRESS_UNIX;
	strcpy(to.at.path, tempdir_path(&there.tmp, "s"));
	link_world_call(&to, AGE);
}

static void
end(void)
{
	link_world_end();
	if (gate.fd >= 0)
		nobody_there();
	vz_loop_free(there.loop);
}

static void
an_old_connection_is_left_for_another_without_a_break_on_either_side(void **unused)
{
	(void)unused;
	begin(true);
	link_world_run();
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
	link_world_run();
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
	link_world_run();
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
	link_world_run();
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
what_began_before_its_connection_has_all_of_its_time_from_then_on(void **unused)
{
	struct vz_session_config c = {.age_ms = 3600000, .handshake_ms = 10000, .now = 1000};
	struct vz_session *s;
	size_t n;

	(void)unused;
	c.channel.initiator = true;
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.self = wire_ids[0];
	c.channel.responder = wire_ids[1]->bundle.identity;
	assert_int_equal(vz_session_new(&s, &c), 0);
	vz_session_out(s, &n);
	vz_session_sent(s, n, 1000);
	assert_true(vz_session_deadline(s) == 11000);
	vz_session_begins(s, 9000, 10000);
	assert_true(vz_session_deadline(s) == 19000);
	assert_int_equal(vz_session_tick(s, 18999, true), 0);
	assert_int_equal(vz_session_tick(s, 19000, true), VZ_ETIMEOUT);
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
	    cmocka_unit_test(what_began_before_its_connection_has_all_of_its_time_from_then_on),
	    cmocka_unit_test(ten_per_cent_more_or_less_are_spread_over_all_of_that),
	};

	return cmocka_run_group_tests(tests, link_world_setup, link_world_teardown);
}
