#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "mail/window.h"

static const struct vz_key sender = {{1, 2, 3}}, other = {{1, 2, 4}};
static struct vz_window_gap gap;

static struct vz_manifest
message(uint8_t stream, uint64_t sequence)
{
	struct vz_manifest m = {.sequence = sequence};

	memset(m.stream, stream, sizeof(m.stream));
	return m;
}

static enum vz_window_verdict
check(const struct vz_window *w, uint64_t sequence)
{
	struct vz_manifest m = message(1, sequence);

	return vz_window_check(w, &m, &gap);
}

static void
mark(struct vz_window *w, uint64_t sequence)
{
	struct vz_manifest m = message(1, sequence);

	vz_window_mark(w, &m);
}

static void
each_message_is_new_once(void **state)
{
	struct vz_window w;

	(void)state;
	vz_window_init(&w, &sender);
	for (uint64_t n = 1; n < 5000; n++) {
		assert_int_equal(check(&w, n), VZ_WINDOW_NEW);
		assert_true(gap.first == 0);
		mark(&w, n);
		assert_int_equal(check(&w, n), VZ_WINDOW_SEEN);
	}
	assert_int_equal(check(&w, 4999 - 1023), VZ_WINDOW_SEEN);
	assert_int_equal(check(&w, 4999 - 1024), VZ_WINDOW_OLD);
	assert_int_equal(check(&w, 1), VZ_WINDOW_OLD);
}

static void
a_check_changes_nothing(void **state)
{
	struct vz_window w, before;

	(void)state;
	vz_window_init(&w, &sender);
	mark(&w, 7);
	before = w;
	check(&w, 9);
	check(&w, 7);
	assert_memory_equal(&w, &before, sizeof(w));
}

static void
what_comes_late_is_new_while_the_window_holds_it(void **state)
{
	struct vz_window w;

	(void)state;
	vz_window_init(&w, &sender);
	mark(&w, 10);
	mark(&w, 1033);
	assert_int_equal(check(&w, 11), VZ_WINDOW_NEW);
	assert_int_equal(check(&w, 10), VZ_WINDOW_SEEN);
	mark(&w, 11);
	assert_int_equal(check(&w, 11), VZ_WINDOW_SEEN);
	assert_int_equal(check(&w, 9), VZ_WINDOW_OLD);
	mark(&w, 1034);
	assert_int_equal(check(&w, 10), VZ_WINDOW_OLD);
	assert_int_equal(check(&w, 11), VZ_WINDOW_SEEN);
}

static void
numbers_passed_over_are_reported_as_a_gap(void **state)
{
	struct vz_window w;

	(void)state;
	vz_window_init(&w, &sender);
	/* Who begins in the middle has nothing to miss. */
	assert_int_equal(check(&w, 5), VZ_WINDOW_NEW);
	assert_true(gap.first == 0 && gap.last == 0);
	mark(&w, 5);
	check(&w, 6);
	assert_true(gap.first == 0 && gap.last == 0);
	check(&w, 7);
	assert_true(gap.first == 6 && gap.last == 6);
	check(&w, VZ_SEQUENCE_MAX);
	assert_true(gap.first == 6 && gap.last == VZ_SEQUENCE_MAX - 1);
	check(&w, 3);
	assert_true(gap.first == 0 && gap.last == 0);
}

static void
a_count_that_begins_anew_has_no_gap_before_it(void **state)
{
	struct vz_manifest m = message(2, 1000);
	struct vz_window w;

	(void)state;
	vz_window_init(&w, &sender);
	mark(&w, 5);
	assert_int_equal(vz_window_check(&w, &m, &gap), VZ_WINDOW_NEW);
	assert_true(gap.first == 0);
	vz_window_mark(&w, &m);
	m.sequence = 1002;
	assert_int_equal(vz_window_check(&w, &m, &gap), VZ_WINDOW_NEW);
	assert_true(gap.first == 1001 && gap.last == 1001);
	/* The old one is over: another number for the same place is not delivered. */
	assert_int_equal(check(&w, 5), VZ_WINDOW_SEEN);
}

