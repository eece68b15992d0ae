/*
 * A client that breaks the rules of the relay's service, and a relay that does: a bare channel says
 * whatever frames it likes.
 */
#include "tests/unit/heap.h"
#include "tests/unit/relay_bout.h"

/* Requests and answers of mailboxes. */
static bool
of_mailbox(uint8_t type)
{
	return (type >= VZ_RELAY_BUNDLE_WANTED && type <= VZ_RELAY_TAKEN) ||
	    (type >= VZ_RELAY_BUNDLE && type <= VZ_RELAY_REMOVED);
}

static void
a_frame_in_the_wrong_state_ends_the_connection_unheard(void **state)
{
	struct bout b;

	(void)state;
	for (unsigned stage = 0; stage < VZ_RELAY_RAW; stage++) {
		for (size_t i = 0; i < TYPES; i++) {
			int r;

			/* What these may say depends on what was asked: test_relay_mail. */
			if (of_mailbox(types[i]) &&
			    (stage == VZ_RELAY_CLIENT_MAIL || stage == VZ_RELAY_SERVE_MAIL))
				continue;
			reach(&b, (enum vz_relay_stage)stage);
			r = say(&b, types[i], 1);
			if (vz_relay_legal((enum vz_relay_stage)stage, types[i])) {
				assert_int_equal(r, 0);
			} else {
				assert_int_equal(r, VZ_EPROTO);
				assert_int_equal(b.events, 0);
				/* It is final. */
				assert_int_equal(say(&b, VZ_RELAY_PING, 1), VZ_EPROTO);
			}
			finish(&b);
		}
	}
}

/* The table itself, said a second time in other words. */
static void
each_side_hears_only_what_the_other_may_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		uint8_t t = types[i];
		bool request = t <= VZ_RELAY_TAKEN, alive = t >= VZ_RELAY_PING;
		bool answer = !request && !alive, mail = of_mailbox(t);

		for (unsigned s = VZ_RELAY_CLIENT_START; s <= VZ_RELAY_CLIENT_MAIL; s++)
			assert_false(request && vz_relay_legal((enum vz_relay_stage)s, t));
		for (unsigned s = VZ_RELAY_SERVE_START; s <= VZ_RELAY_RAW; s++)
			assert_false(answer && vz_relay_legal((enum vz_relay_stage)s, t));
		assert_int_equal(
		    vz_relay_legal(VZ_RELAY_SERVE_START, t), !answer && t != VZ_RELAY_PART);
		assert_int_equal(vz_relay_legal(VZ_RELAY_SERVE_REGISTERED, t), alive);
		assert_int_equal(
		    vz_relay_legal(VZ_RELAY_SERVE_MAIL, t), alive || (mail && request));
		assert_false(vz_relay_legal(VZ_RELAY_SERVE_WAITING, t));
		assert_false(vz_relay_legal(VZ_RELAY_RAW, t));
		assert_int_equal(vz_relay_legal(VZ_RELAY_CLIENT_REGISTERED, t),
		    alive || t == VZ_RELAY_OFFER || t == VZ_RELAY_MAIL);
		assert_int_equal(
		    vz_relay_legal(VZ_RELAY_CLIENT_MAIL, t), alive || (mail && answer));
	}
}

static void
a_flood_of_frames_that_carry_nothing_ends_it(void **state)
{
	static const uint8_t idle[] = {VZ_RELAY_PING, VZ_RELAY_PONG, VZ_RELAY_PADDING};
	struct bout b;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 2; k++) {
			reach(&b, k ? VZ_RELAY_SERVE_REGISTERED : VZ_RELAY_CLIENT_REGISTERED);
			b.now += 1000;
			assert_int_equal(say(&b, idle[i], 15), 0);
			b.now += 1000;
			assert_int_equal(say(&b, idle[i], 16), VZ_EPROTO);
			finish(&b);
		}
	}
}

