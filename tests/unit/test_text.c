#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"

/* Asserts that src comes out as want, whole. */
static void
check(enum vz_escape_for how, const char *src, const char *want)
{
	char out[256];

	assert_int_equal(vz_escape(how, out, sizeof out, src, strlen(src)), strlen(src));
	assert_string_equal(out, want);
}

static void
printable_text_passes_as_it_is(void **state)
{
	const char *text =
	    "plain ~!'\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x99\x82 \xe2\x9d\xa4\xef\xb8\x8f";

	(void)state;
	check(VZ_ESCAPE_LINE, text, text);
	check(VZ_ESCAPE_BODY, text, text);
	check(VZ_ESCAPE_JSON, text, text);
}

static void
a_terminal_command_from_a_stranger_is_only_text(void **state)
{
	(void)state;
	check(VZ_ESCAPE_LINE, "a\033[2Jb\rc\nd\te\177", "a\\x1b[2Jb\\x0dc\\x0ad\\x09e\\x7f");
	check(VZ_ESCAPE_BODY, "a\033[2Jb\rc\nd\te\177", "a\\x1b[2Jb\\x0dc\nd\te\\x7f");
	check(VZ_ESCAPE_JSON, "a\033\n\t\177", "a\\u001b\\u000a\\u0009\\u007f");
	/* CSI and NEL of C1, in UTF-8 and raw. */
	check(VZ_ESCAPE_LINE,
	    "\xc2\x9b"
	    "2J\xc2\x85",
	    "\\xc2\\x9b2J\\xc2\\x85");
	check(VZ_ESCAPE_BODY,
	    "\x9b"
	    "2J",
	    "\\x9b2J");
	check(VZ_ESCAPE_JSON,
	    "\xc2\x9b"
	    "2J",
	    "\\u009b2J");
}

static void
marks_that_hide_or_turn_text_are_escaped(void **state)
{
	static const char *const marks[] = {"\xc2\xad", "\xd8\x9c", "\xe2\x80\x8b", "\xe2\x80\x8d",
	    "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa",
	    "\xe2\x80\xae", "\xe2\x81\xa0", "\xe2\x81\xa6", "\xe2\x81\xa9", "\xef\xbb\xbf",
	    "\xef\xbf\xbe", "\xef\xbf\xbf", "\xef\xb7\x90", "\xf3\xa0\x81\x81", "\xf4\x8f\xbf\xbf",
	    "\xf0\x9f\xbf\xbe", "\xe3\x85\xa4", "\xcd\x8f"};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		for (int how = VZ_ESCAPE_LINE; how <= VZ_ESCAPE_JSON; how++) {
			size_t n = strlen(marks[i]);

			assert_int_equal(
			    vz_escape((enum vz_escape_for)how, out, sizeof out, marks[i], n), n);
			assert_int_equal(out[0], '\\');
		}
	check(VZ_ESCAPE_LINE, "\xe2\x80\xae", "\\xe2\\x80\\xae");
	check(VZ_ESCAPE_JSON, "\xe2\x80\xae", "\\u202e");
	check(VZ_ESCAPE_JSON, "\xf3\xa0\x81\x81", "\\udb40\\udc41");
}

static void
backslash_and_quote_cannot_be_mistaken(void **state)
{
	(void)state;
	check(VZ_ESCAPE_LINE, "\\x41\"", "\\\\x41\"");
	check(VZ_ESCAPE_BODY, "\\x41\"", "\\x41\"");
	check(VZ_ESCAPE_JSON, "\\x41\"", "\\\\x41\\\"");
}

static void
bytes_that_are_not_utf8_are_shown_one_by_one(void **state)
{
	(void)state;
	check(VZ_ESCAPE_LINE,
	    "a\xff\xc0\xaf"
	    "b",
	    "a\\xff\\xc0\\xafb");
	check(VZ_ESCAPE_LINE, "\xed\xa0\x80", "\\xed\\xa0\\x80");
	check(VZ_ESCAPE_LINE, "\xe2\x82", "\\xe2\\x82");
	check(VZ_ESCAPE_JSON,
	    "a\xff"
	    "b\xe2\x82",
	    "a\\ufffdb\\ufffd\\ufffd");
}

