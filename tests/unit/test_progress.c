/* How far something is, as a line: cmd/common/progress_line.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "base/width.h"
#include "cmd/common/progress_line.h"

#define MIB (1024.0 * 1024)
#define GIB (UINT64_C(1) << 30)

static char buf[PROGRESS_LINE_MAX];

static struct progress_state
halfway(void)
{
	return (struct progress_state){.name = "report.iso",
	    .done = GIB * 5 / 4,
	    .total = 3 * GIB,
	    .per_s = 45.1 * MIB,
	    .resumed = 2};
}

static void
a_line_of_80_columns_has_all_of_it(void **state)
{
	struct progress_state s = halfway();

	(void)state;
	assert_string_equal(progress_line(&s, 79, false, buf),
	    "report.iso  1.3 GiB of 3.0 GiB  41 %  45.1 MiB/s  0:40 left  resumed 2 times");
}

static void
of_a_narrow_line_what_matters_least_goes_first(void **state)
{
	struct progress_state s = halfway();

	(void)state;
	assert_string_equal(
	    progress_line(&s, 39, false, buf), "report.iso  1.3 GiB  41 %  45.1 MiB/s");
	assert_string_equal(progress_line(&s, 19, false, buf), "1.3 GiB  41 %");
	assert_string_equal(progress_line(&s, 9, false, buf), "41 %");
	assert_string_equal(progress_line(&s, 3, false, buf), "");
	assert_string_equal(progress_line(&s, 0, false, buf), "");
}

static void
that_it_is_reconnecting_is_seen_on_any_terminal(void **state)
{
	struct progress_state s = halfway();

	(void)state;
	s.note = "reconnecting";
	s.per_s = 0;
	assert_string_equal(progress_line(&s, 19, false, buf), "41 %  reconnecting");
	assert_string_equal(
	    progress_line(&s, 39, false, buf), "report.iso  1.3 GiB  41 %  reconnecting");
}

/* Cut at the worst places: names of characters that take two columns, and all parts there are. */
static void
no_line_is_wider_than_it_may_be(void **state)
{
	static const char wide[] = "\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254"
				   "\350\252\236\346\227\245\346\234\254\350\252\236.tar";
	struct progress_state s = halfway();

	(void)state;
	s.peer = "\360\237\230\200\360\237\230\200 and some more that is long";
	s.name = wide;
	s.many = true;
	s.delivered = s.under_way = s.failed = UINT64_MAX;
	s.messages_per_s = 1e15;
	s.file = s.files = 12345678;
	s.there = s.places = 256;
	s.replied = UINT64_MAX;
	s.note = "waiting for the reply";
	for (size_t columns = 0; columns <= 400; columns++) {
		progress_line(&s, columns, false, buf);
		assert_true(vz_width(buf, strlen(buf)) <= columns);
	}
}

static void
a_name_has_the_room_that_is_left(void **state)
{
	struct progress_state s = {
	    .name = "a-very-long-name-of-a-file-that-nobody-would-ever-type.tar.gz",
	    .done = 2048,
	    .total = 4096};

	(void)state;
	assert_string_equal(
	    progress_line(&s, 40, false, buf), "a-ver...tar.gz  2.0 KiB of 4.0 KiB  50 %");
	assert_int_equal(vz_width(buf, strlen(buf)), 40);
}

static void
without_a_size_there_is_no_percentage_and_no_guess(void **state)
{
	struct progress_state s = {.done = 5 << 20, .total = PROGRESS_UNKNOWN, .per_s = MIB};

	(void)state;
	assert_string_equal(progress_line(&s, 79, false, buf), "5.0 MiB  1.0 MiB/s");
	assert_true(progress_left(&s) == PROGRESS_UNKNOWN);
}

static void
only_what_is_all_there_is_100_percent(void **state)
{
	struct progress_state s = {.total = UINT64_MAX - 1, .done = UINT64_MAX - 2};

	(void)state;
	assert_non_null(strstr(progress_line(&s, 79, false, buf), "99 %"));
	s.done = s.total;
	assert_non_null(strstr(progress_line(&s, 79, false, buf), "100 %"));
	s = (struct progress_state){.total = 1000, .done = 999};
	assert_non_null(strstr(progress_line(&s, 79, false, buf), "99 %"));
	s = (struct progress_state){.total = 0, .done = 0};
	assert_string_equal(progress_line(&s, 79, false, buf), "0 B");
}