/* Fifteen a second for an hour, never reading a pong. */
static void
pings_whose_answers_nobody_reads_take_no_more_memory(void **state)
{
	struct bout b;
	size_t n;

	(void)state;
	reach(&b, VZ_RELAY_SERVE_REGISTERED);
	for (unsigned i = 0; i < 3600; i++) {
		b.now += 1000;
		if (say(&b, VZ_RELAY_PING, 15) < 0)
			break;
		assert_int_equal(vz_relay_serve_flush(b.s, b.now), 0);
		vz_relay_serve_out(b.s, &n);
		assert_true(n <= VZ_RELAY_OUT_STUCK + 100);
		/* What is not read any more stays with the network. */
		if (n >= VZ_RELAY_OUT_STUCK)
			break;
	}
	assert_true(n >= VZ_RELAY_OUT_STUCK);
	finish(&b);
}

static void
more_than_one_request_in_a_record_is_refused(void **state)
{
	struct bout b;

	(void)state;
	for (uint8_t t = VZ_RELAY_REGISTER; t <= VZ_RELAY_CLAIM; t++) {
		reach(&b, VZ_RELAY_SERVE_START);
		assert_int_equal(say(&b, t, 2), VZ_EPROTO);
		finish(&b);
	}
}

static void
ready_for_another_match_than_the_one_claimed_or_opened_is_refused(void **state)
{
	static const uint8_t other[VZ_MATCH_LEN] = {5};
	struct vz_channel_config inner = {0};
	struct bout b;
	size_t n;

	(void)state;
	begin(&b, false);
	assert_int_equal(vz_relay_client_claim(b.c, other), 0);
	assert_int_equal(say(&b, VZ_RELAY_READY, 1), VZ_EPROTO);
	assert_int_equal(vz_relay_client_path(b.c, &inner), VZ_EINVAL);
	finish(&b);
	begin(&b, false);
	assert_int_equal(vz_relay_client_open(b.c, &client->bundle.identity, other, other, 1), 0);
	assert_int_equal(say(&b, VZ_RELAY_READY, 1), VZ_EPROTO);
	finish(&b);
	/* Nor may anything stand behind READY in its record. */
	begin(&b, false);
	assert_int_equal(vz_relay_client_connect(b.c, &client->bundle.identity), 0);
	assert_int_equal(say(&b, VZ_RELAY_READY, 2), VZ_EPROTO);
	finish(&b);
	/* What comes behind the record is the other host's. */
	begin(&b, false);
	assert_int_equal(vz_relay_client_connect(b.c, &client->bundle.identity), 0);
	assert_null(vz_relay_client_rest(b.c, &n));
	assert_int_equal(say(&b, VZ_RELAY_READY, 1), 0);
	assert_int_equal(vz_relay_client_path(b.c, &inner), 0);
	assert_true(inner.relayed && vz_key_equal(&inner.relay, &relay->bundle.identity));
	assert_int_equal(inner.match[0], 4);
	assert_null(vz_relay_client_space(b.c, &n));
	assert_int_equal(vz_relay_client_close(b.c, 0, ""), VZ_EINVAL);
	finish(&b);
}

static void
a_relay_s_status_never_says_more_than_a_relay_can_know(void **state)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_CLOSE};
	struct bout b;

	(void)state;
	for (unsigned status = 0; status < 256; status++) {
		bool fine = status == 0 || status == 65 || status == 69 || status == 71 ||
		    (status >= 75 && status <= 77);

		reach(&b, VZ_RELAY_CLIENT_WAITING);
		f.status = (uint8_t)status;
		assert_int_equal(say_frames(&b, &f, 1), 0);
		assert_int_equal(b.last.type, VZ_RELAY_EVENT_CLOSE);
		assert_int_equal(b.last.status, fine ? status : 76);
		finish(&b);
	}
	/* Nor is a refusal none. */
	f.type = VZ_RELAY_REFUSED;
	for (unsigned status = 0; status <= 80; status += 80) {
		reach(&b, VZ_RELAY_CLIENT_MAIL);
		f.status = (uint8_t)status;
		assert_int_equal(say_frames(&b, &f, 1), 0);
		assert_int_equal(b.last.type, VZ_RELAY_EVENT_REFUSED);
		assert_int_equal(b.last.status, 76);
		finish(&b);
	}
}

