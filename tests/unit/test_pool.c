#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "guard/pool.h"

static char items[512];
static uint64_t clock_ms;

/* Each after the other has had its moment. */
static void *
arrive(struct vz_pool *p, const struct vz_source *source, void *item)
{
	clock_ms += VZ_POOL_MOMENT_MS;
	return vz_pool_arrive(p, source, 0, clock_ms, item);
}

static struct vz_source
ipv4(uint32_t address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	struct vz_source s;

	vz_source_of((const struct sockaddr *)&in, 0, &s);
	return s;
}

static struct vz_source
ipv6(const char *text)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct vz_source s;

	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	vz_source_of((const struct sockaddr *)&in6, 0, &s);
	return s;
}

static struct vz_source
user(uint64_t uid)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct vz_source s;

	vz_source_of((const struct sockaddr *)&un, uid, &s);
	return s;
}

#define assert_same(a, b)  assert_memory_equal(&(a), &(b), sizeof(struct vz_source))
#define assert_other(a, b) assert_memory_not_equal(&(a), &(b), sizeof(struct vz_source))

static void
an_ipv6_source_is_its_first_64_bits(void **state)
{
	struct vz_source a = ipv6("2001:db8:0:1::1"), b = ipv6("2001:db8:0:1:ffff::2"),
			 c = ipv6("2001:db8:0:2::1");

	(void)state;
	assert_same(a, b);
	assert_other(a, c);
}

static void
a_mapped_ipv4_address_is_the_same_source_as_the_bare_one(void **state)
{
	struct vz_source a = ipv6("::ffff:192.0.2.1"), b = ipv4(0xc0000201), c = ipv4(0xc0000202);

	(void)state;
	assert_same(a, b);
	assert_other(a, c);
}

static void
users_of_a_unix_socket_are_told_apart(void **state)
{
	struct vz_source a = user(1000), b = user(1000), c = user(1001);

	(void)state;
	assert_same(a, b);
	assert_other(a, c);
}

static void
all_who_come_through_one_relay_are_one_source(void **state)
{
	struct vz_key one = {{1, 2, 3, 4, 5, 6, 7, 8, 9}}, two = {{1, 2, 3, 4, 5, 6, 7, 9, 9}};
	struct vz_source a, b, c, zeros;

	(void)state;
	vz_source_of_relay(&one, &a);
	vz_source_of_relay(&one, &b);
	vz_source_of_relay(&two, &c);
	vz_source_of_relay(&(struct vz_key){{0}}, &zeros);
	assert_same(a, b);
	assert_other(a, c);
	b = user(0);
	assert_other(zeros, b);
}

static void
a_source_over_its_share_loses_its_own_oldest(void **state)
{
	struct vz_source greedy = ipv4(1), other = ipv4(2);
	struct vz_pool p = {0};

	(void)state;
	assert_null(arrive(&p, &other, items + 100));
	for (size_t i = 0; i < VZ_POOL_PER_SOURCE; i++)
		assert_null(arrive(&p, &greedy, items + i));
	assert_ptr_equal(arrive(&p, &greedy, items + 50), items + 0);
	assert_ptr_equal(arrive(&p, &greedy, items + 51), items + 1);
	assert_int_equal(p.n_strangers, 1 + VZ_POOL_PER_SOURCE);
}

static void
a_full_pool_takes_the_newest_and_drops_the_oldest_of_the_source_holding_most(void **state)
{
	struct vz_source once = ipv4(99), newest = ipv4(100);
	struct vz_pool p = {0};
	size_t n = 0;

	(void)state;
	assert_null(arrive(&p, &once, items + 400));
	/* Source 1 holds 8, all others fewer, and fill the pool. */
	for (uint32_t s = 1; n < VZ_POOL_STRANGERS - 1; s++) {
		struct vz_source source = ipv4(s);

		for (size_t i = 0; i < (s == 1 ? 8u : 5u) && n < VZ_POOL_STRANGERS - 1; i++)
			assert_null(arrive(&p, &source, items + n++));
	}
	assert_int_equal(p.n_strangers, VZ_POOL_STRANGERS);
	assert_ptr_equal(arrive(&p, &newest, items + 401), items + 0);
	assert_int_equal(p.n_strangers, VZ_POOL_STRANGERS);
	assert_ptr_equal(arrive(&p, &newest, items + 402), items + 1);
}

