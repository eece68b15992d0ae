/*
 * A connection to a relay over the loop (net/rlink.h), against a relay on a loopback socket; and
 * the session that begins with what came behind READY (net/conn.h).
 */
#include "relay_socket.h"
#include "virtual_wire.h"

#include <fcntl.h>
#include <signal.h>
#include "net/conn.h"
#include "net/rlink.h"

#define SIZE  200000
#define PINGS 100

enum { ALICE, BOB, RELAY }; /* wire_ids; Bob listens */

/* One link, what it was told, and the session that came of it. */
struct client {
	struct vz_rlink *link;
	struct vz_rlink_config config;
	struct vz_relay_limits limits;
	unsigned who;
	enum { REGISTER, CONNECT, CLAIM, LATER, IN_TURN } request;
	uint8_t match[VZ_MATCH_LEN];
	unsigned drop_in; /* 1 connected, 2 peer, 3 event, 4 ready, 5 ended */
	unsigned turns, pings;
	bool all_said, unwanted, connected, accepted, registered, offered, pong, over;
	uint8_t status; /* of the relay's close */
	char words[256];
	int err, sys_errno;
	enum vz_dial_step step;
	struct vz_conn *conn;
	bool ready, delivered;
	char first[64];
	size_t first_len;
	uint64_t sent, number, got;
	bool session_over;
	int session_err;
};

static struct vz_loop *loop;
static struct here_relay relay;
static struct client bob, claimer, alice;
static const bool *waits_for;
static uint8_t *bytes;

static void
happened(void)
{
	if (waits_for != NULL && *waits_for)
		vz_loop_stop(loop, 1);
}

/* The session. */

static void
send_more(void *arg, struct vz_conn *c)
{
	struct client *k = arg;
	struct vz_session *s = vz_conn_session(c);
	long n;

	if (k->who != ALICE || !vz_session_authenticated(s) || k->sent == SIZE)
		return;
	if (k->sent == 0)
		assert_int_equal(vz_session_open(s, VZ_KIND_SEND, 0, "", SIZE, &k->number), 0);
	n = vz_session_data(s, k->number, bytes + k->sent, SIZE - k->sent);
	assert_true(n >= 0);
	k->sent += (uint64_t)n;
	if (k->sent == SIZE)
		assert_int_equal(vz_session_end(s, k->number), 0);
}

static bool
session_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct client *k = arg;
	struct vz_session *s = vz_conn_session(c);

	switch (ev->type) {
	case VZ_EVENT_PEER: assert_int_equal(vz_session_accept(s, 3, 0), 0); break;
	case VZ_EVENT_DATA:
		assert_memory_equal(bytes + ev->offset, ev->bytes, ev->bytes_len);
		k->got += ev->bytes_len;
		assert_int_equal(vz_session_taken(s, ev->number, ev->bytes_len), 0);
		break;
	case VZ_EVENT_END:
		assert_int_equal(k->got, SIZE);
		assert_int_equal(vz_session_done(s, ev->number, 0, NULL), 0);
		break;
	case VZ_EVENT_DONE:
		k->delivered = ev->status == 0;
		vz_conn_close(c, 0, "", true);
		break;
	default: break;
	}
	happened();
	return true;
}

static void
session_ended(void *arg, struct vz_conn *c, int err, int sys_errno)
{
	struct client *k = arg;

	(void)c;
	(void)sys_errno;
	k->conn = NULL;
	k->session_over = true;
	k->session_err = err;
	happened();
}

static const struct vz_conn_handler session_handler = {
    .event = session_event, .turn = send_more, .ended = session_ended};

/* The link. */

static bool
drops(struct client *k, unsigned in)
{
	if (k->drop_in != in)
		return false;
	if (in != 5)
		vz_rlink_drop(k->link);
	k->link = NULL;
	k->over = true;
	happened();
	return true;
}

static void
on_connected(void *arg, struct vz_rlink *link)
{
	struct client *k = arg;

	assert_non_null(vz_rlink_client(link));
	k->connected = true;
	if (!drops(k, 1))
		happened();
}

