/*
 * What is asked of a mailbox and what it answers, when the other side lies: each answer fits the
 * request at the head, nobody sends more than there is room for, and every wait has its end.
 */
#include "tests/unit/relay_bout.h"
#include <stdlib.h>

static const uint8_t content[VZ_RELAY_CONTENT] = {9};

static struct vz_relay_frame
part_of(size_t n)
{
	static uint8_t zeros[VZ_RELAY_CHUNK];

	assert_true(n <= sizeof zeros);
	return (struct vz_relay_frame){.type = VZ_RELAY_PART, .bytes = zeros, .bytes_len = n};
}

/* Evil sends n bytes of PARTs; the relay's error. */
static int
sends(struct bout *b, size_t n)
{
	while (n > 0) {
		struct vz_relay_frame f = part_of(n < VZ_RELAY_CHUNK ? n : VZ_RELAY_CHUNK);
		int r = say_frames(b, &f, 1);

		if (r < 0)
			return r;
		n -= f.bytes_len;
	}
	return 0;
}

static int
wants_to_deposit(struct bout *b, uint64_t size)
{
	struct vz_relay_frame f = {
	    .type = VZ_RELAY_DEPOSIT, .key = client->bundle.identity, .size = size};

	return say_frames(b, &f, 1);
}

/* Which answers a request may have, each said first. */
static void
an_answer_to_something_else_ends_it(void **state)
{
	static const struct {
		uint8_t request, fits[4];
	} cases[] = {
	    {VZ_RELAY_NEXT, {VZ_RELAY_ENTRY, VZ_RELAY_NOTHING, VZ_RELAY_REFUSED}},
	    {VZ_RELAY_TAKEN, {VZ_RELAY_REMOVED, VZ_RELAY_REFUSED}},
	    {VZ_RELAY_DEPOSIT, {VZ_RELAY_DEPOSITED, VZ_RELAY_REFUSED, VZ_RELAY_ROOM}},
	    {VZ_RELAY_BUNDLE_WANTED, {VZ_RELAY_REFUSED}},
	    {0, {0}},
	};
	struct bout b;

	(void)state;
	for (size_t k = 0; k < 5; k++) {
		for (uint8_t t = VZ_RELAY_BUNDLE; t <= VZ_RELAY_REMOVED; t++) {
			int r;

			begin(&b, false);
			switch (cases[k].request) {
			case VZ_RELAY_NEXT: r = vz_relay_client_collect(b.c, 0); break;
			case VZ_RELAY_TAKEN: r = vz_relay_client_taken(b.c, 1); break;
			case VZ_RELAY_DEPOSIT:
				r = vz_relay_client_deposit(
				    b.c, &relay->bundle.identity, content, 1, 0);
				assert_int_equal(vz_relay_client_part(b.c, content, 1), 1);
				break;
			case VZ_RELAY_BUNDLE_WANTED:
				r = vz_relay_client_bundle(b.c, &client->bundle.identity);
				break;
			default: /* nothing is under way any more */
				r = vz_relay_client_taken(b.c, 1);
				assert_int_equal(say(&b, VZ_RELAY_REMOVED, 1), 0);
			}
			assert_int_equal(r, 0);
			r = say(&b, t, 1);
			if (t != 0 && memchr(cases[k].fits, t, 4) != NULL)
				assert_int_equal(r, 0);
			else
				assert_true(
				    r == VZ_EPROTO || (t == VZ_RELAY_BUNDLE && r == VZ_EFORMAT));
			finish(&b);
		}
	}
}