static void
of_sources_that_hold_as_many_the_one_that_waits_longest_loses(void **state)
{
	struct vz_source newest = ipv4(1000);
	struct vz_pool p = {0};

	(void)state;
	for (uint32_t s = 0; s < VZ_POOL_STRANGERS; s++) {
		struct vz_source source = ipv4(s);

		assert_null(arrive(&p, &source, items + s));
	}
	assert_ptr_equal(arrive(&p, &newest, items + 500), items + 0);
}

static void
of_a_burst_none_is_pushed_out_before_its_moment_unless_the_pool_is_full(void **state)
{
	struct vz_source flood = ipv4(1), other = ipv4(2);
	uint64_t now = 5000;
	struct vz_pool p = {0};

	(void)state;
	assert_null(vz_pool_arrive(&p, &other, 0, now, items + 500));
	for (size_t i = 0; i < VZ_POOL_STRANGERS - 1; i++)
		assert_null(vz_pool_arrive(&p, &flood, 0, now + 1, items + i));
	/* The one that has had its moment, then of the flood. */
	now += VZ_POOL_MOMENT_MS;
	assert_ptr_equal(vz_pool_next_out(&p, now), items + 500);
	assert_ptr_equal(vz_pool_arrive(&p, &flood, 0, now, items + 64), items + 500);
	assert_null(vz_pool_next_out(&p, now));
	assert_ptr_equal(vz_pool_arrive(&p, &other, 0, now, items + 501), items + 0);
	assert_ptr_equal(vz_pool_arrive(&p, &flood, 0, now + 1, items + 65), items + 1);
	assert_int_equal(p.n_strangers, VZ_POOL_STRANGERS);
}

static void
short_of_descriptors_the_same_one_is_next_and_no_caller(void **state)
{
	static const size_t order[] = {1, 0, 3};
	struct vz_source once = ipv4(1), greedy = ipv4(2);
	struct vz_pool p = {0};

	(void)state;
	assert_null(vz_pool_next_out(&p, clock_ms + VZ_POOL_MOMENT_MS));
	assert_null(arrive(&p, &once, items + 0));
	for (size_t i = 1; i <= 3; i++)
		assert_null(arrive(&p, &greedy, items + i));
	assert_true(vz_pool_call(&p, items + 2));
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(
		    vz_pool_next_out(&p, clock_ms + VZ_POOL_MOMENT_MS), items + order[i]);
		vz_pool_leave(&p, items + order[i]);
	}
	assert_null(vz_pool_next_out(&p, clock_ms + VZ_POOL_MOMENT_MS));
	assert_true(vz_pool_is_caller(&p, items + 2));
}

static void
callers_are_never_pushed_out(void **state)
{
	struct vz_source source = ipv4(1);
	struct vz_pool p = {0};

	(void)state;
	assert_null(arrive(&p, &source, items + 0));
	assert_true(vz_pool_call(&p, items + 0));
	for (size_t i = 1; i < 400; i++)
		assert_ptr_not_equal(arrive(&p, &source, items + i), items + 0);
	assert_true(vz_pool_is_caller(&p, items + 0));
}