static int
on_peer(void *arg, struct vz_rlink *link, const struct vz_bundle *peer)
{
	struct client *k = arg;
	struct vz_relay_client *c = vz_rlink_client(link);

	assert_true(vz_key_equal(&peer->identity, &wire_ids[RELAY]->bundle.identity));
	if (drops(k, 2) || k->unwanted)
		return -1;
	k->accepted = true;
	happened();
	switch (k->request) {
	case REGISTER: return vz_relay_client_register(c, 0);
	case CONNECT: return vz_relay_client_connect(c, &wire_ids[BOB]->bundle.identity);
	case CLAIM: return vz_relay_client_claim(c, k->match);
	default: return 0;
	}
}

static void
deafen(void)
{
	relay.deaf = true;
	vz_loop_want(loop, &relay.clients->watch, 0);
}

static void
on_event(void *arg, struct vz_rlink *link, const struct vz_relay_event *ev)
{
	struct client *k = arg;

	(void)link;
	if (drops(k, 3))
		return;
	switch (ev->type) {
	case VZ_RELAY_EVENT_REGISTERED:
		k->registered = true;
		if (k->request == IN_TURN)
			deafen();
		break;
	case VZ_RELAY_EVENT_OFFER:
		k->offered = true;
		memcpy(claimer.match, ev->match, VZ_MATCH_LEN);
		break;
	case VZ_RELAY_EVENT_PONG: k->pong = true; break;
	case VZ_RELAY_EVENT_CLOSE:
		k->status = ev->status;
		snprintf(
		    k->words, sizeof k->words, "%.*s", (int)ev->bytes_len, (const char *)ev->bytes);
		break;
	default: fail();
	}
	happened();
}

/* Each turn one thing more, as who has more to say than there was room for. */
static void
on_turn(void *arg, struct vz_rlink *link)
{
	struct client *k = arg;

	assert_true(k->accepted);
	if (k->request != IN_TURN)
		return;
	if (k->turns++ == 0)
		assert_int_equal(vz_relay_client_register(vz_rlink_client(link), 0), 0);
	else if (k->registered && k->pings < PINGS)
		assert_int_equal(vz_relay_client_ping(vz_rlink_client(link), k->pings++), 0);
	k->all_said = k->pings == PINGS;
	happened();
}

static void
on_ready(void *arg, struct vz_rlink *link, const struct vz_rlink_ready *r)
{
	struct client *k = arg;
	struct vz_conn_config c = {
	    .handler = &session_handler, .arg = k, .first = r->first, .first_len = r->first_len};

	if (drops(k, 4)) {
		close(r->fd);
		return;
	}
	k->link = NULL;
	k->ready = true;
	k->first_len = r->first_len;
	assert_true(r->first_len < sizeof k->first);
	if (r->first_len > 0)
		memcpy(k->first, r->first, r->first_len);
	assert_true((fcntl(r->fd, F_GETFL) & O_NONBLOCK) != 0);
	vz_session_defaults(&c.session);
	c.session.channel = k->config.channel;
	c.session.channel.initiator = k->who == ALICE;
	c.session.channel.service = VZ_SERVICE_MESSAGES;
	c.session.channel.responder = wire_ids[BOB]->bundle.identity;
	assert_int_equal(vz_relay_client_path(vz_rlink_client(link), &c.session.channel), 0);
	assert_true(c.session.channel.relayed);
	assert_int_equal(vz_conn_new(loop, r->fd, &c, &k->conn), 0);
	happened();
}

static void
on_ended(void *arg, struct vz_rlink *link, int err, int sys_errno, enum vz_dial_step step)
{
	struct client *k = arg;

	(void)link;
	assert_false(k->over);
	k->link = NULL;
	k->over = true;
	k->err = err;
	k->sys_errno = sys_errno;
	k->step = step;
	if (!drops(k, 5))
		happened();
}

static const struct vz_rlink_handler handler = {.connected = on_connected,
    .peer = on_peer,
    .event = on_event,
    .turn = on_turn,
    .ready = on_ready,
    .ended = on_ended};

