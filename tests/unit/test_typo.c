#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bech32_typo.h"
#include "base/err.h"
#include "id/typo.h"

static const char symbols[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* A simple generator, so that every run sees the same. */
static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t
make(const char *hrp, uint32_t seed, char text[static VZ_BECH32_TEXT_MAX])
{
	uint8_t data[32];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)next(&seed);
	assert_int_equal(vz_bech32_encode(hrp, data, sizeof(data), text, VZ_BECH32_TEXT_MAX), 0);
	return strlen(text);
}

static enum vz_typo
find(const char *hrp, const char *text, size_t n, size_t *at)
{
	return vz_bech32_typo(hrp, text, n, 32, at);
}

static void
substitute_each(const char *hrp, uint32_t seed)
{
	char text[VZ_BECH32_TEXT_MAX];
	size_t n = make(hrp, seed, text), at;

	for (size_t i = 0; i < n; i++) {
		char right = text[i];

		for (const char *c = "qpzry9x8gf2tvdw0s3jn54khce6mua7lbio1-\x01\xff"; *c; c++) {
			if (*c == right)
				continue;
			text[i] = *c;
			assert_int_equal(find(hrp, text, n, &at), VZ_TYPO_WRONG);
			assert_int_equal(at, i);
		}
		text[i] = right;
	}
}

static void
every_wrong_character_at_every_place_is_found(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 3; seed++)
		substitute_each("vz", seed);
	substitute_each("vzpsk", 7);
}

static void
capitals_have_their_slips_found_too(void **state)
{
	char text[VZ_BECH32_TEXT_MAX];
	size_t n = make("vz", 11, text), at;

	(void)state;
	for (size_t i = 0; i < n; i++)
		if (text[i] >= 'a')
			text[i] = (char)(text[i] - 'a' + 'A');
	text[20] = text[20] == 'Q' ? 'P' : 'Q';
	assert_int_equal(find("vz", text, n, &at), VZ_TYPO_WRONG);
	assert_int_equal(at, 20);
}

static void
two_neighbours_that_changed_places_are_found(void **state)
{
	char text[VZ_BECH32_TEXT_MAX];
	size_t n = make("vz", 5, text), at;

	(void)state;
	for (size_t i = 0; i + 1 < n; i++) {
		char a = text[i], b = text[i + 1];

		if (a == b || i == 2) /* "vzX1": two are wrong where no symbol is a 1 */
			continue;
		text[i] = b;
		text[i + 1] = a;
		assert_int_equal(find("vz", text, n, &at), VZ_TYPO_SWAPPED);
		assert_int_equal(at, i);
		text[i] = a;
		text[i + 1] = b;
	}
}

static void
a_missing_character_is_found_wherever_it_was(void **state)
{
	char text[VZ_BECH32_TEXT_MAX], cut[VZ_BECH32_TEXT_MAX];
	size_t n = make("vz", 6, text), at;

	(void)state;
	for (size_t i = 3; i < n; i++) {
		size_t first = i;

		memcpy(cut, text, i);
		memcpy(cut + i, text + i + 1, n - i);
		while (first > 3 && text[first - 1] == text[i])
			first--;
		assert_int_equal(find("vz", cut, n - 1, &at), VZ_TYPO_MISSING);
		assert_int_equal(at, first);
	}
}

static void
a_character_too_many_is_found_wherever_it_is(void **state)
{
	char text[VZ_BECH32_TEXT_MAX], more[VZ_BECH32_TEXT_MAX + 1];
	size_t n = make("vz", 8, text), at;

	(void)state;
	for (size_t i = 3; i <= n; i++)
		for (const char *c = "qx7l1o-"; *c; c++) {
			memcpy(more, text, i);
			more[i] = *c;
			memcpy(more + i + 1, text + i, n - i);
			assert_int_equal(find("vz", more, n + 1, &at), VZ_TYPO_EXTRA);
			/* Of two that are alike one is named. */
			assert_true(at <= i && more[at] == *c);
		}
}

static void
mixed_cases_of_a_right_key_are_told(void **state)
{
	char text[VZ_BECH32_TEXT_MAX];
	size_t n = make("vz", 9, text), at;

	(void)state;
	text[0] = 'V';
	assert_int_equal(find("vz", text, n, &at), VZ_TYPO_CASE);
	assert_int_equal(at, 1);
}

static void
a_right_key_and_another_length_have_no_typo(void **state)
{
	char text[VZ_BECH32_TEXT_MAX];
	size_t n = make("vz", 10, text), at;

	(void)state;
	assert_int_equal(find("vz", text, n, &at), VZ_TYPO_NONE);
	for (size_t i = 0; i + 1 < n; i++)
		assert_int_equal(find("vz", text, i, &at), VZ_TYPO_NONE);
	assert_int_equal(vz_bech32_typo("vz", text, n, 0, &at), VZ_TYPO_NONE);
	assert_int_equal(vz_bech32_typo("vz", text, n, VZ_BECH32_DATA_MAX + 1, &at), VZ_TYPO_NONE);
	assert_int_equal(vz_bech32_typo("", text, n, 32, &at), VZ_TYPO_NONE);
}

