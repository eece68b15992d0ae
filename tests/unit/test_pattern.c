#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pattern.h"

static bool
match(const char *s, const char *pattern)
{
	return vz_pattern_match(s, strlen(s), pattern, strlen(pattern));
}

static bool
list(const char *s, const char *patterns)
{
	return vz_pattern_list_match(s, strlen(s), patterns, strlen(patterns));
}

static void
a_star_is_any_bytes_and_a_question_mark_is_one(void **state)
{
	(void)state;
	assert_true(match("alice", "alice"));
	assert_true(match("alice", "*"));
	assert_true(match("alice", "**"));
	assert_true(match("alice", "a*e"));
	assert_true(match("alice", "*alice*"));
	assert_true(match("alice", "?l?c?"));
	assert_true(match("alice", "*?????*"));
	assert_true(match("aXbXb", "a*b"));
	assert_true(match("abcabcd", "*abcd"));
	assert_true(match("a*c", "a*c"));
	assert_true(match("", ""));
	assert_true(match("", "*"));
	assert_false(match("", "?"));
	assert_false(match("alice", ""));
	assert_false(match("alice", "Alice"));
	assert_false(match("alice", "alic"));
	assert_false(match("alice", "lice"));
	assert_false(match("alice", "*??????*"));
	assert_false(match("abc", "*b"));
	assert_false(match("abc", "a*d"));
}

static void
one_of_a_list_is_enough_and_a_negated_one_refuses_wherever_it_stands(void **state)
{
	(void)state;
	assert_true(list("alice", "bob,alice"));
	assert_true(list("alice", "alice,bob"));
	assert_true(list("alice", "*,!bob"));
	assert_true(list("alice", ",alice"));
	assert_true(list("!alice", "*"));
	assert_false(list("alice", "bob,carol"));
	assert_false(list("alice", "!alice,*"));
	assert_false(list("alice", "*,!alice"));
	assert_false(list("alice", "alice,!a*"));
	assert_false(list("alice", "!bob"));
	assert_false(list("alice", ""));
	assert_false(list("alice,bob", "alice,bob"));
	assert_true(list("alice,bob", "alice?bob"));
	assert_false(list("a", "!"));
}

static void
many_stars_cost_no_more_than_the_product_of_the_lengths(void **state)
{
	char s[4097], pattern[4097];

	(void)state;
	memset(s, 'a', 4096);
	s[4096] = '\0';
	for (size_t i = 0; i < 4096; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[4095] = 'b';
	pattern[4096] = '\0';
	/* Tried in every way that there is, this would never end. */
	assert_false(match(s, pattern));
	pattern[4095] = 'a';
	assert_true(match(s, pattern));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_star_is_any_bytes_and_a_question_mark_is_one),
	    cmocka_unit_test(one_of_a_list_is_enough_and_a_negated_one_refuses_wherever_it_stands),
	    cmocka_unit_test(many_stars_cost_no_more_than_the_product_of_the_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