static void
prepare(struct client *k, unsigned who, int request)
{
	k->who = who;
	k->request = (unsigned)request;
	vz_relay_limits_default(&k->limits);
	k->config = (struct vz_rlink_config){.at = relay.at,
	    .channel = {.initiator = true,
		.self = wire_ids[who],
		.responder = wire_ids[RELAY]->bundle.identity},
	    .limits = &k->limits,
	    .handler = &handler,
	    .arg = k};
	randombytes_buf(k->config.channel.random, sizeof k->config.channel.random);
}

static void
dial(struct client *k)
{
	assert_int_equal(vz_rlink_new(loop, &k->config, &k->link), 0);
}

static void
until(const bool *what)
{
	waits_for = what;
	if (!*what)
		assert_int_equal(vz_loop_run(loop), 1);
	waits_for = NULL;
}

static void
a_little_later(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 1);
}

static void
run_a_little(void)
{
	struct vz_timer t = {.fn = a_little_later};

	assert_int_equal(vz_timer_set(loop, &t, 1), 0);
	assert_int_equal(vz_loop_run(loop), 1);
	vz_timer_stop(loop, &t);
}

static void
begin(void)
{
	memset(&relay, 0, sizeof relay);
	memset(&bob, 0, sizeof bob);
	memset(&claimer, 0, sizeof claimer);
	memset(&alice, 0, sizeof alice);
	assert_int_equal(vz_loop_new(&loop), 0);
	here_relay_begin(&relay, loop, wire_ids[RELAY]);
	prepare(&bob, BOB, REGISTER);
	prepare(&claimer, BOB, CLAIM);
	prepare(&alice, ALICE, CONNECT);
}

static void
end(void)
{
	struct client *all[] = {&bob, &claimer, &alice};

	for (unsigned i = 0; i < 3; i++) {
		vz_rlink_drop(all[i]->link);
		vz_conn_drop(all[i]->conn);
	}
	here_relay_end(&relay);
	vz_loop_free(loop);
}

/* Bob is there, and Alice's request has reached him. */
static void
meet(void)
{
	dial(&bob);
	until(&bob.registered);
	dial(&alice);
	until(&bob.offered);
	prepare(&claimer, BOB, CLAIM);
}

static void
two_hosts_meet_at_a_relay_and_a_message_is_delivered(void **unused)
{
	(void)unused;
	begin();
	meet();
	dial(&claimer);
	until(&alice.session_over);
	until(&claimer.session_over);
	assert_true(alice.delivered);
	assert_int_equal(alice.session_err, 0);
	assert_int_equal(claimer.session_err, 0);
	assert_int_equal(claimer.got, SIZE);
	assert_true(relay.moved > SIZE);
	assert_non_null(bob.link);
	end();
}

static void
what_came_with_ready_is_the_session_s(void **unused)
{
	(void)unused;
	begin();
	relay.behind_ready = "what no other host would say";
	meet();
	dial(&claimer);
	until(&claimer.ready);
	until(&alice.session_over);
	assert_int_equal(alice.first_len, strlen(relay.behind_ready));
	assert_memory_equal(alice.first, relay.behind_ready, alice.first_len);
	assert_int_equal(alice.session_err, VZ_EFORMAT);
	assert_false(alice.delivered);
	end();
}

/* The first n bytes of what the sender says first have been read before; the rest is in the socket.
 */
static void
hand_over_after(size_t n)
{
	struct vz_conn_config c = {.handler = &session_handler, .arg = &claimer};
	struct vz_session_config to;
	struct vz_session *s;
	const uint8_t *p;
	size_t len;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	memset(&to, 0, sizeof to);
	vz_session_defaults(&to);
	to.channel = claimer.config.channel;
	to.channel.service = VZ_SERVICE_MESSAGES;
	to.channel.responder = wire_ids[BOB]->bundle.identity;
	c.session = to;
	to.channel.self = wire_ids[ALICE];
	c.session.channel.initiator = false;
	assert_int_equal(vz_session_new(&s, &to), 0);
	p = vz_session_out(s, &len);
	assert_true(n <= len);
	c.first = p;
	c.first_len = n;
	assert_int_equal(write(fd[1], p + n, len - n), len - n);
	assert_int_equal(vz_conn_new(loop, fd[0], &c, &claimer.conn), 0);
	while (!vz_session_begun(vz_conn_session(claimer.conn)))
		assert_true(vz_conn_look(claimer.conn));
	vz_conn_drop(claimer.conn);
	claimer.conn = NULL;
	vz_session_free(s);
	close(fd[1]);
}