static void
a_bundle_of_another_or_that_does_not_verify_is_refused(void **state)
{
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_relay_frame f = {
	    .type = VZ_RELAY_BUNDLE, .bytes = bytes, .bytes_len = sizeof bytes};
	struct bout b;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin(&b, false);
		assert_int_equal(vz_relay_client_bundle(b.c, &client->bundle.identity), 0);
		vz_bundle_encode(i == 1 ? &relay->bundle : &client->bundle, bytes);
		bytes[150] ^= i == 2;
		assert_int_equal(say_frames(&b, &f, 1),
		    i == 0       ? 0
			: i == 1 ? VZ_EMISMATCH
				 : VZ_EAUTH);
		if (i == 0)
			assert_true(vz_key_equal(&b.last.key, &client->bundle.identity));
		finish(&b);
	}
}

static void
an_entry_is_above_what_was_asked_for_and_has_just_its_bytes(void **state)
{
	struct vz_relay_frame e = {.type = VZ_RELAY_ENTRY, .number = 5, .size = 10};
	struct vz_relay_frame p = {.type = VZ_RELAY_PIECE, .bytes = content, .bytes_len = 6};
	struct bout b;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		static const int want[] = {
		    VZ_EPROTO, VZ_EPROTO, VZ_EPROTO, VZ_EPROTO, VZ_EPROTO, 0, 0};
		struct vz_relay_frame f[4] = {e, p, p};
		size_t n = 3;

		begin(&b, false);
		assert_int_equal(vz_relay_client_collect(b.c, 4), 0);
		switch (i) {
		case 0: f[0].number = 4; break; /* not above */
		case 1: f[0].size = VZ_RELAY_MAIL_MAX + 1; break;
		case 2: break;                            /* 12 bytes of 10 */
		case 3: f[1] = e, f[1].number = 6; break; /* another in the middle */
		case 4: f[1].type = VZ_RELAY_NOTHING; break;
		case 5: f[2].bytes_len = 4; break;
		default: /* given up by the relay in the middle */
			f[2].type = VZ_RELAY_REFUSED;
			f[2].status = 69;
			f[2].bytes_len = 0;
		}
		assert_int_equal(say_frames(&b, f, n), want[i]);
		if (want[i] == 0) {
			assert_int_equal(vz_relay_client_asked(b.c), 0);
			assert_int_equal(b.last.number, 5);
		}
		finish(&b);
	}
}

/* Who says that it is durable has seen all of it. */
static void
a_deposit_is_not_there_before_it_was_sent(void **state)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_DEPOSITED, .number = 1};
	struct bout b;

	(void)state;
	for (unsigned duplicate = 0; duplicate < 2; duplicate++) {
		begin(&b, false);
		assert_int_equal(
		    vz_relay_client_deposit(b.c, &relay->bundle.identity, content, 32, 0), 0);
		assert_int_equal(vz_relay_client_part(b.c, content, 31), 31);
		f.duplicate = (uint8_t)duplicate;
		assert_int_equal(say_frames(&b, &f, 1), duplicate ? 0 : VZ_EPROTO);
		if (duplicate) {
			assert_int_equal(vz_relay_client_missing(b.c), 0);
			assert_int_equal(vz_relay_client_part(b.c, content, 1), VZ_EINVAL);
			assert_int_equal(vz_relay_client_taken(b.c, 1), 0);
		}
		finish(&b);
	}
}

