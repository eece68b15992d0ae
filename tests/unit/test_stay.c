/*
 * When a listener calls its relay again, and when it does not (cmd/vz-listen/stay.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cmd/common/exit.h"
#include "cmd/vz-listen/stay.h"

#define BEGAN   1000000
#define HOUR_MS 3600000

static const struct stay_failure nobody = {.status = VZ_EXIT_UNAVAILABLE, .cause = 111},
				 no_way = {.status = VZ_EXIT_UNAVAILABLE, .cause = 113},
				 no_host = {.status = VZ_EXIT_NOHOST},
				 later = {.status = VZ_EXIT_TEMPFAIL},
				 other_key = {.status = VZ_EXIT_PROTOCOL},
				 own_memory = {.status = VZ_EXIT_CONFIG},
				 broken = {.status = VZ_EXIT_OSERR, .cause = 12},
				 refused = {.status = VZ_EXIT_REFUSED, .final = true};

/* The middle of the jitter: the delay itself. */
static uint32_t
middle(unsigned tries)
{
	uint32_t ms = tries < 7 ? (uint32_t)STAY_FIRST_MS << tries : STAY_MOST_MS;

	return ms / 2;
}

static struct stay
registered(bool keep, uint64_t patience_ms)
{
	struct stay s;

	stay_init(&s, keep, patience_ms, BEGAN);
	stay_call(&s);
	assert_true(stay_registered(&s, 7, BEGAN));
	return s;
}

static void
it_calls_at_once_and_begins_with_number_0(void **state)
{
	struct stay s;

	(void)state;
	stay_init(&s, false, 0, BEGAN);
	assert_int_equal(s.state, STAY_WAITS);
	assert_int_equal(s.due, BEGAN);
	assert_int_equal(s.number, 0);
	stay_call(&s);
	assert_int_equal(s.state, STAY_CALLS);
	assert_true(s.due == UINT64_MAX);
	assert_true(stay_registered(&s, 42, BEGAN + 5));
	assert_int_equal(s.state, STAY_REGISTERED);
	assert_int_equal(s.number, 42);
}

static void
who_is_not_there_at_first_ends_one_that_does_not_keep(void **state)
{
	static const struct stay_failure *const all[] = {&nobody, &no_host, &later};
	struct stay s;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		stay_init(&s, false, HOUR_MS, BEGAN);
		stay_call(&s);
		assert_int_equal(stay_failed(&s, all[i], BEGAN, 0), STAY_END);
		assert_int_equal(s.state, STAY_OVER);
		stay_init(&s, true, 0, BEGAN);
		stay_call(&s);
		assert_int_equal(stay_failed(&s, all[i], BEGAN, 0), STAY_AGAIN_TELL);
		assert_int_equal(s.state, STAY_WAITS);
	}
}

static void
a_wrong_key_a_refusal_and_our_own_faults_at_first_end_all(void **state)
{
	static const struct stay_failure *const all[] = {
	    &other_key, &refused, &own_memory, &broken};
	struct stay s;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(all) / sizeof(all[0]); i++) {
		stay_init(&s, i % 2, HOUR_MS, BEGAN);
		stay_call(&s);
		assert_int_equal(stay_failed(&s, all[i / 2], BEGAN, 0), STAY_END);
		assert_int_equal(s.state, STAY_OVER);
	}
}

static void
who_made_room_in_a_crowd_comes_again_but_not_for_ever(void **state)
{
	static const struct stay_failure crowded = {VZ_EXIT_PROTOCOL, .crowded = true};
	struct stay s;
	uint64_t now = BEGAN;

	(void)state;
	stay_init(&s, false, 0, now);
	stay_call(&s);
	for (int i = 0; i < STAY_CROWDED_MOST; i++) {
		assert_int_equal(stay_failed(&s, &crowded, now, 5), STAY_AGAIN);
		assert_int_equal(s.due - now, STAY_CROWDED_MS);
		now = s.due;
		stay_call(&s);
	}
	assert_int_equal(stay_failed(&s, &crowded, now, 5), STAY_END);
}

static void
the_delay_doubles_up_to_half_a_minute_and_goes_on_for_ever(void **state)
{
	static const unsigned delays[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct stay s = registered(true, 0);
	uint64_t now = BEGAN + HOUR_MS;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		unsigned want = delays[i < 8 ? i : 8];

		assert_int_not_equal(stay_failed(&s, &nobody, now, middle(i)), STAY_END);
		assert_int_equal(s.due - now, want);
		assert_int_equal(s.number, 7);
		now = s.due;
		stay_call(&s);
	}
}

static void
the_delay_is_half_more_or_less(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	for (uint32_t i = 0; i <= STAY_FIRST_MS; i++) {
		struct stay s = registered(true, 0);

		(void)stay_failed(&s, &nobody, BEGAN, i);
		least = s.due < least ? s.due : least;
		most = s.due > most ? s.due : most;
	}
	assert_int_equal(least - BEGAN, STAY_FIRST_MS / 2);
	assert_int_equal(most - BEGAN, STAY_FIRST_MS + STAY_FIRST_MS / 2);
}

