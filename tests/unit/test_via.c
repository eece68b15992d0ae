/*
 * vz-send's own link through a relay (cmd/vz-send/via.h), over real sockets: what goes well, what
 * breaks and is mended, and each way in which it can fail.
 */
#include "link_world.h"
#include "relay_socket.h"

#include <fcntl.h>
#include "cmd/common/introduce.h"
#include "cmd/common/diag.h"
#include "net/rlink.h"

#define AGE       400000 /* bytes of a connection */
#define CLAIMS    32
#define COME_BACK 20 /* milliseconds, of a listener whose relay has gone */

/* wire_ids: 0 sends, 1 listens, 2 relays. */
#define RELAY 2

static struct here_relay relay;

/* The listener at the relay: one link that is registered, and one for each who wants in. */
static struct {
	struct vz_rlink *control, *claims[CLAIMS];
	unsigned n_claims;
	uint64_t number;
	struct vz_timer again;
	bool deaf;                /* to offers */
	bool stays_away;          /* it does not come back by itself */
	void (*registered)(void); /* called once it is */
} bob;

static void bob_registers(void);

static struct vz_rlink_config
bobs(const struct vz_rlink_handler *handler, void *arg)
{
	struct vz_rlink_config c = {.at = relay.at,
	    .channel = {.initiator = true,
		.self = wire_ids[1],
		.responder = wire_ids[RELAY]->bundle.identity},
	    .handler = handler,
	    .arg = arg};

	randombytes_buf(c.channel.random, sizeof c.channel.random);
	return c;
}

struct claim {
	uint8_t match[VZ_MATCH_LEN];
};
static struct claim claims[CLAIMS];

static int
claim_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *peer)
{
	(void)peer;
	return vz_relay_client_claim(vz_rlink_client(k), ((struct claim *)arg)->match);
}

static void
ignored(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	(void)arg;
	(void)k;
	(void)ev;
}

static void
claim_ready(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r)
{
	struct vz_conn_config c = {.first = r->first, .first_len = r->first_len};

	bob.claims[(struct claim *)arg - claims] = NULL;
	assert_int_equal(vz_relay_client_path(vz_rlink_client(k), &c.session.channel), 0);
	there_takes(r->fd, &c);
}

static void
claim_ended(void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step)
{
	(void)k;
	(void)err;
	(void)sys_errno;
	(void)step;
	bob.claims[(struct claim *)arg - claims] = NULL;
}

static const struct vz_rlink_handler claim_handler = {
    .peer = claim_peer, .event = ignored, .ready = claim_ready, .ended = claim_ended};

static int
control_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *peer)
{
	(void)arg;
	(void)peer;
	return vz_relay_client_register(vz_rlink_client(k), bob.number);
}

static void
control_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	struct vz_rlink_config c;

	(void)arg;
	(void)k;
	if (ev->type == VZ_RELAY_EVENT_REGISTERED) {
		bob.number = ev->number;
		if (bob.registered != NULL)
			bob.registered();
		bob.registered = NULL;
	} else if (ev->type == VZ_RELAY_EVENT_OFFER && !bob.deaf) {
		assert_true(bob.n_claims < CLAIMS);
		memcpy(claims[bob.n_claims].match, ev->match, VZ_MATCH_LEN);
		c = bobs(&claim_handler, &claims[bob.n_claims]);
		assert_int_equal(vz_rlink_new(there.loop, &c, &bob.claims[bob.n_claims++]), 0);
	}
}

static void
come_back(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	(void)t;
	bob_registers();
}

static void
control_ended(void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step)
{
	(void)arg;
	(void)k;
	(void)err;
	(void)sys_errno;
	(void)step;
	bob.control = NULL;
	bob.again = (struct vz_timer){.fn = come_back};
	if (!bob.stays_away)
		assert_int_equal(vz_timer_set(there.loop, &bob.again, COME_BACK), 0);
}

static const struct vz_rlink_handler control_handler = {
    .peer = control_peer, .event = control_event, .ended = control_ended};

static void
bob_registers(void)
{
	struct vz_rlink_config c = bobs(&control_handler, NULL);

	assert_int_equal(vz_rlink_new(there.loop, &c, &bob.control), 0);
}

/* What the sender says on its stderr. */
static int saved_stderr;
static char said[8192];