static void
jumps_of_any_length_agree_with_a_plain_list(void **state)
{
	static bool list[20000];
	struct vz_window w;
	uint64_t highest = 0;

	(void)state;
	vz_window_init(&w, &sender);
	memset(list, 0, sizeof(list));
	for (int i = 0; i < 3000 && highest + 1300 < 20000; i++) {
		uint64_t n = randombytes_uniform(8) == 0 ? highest + 1 + randombytes_uniform(1200)
							 : 1 +
			(highest > 1200 ? highest - 1200 + randombytes_uniform(1210)
					: randombytes_uniform(1210));
		enum vz_window_verdict want = n + VZ_WINDOW_BITS <= highest ? VZ_WINDOW_OLD
		    : list[n]                                               ? VZ_WINDOW_SEEN
									    : VZ_WINDOW_NEW;

		assert_int_equal(check(&w, n), want);
		if (want != VZ_WINDOW_NEW)
			continue;
		mark(&w, n);
		list[n] = true;
		if (n > highest)
			highest = n;
		assert_true(w.highest == highest);
	}
}

static void
a_window_is_read_as_it_was_written(void **state)
{
	static const uint64_t numbers[] = {1, 2, 4, 64, 65, 1000, 1500, VZ_SEQUENCE_MAX};
	uint8_t bytes[VZ_WINDOW_LEN];
	struct vz_window w, back;

	(void)state;
	vz_window_init(&w, &sender);
	for (size_t i = 0; i <= sizeof(numbers) / sizeof(*numbers); i++) {
		vz_window_encode(&w, bytes);
		assert_int_equal(vz_window_decode(bytes, sizeof(bytes), &sender, &back), 0);
		assert_memory_equal(&w, &back, sizeof(w));
		if (i < sizeof(numbers) / sizeof(*numbers))
			mark(&w, numbers[i]);
	}
}

static void
a_damaged_window_or_another_senders_is_refused(void **state)
{
	static const struct vz_window none;
	uint8_t bytes[VZ_WINDOW_LEN + 1] = {0};
	struct vz_window w, back;

	(void)state;
	vz_window_init(&w, &sender);
	mark(&w, 3);
	vz_window_encode(&w, bytes);
	assert_int_equal(vz_window_decode(bytes, VZ_WINDOW_LEN, &other, &back), VZ_EFORMAT);
	for (size_t n = 0; n <= VZ_WINDOW_LEN + 1; n++)
		assert_int_equal(vz_window_decode(bytes, n, &sender, &back),
		    n == VZ_WINDOW_LEN ? 0 : VZ_EFORMAT);
	for (size_t at = 0; at < VZ_WINDOW_LEN; at++) {
		bytes[at] ^= 4;
		assert_int_equal(
		    vz_window_decode(bytes, VZ_WINDOW_LEN, &sender, &back), VZ_EFORMAT);
		assert_memory_equal(&back, &none, sizeof(back));
		bytes[at] ^= 4;
	}
	/* With a good sum, but impossible. */
	w.seen[0] |= 8;
	vz_window_encode(&w, bytes);
	assert_int_equal(vz_window_decode(bytes, VZ_WINDOW_LEN, &sender, &back), VZ_EFORMAT);
	w.seen[0] = 2;
	vz_window_encode(&w, bytes);
	assert_int_equal(vz_window_decode(bytes, VZ_WINDOW_LEN, &sender, &back), VZ_EFORMAT);
	w.seen[0] = 1;
	w.highest = (uint64_t)VZ_SEQUENCE_MAX + 1;
	vz_window_encode(&w, bytes);
	assert_int_equal(vz_window_decode(bytes, VZ_WINDOW_LEN, &sender, &back), VZ_EFORMAT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_message_is_new_once),
	    cmocka_unit_test(a_check_changes_nothing),
	    cmocka_unit_test(what_comes_late_is_new_while_the_window_holds_it),
	    cmocka_unit_test(numbers_passed_over_are_reported_as_a_gap),
	    cmocka_unit_test(a_count_that_begins_anew_has_no_gap_before_it),
	    cmocka_unit_test(jumps_of_any_length_agree_with_a_plain_list),
	    cmocka_unit_test(a_window_is_read_as_it_was_written),
	    cmocka_unit_test(a_damaged_window_or_another_senders_is_refused),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
