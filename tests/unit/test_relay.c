/*
 * Sender, relay and listener, honest or not (vz-protocol(7) RELAYS).
 */
#include "relay_world.h"
#include "tests/unit/step.h"

static void
a_message_goes_through_a_relay_that_moves_raw_bytes(void **state)
{
	static const unsigned pieces[] = {0, 1, 7, 1000};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct world w;
		struct end *control, *sender, *data;

		world_begin(&w);
		w.piece = pieces[i / 2];
		w.opens = i % 2 == 1;
		control = world_listener(&w, BOB, 0);
		assert_true(control->registered);
		sender = world_sender(&w, ALICE);
		assert_false(sender->ready);
		assert_int_equal(control->offers, 1);
		data = world_claim(&w, BOB, control->offer[0]);
		assert_true(sender->ready && data->ready);
		assert_true(sender->delivered && data->whole);
		/* And once more over the same registration. */
		sender = world_sender(&w, ALICE);
		assert_int_equal(control->offers, 2);
		assert_memory_not_equal(control->offer[0], control->offer[1], VZ_MATCH_LEN);
		data = world_claim(&w, BOB, control->offer[1]);
		assert_true(sender->delivered && data->whole);
		assert_int_equal(control->client_err, 0);
		world_end(&w);
	}
}

static void
refusals_come_with_their_status(void **state)
{
	static const struct {
		unsigned may, request, status;
	} cases[] = {
	    {VZ_RELAY_MAY_CONNECT, 0, 77},
	    {VZ_RELAY_MAY_REGISTER, 1, 77},
	    {VZ_RELAY_MAY_CONNECT, 2, 77},
	    {0, 0, 77},
	    {VZ_RELAY_MAY_CONNECT, 1, 69},
	    {VZ_RELAY_MAY_REGISTER, 2, 69},
	};
	static const uint8_t match[VZ_MATCH_LEN] = {9};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world w;
		struct end *e;

		world_begin(&w);
		e = world_dial(&w, ALICE);
		e->may = cases[i].may;
		world_settle(&w);
		switch (cases[i].request) {
		case 0: assert_int_equal(vz_relay_client_register(e->c, 0), 0); break;
		case 1: assert_int_equal(vz_relay_client_connect(e->c, people_key(BOB)), 0); break;
		default: assert_int_equal(vz_relay_client_claim(e->c, match), 0);
		}
		world_settle(&w);
		assert_int_equal(e->status, cases[i].status);
		assert_false(e->registered || e->ready);
		assert_int_equal(vz_match_listeners(w.live.matches), 0);
		world_end(&w);
	}
}

static void
a_displaced_listener_is_told_77_and_the_newer_one_is_offered_who_waits(void **state)
{
	struct world w;
	struct end *older, *newer, *sender, *back;

	(void)state;
	world_begin(&w);
	older = world_listener(&w, BOB, 0);
	sender = world_sender(&w, ALICE);
	newer = world_listener(&w, BOB, 0);
	assert_int_equal(older->status, 77);
	assert_true(newer->registered && newer->number > older->number);
	assert_int_equal(newer->offers, 1);
	assert_memory_equal(newer->offer[0], older->offer[0], VZ_MATCH_LEN);
	world_claim(&w, BOB, newer->offer[0]);
	assert_true(sender->delivered);
	back = world_listener(&w, BOB, older->number);
	assert_int_equal(back->status, 77);
	assert_false(back->registered);
	assert_int_equal(newer->status, 1000);
	world_end(&w);
}

static void
another_s_match_a_used_one_and_an_expired_one_are_not_claimed(void **state)
{
	struct world w;
	struct end *bob, *mallory, *sender, *data;

	(void)state;
	world_begin(&w);
	bob = world_listener(&w, BOB, 0);
	mallory = world_listener(&w, MALLORY, 0);
	sender = world_sender(&w, ALICE);
	assert_int_equal(mallory->offers, 0);
	data = world_claim(&w, MALLORY, bob->offer[0]);
	assert_int_equal(data->status, 69);
	data = world_claim(&w, ALICE, bob->offer[0]);
	assert_int_equal(data->status, 69);
	assert_false(sender->ready);
	data = world_claim(&w, BOB, bob->offer[0]);
	assert_true(data->ready && sender->delivered);
	data = world_claim(&w, BOB, bob->offer[0]);
	assert_int_equal(data->status, 69);
	assert_false(data->ready);
	sender = world_sender(&w, ALICE);
	world_pass(&w, 9000);
	assert_int_equal(sender->status, 1000);
	world_pass(&w, 2000);
	assert_int_equal(sender->status, 75);
	data = world_claim(&w, BOB, bob->offer[1]);
	assert_int_equal(data->status, 69);
	world_end(&w);
}