static void
a_session_begins_with_what_was_read_before_however_much_that_is(void **unused)
{
	(void)unused;
	begin();
	for (size_t n = 0; n <= 50; n++)
		hand_over_after(n);
	end();
}

static void
more_than_a_session_reads_at_once_is_given_to_it_in_pieces(void **unused)
{
	struct vz_conn_config c = {.handler = &session_handler, .arg = &claimer};
	static uint8_t junk[300000];
	int fd[2];

	(void)unused;
	begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	vz_session_defaults(&c.session);
	c.session.channel = claimer.config.channel;
	c.session.channel.initiator = false;
	c.session.channel.service = VZ_SERVICE_MESSAGES;
	c.session.channel.responder = wire_ids[BOB]->bundle.identity;
	c.session.handshake_ms = 50;
	c.first = junk;
	c.first_len = sizeof junk;
	assert_int_equal(vz_conn_new(loop, fd[0], &c, &claimer.conn), 0);
	until(&claimer.session_over);
	assert_int_equal(claimer.session_err, VZ_EFORMAT);
	close(fd[1]);
	end();
}

/* Failures. */

static void
assert_over(const struct client *k, int err, enum vz_dial_step step)
{
	assert_true(k->over);
	assert_int_equal(k->err, err);
	assert_int_equal(k->step, step);
	assert_false(k->ready);
}

static void
where_nobody_is_the_step_and_the_reason_are_told(void **unused)
{
	(void)unused;
	begin();
	here_relay_end(&relay);
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, VZ_ESYSTEM, VZ_DIAL_CONNECT);
	assert_int_equal(alice.sys_errno, ECONNREFUSED);
	assert_false(alice.connected);
	end();
}

static void
a_relay_that_says_nothing_is_waited_for_no_longer_than_allowed(void **unused)
{
	(void)unused;
	begin();
	relay.deaf = true;
	alice.limits.handshake_ms = 30;
	dial(&alice);
	until(&alice.over);
	assert_true(alice.connected);
	assert_over(&alice, VZ_ETIMEOUT, VZ_DIAL_CONNECTED);
	end();
}

static void
so_is_one_that_does_not_answer_a_request(void **unused)
{
	(void)unused;
	begin();
	relay.answers_nothing = true;
	alice.limits.ready_ms = 30;
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, VZ_ETIMEOUT, VZ_DIAL_CONNECTED);
	assert_int_equal(relay.requests, 1);
	end();
}

static void
one_that_hangs_up_is_told_from_one_that_refuses(void **unused)
{
	(void)unused;
	begin();
	relay.hangs_up = true;
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, VZ_ECUT, VZ_DIAL_CONNECTED);
	relay.hangs_up = false;
	memset(&alice, 0, sizeof alice);
	prepare(&alice, ALICE, CONNECT);
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, 0, VZ_DIAL_CONNECTED);
	assert_int_equal(alice.status, 69);
	assert_string_equal(alice.words, "no such listener is registered here");
	relay.refuses = true;
	memset(&alice, 0, sizeof alice);
	prepare(&alice, ALICE, CONNECT);
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, 0, VZ_DIAL_CONNECTED);
	assert_int_equal(alice.status, 77);
	assert_string_equal(alice.words, "not today");
	end();
}

static void
a_relay_with_another_key_learns_nothing_and_gives_no_answer(void **unused)
{
	(void)unused;
	begin();
	alice.config.channel.responder = wire_ids[BOB]->bundle.identity;
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, VZ_ECUT, VZ_DIAL_CONNECTED);
	assert_int_equal(relay.requests, 0);
	end();
}