static void
the_relay_says_nothing_that_was_not_asked(void **state)
{
	static const uint8_t match[VZ_MATCH_LEN] = {4};
	struct bout b;

	(void)state;
	for (unsigned stage = VZ_RELAY_SERVE_START; stage < VZ_RELAY_RAW; stage++) {
		reach(&b, (enum vz_relay_stage)stage);
		assert_int_equal(vz_relay_serve_offer(b.s, match),
		    stage == VZ_RELAY_SERVE_REGISTERED ? 0 : VZ_EINVAL);
		assert_int_equal(vz_relay_serve_ready(b.s, match),
		    stage == VZ_RELAY_SERVE_WAITING ? 0 : VZ_EINVAL);
		assert_int_equal(vz_relay_serve_registered(b.s, 9),
		    stage == VZ_RELAY_SERVE_REGISTERING ? 0 : VZ_EINVAL);
		/* READY is the last. */
		if (stage == VZ_RELAY_SERVE_WAITING) {
			assert_true(vz_relay_serve_raw(b.s));
			assert_int_equal(vz_relay_serve_close(b.s, 75, "no"), VZ_EINVAL);
		}
		finish(&b);
	}
}

static void
a_silent_registration_is_pinged_and_then_given_up(void **state)
{
	struct bout b;

	(void)state;
	reach(&b, VZ_RELAY_SERVE_REGISTERED);
	assert_true(vz_relay_serve_deadline(b.s) <= 15000);
	assert_int_equal(vz_relay_serve_tick(b.s, 15000), 0);
	assert_true(to_evil(&b) > 0); /* a ping */
	assert_int_equal(vz_relay_serve_tick(b.s, 44999), 0);
	assert_int_equal(vz_relay_serve_tick(b.s, 45000), VZ_ETIMEOUT);
	finish(&b);
}

/* With both of its ends in this process. A sanitizer's malloc says nothing of itself. */
static void
an_idle_registration_takes_less_than_16_kib(void **state)
{
	static struct bout b[16];
	size_t before = heap_used(), after;

	(void)state;
	if (!HEAP_TELLS)
		skip();
	for (unsigned i = 0; i < 16; i++) {
		reach(&b[i], VZ_RELAY_SERVE_REGISTERED);
		assert_int_equal(vz_relay_serve_tick(b[i].s, 15000), 0);
		to_evil(&b[i]);
		assert_int_equal(vz_relay_serve_tick(b[i].s, 30000), 0);
		to_evil(&b[i]);
		vz_channel_trim(b[i].evil);
	}
	after = heap_used();
	assert_true(after - before < 16 * 16384);
	for (unsigned i = 0; i < 16; i++)
		finish(&b[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_frame_in_the_wrong_state_ends_the_connection_unheard),
	    cmocka_unit_test(each_side_hears_only_what_the_other_may_say),
	    cmocka_unit_test(a_flood_of_frames_that_carry_nothing_ends_it),
	    cmocka_unit_test(pings_whose_answers_nobody_reads_take_no_more_memory),
	    cmocka_unit_test(more_than_one_request_in_a_record_is_refused),
	    cmocka_unit_test(ready_for_another_match_than_the_one_claimed_or_opened_is_refused),
	    cmocka_unit_test(a_relay_s_status_never_says_more_than_a_relay_can_know),
	    cmocka_unit_test(the_relay_says_nothing_that_was_not_asked),
	    cmocka_unit_test(a_silent_registration_is_pinged_and_then_given_up),
	    cmocka_unit_test(an_idle_registration_takes_less_than_16_kib),
	};

	return cmocka_run_group_tests(tests, bout_setup, bout_teardown);
}
