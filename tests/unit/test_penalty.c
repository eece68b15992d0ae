#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "guard/penalty.h"

#define SOURCES (VZ_PENALTY_SETS * VZ_PENALTY_WAYS)

static struct vz_penalties p;
static char items[256];

static int
setup(void **state)
{
	static const uint8_t seed[VZ_PENALTY_SEED] = "not so random 16";

	(void)state;
	vz_penalties_init(&p, seed);
	return 0;
}

static struct vz_source
source(uint32_t n)
{
	struct vz_source s = {.kind = 1};

	memcpy(s.bytes, &n, sizeof(n));
	return s;
}

static unsigned
fail_times(const struct vz_source *s, unsigned times, uint64_t now)
{
	unsigned level = 0;

	while (times-- > 0)
		level = vz_penalty_failed(&p, s, now);
	return level;
}

static void
a_few_failures_are_nothing_and_more_of_them_cost_more(void **state)
{
	struct vz_source s = source(1), other = source(2);

	(void)state;
	assert_int_equal(vz_penalty_level(&p, &s, 0), 0);
	assert_int_equal(fail_times(&s, 3, 0), 0);
	assert_int_equal(fail_times(&s, 1, 0), 1);
	assert_int_equal(fail_times(&s, 4, 0), 2);
	assert_int_equal(fail_times(&s, 100000, 0), VZ_POOL_LEVEL_MAX);
	assert_int_equal(vz_penalty_level(&p, &s, 0), VZ_POOL_LEVEL_MAX);
	assert_int_equal(vz_penalty_level(&p, &other, 0), 0);
}

static void
the_worst_is_forgiven_in_two_minutes(void **state)
{
	struct vz_source s = source(1);
	unsigned last = VZ_POOL_LEVEL_MAX, level;

	(void)state;
	fail_times(&s, 100000, 5000);
	for (uint64_t ms = 0; ms <= 120000; ms += 100) {
		level = vz_penalty_level(&p, &s, 5000 + ms);
		assert_true(level <= last);
		last = level;
		if (ms == 2 * VZ_PENALTY_HALF_MS - 100)
			assert_int_equal(level, VZ_POOL_LEVEL_MAX);
	}
	assert_int_equal(last, 0);
	assert_int_equal(vz_penalty_level(&p, &s, UINT64_MAX), 0);
}

static void
a_failure_now_and_then_is_never_punished(void **state)
{
	struct vz_source s = source(1);

	(void)state;
	for (uint64_t now = 0; now < 3600 * 1000; now += 20000)
		assert_int_equal(vz_penalty_failed(&p, &s, now), 0);
}

static void
an_authorised_success_lowers_it(void **state)
{
	struct vz_source s = source(1), unknown = source(2);

	(void)state;
	fail_times(&s, 1000, 0);
	vz_penalty_succeeded(&p, &s, 0);
	assert_int_equal(vz_penalty_level(&p, &s, 0), 2);
	vz_penalty_succeeded(&p, &s, 0);
	assert_int_equal(vz_penalty_level(&p, &s, 0), 0);
	vz_penalty_succeeded(&p, &unknown, 0);
	assert_int_equal(vz_penalty_level(&p, &unknown, 0), 0);
}

static void
a_clock_that_goes_back_changes_nothing(void **state)
{
	struct vz_source s = source(1);

	(void)state;
	fail_times(&s, 16, 100000);
	assert_int_equal(vz_penalty_level(&p, &s, 0), VZ_POOL_LEVEL_MAX);
	assert_int_equal(vz_penalty_failed(&p, &s, 0), VZ_POOL_LEVEL_MAX);
	assert_int_equal(vz_penalty_level(&p, &s, 100000 + 4 * VZ_PENALTY_HALF_MS), 0);
}

static void
a_hundred_thousand_sources_push_out_none_that_is_punished(void **state)
{
	struct vz_source bad = source(1);

	(void)state;
	fail_times(&bad, 40, 0);
	for (uint32_t n = 2; n < 100000; n++) {
		struct vz_source s = source(n);

		(void)vz_penalty_failed(&p, &s, n / 10);
	}
	assert_int_equal(vz_penalty_level(&p, &bad, 10000), VZ_POOL_LEVEL_MAX);
}

