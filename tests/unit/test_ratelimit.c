#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/ratelimit.h"

#define DAY UINT64_C(86400000)

static void
a_bucket_begins_full_and_gives_its_burst_at_once(void **state)
{
	struct vz_bucket b;

	(void)state;
	vz_bucket_init(&b, 10, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(vz_bucket_take(&b, 1, 1000), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 1000), 100);
}

static void
buckets_are_alike_by_what_they_were_made_for(void **state)
{
	struct vz_bucket a, b;

	(void)state;
	vz_bucket_init(&a, 10, 5);
	vz_bucket_init(&b, 10, 5);
	assert_int_equal(vz_bucket_take(&a, 5, 1000), 0);
	assert_true(vz_bucket_alike(&a, &b));
	vz_bucket_init(&b, 10, 6);
	assert_false(vz_bucket_alike(&a, &b));
	vz_bucket_init(&b, 11, 5);
	assert_false(vz_bucket_alike(&a, &b));
}

static void
the_wait_is_exact_to_the_millisecond(void **state)
{
	static const uint64_t rates[] = {1, 2, 3, 7, 10, 333, 999, 1000, 1001, 65536, 1000003};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct vz_bucket b, early;
		uint64_t now = 12345, wait;

		vz_bucket_init(&b, rates[i], 50);
		for (int turn = 0; turn < 500; turn++) {
			uint64_t n = 1 + (uint64_t)turn % 50;

			wait = vz_bucket_take(&b, n, now);
			if (wait == 0)
				continue;
			early = b;
			assert_int_equal(vz_bucket_take(&early, n, now + wait - 1), 1);
			now += wait;
			assert_int_equal(vz_bucket_take(&b, n, now), 0);
		}
	}
}

/* Asks at every step; what is granted over the time is the burst and the rate times the time. */
static void
granted_is(uint64_t rate, uint64_t burst, uint64_t step, uint64_t total)
{
	uint64_t granted = 0;
	struct vz_bucket b;

	vz_bucket_init(&b, rate, burst);
	for (uint64_t now = 0; now <= total; now += step)
		while (vz_bucket_take(&b, 1, now) == 0)
			granted++;
	assert_int_equal(granted, burst + total * rate / 1000);
}

static void
over_time_exactly_the_rate_is_granted_however_often_one_asks(void **state)
{
	(void)state;
	granted_is(1, 1, 1, 100000);
	granted_is(3, 1, 1, 100000);
	granted_is(7, 10, 13, 13 * 1000);
	granted_is(999, 1000, 1, 10000);
	granted_is(1001, 10000, 7, 7000);
	granted_is(50, 1000, 999, 999 * 20);
}

static void
a_bucket_holds_no_more_than_its_burst_however_long_it_rests(void **state)
{
	struct vz_bucket b;

	(void)state;
	vz_bucket_init(&b, 1000, 3);
	assert_int_equal(vz_bucket_take(&b, 3, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vz_bucket_take(&b, 1, 365 * DAY), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 365 * DAY), 1);
	/* Nor does one that overflowed keep a part of a token. */
	vz_bucket_init(&b, 1, 1);
	assert_int_equal(vz_bucket_take(&b, 1, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 2999), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 2999), 1000);
}

static void
what_is_over_the_burst_passes_once_and_is_made_up_for(void **state)
{
	struct vz_bucket b;

	(void)state;
	vz_bucket_init(&b, 100, 100);
	assert_int_equal(vz_bucket_take(&b, 1000, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 0, 0), 9000);
	assert_int_equal(vz_bucket_take(&b, 1, 0), 9010);
	assert_int_equal(vz_bucket_take(&b, 1000, 0), 10000);
	assert_int_equal(vz_bucket_take(&b, 1, 9009), 1);
	assert_int_equal(vz_bucket_take(&b, 0, 9009), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 9010), 0);
	/* Only a full bucket gives so much. */
	assert_int_equal(vz_bucket_take(&b, 1000, 9510), 500);
	assert_int_equal(vz_bucket_take(&b, 1000, 10010), 0);
}

