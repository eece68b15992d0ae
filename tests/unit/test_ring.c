/* The sender's ring: lib/flow/ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "flow/ring.h"
#include "tests/unit/step.h"

/* Byte `offset` of the test's message. */
static uint8_t
byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251);
}

static size_t
put(struct vz_ring *r, size_t want)
{
	size_t n;
	uint8_t *p = vz_ring_space(r, &n);

	if (n > want)
		n = want;
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(r->end + i);
	vz_ring_added(r, n);
	return n;
}

static void
assert_holds(const struct vz_ring *r)
{
	const uint8_t *p;
	size_t n;

	for (uint64_t at = r->begin; at < r->end; at += n) {
		n = vz_ring_peek(r, at, &p);
		assert_true(n > 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], byte_at(at + i));
	}
	assert_int_equal(vz_ring_peek(r, r->end, &p), 0);
	assert_null(p);
}

static void
allocates_nothing_until_it_is_used(void **state)
{
	struct vz_ring r;

	(void)state;
	vz_ring_init(&r, VZ_RING_MAX);
	assert_null(r.data);
	assert_int_equal(put(&r, 100), 100);
	assert_int_equal(r.cap, VZ_RING_FIRST);
	vz_ring_free(&r);
}

static void
grows_only_when_full_and_never_past_its_bound(void **state)
{
	struct vz_ring r;
	size_t n;

	(void)state;
	vz_ring_init(&r, 5 * VZ_RING_FIRST);
	for (int i = 0; i < 100; i++) {
		put(&r, 1000);
		vz_ring_release(&r, r.end);
	}
	assert_int_equal(r.cap, VZ_RING_FIRST);
	while (put(&r, 10007) > 0)
		assert_true(r.cap <= 5 * VZ_RING_FIRST);
	assert_int_equal(r.end - r.begin, 5 * VZ_RING_FIRST);
	assert_null(vz_ring_space(&r, &n));
	assert_int_equal(n, 0);
	assert_holds(&r);
	vz_ring_free(&r);
}

static void
starts_over_at_the_front_when_empty(void **state)
{
	struct vz_ring r;
	size_t n;

	(void)state;
	vz_ring_init(&r, VZ_RING_MAX);
	put(&r, 40000);
	vz_ring_release(&r, 40000);
	vz_ring_space(&r, &n);
	assert_int_equal(n, VZ_RING_FIRST);
	vz_ring_free(&r);
}

static void
release_never_goes_back_nor_past_the_end(void **state)
{
	struct vz_ring r;
	const uint8_t *p;

	(void)state;
	vz_ring_init(&r, VZ_RING_MAX);
	put(&r, 1000);
	vz_ring_release(&r, 600);
	vz_ring_release(&r, 100);
	assert_int_equal(r.begin, 600);
	assert_int_equal(vz_ring_peek(&r, 599, &p), 0);
	vz_ring_release(&r, UINT64_MAX);
	assert_int_equal(r.begin, 1000);
	vz_ring_free(&r);
}

static void
any_order_of_putting_and_releasing_keeps_every_byte_in_its_place(void **state)
{
	struct vz_ring r;

	(void)state;
	srandom(7);
	for (unsigned round = 0; round < 15; round += test_step(1)) {
		vz_ring_init(&r, VZ_RING_FIRST * (1 + (size_t)random() % 7));
		for (int i = 0; i < 200; i++) {
			for (long n = random() % 4; n > 0; n--)
				put(&r, (size_t)random() % 50000);
			if (i % 2 == 0)
				assert_holds(&r);
			vz_ring_release(&r, r.begin + (uint64_t)random() % 40000);
		}
		assert_holds(&r);
		vz_ring_free(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(allocates_nothing_until_it_is_used),
	    cmocka_unit_test(grows_only_when_full_and_never_past_its_bound),
	    cmocka_unit_test(starts_over_at_the_front_when_empty),
	    cmocka_unit_test(release_never_goes_back_nor_past_the_end),
	    cmocka_unit_test(any_order_of_putting_and_releasing_keeps_every_byte_in_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