static void
a_relay_that_is_not_wanted_does_not_learn_who_called(void **unused)
{
	(void)unused;
	begin();
	alice.unwanted = true;
	dial(&alice);
	until(&alice.over);
	assert_over(&alice, VZ_EDENIED, VZ_DIAL_CONNECTED);
	assert_int_equal(relay.accepted, 1);
	assert_null(vz_relay_serve_peer(relay.clients->live.serve));
	assert_int_equal(relay.requests, 0);
	end();
}

static void
a_registration_that_the_relay_leaves_is_cut(void **unused)
{
	(void)unused;
	begin();
	dial(&bob);
	until(&bob.registered);
	assert_false(bob.over);
	here_relay_end(&relay);
	until(&bob.over);
	assert_over(&bob, VZ_ECUT, VZ_DIAL_CONNECTED);
	end();
}

static void
a_registration_whose_relay_falls_silent_is_over_in_time(void **unused)
{
	(void)unused;
	begin();
	bob.limits.keepalive_ms = 20;
	bob.limits.dead_ms = 60;
	dial(&bob);
	until(&bob.registered);
	deafen();
	until(&bob.over);
	assert_over(&bob, VZ_ETIMEOUT, VZ_DIAL_CONNECTED);
	end();
}

static void
what_is_said_outside_of_a_handler_goes_out_by_a_kick(void **unused)
{
	(void)unused;
	begin();
	bob.request = LATER;
	dial(&bob);
	until(&bob.accepted);
	assert_int_equal(vz_relay_client_register(vz_rlink_client(bob.link), 0), 0);
	vz_rlink_kick(bob.link);
	until(&bob.registered);
	assert_int_equal(vz_relay_client_ping(vz_rlink_client(bob.link), 7), 0);
	vz_rlink_kick(bob.link);
	until(&bob.pong);
	end();
}

static void
whatever_went_out_makes_room_to_say_more_though_nothing_comes(void **unused)
{
	(void)unused;
	begin();
	bob.request = IN_TURN;
	dial(&bob);
	until(&bob.all_said);
	end();
}

static void
a_goodbye_is_heard_and_ends_the_link_without_an_error(void **unused)
{
	(void)unused;
	begin();
	dial(&bob);
	until(&bob.registered);
	assert_int_equal(vz_match_listeners(relay.live.matches), 1);
	vz_rlink_close(bob.link, 0, "");
	until(&bob.over);
	assert_over(&bob, 0, VZ_DIAL_CONNECTED);
	assert_int_equal(vz_match_listeners(relay.live.matches), 0);
	/* Before there is anybody to hear it, too. */
	dial(&alice);
	vz_rlink_close(alice.link, 0, "");
	until(&alice.over);
	assert_over(&alice, 0, VZ_DIAL_CONNECTED);
	assert_false(alice.connected);
	end();
}

/* A relay that talks without end. */
static void
on_room_to_talk(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	static const uint8_t noise[4096];
	ssize_t n = send(w->fd, noise, sizeof noise, MSG_NOSIGNAL);

	(void)l;
	(void)got;
	if (n > 0)
		*(size_t *)w->arg += (size_t)n;
}

static void
a_relay_that_does_not_read_is_not_read_from_and_given_up(void **unused)
{
	struct vz_watch talk = {.fn = on_room_to_talk};
	struct vz_relay_client *c;
	int fd[2], small = 4096;
	size_t waiting, said = 0;

	(void)unused;
	begin();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	here_take(&relay, fd[1]);
	bob.config.stall_ms = 50;
	assert_int_equal(vz_rlink_over(loop, fd[0], &bob.config, &bob.link), 0);
	until(&bob.registered);
	c = vz_rlink_client(bob.link);
	deafen();
	do {
		assert_int_equal(vz_relay_client_ping(c, 1), 0);
		vz_relay_client_out(c, &waiting);
	} while (waiting < 2 * VZ_RELAY_OUT_STUCK_CLIENT);
	vz_rlink_kick(bob.link);
	assert_int_equal(vz_relay_serve_offer(relay.clients->live.serve, bob.match), 0);
	here_write(relay.clients);
	talk.fd = dup(fd[1]);
	talk.arg = &said;
	assert_int_equal(vz_loop_add(loop, &talk, VZ_WRITE), 0);
	until(&bob.over);
	assert_over(&bob, VZ_ETIMEOUT, VZ_DIAL_CONNECTED);
	assert_false(bob.offered);
	assert_true(said < 1024 * 1024);
	vz_loop_del(loop, &talk);
	close(talk.fd);
	end();
}