static void
a_refused_call_takes_nothing(void **state)
{
	struct vz_bucket b;

	(void)state;
	vz_bucket_init(&b, 1, 10);
	assert_int_equal(vz_bucket_take(&b, 4, 0), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(vz_bucket_take(&b, 7, 0), 1000);
	assert_int_equal(vz_bucket_take(&b, 6, 0), 0);
}

static void
a_clock_that_goes_back_or_jumps_is_harmless(void **state)
{
	struct vz_bucket b;

	(void)state;
	vz_bucket_init(&b, 10, 10);
	assert_int_equal(vz_bucket_take(&b, 10, 10 * 365 * DAY), 0);
	/* Ten years back: nothing is gained, and the wait is as before. */
	assert_int_equal(vz_bucket_take(&b, 1, 1000), 100);
	assert_int_equal(vz_bucket_take(&b, 1, 1099), 1);
	assert_int_equal(vz_bucket_take(&b, 1, 1100), 0);
	/* A hundred years ahead: full, no more. */
	assert_int_equal(vz_bucket_take(&b, 10, 100 * 365 * DAY), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 100 * 365 * DAY), 100);
	assert_int_equal(vz_bucket_take(&b, 10, UINT64_MAX), 0);
	assert_int_equal(vz_bucket_take(&b, 1, UINT64_MAX), 100);
	assert_int_equal(vz_bucket_take(&b, 1, 0), 100);
	/* To and fro gains nothing but the ways ahead. */
	vz_bucket_init(&b, 1, 1);
	assert_int_equal(vz_bucket_take(&b, 1, 500), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 0), 1000);
	assert_int_equal(vz_bucket_take(&b, 1, 999), 1);
}

static void
nothing_overflows_whatever_the_values(void **state)
{
	static const uint64_t v[] = {0, 1, 2, 999, 1000, 1001, UINT32_MAX, UINT64_MAX / 1000 - 1,
	    UINT64_MAX / 1000, UINT64_MAX / 1000 + 1, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};
	const size_t n = sizeof(v) / sizeof(v[0]);
	struct vz_bucket b;

	(void)state;
	for (size_t i = 0; i < n * n * n * n; i++) {
		uint64_t amount = v[i / n / n % n], now = v[i / n / n / n], wait;

		vz_bucket_init(&b, v[i % n], v[i / n % n]);
		assert_int_equal(vz_bucket_take(&b, amount, 0), 0);
		wait = vz_bucket_take(&b, amount, now);
		assert_true(b.held <= b.burst && b.part < 1000);
		assert_true(b.held == 0 || b.owed == 0);
		if (wait != 0 && wait != VZ_BUCKET_NEVER && now <= UINT64_MAX - wait)
			assert_int_equal(vz_bucket_take(&b, amount, now + wait), 0);
	}
}

static void
a_rate_of_nothing_gives_the_burst_and_then_never(void **state)
{
	struct vz_bucket b;

	(void)state;
	vz_bucket_init(&b, 0, 0);
	assert_int_equal(vz_bucket_take(&b, 1, 5), 0);
	assert_true(vz_bucket_take(&b, 1, UINT64_MAX) == VZ_BUCKET_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bucket_begins_full_and_gives_its_burst_at_once),
	    cmocka_unit_test(the_wait_is_exact_to_the_millisecond),
	    cmocka_unit_test(over_time_exactly_the_rate_is_granted_however_often_one_asks),
	    cmocka_unit_test(a_bucket_holds_no_more_than_its_burst_however_long_it_rests),
	    cmocka_unit_test(what_is_over_the_burst_passes_once_and_is_made_up_for),
	    cmocka_unit_test(a_refused_call_takes_nothing),
	    cmocka_unit_test(buckets_are_alike_by_what_they_were_made_for),
	    cmocka_unit_test(a_clock_that_goes_back_or_jumps_is_harmless),
	    cmocka_unit_test(nothing_overflows_whatever_the_values),
	    cmocka_unit_test(a_rate_of_nothing_gives_the_burst_and_then_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