static void
two_wrong_characters_are_never_taken_for_one(void **state)
{
	char text[VZ_BECH32_TEXT_MAX];
	uint32_t seed = 77;
	size_t n = make("vz", 12, text), at;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		size_t i = 3 + next(&seed) % (n - 3), j = 3 + next(&seed) % (n - 3);
		char a = text[i], b = text[j];

		text[i] = symbols[next(&seed) % 32];
		text[j] = symbols[next(&seed) % 32];
		if (i != j && text[i] != a && text[j] != b)
			assert_int_not_equal(find("vz", text, n, &at), VZ_TYPO_WRONG);
		text[j] = b;
		text[i] = a;
	}
}

static void
of_random_texts_nothing_is_claimed(void **state)
{
	char text[64] = "vz1";
	uint32_t seed = 3;
	size_t at;

	(void)state;
	for (int round = 0; round < 10000; round++) {
		size_t n = 60 + next(&seed) % 3;

		for (size_t i = 3; i < n; i++)
			text[i] = symbols[next(&seed) % 32];
		assert_int_equal(find("vz", text, n, &at), VZ_TYPO_NONE);
	}
}

/* Words. */

static void
words_name_the_place_and_a_few_characters_around_it(void **state)
{
	char text[VZ_BECH32_TEXT_MAX], words[VZ_TYPO_WORDS], want[VZ_TYPO_WORDS];
	size_t n = make("vz", 13, text);

	(void)state;
	text[16] = 'b';
	snprintf(want, sizeof(want), "the 17th character is likely wrong: the b in ...%.9s...",
	    text + 12);
	assert_string_equal(vz_key_typo(text, n, words), want);
	text[16] = '\033';
	assert_non_null(strstr(vz_key_typo(text, n, words), "17th"));
	assert_null(strchr(words, '\033'));
	assert_string_equal(vz_key_typo("vz1", 3, words), "");
}

static void
words_about_a_pre_shared_key_hold_nothing_of_it(void **state)
{
	char text[VZ_BECH32_TEXT_MAX], words[VZ_TYPO_WORDS];
	size_t n = make("vzpsk", 14, text);

	(void)state;
	text[60] = text[60] == 'q' ? 'p' : 'q';
	assert_string_equal(vz_psk_typo(text, n, words), "the 61st character is likely wrong");
	text[62] = text[62] == 'q' ? 'p' : 'q';
	assert_string_equal(vz_psk_typo(text, n, words), "");
}

static int
look_up(void *arg, const char *name, size_t len, const char **text)
{
	(void)len;
	*text = strcmp(name, "loop") == 0 ? name : arg;
	return 0;
}

static void
the_mistyped_key_of_an_address_is_found_behind_names_and_relays(void **state)
{
	char right[VZ_BECH32_TEXT_MAX], wrong[VZ_BECH32_TEXT_MAX], words[VZ_TYPO_WORDS];
	char address[400];

	(void)state;
	/* A point of the curve: the base point (RFC 8032 5.1). */
	static const uint8_t base[32] = {0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66};

	assert_int_equal(vz_bech32_encode("vz", base, 32, right, sizeof(right)), 0);
	strcpy(wrong, right);
	wrong[40] = wrong[40] == 'q' ? 'p' : 'q';
	snprintf(address, sizeof(address), "%s@%s@relay:1", right, wrong);
	vz_address_typo(address, strlen(address), NULL, NULL, words);
	assert_non_null(strstr(words, "41st"));
	vz_address_typo("bob", 3, look_up, address, words);
	assert_non_null(strstr(words, "41st"));
	snprintf(address, sizeof(address), "%s@relay:1", right);
	assert_string_equal(vz_address_typo(address, strlen(address), NULL, NULL, words), "");
	assert_string_equal(vz_address_typo("loop", 4, look_up, address, words), "");
	assert_string_equal(vz_address_typo("", 0, NULL, NULL, words), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_wrong_character_at_every_place_is_found),
	    cmocka_unit_test(capitals_have_their_slips_found_too),
	    cmocka_unit_test(two_neighbours_that_changed_places_are_found),
	    cmocka_unit_test(a_missing_character_is_found_wherever_it_was),
	    cmocka_unit_test(a_character_too_many_is_found_wherever_it_is),
	    cmocka_unit_test(mixed_cases_of_a_right_key_are_told),
	    cmocka_unit_test(a_right_key_and_another_length_have_no_typo),
	    cmocka_unit_test(two_wrong_characters_are_never_taken_for_one),
	    cmocka_unit_test(of_random_texts_nothing_is_claimed),
	    cmocka_unit_test(words_name_the_place_and_a_few_characters_around_it),
	    cmocka_unit_test(words_about_a_pre_shared_key_hold_nothing_of_it),
	    cmocka_unit_test(the_mistyped_key_of_an_address_is_found_behind_names_and_relays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