static void
a_client_sends_no_more_than_there_is_room_for_and_asks_for_no_more_than_it_may(void **state)
{
	static uint8_t bytes[VZ_RELAY_ROOM_MAX + 100000];
	struct vz_relay_frame f = {.type = VZ_RELAY_ROOM, .number = 100};
	struct bout b;
	size_t sent = 0;

	(void)state;
	begin(&b, false);
	assert_int_equal(vz_relay_client_deposit(
			     b.c, &relay->bundle.identity, content, VZ_RELAY_MAIL_MAX + 1, 0),
	    VZ_EINVAL);
	assert_int_equal(
	    vz_relay_client_deposit(b.c, &relay->bundle.identity, content, sizeof bytes, 0), 0);
	assert_int_equal(vz_relay_client_taken(b.c, 1), VZ_EINVAL); /* in the middle */
	for (unsigned i = 0; i < 20; i++) {
		int64_t n = vz_relay_client_part(b.c, bytes + sent, sizeof bytes - sent);

		assert_true(n >= 0);
		sent += (size_t)n;
		to_evil(&b);
	}
	assert_int_equal(sent, VZ_RELAY_ROOM_MAX);
	assert_int_equal(say_frames(&b, &f, 1), 0);
	assert_int_equal(b.last.type, VZ_RELAY_EVENT_ROOM);
	assert_int_equal(vz_relay_client_part(b.c, bytes, 1000), 100);
	/* Room that nobody can have. */
	f.number = VZ_RELAY_ROOM_MAX + 1;
	assert_int_equal(say_frames(&b, &f, 1), VZ_EPROTO);
	finish(&b);
	begin(&b, false);
	for (unsigned i = 0; i < VZ_RELAY_ASKED_MAX; i++)
		assert_int_equal(vz_relay_client_taken(b.c, i + 1), 0);
	assert_int_equal(vz_relay_client_taken(b.c, 99), VZ_EFULL);
	finish(&b);
}

static void
more_than_there_is_room_for_ends_it(void **state)
{
	struct bout b;

	(void)state;
	begin(&b, true);
	assert_int_equal(wants_to_deposit(&b, VZ_RELAY_MAIL_MAX), 0);
	assert_int_equal(sends(&b, VZ_RELAY_ROOM_MAX), 0);
	assert_int_equal(b.last.type, VZ_RELAY_EVENT_PART);
	/* Some is dealt with: so much more may come, once that is said. */
	assert_int_equal(vz_relay_serve_took(b.s, VZ_RELAY_ROOM_MAX + 1), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_took(b.s, VZ_RELAY_ROOM_MAX / 4), 0);
	assert_int_equal(vz_relay_serve_flush(b.s, 0), 0);
	assert_true(to_evil(&b) > 0);
	assert_int_equal(sends(&b, VZ_RELAY_ROOM_MAX / 4), 0);
	assert_int_equal(sends(&b, 1), VZ_EPROTO);
	finish(&b);
	/* More than the message has. */
	begin(&b, true);
	assert_int_equal(wants_to_deposit(&b, 10), 0);
	assert_int_equal(sends(&b, 11), VZ_EPROTO);
	finish(&b);
	/* Without a deposit. */
	reach(&b, VZ_RELAY_SERVE_MAIL);
	assert_int_equal(sends(&b, 1), VZ_EPROTO);
	finish(&b);
}

static void
a_request_in_the_middle_of_a_deposit_ends_it_unless_that_was_answered(void **state)
{
	static const uint8_t requests[] = {
	    VZ_RELAY_BUNDLE_WANTED, VZ_RELAY_DEPOSIT, VZ_RELAY_NEXT, VZ_RELAY_TAKEN};
	struct bout b;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		begin(&b, true);
		assert_int_equal(wants_to_deposit(&b, 100), 0);
		assert_int_equal(sends(&b, 40), 0);
		if (i < 4) {
			assert_int_equal(say(&b, requests[i], 1), VZ_EPROTO);
		} else {
			assert_int_equal(vz_relay_serve_refused(b.s, 75, "full"), 0);
			b.events = 0;
			/* What crossed the refusal is nobody's, and needs no room. */
			assert_int_equal(sends(&b, 50), 0);
			assert_int_equal(b.events, 0);
			assert_int_equal(say(&b, requests[i - 4], 1), 0);
			assert_int_equal(b.events, 1);
			assert_int_equal(vz_relay_serve_took(b.s, 41), VZ_EINVAL);
			assert_int_equal(vz_relay_serve_took(b.s, 40), 0);
		}
		finish(&b);
	}
}