static void
a_body_waits_for_the_rest_of_a_character(void **state)
{
	const char *text = "ab\xf0\x9f\x99\x82";
	char out[64];

	(void)state;
	for (size_t n = 3; n < 6; n++) {
		assert_int_equal(vz_escape(VZ_ESCAPE_BODY, out, sizeof out, text, n), 2);
		assert_string_equal(out, "ab");
	}
	assert_int_equal(vz_escape(VZ_ESCAPE_BODY, out, sizeof out, text, 6), 6);
	/* What no more input can complete does not wait. */
	assert_int_equal(vz_escape(VZ_ESCAPE_BODY, out, sizeof out, "\xe0\x80", 2), 2);
	assert_string_equal(out, "\\xe0\\x80");
}

static void
a_full_destination_ends_between_characters(void **state)
{
	const char *text = "a\x1b\xc3\xa9\xe2\x80\xae!";
	const char *want = "a\\x1b\xc3\xa9\\xe2\\x80\\xae!";
	char out[64];

	(void)state;
	assert_int_equal(vz_escape(VZ_ESCAPE_LINE, NULL, 0, text, strlen(text)), 0);
	for (size_t cap = 1; cap <= strlen(want) + 1; cap++) {
		size_t n, used;

		memset(out, 'x', sizeof out);
		n = vz_escape(VZ_ESCAPE_LINE, out, cap, text, strlen(text));
		used = strlen(out);
		assert_true(used < cap && out[cap] == 'x');
		assert_memory_equal(out, want, used);
		/* The rest, from where it stopped, makes it whole. */
		vz_escape(
		    VZ_ESCAPE_LINE, out + used, sizeof out - used, text + n, strlen(text) - n);
		assert_string_equal(out, want);
	}
}

/* True when s is printable text and each backslash in it begins one whole escape. */
static bool
clean(enum vz_escape_for how, const char *s)
{
	static const char *const digits = "0123456789abcdef";

	if (!vz_utf8_ok(s, strlen(s)))
		return false;
	for (; *s != '\0'; s++) {
		size_t n;

		if (how == VZ_ESCAPE_BODY && (*s == '\n' || *s == '\t'))
			continue;
		if ((unsigned char)*s < 0x20 || *s == 0x7f ||
		    ((unsigned char)*s == 0xc2 && (unsigned char)s[1] < 0xa0))
			return false;
		if (*s == '"' && how == VZ_ESCAPE_JSON)
			return false;
		if (*s != '\\' || how == VZ_ESCAPE_BODY)
			continue;
		s++;
		if (*s == '\\' || (*s == '"' && how == VZ_ESCAPE_JSON))
			continue;
		if (*s != (how == VZ_ESCAPE_JSON ? 'u' : 'x'))
			return false;
		n = how == VZ_ESCAPE_JSON ? 4 : 2;
		if (strspn(s + 1, digits) < n)
			return false;
		s += n;
	}
	return true;
}