static void
words_begin(void)
{
	int fd =
	    open(tempdir_path(&there.tmp, "err"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	saved_stderr = dup(2);
	assert_true(dup2(fd, 2) == 2);
	close(fd);
}

static void
words_end(void)
{
	ssize_t n = pread(2, said, sizeof said - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	dup2(saved_stderr, 2);
	close(saved_stderr);
}

static struct vz_address to;

static void
begin(void)
{
	memset(&relay, 0, sizeof relay);
	memset(&bob, 0, sizeof bob);
	link_world_begin(true);
	here_relay_begin(&relay, there.loop, wire_ids[RELAY]);
	to = (struct vz_address){.key = wire_ids[1]->bundle.identity,
	    .at = relay.at,
	    .relayed = true,
	    .relay_key = wire_ids[RELAY]->bundle.identity};
	diag_init("vz-send", 1, false);
	words_begin();
}

static void
end(void)
{
	link_world_end();
	vz_rlink_drop(bob.control);
	for (unsigned i = 0; i < CLAIMS; i++)
		vz_rlink_drop(bob.claims[i]);
	vz_timer_stop(there.loop, &bob.again);
	here_relay_end(&relay);
	vz_loop_free(there.loop);
}

static void
call(void)
{
	link_world_call(&to, UINT64_MAX);
}

static void
call_and_get_old(void)
{
	link_world_call(&to, AGE);
}

/* Bob first, then the call; until all is over. */
static void
run_with_bob(void (*calls)(void))
{
	bob.registered = calls;
	bob_registers();
	link_world_run();
	words_end();
}

static void
assert_said(const char *words)
{
	if (strstr(said, words) == NULL)
		fail_msg("not said: %s\nbut: %s", words, said);
}

static void
the_way_is_told_step_by_step_and_a_message_is_delivered(void **unused)
{
	(void)unused;
	begin();
	run_with_bob(call);
	assert_delivered_once();
	assert_string_equal(here.steps, "crmaR");
	assert_int_equal(relay.openings, 1);
	assert_true(relay.moved > SIZE);
	assert_said("connected to the relay of there\n");
	assert_said("the relay is vz1");
	assert_said("there has come to the relay\n");
	assert_said("authenticated vz1");
	end();
}

/* Breaks. */

static struct vz_timer restart;

static void
relay_comes_back(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	here_relay_begin(&relay, l, wire_ids[RELAY]);
}

static void
relay_is_killed(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	here_relay_end(&relay);
	restart = (struct vz_timer){.fn = relay_comes_back};
	assert_int_equal(vz_timer_set(there.loop, t, 50), 0);
	t->fn = relay_comes_back;
}

/* A third of it has come. */
static void
kill_the_relay(void)
{
	if (there.got < SIZE / 3)
		return;
	there.got_some = NULL;
	restart = (struct vz_timer){.fn = relay_is_killed};
	assert_int_equal(vz_timer_set(there.loop, &restart, 0), 0);
}

static void
a_relay_that_is_killed_in_mid_stream_and_comes_back_is_a_break_that_is_mended(void **unused)
{
	(void)unused;
	begin();
	there.got_some = kill_the_relay;
	run_with_bob(call);
	assert_delivered_once();
	assert_true(here.link.was_lost);
	assert_true(here.taken_up >= 1);
	assert_true(there.accepted >= 2);
	assert_int_equal(relay.openings, 1);
	assert_said("resumed\n");
	end();
}

static void
bob_comes_late(struct vz_loop *l, struct vz_timer *t)
{
	/* Only once the sender has asked in vain. */
	if (relay.requests < 2)
		assert_int_equal(vz_timer_set(l, t, 10), 0);
	else
		bob_registers();
}

static void
bob_is_lost_for_good(void)
{
	if (there.got < SIZE / 3)
		return;
	there.got_some = NULL;
	bob.stays_away = true;
	relay.requests = 0;
	shutdown(vz_conn_fd(there.conn), SHUT_RDWR);
	vz_rlink_close(bob.control, 0, "");
}

static void
bob_is_lost(void)
{
	if (there.got < SIZE / 3)
		return;
	bob_is_lost_for_good();
	restart = (struct vz_timer){.fn = bob_comes_late};
	assert_int_equal(vz_timer_set(there.loop, &restart, 10), 0);
}

static void
a_listener_that_is_not_back_at_the_relay_yet_is_waited_for(void **unused)
{
	(void)unused;
	begin();
	there.got_some = bob_is_lost;
	run_with_bob(call);
	assert_delivered_once();
	assert_said("not registered at the relay; trying again");
	assert_said("resumed\n");
	end();
}

static void
one_that_stays_away_is_given_up_when_the_time_is_over(void **unused)
{
	(void)unused;
	begin();
	here.options.retry_ms = 300;
	there.got_some = bob_is_lost_for_good;
	bob.registered = call;
	bob_registers();
	link_world_run();
	words_end();
	assert_int_equal(here.over, 75);
	assert_false(there.delivered);
	assert_said("tried again in vain for as long as --retry-for allows");
	end();
}

static void
a_first_call_waits_for_the_listener_only_when_it_is_told_to(void **unused)
{
	(void)unused;
	begin();
	call();
	link_world_run();
	words_end();
	assert_int_equal(here.over, 69);
	assert_said("vz-send: there: not registered at the relay\n");
	assert_said("vz-send: hint: is vz-listen running there, with the relay as its address?\n");
	end();

	begin();
	here.options.retry_given = true;
	restart = (struct vz_timer){.fn = bob_comes_late};
	assert_int_equal(vz_timer_set(there.loop, &restart, 10), 0);
	call();
	link_world_run();
	words_end();
	assert_delivered_once();
	end();
}

static void
an_old_connection_is_left_for_another_one_through_the_relay_without_a_break(void **unused)
{
	(void)unused;
	begin();
	here.pauses = true;
	run_with_bob(call_and_get_old);
	assert_delivered_once();
	assert_true(there.accepted >= 2);
	assert_int_equal(here.ready, there.accepted);
	assert_int_equal(there.cut, 0);
	assert_false(here.link.was_lost);
	assert_said("renewed\n");
	end();
}

static void
leave_the_relay(void)
{
	bob.stays_away = true;
	vz_rlink_close(bob.control, 0, "");
}

/* What was matched goes on without a registration. */
static void
where_the_relay_has_nobody_any_more_the_old_connection_goes_on(void **unused)
{
	(void)unused;
	begin();
	there.last = 1;
	there.no_more = leave_the_relay;
	run_with_bob(call_and_get_old);
	assert_delivered_once();
	assert_int_equal(there.accepted, 1);
	assert_int_equal(there.cut, 0);
	assert_said("another connection is not to be had yet: not registered at the relay\n");
	end();
}

/* Failures: what is wrong, the status, the words. */

static void
fails_with(int status, const char *words, const char *hint)
{
	words_end();
	assert_int_equal(here.over, status);
	assert_false(there.delivered);
	assert_said(words);
	if (hint != NULL)
		assert_said(hint);
	end();
}

static void
fails(int status, const char *words, const char *hint)
{
	link_world_run();
	fails_with(status, words, hint);
}

static void
nobody_where_the_relay_should_be_is_69(void **unused)
{
	(void)unused;
	begin();
	here_relay_end(&relay);
	call();
	fails(69, "vz-send: there: the relay is not there: connection refused\n",
	    "vz-send: hint: is vz-relay running there?\n");
}

static void
no_relay_there_or_another_key_is_76(void **unused)
{
	(void)unused;
	begin();
	to.relay_key = to.key;
	call();
	fails(76, "vz-send: there: the relay: connected, but no valid answer\n",
	    "vz-send: hint: not vz-relay, or another key than this one\n");
	begin();
	relay.deaf = true;
	here.options.common.wait_ms = 50;
	call();
	fails(76, "vz-send: there: the relay: connected, but no answer in time\n", NULL);
}

/* Five times it may have been a crowd, where room is made for others; --retry-for changes nothing.
 */
static void
what_is_no_relay_is_not_called_for_ever(void **unused)
{
	(void)unused;
	begin();
	to.relay_key = to.key;
	here.options.retry_given = true;
	call();
	link_world_run();
	assert_int_equal(relay.accepted, 6);
	fails_with(76, "vz-send: there: the relay: connected, but no valid answer\n", NULL);
}

static void
a_relay_that_refuses_us_is_77_and_its_operator_s_line_is_told(void **unused)
{
	char line[INTRODUCE_LINE], hint[256];

	(void)unused;
	introduce_line(wire_ids[0], line);
	snprintf(hint, sizeof hint,
	    "vz-send: hint: its operator has to add the right connect to this host's line in the "
	    "relay's authorized file, that of %s\n",
	    line);
	begin();
	relay.may = VZ_RELAY_MAY_REGISTER;
	call();
	fails(77, "vz-send: there: refused by the relay: this key may not connect here\n", hint);
	snprintf(hint, sizeof hint,
	    "vz-send: hint: its operator has to add this line to the relay's authorized file: "
	    "connect %s\n",
	    line);
	begin();
	relay.refuses = true;
	call();
	fails(77, "vz-send: there: refused by the relay: not today\n", hint);
}

static void
a_relay_whose_key_is_revoked_or_whose_session_keys_are_old_is_77(void **unused)
{
	struct vz_identity *newer;
	char key[VZ_KEY_TEXT];
	uint8_t random[96];
	unsigned line;

	(void)unused;
	begin();
	vz_key_format(&to.relay_key, key);
	assert_int_equal(tempdir_write(&there.tmp, "revoked", 0600, key, strlen(key)), 0);
	assert_int_equal(
	    vz_acl_load_revoked(here.me.acl, tempdir_path(&there.tmp, "revoked"), &line), 0);
	call();
	fails(77, "vz-send: there: the relay: its key is on this host's revoked list\n", NULL);
	assert_int_equal(relay.requests, 0);
	/* The same identity, whose newer bundle has been seen. */
	for (unsigned k = 0; k < sizeof random; k++)
		random[k] = (uint8_t)(k * 7 + RELAY * 31 + 1);
	newer = vz_identity_new();
	assert_int_equal(vz_identity_make(newer, random, 1000, "test"), 0);
	assert_true(vz_key_equal(&newer->bundle.identity, &wire_ids[RELAY]->bundle.identity));
	begin();
	relay.id = newer;
	call();
	fails(69, "not registered at the relay\n", NULL);
	begin();
	call();
	fails(77, "vz-send: there: the relay: its session keys are older than ones seen before\n",
	    "stolen backup");
	vz_identity_free(newer);
	tempdir_remove(&there.tmp);
	assert_int_equal(tempdir_make(&there.tmp), 0);
}

static void
a_relay_that_goes_or_does_not_answer_is_75(void **unused)
{
	(void)unused;
	begin();
	relay.hangs_up = true;
	call();
	fails(75, "vz-send: there: the relay went away\n", NULL);
	begin();
	relay.answers_nothing = true;
	here.options.common.wait_ms = 1000;
	call();
	fails(75, "vz-send: there: it did not come to the relay in time\n", NULL);
}

static void
a_listener_that_does_not_come_is_75(void **unused)
{
	(void)unused;
	begin();
	here_relay_end(&relay);
	relay.ttl_ms = 50;
	here_relay_begin(&relay, there.loop, wire_ids[RELAY]);
	bob.registered = call;
	bob.deaf = true;
	bob_registers();
	fails(
	    75, "vz-send: there: the relay: try again later: the listener did not answer\n", NULL);
}

static void
another_pre_shared_key_is_76_as_without_a_relay(void **unused)
{
	static uint8_t psk[1][VZ_PSK_LEN] = {{9}};

	(void)unused;
	begin();
	here.me.psk = psk;
	here.me.psks = 1;
	here.options.common.wait_ms = 1000;
	bob.registered = call;
	bob_registers();
	fails(76, "vz-send: there: connected, but no answer in time\n",
	    "vz-send: hint: another pre-shared key than this one, or a relay");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_way_is_told_step_by_step_and_a_message_is_delivered),
	    cmocka_unit_test(
		a_relay_that_is_killed_in_mid_stream_and_comes_back_is_a_break_that_is_mended),
	    cmocka_unit_test(a_listener_that_is_not_back_at_the_relay_yet_is_waited_for),
	    cmocka_unit_test(one_that_stays_away_is_given_up_when_the_time_is_over),
	    cmocka_unit_test(a_first_call_waits_for_the_listener_only_when_it_is_told_to),
	    cmocka_unit_test(
		an_old_connection_is_left_for_another_one_through_the_relay_without_a_break),
	    cmocka_unit_test(where_the_relay_has_nobody_any_more_the_old_connection_goes_on),
	    cmocka_unit_test(nobody_where_the_relay_should_be_is_69),
	    cmocka_unit_test(no_relay_there_or_another_key_is_76),
	    cmocka_unit_test(what_is_no_relay_is_not_called_for_ever),
	    cmocka_unit_test(a_relay_that_refuses_us_is_77_and_its_operator_s_line_is_told),
	    cmocka_unit_test(a_relay_whose_key_is_revoked_or_whose_session_keys_are_old_is_77),
	    cmocka_unit_test(a_relay_that_goes_or_does_not_answer_is_75),
	    cmocka_unit_test(a_listener_that_does_not_come_is_75),
	    cmocka_unit_test(another_pre_shared_key_is_76_as_without_a_relay),
	};

	return cmocka_run_group_tests(tests, link_world_setup, link_world_teardown);
}
