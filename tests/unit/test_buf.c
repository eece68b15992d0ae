#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

/* An address sanitizer would rather stop than give NULL; the test of no memory wants NULL. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
a_new_buffer_is_empty_and_points_somewhere(void **state)
{
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 10);
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	assert_non_null(vz_buf_ptr(&b));
	assert_int_equal(vz_buf_put(&b, NULL, 0), 0);
	vz_buf_free(&b);
	vz_buf_free(&b);
	assert_int_equal(b.max, 10);
}

static void
what_is_put_comes_out_big_endian(void **state)
{
	static const uint8_t want[] = {
	    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'h', 'i', 0, 0, 0, 2, 'y', 'o'};
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, sizeof want);
	assert_int_equal(vz_buf_u8(&b, 1), 0);
	assert_int_equal(vz_buf_u16(&b, 0x0203), 0);
	assert_int_equal(vz_buf_u32(&b, 0x04050607), 0);
	assert_int_equal(vz_buf_u64(&b, UINT64_C(0x08090a0b0c0d0e0f)), 0);
	assert_int_equal(vz_buf_str(&b, "hi"), 0);
	assert_int_equal(vz_buf_string(&b, "yo", 2), 0);
	assert_int_equal(b.len, sizeof want);
	assert_memory_equal(vz_buf_ptr(&b), want, sizeof want);
	vz_buf_free(&b);
}

static void
the_bound_holds_and_a_refused_append_adds_nothing(void **state)
{
	struct vz_buf b;
	uint8_t *p;

	(void)state;
	vz_buf_init(&b, 5);
	assert_int_equal(vz_buf_put(&b, "abc", 3), 0);
	assert_int_equal(vz_buf_put(&b, "def", 3), VZ_ELIMIT);
	assert_int_equal(vz_buf_u32(&b, 1), VZ_ELIMIT);
	assert_int_equal(vz_buf_string(&b, "", 0), VZ_ELIMIT);
	assert_int_equal(vz_buf_string(&b, "", SIZE_MAX), VZ_ELIMIT);
	assert_int_equal(vz_buf_reserve(&b, SIZE_MAX, &p), VZ_ELIMIT);
	assert_null(p);
	assert_int_equal(b.len, 3);
	assert_int_equal(vz_buf_put(&b, "de", 2), 0);
	assert_memory_equal(vz_buf_ptr(&b), "abcde", 5);
	assert_true(b.cap <= b.max);
	vz_buf_consume(&b, 4);
	assert_int_equal(vz_buf_put(&b, "fghi", 4), 0);
	assert_memory_equal(vz_buf_ptr(&b), "efghi", 5);
	vz_buf_free(&b);
}

static void
no_memory_is_an_error_and_the_bytes_stay(void **state)
{
	struct vz_buf b;
	uint8_t *p;

	(void)state;
	vz_buf_init(&b, SIZE_MAX);
	assert_int_equal(vz_buf_put(&b, "abc", 3), 0);
	assert_int_equal(vz_buf_reserve(&b, PTRDIFF_MAX - (size_t)16, &p), VZ_ENOMEM);
	assert_null(p);
	assert_int_equal(b.len, 3);
	assert_memory_equal(vz_buf_ptr(&b), "abc", 3);
	vz_buf_free(&b);
}

static void
an_unfinished_append_can_be_taken_back(void **state)
{
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 100);
	assert_int_equal(vz_buf_str(&b, "keep, drop"), 0);
	vz_buf_truncate(&b, 4);
	vz_buf_truncate(&b, 50);
	assert_int_equal(b.len, 4);
	assert_memory_equal(vz_buf_ptr(&b), "keep", 4);
	vz_buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_non_null(b.data);
	vz_buf_free(&b);
}

/* A queue of counted bytes under random appends and removals. */
static void
a_buffer_is_a_queue_whatever_is_appended_and_consumed(void **state)
{
	enum { MAX = 3000 };
	uint8_t in = 0, out = 0;
	struct vz_buf b;
	uint8_t *p;

	(void)state;
	srandom(7);
	vz_buf_init(&b, MAX);
	for (unsigned turn = 0; turn < 20000; turn++) {
		size_t n = (size_t)random() % (turn % 3 == 0 ? 900 : 40), held = b.len;
		int r = vz_buf_reserve(&b, n, &p);

		assert_int_equal(r, held + n > MAX ? VZ_ELIMIT : 0);
		for (size_t i = 0; r == 0 && i < n; i++)
			p[i] = in++;
		if (r == 0)
			vz_buf_added(&b, n);
		assert_true(b.off + b.len <= b.cap && b.cap <= MAX);
		n = (size_t)random() % (b.len + 1);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(vz_buf_ptr(&b)[i], out++);
		vz_buf_consume(&b, n);
	}
	vz_buf_free(&b);
}