static void
quotas_hold_and_others_get_through(void **state)
{
	struct world w;
	struct end *bob, *flood[6], *sender;

	(void)state;
	world_begin(&w);
	bob = world_listener(&w, BOB, 0);
	for (unsigned i = 0; i < 6; i++)
		flood[i] = world_sender(&w, MALLORY);
	assert_int_equal(flood[3]->status, 1000);
	assert_int_equal(flood[4]->status, 75);
	assert_int_equal(flood[5]->status, 75);
	sender = world_sender(&w, ALICE);
	assert_int_equal(flood[0]->status, 75);
	assert_int_equal(bob->offers, 5);
	world_claim(&w, BOB, bob->offer[4]);
	assert_true(sender->delivered);
	world_end(&w);
}

static void
a_listener_that_goes_leaves_its_senders_told_and_a_new_one_is_found(void **state)
{
	struct world w;
	struct end *bob, *sender;

	(void)state;
	world_begin(&w);
	bob = world_listener(&w, BOB, 0);
	sender = world_sender(&w, ALICE);
	assert_int_equal(vz_relay_client_close(bob->c, 0, ""), 0);
	world_settle(&w);
	assert_int_equal(sender->status, 75);
	sender = world_sender(&w, ALICE);
	assert_int_equal(sender->status, 69);
	bob = world_listener(&w, BOB, bob->number);
	sender = world_sender(&w, ALICE);
	world_claim(&w, BOB, bob->offer[0]);
	assert_true(sender->delivered);
	world_end(&w);
}

static void
an_idle_registration_lives_by_pings_and_dies_without_them(void **state)
{
	struct world w;
	struct end *bob;

	(void)state;
	world_begin(&w);
	bob = world_listener(&w, BOB, 0);
	world_pass(&w, 3600 * 1000);
	assert_int_equal(bob->client_err, 0);
	assert_int_equal(bob->serve_err, 0);
	assert_int_equal(vz_match_listeners(w.live.matches), 1);
	assert_int_equal(vz_relay_client_ping(bob->c, 5), 0);
	world_settle(&w);
	assert_true(bob->pong);
	/* Nothing of it arrives any more. */
	bob->line[UP].cut = bob->line[UP].moved;
	bob->line[UP].eof = true;
	world_pass(&w, 44 * 1000);
	assert_int_equal(vz_match_listeners(w.live.matches), 1);
	world_pass(&w, 17 * 1000);
	assert_int_equal(bob->serve_err, VZ_ETIMEOUT);
	assert_int_equal(vz_match_listeners(w.live.matches), 0);
	world_end(&w);
}

static void
every_wait_has_its_end(void **state)
{
	struct world w;
	struct end *half, *lazy, *asks;

	(void)state;
	world_begin(&w);
	half = world_dial(&w, ALICE);
	half->line[UP].cut = 60;
	lazy = world_dial(&w, ALICE);
	world_listener(&w, BOB, 0);
	world_settle(&w);
	assert_int_equal(lazy->serve_err, 0);
	/* A sender that the relay never answers. */
	asks = world_dial(&w, ALICE);
	world_settle(&w);
	assert_int_equal(vz_relay_client_connect(asks->c, people_key(BOB)), 0);
	asks->line[UP].eof = true;
	world_pass(&w, 11000);
	assert_int_equal(half->serve_err, VZ_ETIMEOUT);
	assert_int_equal(lazy->serve_err, VZ_ETIMEOUT);
	world_pass(&w, 5000);
	assert_int_equal(asks->client_err, VZ_ETIMEOUT);
	world_end(&w);
}

/* A sender says one byte between its request and READY. */
static void
who_speaks_before_ready_is_refused_and_the_listener_is_not_joined(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		static const uint8_t early[1] = {0};
		struct world w;
		struct end *bob, *sender, *data;

		world_begin(&w);
		bob = world_listener(&w, BOB, 0);
		sender = world_sender(&w, ALICE);
		line_put(&sender->line[UP], early, 1);
		if (late == 0)
			world_settle(&w);
		else { /* it is read, but not looked at, when the claim comes */
			size_t n;
			uint8_t *p = vz_relay_serve_space(sender->live.serve, &n);

			*p = 0;
			vz_relay_serve_fed(sender->live.serve, 1, w.now);
			sender->line[UP].n = 0;
		}
		data = world_claim(&w, BOB, bob->offer[0]);
		assert_int_equal(sender->status, 76);
		assert_int_equal(data->status, 69);
		assert_false(sender->ready || data->ready);
		world_end(&w);
	}
}