/* Biased to what makes UTF-8 interesting, on exactly sized blocks for the sanitizer. */
static void
random_bytes_never_make_unclean_text(void **state)
{
	static const uint8_t odd[] = {0, 9, 10, 13, 27, 34, 92, 127, 0x80, 0x85, 0x9b, 0xa8, 0xae,
	    0xbf, 0xc2, 0xe2, 0xed, 0xef, 0xf0, 0xf3, 0xf4, 0xff};

	(void)state;
	srandom(5);
	for (unsigned turn = 0; turn < 60000; turn++) {
		enum vz_escape_for how = (enum vz_escape_for)(turn % 3);
		size_t len = (size_t)random() % 24 + 1, cap = (size_t)random() % 60 + 1, n = 1;
		uint8_t *src = malloc(len), *p = src;
		char *out = malloc(cap);

		assert_true(src != NULL && out != NULL);
		for (size_t i = 0; i < len; i++)
			src[i] =
			    random() % 2 ? odd[(size_t)random() % sizeof odd] : (uint8_t)random();
		while (len > 0 && n > 0) {
			n = vz_escape(how, out, cap, p, len);
			assert_true(n <= len);
			assert_true(clean(how, out));
			assert_int_equal(n == 0, out[0] == '\0');
			p += n;
			len -= n;
		}
		/* Only a small destination or an open character stops it. */
		assert_true(len == 0 || cap <= 16 || (how == VZ_ESCAPE_BODY && len < 4));
		free(out);
		free(src);
	}
}

static void
utf8_is_judged_by_rfc_3629(void **state)
{
	static const struct {
		const char *s;
		bool ok;
	} t[] = {{"", true}, {"a", true}, {"\xc2\x80", true}, {"\xdf\xbf", true},
	    {"\xe0\xa0\x80", true}, {"\xed\x9f\xbf", true}, {"\xee\x80\x80", true},
	    {"\xef\xbf\xbf", true}, {"\xf0\x90\x80\x80", true}, {"\xf4\x8f\xbf\xbf", true},
	    {"\x80", false}, {"\xc0\x80", false}, {"\xc1\xbf", false}, {"\xc2", false},
	    {"\xc2"
	     "a",
		false},
	    {"\xe0\x9f\xbf", false}, {"\xed\xa0\x80", false}, {"\xed\xbf\xbf", false},
	    {"\xe2\x82", false}, {"\xf0\x8f\xbf\xbf", false}, {"\xf4\x90\x80\x80", false},
	    {"\xf5\x80\x80\x80", false}, {"\xff", false}, {"\xf0\x90\x80", false}};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		assert_int_equal(vz_utf8_ok(t[i].s, strlen(t[i].s)), t[i].ok);
	assert_true(vz_utf8_ok("\0", 1));
	assert_true(vz_utf8_ok(NULL, 0));
}

static void
a_name_is_short_utf8_without_controls(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'n', sizeof name);
	assert_true(vz_name_ok(name, 255));
	assert_false(vz_name_ok(name, 256));
	assert_true(vz_name_ok("r\xc3\xa9sum\xc3\xa9.txt", 12));
	assert_false(vz_name_ok("a\nb", 3));
	assert_false(vz_name_ok("a\0b", 3));
	assert_false(vz_name_ok("a\177", 2));
	assert_false(vz_name_ok("\xc2\x85", 2));
	assert_false(vz_name_ok("\xff", 1));
}

static void
sizes_are_read_with_binary_units(void **state)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} t[] = {{"0", 0, 0}, {"64K", 0, 65536}, {"1k", 0, 1024}, {"3m", 0, 3 << 20},
	    {"2G", 0, UINT64_C(2) << 30}, {"1T", 0, UINT64_C(1) << 40}, {"007", 0, 7},
	    {"18446744073709551615", 0, UINT64_MAX}, {"18446744073709551616", VZ_ELIMIT, 0},
	    {"16777216T", VZ_ELIMIT, 0}, {"99999999999999999999999K", VZ_ELIMIT, 0},
	    {"", VZ_EFORMAT, 0}, {"K", VZ_EFORMAT, 0}, {"-1", VZ_EFORMAT, 0}, {"+1", VZ_EFORMAT, 0},
	    {" 1", VZ_EFORMAT, 0}, {"1 ", VZ_EFORMAT, 0}, {"1KB", VZ_EFORMAT, 0},
	    {"1.5M", VZ_EFORMAT, 0}, {"0x10", VZ_EFORMAT, 0}, {"1P", VZ_EFORMAT, 0},
	    {"99999999999999999999999x", VZ_EFORMAT, 0}, {"1\xcb", VZ_EFORMAT, 0},
	    {"1\v", VZ_EFORMAT, 0}};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		v = 99;
		assert_int_equal(vz_parse_size(t[i].s, UINT64_MAX, &v), t[i].r);
		assert_true(v == t[i].v);
	}
	assert_int_equal(vz_parse_size("1K", 1024, &v), 0);
	assert_int_equal(vz_parse_size("1025", 1024, &v), VZ_ELIMIT);
	assert_int_equal(vz_parse_size("2K", 1024, &v), VZ_ELIMIT);
}

