/*
 * A client that breaks the rules of the relay's service, and a relay that does: a bare channel says
 * whatever frames it likes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <malloc.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "wire/relay_serve.h"

static struct vz_identity *client, *relay;

struct bout {
	struct vz_channel *evil;
	struct vz_relay_serve *s;  /* or */
	struct vz_relay_client *c; /* this */
	struct vz_relay_event last;
	unsigned events;
	uint64_t now;
};

static int
setup(void **state)
{
	uint8_t random[96];

	(void)state;
	assert_int_equal(vz_secret_init(), 0);
	for (unsigned i = 0; i < 96; i++)
		random[i] = (uint8_t)(i + 1);
	client = vz_identity_new();
	assert_int_equal(vz_identity_make(client, random, 1, ""), 0);
	random[0] ^= 1, random[40] ^= 1;
	relay = vz_identity_new();
	assert_int_equal(vz_identity_make(relay, random, 1, ""), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	vz_identity_free(client);
	vz_identity_free(relay);
	return 0;
}

/* Evil's output to the honest side; gives its error. */
static int
to_honest(struct bout *b)
{
	struct vz_relay_event ev;
	size_t n, room;
	const uint8_t *out;
	uint8_t *p;
	int r = 0;

	while (out = vz_channel_out(b->evil, &n), n > 0) {
		p = b->s != NULL ? vz_relay_serve_space(b->s, &room)
				 : vz_relay_client_space(b->c, &room);
		if (p == NULL)
			return 0; /* after READY nobody listens here */
		n = n < room ? n : room;
		memcpy(p, out, n);
		vz_channel_sent(b->evil, n);
		if (b->s != NULL)
			vz_relay_serve_fed(b->s, n, b->now);
		else
			vz_relay_client_fed(b->c, n, b->now);
		while ((r = b->s != NULL ? vz_relay_serve_next(b->s, &ev)
					 : vz_relay_client_next(b->c, &ev)) > 0) {
			b->last = ev;
			b->events++;
			if (ev.type != VZ_RELAY_EVENT_PEER)
				continue;
			r = b->s != NULL ? vz_relay_serve_accept(b->s, 3)
					 : vz_relay_client_accept(b->c);
			assert_int_equal(r, 0);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* And back; how many bytes. */
static size_t
to_evil(struct bout *b)
{
	const uint8_t *out, *plain;
	size_t n, room, len, all = 0;
	uint8_t *p;

	for (;;) {
		out = b->s != NULL ? vz_relay_serve_out(b->s, &n) : vz_relay_client_out(b->c, &n);
		if (n == 0)
			return all;
		p = vz_channel_space(b->evil, &room);
		n = n < room ? n : room;
		memcpy(p, out, n);
		if (b->s != NULL)
			vz_relay_serve_sent(b->s, n, b->now);
		else
			vz_relay_client_sent(b->c, n, b->now);
		vz_channel_fed(b->evil, n);
		all += n;
		while (vz_channel_next(b->evil, &plain, &len) > 0)
			if (!vz_channel_open(b->evil))
				assert_int_equal(vz_channel_accept(b->evil), 0);
	}
}

/* Through the handshake; evil is the client when an honest relay is fought. */
static void
begin(struct bout *b, bool evil_client)
{
	struct vz_channel_config evil = {.service = VZ_SERVICE_RELAY}, own;
	struct vz_relay_limits l;

	memset(b, 0, sizeof *b);
	vz_relay_limits_default(&l);
	evil.responder = relay->bundle.identity;
	evil.random[0] = 1;
	own = evil;
	own.random[0] = 2;
	evil.initiator = evil_client;
	own.initiator = !evil_client;
	evil.self = evil_client ? client : relay;
	own.self = evil_client ? relay : client;
	assert_int_equal(vz_channel_new(&b->evil, &evil), 0);
	if (evil_client)
		assert_int_equal(vz_relay_serve_new(&b->s, &own, &l, 0), 0);
	else
		assert_int_equal(vz_relay_client_new(&b->c, &own, &l, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		to_evil(b);
		assert_int_equal(to_honest(b), 0);
	}
	to_evil(b);
	assert_true(vz_channel_open(b->evil));
	assert_int_equal(b->events, 1);
}

static void
finish(struct bout *b)
{
	vz_channel_free(b->evil);
	vz_relay_serve_free(b->s);
	vz_relay_client_free(b->c);
}

/* Evil says one frame, and this many times in one record. */
static int
say(struct bout *b, uint8_t type, unsigned times)
{
	struct vz_relay_frame f = {.type = type, .number = 1, .match = {4}};
	struct vz_buf out;

	vz_buf_init(&out, VZ_RECORD_PLAIN_MAX);
	while (times-- > 0)
		assert_int_equal(vz_relay_frame_put(&out, &f), 0);
	assert_int_equal(vz_channel_put(b->evil, vz_buf_ptr(&out), out.len, NULL, 0), 0);
	vz_buf_free(&out);
	return to_honest(b);
}

static const uint8_t types[] = {VZ_RELAY_REGISTER, VZ_RELAY_CONNECT, VZ_RELAY_CLAIM,
    VZ_RELAY_REGISTERED, VZ_RELAY_OFFER, VZ_RELAY_READY, VZ_RELAY_PING, VZ_RELAY_PONG,
    VZ_RELAY_CLOSE, VZ_RELAY_PADDING};
#define TYPES (sizeof types / sizeof types[0])

/* Brings both sides to a stage. */
static void
reach(struct bout *b, enum vz_relay_stage stage)
{
	static const uint8_t match[VZ_MATCH_LEN] = {4};

	begin(b, stage >= VZ_RELAY_SERVE_START);
	switch (stage) {
	case VZ_RELAY_CLIENT_REGISTERING:
	case VZ_RELAY_CLIENT_REGISTERED:
		assert_int_equal(vz_relay_client_register(b->c, 0), 0);
		if (stage == VZ_RELAY_CLIENT_REGISTERED)
			assert_int_equal(say(b, VZ_RELAY_REGISTERED, 1), 0);
		break;
	case VZ_RELAY_CLIENT_WAITING:
		assert_int_equal(vz_relay_client_claim(b->c, match), 0);
		break;
	case VZ_RELAY_SERVE_REGISTERING:
	case VZ_RELAY_SERVE_REGISTERED:
		assert_int_equal(say(b, VZ_RELAY_REGISTER, 1), 0);
		if (stage == VZ_RELAY_SERVE_REGISTERED)
			assert_int_equal(vz_relay_serve_registered(b->s, 5), 0);
		break;
	case VZ_RELAY_SERVE_WAITING: assert_int_equal(say(b, VZ_RELAY_CLAIM, 1), 0); break;
	default: break;
	}
	to_evil(b);
	b->events = 0;
}

static void
a_frame_in_the_wrong_state_ends_the_connection_unheard(void **state)
{
	struct bout b;

	(void)state;
	for (unsigned stage = 0; stage < VZ_RELAY_RAW; stage++) {
		for (size_t i = 0; i < TYPES; i++) {
			int r;

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
		bool request = t <= VZ_RELAY_CLAIM, answer = !request && t <= VZ_RELAY_READY;

		for (unsigned s = VZ_RELAY_CLIENT_START; s <= VZ_RELAY_CLIENT_WAITING; s++)
			assert_false(request && vz_relay_legal((enum vz_relay_stage)s, t));
		for (unsigned s = VZ_RELAY_SERVE_START; s <= VZ_RELAY_RAW; s++)
			assert_false(answer && vz_relay_legal((enum vz_relay_stage)s, t));
		assert_int_equal(vz_relay_legal(VZ_RELAY_SERVE_START, t), !answer);
		assert_int_equal(vz_relay_legal(VZ_RELAY_SERVE_REGISTERED, t), !request && !answer);
		assert_false(vz_relay_legal(VZ_RELAY_SERVE_WAITING, t));
		assert_false(vz_relay_legal(VZ_RELAY_RAW, t));
		assert_int_equal(vz_relay_legal(VZ_RELAY_CLIENT_REGISTERED, t),
		    (!request && !answer) || t == VZ_RELAY_OFFER);
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
ready_for_another_match_than_the_one_claimed_is_refused(void **state)
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
	size_t before = mallinfo2().uordblks, after;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		reach(&b[i], VZ_RELAY_SERVE_REGISTERED);
		assert_int_equal(vz_relay_serve_tick(b[i].s, 15000), 0);
		to_evil(&b[i]);
		assert_int_equal(vz_relay_serve_tick(b[i].s, 30000), 0);
		to_evil(&b[i]);
		vz_channel_trim(b[i].evil);
	}
	after = mallinfo2().uordblks;
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
	    cmocka_unit_test(ready_for_another_match_than_the_one_claimed_is_refused),
	    cmocka_unit_test(the_relay_says_nothing_that_was_not_asked),
	    cmocka_unit_test(a_silent_registration_is_pinged_and_then_given_up),
	    cmocka_unit_test(an_idle_registration_takes_less_than_16_kib),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
