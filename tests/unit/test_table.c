/*
 * What is made of a table of options: getopt's lists, and --help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/common/table.h"

#define ONE "One task"
#define TWO "Another task"

static const struct option_row first[] = {
    {'a', "all", .group = ONE, .help = "all of it"},
    {'f', .arg = "FILE", .kind = KIND_FILE, .group = ONE, .help = "that file"},
    {300, "mode", "MODE", KIND_WORD, .words = "on off", .group = TWO,
	.help = "words enough for more than one line of the column that they are in"},
    {0},
};
static const struct option_row second[] = {
    {'4', .group = TWO, .help = "four", .both = "four or six"},
    {'6', .group = TWO, .help = "six"},
    {'d', "dir", "DIR", KIND_DIR, .group = ONE, .help = "one", .both = "either of them"},
    {'e', "else", "DIR", KIND_DIR, .group = ONE, .help = "other"},
    {301, "a-name-that-is-longer-than-a-column-has-room", .group = TWO, .help = "and words"},
    {302, "long", .group = TWO, .help = "aWordThatIsLongerThanAColumnHasRoomForSoThatItIsCut"},
    {0},
};
static const struct option_table table = {
    .program = "test",
    .usage = "usage: test\n",
    .groups = (const char *const[]){ONE, TWO, NULL},
    .rows = (const struct option_row *const[]){first, second, NULL},
};

static void
letters_and_names_come_in_the_order_of_the_rows(void **state)
{
	struct option_lists lists;

	(void)state;
	table_lists(&table, &lists);
	assert_string_equal(lists.shorts, "+:af:46d:e:");
	assert_string_equal(lists.longs[0].name, "all");
	assert_int_equal(lists.longs[0].has_arg, no_argument);
	assert_int_equal(lists.longs[0].val, 'a');
	assert_string_equal(lists.longs[1].name, "mode");
	assert_int_equal(lists.longs[1].has_arg, required_argument);
	assert_int_equal(lists.longs[1].val, 300);
	assert_string_equal(lists.longs[5].name, "long");
	assert_null(lists.longs[6].name);
}

static void
a_table_without_rows_takes_nothing(void **state)
{
	static const struct option_row none[] = {{0}};
	const struct option_table empty = {
	    .rows = (const struct option_row *const[]){none, none, NULL}};
	struct option_lists lists;

	(void)state;
	table_lists(&empty, &lists);
	assert_string_equal(lists.shorts, "+:");
	assert_null(lists.longs[0].name);
}

static void
a_table_may_have_as_many_rows_as_there_is_room_for(void **state)
{
	static struct option_row rows[OPTION_ROWS_MOST + 1];
	const struct option_table full = {.rows = (const struct option_row *const[]){rows, NULL}};
	struct option_lists lists;

	(void)state;
	for (int i = 0; i < OPTION_ROWS_MOST; i++)
		rows[i] = (struct option_row){'0' + i, "name", "ARG", KIND_TEXT, .group = ONE};
	table_lists(&full, &lists);
	assert_int_equal(strlen(lists.shorts), 2 + 2 * OPTION_ROWS_MOST);
	assert_string_equal(lists.longs[OPTION_ROWS_MOST - 1].name, "name");
	assert_null(lists.longs[OPTION_ROWS_MOST].name);
}

/* --help of the table; the caller frees it. */
static char *
help_of(const struct option_table *t)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	table_help(t, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
help_has_a_column_for_each_half_of_the_groups(void **state)
{
	char *help = help_of(&table);
	static const char expected[] =
	    "usage: test\n"
	    "One task:                               Another task:\n"
	    " -a, --all  all of it                    --mode MODE  words enough for more\n"
	    " -f FILE    that file                                 than one line of the\n"
	    " -d, --dir, -e, --else DIR  either of                 column that they are in\n"
	    "            them                         -4, -6       four or six\n"
	    "                                         --a-name-that-is-longer-than-a-column-\n"
	    "                                                      and words\n"
	    "                                         --long       aWordThatIsLongerThanACol\n"
	    "                                                      umnHasRoomForSoThatItIsCu\n"
	    "                                                      t\n";

	(void)state;
	assert_string_equal(help, expected);
	free(help);
}

static void
help_is_the_same_each_time(void **state)
{
	char *once = help_of(&table), *again = help_of(&table);

	(void)state;
	assert_string_equal(once, again);
	free(once);
	free(again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(letters_and_names_come_in_the_order_of_the_rows),
	    cmocka_unit_test(a_table_without_rows_takes_nothing),
	    cmocka_unit_test(a_table_may_have_as_many_rows_as_there_is_room_for),
	    cmocka_unit_test(help_has_a_column_for_each_half_of_the_groups),
	    cmocka_unit_test(help_is_the_same_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