static void
an_answer_to_a_request_that_was_not_sent_is_none(void **unused)
{
	struct vz_relay_frame ready = {.type = VZ_RELAY_READY};

	(void)unused;
	begin();
	alice.request = LATER;
	dial(&alice);
	until(&alice.accepted);
	while (!vz_relay_serve_peer(relay.clients->live.serve))
		run_a_little();
	assert_int_equal(
	    vz_relay_client_connect(vz_rlink_client(alice.link), &wire_ids[BOB]->bundle.identity),
	    0);
	/* No honest relay can be made to say this: the frame goes past its rules, which begin with
	 * the link. */
	assert_int_equal(
	    vz_relay_link_put((struct vz_relay_link *)(void *)relay.clients->live.serve, &ready),
	    0);
	here_write(relay.clients);
	until(&alice.over);
	assert_over(&alice, VZ_EPROTO, VZ_DIAL_CONNECTED);
	end();
}

static void
an_owner_may_let_go_in_every_handler(void **unused)
{
	(void)unused;
	for (unsigned in = 1; in <= 5; in++) {
		begin();
		if (in == 4) {
			meet();
			claimer.drop_in = in;
			dial(&claimer);
			until(&claimer.over);
		} else {
			relay.hangs_up = in == 5;
			alice.drop_in = in;
			dial(&alice);
			until(&alice.over);
		}
		assert_null(in == 4 ? claimer.link : alice.link);
		end();
	}
}

static void
too_long(int signo)
{
	(void)signo;
	_exit(99);
}

static int
set_up(void **unused)
{
	(void)unused;
	signal(SIGALRM, too_long);
	alarm(30); /* less than a relay's silence is borne for: only its stalling ends that test */
	wire_setup();
	bytes = malloc(SIZE);
	for (size_t i = 0; bytes != NULL && i < SIZE; i++)
		bytes[i] = wire_byte(3, i);
	return bytes != NULL ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	free(bytes);
	wire_teardown();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_hosts_meet_at_a_relay_and_a_message_is_delivered),
	    cmocka_unit_test(what_came_with_ready_is_the_session_s),
	    cmocka_unit_test(a_session_begins_with_what_was_read_before_however_much_that_is),
	    cmocka_unit_test(more_than_a_session_reads_at_once_is_given_to_it_in_pieces),
	    cmocka_unit_test(where_nobody_is_the_step_and_the_reason_are_told),
	    cmocka_unit_test(a_relay_that_says_nothing_is_waited_for_no_longer_than_allowed),
	    cmocka_unit_test(so_is_one_that_does_not_answer_a_request),
	    cmocka_unit_test(one_that_hangs_up_is_told_from_one_that_refuses),
	    cmocka_unit_test(a_relay_with_another_key_learns_nothing_and_gives_no_answer),
	    cmocka_unit_test(a_relay_that_is_not_wanted_does_not_learn_who_called),
	    cmocka_unit_test(a_registration_that_the_relay_leaves_is_cut),
	    cmocka_unit_test(a_registration_whose_relay_falls_silent_is_over_in_time),
	    cmocka_unit_test(what_is_said_outside_of_a_handler_goes_out_by_a_kick),
	    cmocka_unit_test(whatever_went_out_makes_room_to_say_more_though_nothing_comes),
	    cmocka_unit_test(a_goodbye_is_heard_and_ends_the_link_without_an_error),
	    cmocka_unit_test(a_relay_that_does_not_read_is_not_read_from_and_given_up),
	    cmocka_unit_test(an_answer_to_a_request_that_was_not_sent_is_none),
	    cmocka_unit_test(an_owner_may_let_go_in_every_handler),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