static void
a_queue_that_stays_short_does_not_grow(void **state)
{
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < 100000; i++) {
		assert_int_equal(vz_buf_u64(&b, i), 0);
		if (i >= 10)
			vz_buf_consume(&b, 8);
	}
	assert_true(b.cap <= 1024);
	vz_buf_free(&b);
}

static void
a_reader_gives_what_was_written(void **state)
{
	static const uint8_t bytes[] = {
	    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 2, 'h', 'i', 'x'};
	struct vz_rd r = vz_rd_of(bytes, sizeof bytes);
	const uint8_t *p;
	size_t n;
	char x;

	(void)state;
	assert_int_equal(vz_rd_u8(&r), 1);
	assert_int_equal(vz_rd_u16(&r), 0x0203);
	assert_int_equal(vz_rd_u32(&r), 0x04050607);
	assert_true(vz_rd_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
	p = vz_rd_string(&r, &n);
	assert_int_equal(n, 2);
	assert_memory_equal(p, "hi", 2);
	assert_false(vz_rd_done(&r));
	vz_rd_copy(&r, &x, 1);
	assert_int_equal(x, 'x');
	assert_true(vz_rd_done(&r));
}

static void
after_a_short_read_all_reads_are_zero_and_bad(void **state)
{
	static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 1};
	struct vz_rd r = vz_rd_of(bytes, 3);
	uint8_t copy[4] = {9, 9, 9, 9};
	size_t n = 9;

	(void)state;
	assert_int_equal(vz_rd_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(vz_rd_u8(&r), 0);
	assert_int_equal(vz_rd_u16(&r), 0);
	assert_true(vz_rd_u64(&r) == 0);
	assert_null(vz_rd_bytes(&r, 0));
	vz_rd_copy(&r, copy, sizeof copy);
	assert_memory_equal(copy, "\0\0\0\0", 4);
	assert_false(vz_rd_done(&r));

	/* A string that claims 4 GiB. */
	r = vz_rd_of(bytes, sizeof bytes);
	assert_null(vz_rd_string(&r, &n));
	assert_int_equal(n, 0);
	assert_true(r.bad);
}

static void
a_reader_of_nothing_is_done(void **state)
{
	struct vz_rd r = vz_rd_of(NULL, 0);

	(void)state;
	assert_non_null(vz_rd_bytes(&r, 0));
	assert_true(vz_rd_done(&r));
	assert_int_equal(vz_rd_u8(&r), 0);
	assert_false(vz_rd_done(&r));
}

/* On exactly sized heap blocks, so that a sanitizer sees one byte too far. */
static void
a_reader_never_reads_outside_its_bytes(void **state)
{
	(void)state;
	srandom(11);
	for (unsigned turn = 0; turn < 20000; turn++) {
		size_t len = (size_t)random() % 40, n;
		uint8_t *bytes = malloc(len > 0 ? len : 1), out[64];
		struct vz_rd r = vz_rd_of(bytes, len);

		assert_non_null(bytes);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(random() % 4 == 0 ? random() : 0);
		for (unsigned op = 0; op < 12; op++) {
			const uint8_t *p = bytes;

			n = 0;
			switch (random() % 7) {
			case 0: (void)vz_rd_u8(&r); break;
			case 1: (void)vz_rd_u16(&r); break;
			case 2: (void)vz_rd_u32(&r); break;
			case 3: (void)vz_rd_u64(&r); break;
			case 4: vz_rd_copy(&r, out, (size_t)random() % sizeof out); break;
			case 5: p = vz_rd_bytes(&r, n = (size_t)random() % 20); break;
			default: p = vz_rd_string(&r, &n); break;
			}
			assert_true(p == NULL || (p >= bytes && p + n <= bytes + len));
			assert_int_equal(p == NULL, p == NULL && r.bad);
			assert_true(r.bad || r.p + r.len == bytes + len);
		}
		free(bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_buffer_is_empty_and_points_somewhere),
	    cmocka_unit_test(what_is_put_comes_out_big_endian),
	    cmocka_unit_test(the_bound_holds_and_a_refused_append_adds_nothing),
	    cmocka_unit_test(no_memory_is_an_error_and_the_bytes_stay),
	    cmocka_unit_test(an_unfinished_append_can_be_taken_back),
	    cmocka_unit_test(a_buffer_is_a_queue_whatever_is_appended_and_consumed),
	    cmocka_unit_test(a_queue_that_stays_short_does_not_grow),
	    cmocka_unit_test(a_reader_gives_what_was_written),
	    cmocka_unit_test(after_a_short_read_all_reads_are_zero_and_bad),
	    cmocka_unit_test(a_reader_of_nothing_is_done),
	    cmocka_unit_test(a_reader_never_reads_outside_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
