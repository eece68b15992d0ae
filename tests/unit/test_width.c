/* How much of a terminal's line a text takes: base/width.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/width.h"

static size_t
width(const char *text)
{
	return vz_width(text, strlen(text));
}

static void
letters_take_a_column_each_and_wide_characters_two(void **state)
{
	(void)state;
	assert_int_equal(width(""), 0);
	assert_int_equal(width("report.iso"), 10);
	assert_int_equal(width("r\303\251sum\303\251"), 6);
	assert_int_equal(width("\320\277\321\200"), 2);
	assert_int_equal(width("\346\227\245\346\234\254"), 4); /* Japan, in its own script */
	assert_int_equal(width("\355\225\234"), 2);             /* Hangul */
	assert_int_equal(width("\357\274\241"), 2);             /* fullwidth A */
	assert_int_equal(width("\360\237\230\200"), 2);         /* an emoji */
	assert_int_equal(width("\342\235\244\357\270\217"), 3); /* one that becomes an emoji */
	assert_int_equal(width("\360\240\200\200"), 2);         /* a rare ideograph */
}

static void
what_is_no_character_takes_a_column_for_each_byte(void **state)
{
	(void)state;
	assert_int_equal(vz_width("\377\376a", 3), 3);
	assert_int_equal(vz_width("\346\227", 2), 2);
}

static const char *
fitted(const char *text, size_t columns)
{
	static char out[256];
	size_t n = vz_fit(out, sizeof(out), text, columns);

	assert_int_equal(n, width(out));
	assert_true(n <= columns);
	return out;
}

static void
a_long_name_keeps_its_beginning_and_its_end(void **state)
{
	(void)state;
	assert_string_equal(fitted("short", 5), "short");
	assert_string_equal(fitted("short", 80), "short");
	assert_string_equal(fitted("backup-2026-11-22.tar.gz", 15), "backup...tar.gz");
	assert_string_equal(fitted("abcdefghij", 8), "ab...hij");
	assert_string_equal(fitted("abcdefghij", 7), "abcdefg");
	assert_string_equal(fitted("abcdefghij", 1), "a");
	assert_string_equal(fitted("abcdefghij", 0), "");
}

static void
no_part_of_a_wide_character_is_left(void **state)
{
	static const char name[] = "\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254"
				   "\350\252\236\346\227\245\346\234\254\350\252\236";

	(void)state;
	for (size_t columns = 0; columns <= 20; columns++)
		assert_true(vz_utf8_ok(fitted(name, columns), strlen(fitted(name, columns))));
	assert_string_equal(fitted(name, 1), "");
	assert_string_equal(fitted(name, 9),
	    "\346\227\245...\350\252\236"); /* of six columns five, as nothing is halved */
}

/* A thousand marks above one letter are a thousand columns: they never fill a buffer. */
static void
a_pile_of_combining_marks_is_cut_too(void **state)
{
	char pile[2002];

	(void)state;
	pile[0] = 'e';
	for (size_t i = 1; i < 2001; i += 2)
		memcpy(pile + i, "\314\201", 2);
	pile[2001] = '\0';
	assert_true(strlen(fitted(pile, 40)) <= 80);
}

static void
a_small_buffer_cuts_between_characters(void **state)
{
	char out[8];

	(void)state;
	for (size_t cap = 1; cap <= sizeof(out); cap++) {
		memset(out, 'x', sizeof(out));
		vz_fit(out, cap, "\346\227\245\346\234\254\350\252\236", 80);
		assert_true(strlen(out) < cap);
		assert_true(vz_utf8_ok(out, strlen(out)));
	}
	assert_int_equal(vz_fit(out, 0, "abc", 80), 0);
	vz_fit(out, sizeof(out), "abcdefghijklmnop", 12);
	assert_string_equal(out, "abcd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(letters_take_a_column_each_and_wide_characters_two),
	    cmocka_unit_test(what_is_no_character_takes_a_column_for_each_byte),
	    cmocka_unit_test(a_long_name_keeps_its_beginning_and_its_end),
	    cmocka_unit_test(no_part_of_a_wide_character_is_left),
	    cmocka_unit_test(a_pile_of_combining_marks_is_cut_too),
	    cmocka_unit_test(a_small_buffer_cuts_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