static void
a_claim_with_something_behind_it_leaves_the_match_to_a_better_one(void **state)
{
	static const uint8_t early[1] = {0};
	struct world w;
	struct end *bob, *sender, *data;

	(void)state;
	world_begin(&w);
	bob = world_listener(&w, BOB, 0);
	sender = world_sender(&w, ALICE);
	data = world_dial(&w, BOB);
	world_settle(&w);
	vz_relay_client_claim(data->c, bob->offer[0]);
	client_turn(&w, data);
	line_put(&data->line[UP], early, 1);
	world_settle(&w);
	assert_int_equal(data->status, 76);
	assert_false(sender->ready);
	world_claim(&w, BOB, bob->offer[0]);
	assert_true(sender->delivered);
	world_end(&w);
}

/* Bytes and breaks. Nothing is believed that was not said, whatever happens to one connection. */

struct tally {
	unsigned delivered, runs;
};

/* One conversation with one connection (0 control, 1 sender, 2 data) disturbed at one byte. */
static uint64_t
disturbed(bool opens, unsigned which, enum way way, uint64_t at, bool flip, struct tally *t)
{
	struct world w;
	struct end *e[3];
	uint64_t moved;

	world_begin(&w);
	w.message = 10;
	w.opens = opens;
	for (unsigned i = 0; i < 3; i++) {
		e[i] = world_dial(&w, i == 1 ? ALICE : BOB);
		if (i == which)
			*(flip ? &e[i]->line[way].flip : &e[i]->line[way].cut) = at;
		world_settle(&w);
		if (i == 0)
			vz_relay_client_register(e[0]->c, 0);
		else if (i == 1 && e[1]->client_err == 0 && vz_relay_client_peer(e[1]->c) != NULL)
			world_asks(&w, e[1]);
		else if (i == 2 && e[0]->offers > 0)
			vz_relay_client_claim(e[2]->c, e[0]->offer[0]);
		world_settle(&w);
	}
	moved = e[which]->line[way].moved;
	/* What the sender believes, the listener has. */
	assert_true(!e[1]->delivered || e[2]->whole);
	assert_true(!e[2]->ready || e[0]->registered);
	t->delivered += e[1]->delivered;
	t->runs++;
	world_end(&w);
	return moved;
}

static void
disturb_everywhere(bool opens)
{
	struct tally none = {0};
	unsigned step = test_step(7);

	for (unsigned which = 0; which < 3; which++) {
		for (unsigned k = 0; k < 4; k++) {
			struct tally t = {0};
			uint64_t all = disturbed(opens, which, k & 1, NEVER, false, &none);

			for (uint64_t at = k % step; at < all; at += step)
				disturbed(opens, which, k & 1, at, k >= 2, &t);
			/* Only what comes after the last verdict may be lost. */
			assert_true(t.delivered * step <= (which == 0 ? 0 : 60 + step));
		}
	}
	assert_int_equal(none.delivered, none.runs);
}

static void
cut_or_flipped_at_any_byte_nothing_false_is_believed(void **state)
{
	(void)state;
	disturb_everywhere(false);
	disturb_everywhere(true);
}

static void
who_names_a_match_that_waits_already_is_told_75_and_the_first_one_is_met(void **state)
{
	struct world w;
	struct end *bob, *first, *second;

	(void)state;
	world_begin(&w);
	w.opens = true;
	bob = world_listener(&w, BOB, 0);
	first = world_sender(&w, ALICE);
	second = world_dial(&w, MALLORY);
	world_settle(&w);
	assert_int_equal(vz_relay_client_open(second->c, people_key(BOB), bob->offer[0],
			     (const uint8_t *)"nothing of ours", 15),
	    0);
	world_settle(&w);
	assert_int_equal(second->status, 75);
	assert_int_equal(bob->offers, 1);
	world_claim(&w, BOB, bob->offer[0]);
	assert_true(first->delivered);
	world_end(&w);
}

/* The end-to-end handshake is bound to the way that it goes. */