static void
more_requests_than_may_be_under_way_end_it(void **state)
{
	struct bout b;

	(void)state;
	begin(&b, true);
	for (unsigned i = 0; i < VZ_RELAY_ASKED_MAX; i += 16)
		assert_int_equal(say(&b, VZ_RELAY_TAKEN, 16), 0);
	assert_int_equal(vz_relay_serve_asked(b.s), VZ_RELAY_ASKED_MAX);
	assert_int_equal(vz_relay_serve_removed(b.s, 1), 0);
	assert_int_equal(say(&b, VZ_RELAY_TAKEN, 1), 0);
	assert_int_equal(say(&b, VZ_RELAY_TAKEN, 1), VZ_EPROTO);
	finish(&b);
}

static void
the_relay_answers_what_was_asked_and_nothing_else(void **state)
{
	struct vz_relay_event e = {.number = 3, .size = 4};
	struct bout b;

	(void)state;
	reach(&b, VZ_RELAY_SERVE_MAIL); /* NEXT is asked */
	assert_int_equal(vz_relay_serve_bundle(b.s, content, 1), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_deposited(b.s, 1, false), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_removed(b.s, 1), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_piece(b.s, content, 1), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_entry(b.s, &e), 0);
	assert_int_equal(vz_relay_serve_entry(b.s, &e), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_nothing(b.s), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_piece(b.s, content, 5), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_piece(b.s, content, 4), 0);
	assert_int_equal(vz_relay_serve_refused(b.s, 75, "no"), VZ_EINVAL);
	assert_int_equal(vz_relay_serve_mail(b.s), VZ_EINVAL);
	finish(&b);
}

static void
a_depositor_that_stops_in_the_middle_is_ended_and_a_slow_one_is_not(void **state)
{
	struct bout b;

	(void)state;
	/* It stops, but says that it lives. */
	begin(&b, true);
	assert_int_equal(wants_to_deposit(&b, 100000), 0);
	assert_int_equal(sends(&b, 100), 0);
	for (unsigned i = 0; i < 3; i++) {
		b.now += 19000;
		assert_int_equal(vz_relay_serve_tick(b.s, b.now), 0);
		assert_int_equal(say(&b, VZ_RELAY_PING, 1), 0);
		to_evil(&b);
	}
	assert_true(vz_relay_serve_deadline(b.s) <= 60000);
	b.now = 60000;
	assert_int_equal(vz_relay_serve_tick(b.s, b.now), VZ_ETIMEOUT);
	finish(&b);
	/* A byte at a time is no way to go on: 8 KiB a second, and a minute. */
	begin(&b, true);
	assert_int_equal(wants_to_deposit(&b, 100000), 0);
	while (b.now < 72000) {
		b.now += 8000;
		assert_int_equal(sends(&b, 1), 0);
		if (b.now < 72000)
			assert_int_equal(vz_relay_serve_tick(b.s, b.now), 0);
		to_evil(&b);
	}
	b.now = 60000 + UINT64_C(100000) * 1000 / VZ_RELAY_PART_RATE;
	assert_int_equal(vz_relay_serve_tick(b.s, b.now), VZ_ETIMEOUT);
	finish(&b);
	/* What waits for the relay's disk does not count. */
	begin(&b, true);
	assert_int_equal(wants_to_deposit(&b, 2 * VZ_RELAY_ROOM_MAX), 0);
	assert_int_equal(sends(&b, VZ_RELAY_ROOM_MAX), 0);
	for (unsigned i = 0; i < 20; i++) {
		b.now += 14000;
		assert_int_equal(say(&b, VZ_RELAY_PING, 1), 0);
		assert_int_equal(vz_relay_serve_tick(b.s, b.now), 0);
		to_evil(&b);
	}
	assert_int_equal(vz_relay_serve_took(b.s, VZ_RELAY_ROOM_MAX), 0);
	assert_int_equal(vz_relay_serve_flush(b.s, b.now), 0);
	to_evil(&b);
	b.now += 59000;
	assert_int_equal(sends(&b, VZ_RELAY_ROOM_MAX), 0);
	assert_int_equal(vz_relay_serve_tick(b.s, b.now), 0);
	assert_int_equal(vz_relay_serve_deposited(b.s, 1, false), 0);
	finish(&b);
}