static void
only_a_registration_that_stood_for_a_while_makes_it_quick_again(void **state)
{
	struct stay s = registered(true, 0);
	uint64_t now = BEGAN;

	(void)state;
	for (unsigned i = 0; i < 20; i++) { /* a relay that takes us and throws us out */
		(void)stay_failed(&s, &later, now, middle(i));
		assert_int_equal(s.due - now, 2 * middle(i));
		now = s.due;
		stay_call(&s);
		(void)stay_registered(&s, 8 + i, now);
	}
	now += STAY_STEADY_MS;
	(void)stay_failed(&s, &later, now, middle(0));
	assert_int_equal(s.due - now, STAY_FIRST_MS);
}

static void
what_is_known_is_not_told_again_and_each_change_is(void **state)
{
	struct stay s = registered(true, 0);
	uint64_t now = BEGAN + HOUR_MS;

	(void)state;
	assert_int_equal(stay_failed(&s, &later, now, 0), STAY_AGAIN_TELL);
	for (int i = 0; i < 5; i++) {
		stay_call(&s);
		assert_int_equal(
		    stay_failed(&s, &nobody, now, 0), i == 0 ? STAY_AGAIN_TELL : STAY_AGAIN);
	}
	stay_call(&s);
	assert_int_equal(stay_failed(&s, &no_way, now, 0), STAY_AGAIN_TELL);
	stay_call(&s);
	assert_int_equal(stay_failed(&s, &nobody, now, 0), STAY_AGAIN_TELL);
	stay_call(&s);
	assert_true(stay_registered(&s, 7, now));
	assert_int_equal(stay_failed(&s, &nobody, now, 0), STAY_AGAIN_TELL);
}

static void
once_it_was_registered_a_wrong_answer_is_a_break(void **state)
{
	static const struct stay_failure *const all[] = {
	    &other_key, &own_memory, &broken, &nobody, &no_host, &later};
	struct stay s = registered(true, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(stay_failed(&s, all[i], BEGAN, 0), STAY_AGAIN_TELL);
		stay_call(&s);
	}
}

static void
who_was_displaced_never_comes_back(void **state)
{
	struct stay s = registered(true, 0);

	(void)state;
	assert_int_equal(stay_failed(&s, &refused, BEGAN, 0), STAY_END);
	assert_int_equal(s.state, STAY_OVER);
	assert_true(s.due == UINT64_MAX);
	stay_renew(&s, true, BEGAN);
	assert_int_equal(s.state, STAY_OVER);
	/* Nor when it comes back, and finds its place taken. */
	s = registered(true, 0);
	(void)stay_failed(&s, &nobody, BEGAN, 0);
	stay_call(&s);
	assert_int_equal(stay_failed(&s, &refused, BEGAN, 0), STAY_END);
}

static void
one_that_does_not_keep_waits_for_its_relay_as_long_as_for_a_sender(void **state)
{
	struct stay s = registered(false, 600000);
	uint64_t now = BEGAN + HOUR_MS, lost = now;

	(void)state;
	while (now - lost < 600000) {
		assert_int_not_equal(stay_failed(&s, &nobody, now, middle(9)), STAY_END);
		now = s.due;
		stay_call(&s);
	}
	assert_int_equal(stay_failed(&s, &nobody, now, 0), STAY_END);
	s = registered(false, 0);
	assert_int_equal(stay_failed(&s, &nobody, BEGAN, 0), STAY_END);
}

static void
another_identity_registers_at_once_and_without_the_number_of_the_old_one(void **state)
{
	struct stay s = registered(true, 0);

	(void)state;
	stay_renew(&s, false, BEGAN + 1);
	assert_int_equal(s.state, STAY_WAITS);
	assert_int_equal(s.due, BEGAN + 1);
	assert_int_equal(s.number, 7);
	stay_call(&s);
	assert_false(stay_registered(&s, 7, BEGAN + 2)); /* nobody was told that it was away */
	for (unsigned i = 0; i < 9; i++) {
		(void)stay_failed(&s, &nobody, BEGAN + 3, 0);
		stay_call(&s);
	}
	stay_renew(&s, true, BEGAN + 4);
	assert_int_equal(s.due, BEGAN + 4);
	assert_int_equal(s.number, 0);
	stay_call(&s);
	(void)stay_failed(&s, &nobody, BEGAN + 5, middle(0));
	assert_int_equal(s.due - (BEGAN + 5), STAY_FIRST_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_calls_at_once_and_begins_with_number_0),
	    cmocka_unit_test(who_is_not_there_at_first_ends_one_that_does_not_keep),
	    cmocka_unit_test(a_wrong_key_a_refusal_and_our_own_faults_at_first_end_all),
	    cmocka_unit_test(who_made_room_in_a_crowd_comes_again_but_not_for_ever),
	    cmocka_unit_test(the_delay_doubles_up_to_half_a_minute_and_goes_on_for_ever),
	    cmocka_unit_test(the_delay_is_half_more_or_less),
	    cmocka_unit_test(only_a_registration_that_stood_for_a_while_makes_it_quick_again),
	    cmocka_unit_test(what_is_known_is_not_told_again_and_each_change_is),
	    cmocka_unit_test(once_it_was_registered_a_wrong_answer_is_a_break),
	    cmocka_unit_test(who_was_displaced_never_comes_back),
	    cmocka_unit_test(one_that_does_not_keep_waits_for_its_relay_as_long_as_for_a_sender),
	    cmocka_unit_test(
		another_identity_registers_at_once_and_without_the_number_of_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