/* Both sides' errors of a session between Alice and Bob, each of whom believes in its own path. */
static int
handshake(const struct vz_channel_config *ci, const struct vz_channel_config *cr)
{
	struct vz_channel *a, *b, *from, *to;
	const uint8_t *plain, *out;
	size_t len, n;
	uint8_t *p;
	int r = 0;

	assert_int_equal(vz_channel_new(&a, ci), 0);
	assert_int_equal(vz_channel_new(&b, cr), 0);
	for (unsigned i = 0; i < 3 && r >= 0; i++) {
		from = i == 1 ? b : a;
		to = i == 1 ? a : b;
		out = vz_channel_out(from, &n);
		p = vz_channel_space(to, &len);
		assert_true(n > 0 && n <= len);
		memcpy(p, out, n);
		vz_channel_sent(from, n);
		vz_channel_fed(to, n);
		r = vz_channel_next(to, &plain, &len);
		if (r == VZ_CHANNEL_PEER)
			assert_int_equal(vz_channel_accept(to), 0);
	}
	/* A refusal is silent: the listener said nothing at all. */
	if (r < 0)
		assert_null((vz_channel_out(b, &n), n > 0) ? b : NULL);
	vz_channel_free(a);
	vz_channel_free(b);
	return r;
}

static void
a_session_authenticates_only_on_the_way_that_both_ends_know(void **state)
{
	struct vz_channel_config ci, cr;
	struct world w;

	(void)state;
	world_begin(&w);
	for (unsigned how = 0; how < 8; how++) {
		ci = world_channel(&w, ALICE, true);
		cr = world_channel(&w, BOB, false);
		ci.relayed = cr.relayed = true;
		ci.relay = cr.relay = *people_key(RELAY);
		memset(ci.match, 5, VZ_MATCH_LEN);
		memset(cr.match, 5, VZ_MATCH_LEN);
		switch (how) {
		case 0: break;
		case 1: ci.relayed = cr.relayed = false; break;
		case 2: ci.relayed = false; break; /* direct, delivered as relayed */
		case 3: cr.relayed = false; break; /* relayed, delivered as direct */
		case 4: cr.relay = *people_key(MALLORY); break;
		case 5: ci.relay = *people_key(MALLORY); break;
		case 6: ci.match[15] ^= 1; break;
		default: ci.service = VZ_SERVICE_RELAY;
		}
		if (how <= 1)
			assert_int_equal(handshake(&ci, &cr), VZ_CHANNEL_PEER);
		else
			assert_int_equal(handshake(&ci, &cr), VZ_EAUTH);
	}
	world_end(&w);
}

/* A relay that joins two who were not matched: each has READY, for another match. */
static void
a_relay_that_swaps_two_senders_joins_nobody(void **state)
{
	struct world w;
	struct end *bob, *s[2], *d[2];

	(void)state;
	world_begin(&w);
	bob = world_listener(&w, BOB, 0);
	for (unsigned i = 0; i < 2; i++)
		s[i] = world_sender(&w, ALICE);
	for (unsigned i = 0; i < 2; i++)
		d[i] = world_dial(&w, BOB);
	world_settle(&w);
	/* Both claims come: the relay answers, and crosses the streams. */
	for (unsigned i = 0; i < 2; i++) {
		vz_relay_client_claim(d[i]->c, bob->offer[i]);
		client_turn(&w, d[i]);
		relay_turn(&w, d[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		s[i]->live.other = &d[1 - i]->live;
		d[i]->live.other = &s[1 - i]->live;
	}
	world_settle(&w);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(s[i]->ready && d[i]->ready);
		assert_int_equal(d[i]->session_err, VZ_EAUTH);
		assert_false(s[i]->delivered || d[i]->whole);
	}
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_goes_through_a_relay_that_moves_raw_bytes),
	    cmocka_unit_test(refusals_come_with_their_status),
	    cmocka_unit_test(
		a_displaced_listener_is_told_77_and_the_newer_one_is_offered_who_waits),
	    cmocka_unit_test(another_s_match_a_used_one_and_an_expired_one_are_not_claimed),
	    cmocka_unit_test(quotas_hold_and_others_get_through),
	    cmocka_unit_test(a_listener_that_goes_leaves_its_senders_told_and_a_new_one_is_found),
	    cmocka_unit_test(an_idle_registration_lives_by_pings_and_dies_without_them),
	    cmocka_unit_test(every_wait_has_its_end),
	    cmocka_unit_test(who_speaks_before_ready_is_refused_and_the_listener_is_not_joined),
	    cmocka_unit_test(a_claim_with_something_behind_it_leaves_the_match_to_a_better_one),
	    cmocka_unit_test(
		who_names_a_match_that_waits_already_is_told_75_and_the_first_one_is_met),
	    cmocka_unit_test(cut_or_flipped_at_any_byte_nothing_false_is_believed),
	    cmocka_unit_test(a_session_authenticates_only_on_the_way_that_both_ends_know),
	    cmocka_unit_test(a_relay_that_swaps_two_senders_joins_nobody),
	};

	return cmocka_run_group_tests(tests, people_setup, people_teardown);
}