static void
a_caller_without_a_place_waits_among_the_strangers_until_one_is_free(void **state)
{
	struct vz_pool p = {0};
	struct vz_source last = ipv4(5000);

	(void)state;
	for (uint32_t s = 0; s < VZ_POOL_CALLERS; s++) {
		struct vz_source source = ipv4(s);

		assert_null(arrive(&p, &source, items + s));
		assert_true(vz_pool_call(&p, items + s));
	}
	assert_null(arrive(&p, &last, items + 300));
	assert_false(vz_pool_call(&p, items + 300));
	assert_false(vz_pool_is_caller(&p, items + 300));
	vz_pool_leave(&p, items + 7);
	assert_true(vz_pool_call(&p, items + 300));
	assert_true(vz_pool_is_caller(&p, items + 300));
}

static void
a_disowned_caller_is_a_stranger_again(void **state)
{
	struct vz_source source = ipv4(1);
	struct vz_pool p = {0};

	(void)state;
	assert_null(arrive(&p, &source, items + 0));
	assert_true(vz_pool_call(&p, items + 0));
	for (size_t i = 1; i <= VZ_POOL_PER_SOURCE; i++)
		assert_null(arrive(&p, &source, items + i));
	assert_ptr_equal(vz_pool_disown(&p, clock_ms, items + 0), items + 1);
	assert_int_equal(p.n_callers, 0);
	assert_int_equal(p.n_strangers, VZ_POOL_PER_SOURCE);
	assert_null(vz_pool_disown(&p, clock_ms, items + 0));
}

static void
leaving_frees_the_place_and_twice_is_harmless(void **state)
{
	struct vz_source source = ipv4(1);
	struct vz_pool p = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_null(arrive(&p, &source, items + i));
	vz_pool_leave(&p, items + 1);
	vz_pool_leave(&p, items + 1);
	assert_int_equal(p.n_strangers, 2);
	assert_false(vz_pool_call(&p, items + 1));
	assert_true(vz_pool_call(&p, items + 2));
	vz_pool_leave(&p, items + 2);
	vz_pool_leave(&p, items + 0);
	assert_int_equal(p.n_strangers + p.n_callers, 0);
}

static void
who_had_to_go_is_saved_as_a_caller_while_there_is_a_place(void **state)
{
	struct vz_pool p = {.n_strangers = 0};
	struct vz_source s = ipv4(1);

	(void)state;
	for (size_t i = 0; i < VZ_POOL_CALLERS; i++) {
		assert_true(vz_pool_save(&p, &s, 0, 1, &items[i]));
		assert_true(vz_pool_is_caller(&p, &items[i]));
	}
	assert_false(vz_pool_save(&p, &s, 0, 1, &items[VZ_POOL_CALLERS]));
	vz_pool_leave(&p, &items[0]);
	assert_true(vz_pool_save(&p, &s, 0, 1, &items[VZ_POOL_CALLERS]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ipv6_source_is_its_first_64_bits),
	    cmocka_unit_test(a_mapped_ipv4_address_is_the_same_source_as_the_bare_one),
	    cmocka_unit_test(users_of_a_unix_socket_are_told_apart),
	    cmocka_unit_test(all_who_come_through_one_relay_are_one_source),
	    cmocka_unit_test(a_source_over_its_share_loses_its_own_oldest),
	    cmocka_unit_test(
		a_full_pool_takes_the_newest_and_drops_the_oldest_of_the_source_holding_most),
	    cmocka_unit_test(of_sources_that_hold_as_many_the_one_that_waits_longest_loses),
	    cmocka_unit_test(
		of_a_burst_none_is_pushed_out_before_its_moment_unless_the_pool_is_full),
	    cmocka_unit_test(short_of_descriptors_the_same_one_is_next_and_no_caller),
	    cmocka_unit_test(callers_are_never_pushed_out),
	    cmocka_unit_test(a_caller_without_a_place_waits_among_the_strangers_until_one_is_free),
	    cmocka_unit_test(a_disowned_caller_is_a_stranger_again),
	    cmocka_unit_test(leaving_frees_the_place_and_twice_is_harmless),
	    cmocka_unit_test(who_had_to_go_is_saved_as_a_caller_while_there_is_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