static void
durations_are_read_in_milliseconds(void **state)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} t[] = {{"1500ms", 0, 1500}, {"10s", 0, 10000}, {"10", 0, 10000}, {"5m", 0, 300000},
	    {"2h", 0, 7200000}, {"7d", 0, 604800000}, {"0", 0, 0}, {"", VZ_EFORMAT, 0},
	    {"ms", VZ_EFORMAT, 0}, {"-5s", VZ_EFORMAT, 0}, {"5 s", VZ_EFORMAT, 0},
	    {"5S", VZ_EFORMAT, 0}, {"5mss", VZ_EFORMAT, 0}, {"1h30m", VZ_EFORMAT, 0},
	    {"99999999999999999999d", VZ_ELIMIT, 0}, {"999999999999999999d", VZ_ELIMIT, 0}};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		v = 99;
		assert_int_equal(vz_parse_duration(t[i].s, UINT64_MAX, &v), t[i].r);
		assert_true(v == t[i].v);
	}
	assert_int_equal(vz_parse_duration("12h", 43200000, &v), 0);
	assert_int_equal(vz_parse_duration("43200001ms", 43200000, &v), VZ_ELIMIT);
}

static void
sizes_are_shown_for_people(void **state)
{
	static const struct {
		uint64_t n;
		const char *s;
	} t[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"},
	    {UINT64_C(3328599654), "3.1 GiB"}, {(1 << 20) - 1, "1.0 MiB"}, {1047552, "1023.0 KiB"},
	    {UINT64_MAX, "16.0 EiB"}, {UINT64_C(1) << 60, "1.0 EiB"},
	    {(UINT64_C(1) << 60) - 1, "1.0 EiB"}};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		vz_format_size(t[i].n, out);
		assert_string_equal(out, t[i].s);
	}
}

static void
every_error_has_its_own_words(void **state)
{
	(void)state;
	for (int a = 0; a >= VZ_ESIGNER; a--) {
		const char *words = vz_strerror(a);

		assert_string_not_equal(words, vz_strerror(-1000));
		assert_true(words[0] >= 'a' && words[0] <= 'z');
		assert_int_not_equal(words[strlen(words) - 1], '.');
		for (int b = a - 1; b >= VZ_ESIGNER; b--)
			assert_string_not_equal(words, vz_strerror(b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(printable_text_passes_as_it_is),
	    cmocka_unit_test(a_terminal_command_from_a_stranger_is_only_text),
	    cmocka_unit_test(marks_that_hide_or_turn_text_are_escaped),
	    cmocka_unit_test(backslash_and_quote_cannot_be_mistaken),
	    cmocka_unit_test(bytes_that_are_not_utf8_are_shown_one_by_one),
	    cmocka_unit_test(a_body_waits_for_the_rest_of_a_character),
	    cmocka_unit_test(a_full_destination_ends_between_characters),
	    cmocka_unit_test(random_bytes_never_make_unclean_text),
	    cmocka_unit_test(utf8_is_judged_by_rfc_3629),
	    cmocka_unit_test(a_name_is_short_utf8_without_controls),
	    cmocka_unit_test(sizes_are_read_with_binary_units),
	    cmocka_unit_test(durations_are_read_in_milliseconds),
	    cmocka_unit_test(sizes_are_shown_for_people),
	    cmocka_unit_test(every_error_has_its_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