static void
a_table_full_of_offenders_lets_a_new_one_pass_until_they_are_forgiven(void **state)
{
	struct vz_source late = source(UINT32_MAX);
	unsigned punished = 0;

	(void)state;
	for (uint32_t n = 0; n < 20 * SOURCES; n++) {
		struct vz_source s = source(n);

		punished += fail_times(&s, 20, 0) > 0;
	}
	assert_int_equal(punished, SOURCES);
	assert_int_equal(fail_times(&late, 20, 0), 0);
	assert_int_equal(fail_times(&late, 20, 6 * VZ_PENALTY_HALF_MS), VZ_POOL_LEVEL_MAX);
}

/* Guard against guessing: which sources share a set depends on the seed. */
static void
another_seed_makes_other_sets(void **state)
{
	static const uint8_t seed[VZ_PENALTY_SEED] = "another one of 6";
	static struct vz_penalties q;
	unsigned differ = 0;

	(void)state;
	vz_penalties_init(&q, seed);
	for (uint32_t n = 0; n < 4 * SOURCES; n++) {
		struct vz_source s = source(n);

		differ += (fail_times(&s, 20, 0) > 0) != (vz_penalty_failed(&q, &s, 0) > 0);
		for (int i = 0; i < 19; i++)
			(void)vz_penalty_failed(&q, &s, 0);
	}
	for (uint32_t n = 0; n < 4 * SOURCES; n++) {
		struct vz_source s = source(n);

		differ += vz_penalty_level(&p, &s, 0) != vz_penalty_level(&q, &s, 0);
	}
	assert_true(differ > SOURCES / 8);
}

static void
the_more_it_is_punished_the_fewer_places_it_has_but_never_none(void **state)
{
	static const size_t places[] = {8, 4, 2};
	struct vz_source s = source(1);

	(void)state;
	for (unsigned level = 0; level <= VZ_POOL_LEVEL_MAX; level++) {
		struct vz_pool pool = {0};

		for (size_t i = 0; i < 20; i++) {
			void *out =
			    vz_pool_arrive(&pool, &s, level, i * VZ_POOL_MOMENT_MS, items + i);

			assert_ptr_equal(out, i < places[level] ? NULL : items + i - places[level]);
		}
		assert_int_equal(pool.n_strangers, places[level]);
	}
}

static void
in_a_full_pool_the_punished_go_first(void **state)
{
	struct vz_source bad = source(1), newest = source(2);
	struct vz_pool pool = {0};
	size_t n = 0;

	(void)state;
	for (uint32_t i = 100; n < VZ_POOL_STRANGERS - 1; i++) {
		struct vz_source s = source(i);

		for (int k = 0; k < 3 && n < VZ_POOL_STRANGERS - 1; k++)
			assert_null(vz_pool_arrive(&pool, &s, 0, 0, items + n++));
	}
	assert_null(vz_pool_arrive(&pool, &bad, VZ_POOL_LEVEL_MAX, 0, items + 200));
	assert_ptr_equal(vz_pool_arrive(&pool, &newest, 0, 0, items + 201), items + 200);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_few_failures_are_nothing_and_more_of_them_cost_more),
	    T(the_worst_is_forgiven_in_two_minutes),
	    T(a_failure_now_and_then_is_never_punished),
	    T(an_authorised_success_lowers_it),
	    T(a_clock_that_goes_back_changes_nothing),
	    T(a_hundred_thousand_sources_push_out_none_that_is_punished),
	    T(a_table_full_of_offenders_lets_a_new_one_pass_until_they_are_forgiven),
	    T(another_seed_makes_other_sets),
	    T(the_more_it_is_punished_the_fewer_places_it_has_but_never_none),
	    T(in_a_full_pool_the_punished_go_first),
	};

	return cmocka_run_group_tests_name("penalty", tests, NULL, NULL);
}