static void
many_messages_are_counted(void **state)
{
	struct progress_state s = {.many = true,
	    .delivered = 12345,
	    .under_way = 200,
	    .failed = 1,
	    .messages_per_s = 51234,
	    .done = 1234567,
	    .total = PROGRESS_UNKNOWN};

	(void)state;
	assert_string_equal(progress_line(&s, 79, false, buf),
	    "12345 delivered  200 under way  1 failed  1.2 MiB  51234/s");
	assert_string_equal(
	    progress_line(&s, 39, false, buf), "12345 delivered  1 failed  1.2 MiB");
}

static void
words_have_all_with_commas_between(void **state)
{
	struct progress_state s = halfway();

	(void)state;
	s.there = 1;
	s.places = 3;
	s.file = 2;
	s.files = 5;
	assert_string_equal(progress_words(&s, buf),
	    "report.iso, file 2 of 5, 1.3 GiB of 3.0 GiB, 41 %, 45.1 MiB/s, 0:40 left, "
	    "1 of 3 there, resumed 2 times");
}

static void
colour_takes_no_columns_and_ends_where_it_began(void **state)
{
	struct progress_state s = halfway();

	(void)state;
	assert_string_equal(progress_line(&s, 19, true, buf), "1.3 GiB  \033[1m41 %\033[0m");
	assert_null(strchr(progress_line(&s, 79, false, buf), '\033'));
}

static void
a_rate_is_the_average_at_first_and_of_the_last_seconds_later(void **state)
{
	struct progress_rate r = {0};
	uint64_t now = 1000000, amount = 0;

	(void)state;
	progress_rate_take(&r, now, 0);
	assert_true(r.per_s == 0);
	progress_rate_take(&r, now + 1000, 500);
	assert_int_equal(r.per_s, 500);
	progress_rate_take(&r, now + 2000, 2000);
	assert_int_equal(r.per_s, 1000);
	for (now += 2000, amount = 2000; now < 1060000; now += 200)
		progress_rate_take(&r, now, amount += 2000);
	assert_in_range(r.per_s, 9900, 10000);
	for (; now < 1090000; now += 200)
		progress_rate_take(&r, now, amount);
	assert_in_range(r.per_s, 0, 100);
}

static void
a_rate_bears_the_same_time_twice_and_an_amount_that_shrinks(void **state)
{
	struct progress_rate r = {0};

	(void)state;
	progress_rate_take(&r, 0, 100);
	progress_rate_take(&r, 0, 200);
	assert_true(r.per_s == 0);
	progress_rate_take(&r, 1000, 50);
	assert_true(r.per_s == 0);
	progress_rate_take(&r, 2000, 150);
	assert_int_equal(r.per_s, 50);
	progress_rate_take(&r, 200000, 150 + 198000);
	assert_int_equal(r.per_s, 1000);
}

static const char *
duration(uint64_t s)
{
	static char out[16];

	progress_duration(s, out);
	return out;
}

static void
times_read_as_clocks_do(void **state)
{
	(void)state;
	assert_string_equal(duration(0), "0:00");
	assert_string_equal(duration(59), "0:59");
	assert_string_equal(duration(61), "1:01");
	assert_string_equal(duration(3599), "59:59");
	assert_string_equal(duration(3600), "1:00:00");
	assert_string_equal(duration(86399), "23:59:59");
	assert_string_equal(duration(86400), "1 d");
	assert_string_equal(duration(UINT64_MAX), "49710 d");
}

static void
what_takes_months_is_not_guessed(void **state)
{
	struct progress_state s = {.done = 0, .total = 1 << 30, .per_s = 1};

	(void)state;
	assert_true(progress_left(&s) == PROGRESS_UNKNOWN);
	s.per_s = 1 << 20;
	assert_int_equal(progress_left(&s), 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_of_80_columns_has_all_of_it),
	    cmocka_unit_test(of_a_narrow_line_what_matters_least_goes_first),
	    cmocka_unit_test(that_it_is_reconnecting_is_seen_on_any_terminal),
	    cmocka_unit_test(no_line_is_wider_than_it_may_be),
	    cmocka_unit_test(a_name_has_the_room_that_is_left),
	    cmocka_unit_test(without_a_size_there_is_no_percentage_and_no_guess),
	    cmocka_unit_test(only_what_is_all_there_is_100_percent),
	    cmocka_unit_test(many_messages_are_counted),
	    cmocka_unit_test(words_have_all_with_commas_between),
	    cmocka_unit_test(colour_takes_no_columns_and_ends_where_it_began),
	    cmocka_unit_test(a_rate_is_the_average_at_first_and_of_the_last_seconds_later),
	    cmocka_unit_test(a_rate_bears_the_same_time_twice_and_an_amount_that_shrinks),
	    cmocka_unit_test(times_read_as_clocks_do),
	    cmocka_unit_test(what_takes_months_is_not_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