static void
a_relay_that_does_not_answer_is_given_up_though_it_lives(void **state)
{
	struct bout b;

	(void)state;
	begin(&b, false);
	assert_int_equal(vz_relay_client_collect(b.c, 0), 0);
	to_evil(&b);
	while (b.now < 56000) {
		b.now += 14000;
		assert_int_equal(say(&b, VZ_RELAY_PING, 1), 0);
		assert_int_equal(vz_relay_client_tick(b.c, b.now), 0);
		to_evil(&b);
	}
	assert_true(vz_relay_client_deadline(b.c) <= 60000);
	assert_int_equal(vz_relay_client_tick(b.c, 60000), VZ_ETIMEOUT);
	finish(&b);
	/* Nothing is waited for when nothing was asked: both say that they live. */
	begin(&b, false);
	assert_int_equal(vz_relay_client_collect(b.c, 0), 0);
	assert_int_equal(say(&b, VZ_RELAY_NOTHING, 1), 0);
	for (unsigned i = 0; i < 100; i++) {
		b.now += 14000;
		assert_int_equal(say(&b, VZ_RELAY_PING, 1), 0);
		assert_int_equal(vz_relay_client_tick(b.c, b.now), 0);
		to_evil(&b);
	}
	assert_int_equal(vz_relay_client_tick(b.c, b.now + 45000), VZ_ETIMEOUT);
	finish(&b);
}

/* Fifteen pings a second to a client whose own output nobody takes. */
static void
a_relay_that_does_not_read_makes_a_client_hold_no_more_than_a_little(void **state)
{
	static uint8_t bytes[VZ_RELAY_ROOM_MAX];
	struct bout b;
	size_t n = 0;

	(void)state;
	begin(&b, false);
	assert_int_equal(
	    vz_relay_client_deposit(b.c, &relay->bundle.identity, content, sizeof bytes, 0), 0);
	for (unsigned i = 0; i < 10; i++)
		n += (size_t)vz_relay_client_part(b.c, bytes, sizeof bytes - n);
	assert_true(n >= VZ_RELAY_OUT_STUCK - VZ_RELAY_CHUNK && n < 2 * VZ_RELAY_OUT_STUCK);
	b.now += 59000;
	assert_int_equal(say(&b, VZ_RELAY_PING, 1), 0);
	assert_int_equal(vz_relay_client_tick(b.c, b.now), 0);
	assert_int_equal(vz_relay_client_tick(b.c, b.now + 1000), VZ_ETIMEOUT);
	finish(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_to_something_else_ends_it),
	    cmocka_unit_test(a_bundle_of_another_or_that_does_not_verify_is_refused),
	    cmocka_unit_test(an_entry_is_above_what_was_asked_for_and_has_just_its_bytes),
	    cmocka_unit_test(a_deposit_is_not_there_before_it_was_sent),
	    cmocka_unit_test(
		a_client_sends_no_more_than_there_is_room_for_and_asks_for_no_more_than_it_may),
	    cmocka_unit_test(more_than_there_is_room_for_ends_it),
	    cmocka_unit_test(a_request_in_the_middle_of_a_deposit_ends_it_unless_that_was_answered),
	    cmocka_unit_test(more_requests_than_may_be_under_way_end_it),
	    cmocka_unit_test(the_relay_answers_what_was_asked_and_nothing_else),
	    cmocka_unit_test(a_depositor_that_stops_in_the_middle_is_ended_and_a_slow_one_is_not),
	    cmocka_unit_test(a_relay_that_does_not_answer_is_given_up_though_it_lives),
	    cmocka_unit_test(a_relay_that_does_not_read_makes_a_client_hold_no_more_than_a_little),
	};

	return cmocka_run_group_tests(tests, bout_setup, bout_teardown);
}
