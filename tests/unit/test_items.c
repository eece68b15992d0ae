/* Many messages in one stream: lib/flow/items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/err.h"
#include "flow/items.h"

#define LINES  VZ_ITEMS_LINES
#define NUL    VZ_ITEMS_NULL
#define FRAMES VZ_ITEMS_FRAMES

/* What came of a stream: "a|b|" with ! after an unended one; the last result. */
struct told {
	char text[256];
	size_t n;
	int result;
	uint64_t offset;
};

/* Fed `step` bytes at a time; what was not used stays, as a caller would keep it. */
static struct told
split(enum vz_items_mode mode, size_t max, const void *stream, size_t len, size_t step)
{
	struct told t = {0};
	struct vz_items it;
	struct vz_item item;
	size_t begin = 0, end = 0;

	vz_items_init(&it, mode, max);
	for (;;) {
		/* An exact copy, so that a sanitizer sees every byte too far. */
		uint8_t *copy = malloc(end - begin + 1);

		memcpy(copy, (const uint8_t *)stream + begin, end - begin);
		copy = realloc(copy, end - begin ? end - begin : 1);
		t.result = vz_items_next(&it, copy, end - begin, end == len, &item);
		t.offset = it.offset;
		if (t.result == 1) {
			t.n += (size_t)snprintf(t.text + t.n, sizeof(t.text) - t.n, "%.*s%s|",
			    (int)item.len, (const char *)item.body, item.unended ? "!" : "");
			begin += item.used;
			assert_int_equal(it.offset, begin);
		}
		free(copy);
		if (t.result < 0 || (t.result == 0 && end == len))
			return t;
		if (t.result == 0)
			end = len - end < step ? len : end + step;
	}
}

static void
check(enum vz_items_mode mode, size_t max, const void *stream, size_t len, const char *text,
    int result, uint64_t offset)
{
	for (size_t step = 1; step <= len + 1; step++) {
		struct told t = split(mode, max, stream, len, step);

		assert_string_equal(t.text, text);
		assert_int_equal(t.result, result);
		assert_int_equal(t.offset, offset);
	}
}

#define CHECK(mode, max, stream, text, result, offset) \
	check(mode, max, stream, sizeof(stream) - 1, text, result, offset)

static void
each_line_is_an_item_however_the_bytes_arrive(void **state)
{
	(void)state;
	CHECK(LINES, 100, "", "", 0, 0);
	CHECK(LINES, 100, "one\ntwo\n", "one|two|", 0, 8);
	CHECK(LINES, 100, "\n\na\r\n", "||a\r|", 0, 5);
	CHECK(NUL, 100, "one\0tw\no\0\0", "one|tw\no||", 0, 10);
}

static void
a_last_line_without_newline_is_an_item_and_is_marked(void **state)
{
	(void)state;
	CHECK(LINES, 100, "one\ntwo", "one|two!|", 0, 7);
	CHECK(LINES, 3, "two", "two!|", 0, 3);
	CHECK(NUL, 100, "one\0two\n", "one|two\n!|", 0, 8);
}

static void
frames_are_items_and_may_be_empty(void **state)
{
	(void)state;
	CHECK(FRAMES, 100, "\0\0\0\3one\0\0\0\0\0\0\0\2tw", "one||tw|", 0, 17);
	CHECK(FRAMES, 100, "", "", 0, 0);
}

static void
an_item_over_the_limit_is_refused_with_its_offset_after_all_before_it(void **state)
{
	(void)state;
	CHECK(LINES, 3, "one\nfour\n", "one|", VZ_ELIMIT, 4);
	CHECK(LINES, 3, "one\nfour", "one|", VZ_ELIMIT, 4);
	CHECK(LINES, 0, "\n\nx\n", "||", VZ_ELIMIT, 2);
	CHECK(NUL, 3, "one\0four\0", "one|", VZ_ELIMIT, 4);
	CHECK(FRAMES, 3, "\0\0\0\3one\0\0\0\4four", "one|", VZ_ELIMIT, 7);
	CHECK(FRAMES, 3, "\377\377\377\377", "", VZ_ELIMIT, 0);
	CHECK(LINES, SIZE_MAX, "one\ntwo\n", "one|two|", 0, 8);
}

static void
a_limit_is_known_at_the_first_byte_over_it(void **state)
{
	struct vz_items it;
	struct vz_item item;

	(void)state;
	vz_items_init(&it, LINES, 3);
	assert_int_equal(vz_items_next(&it, (const uint8_t *)"abc", 3, false, &item), 0);
	assert_int_equal(vz_items_next(&it, (const uint8_t *)"abcd", 4, false, &item), VZ_ELIMIT);
	assert_int_equal(vz_items_next(&it, (const uint8_t *)"abcd", 4, true, &item), VZ_ELIMIT);
	vz_items_init(&it, FRAMES, 3);
	assert_int_equal(
	    vz_items_next(&it, (const uint8_t *)"\0\0\0\4", 4, false, &item), VZ_ELIMIT);
}

static void
a_frame_cut_by_the_end_is_an_error_at_the_offset_where_it_begins(void **state)
{
	static const char stream[] = "\0\0\0\3one\0\0\0\3two";

	(void)state;
	for (size_t len = 0; len < sizeof(stream); len++)
		check(FRAMES, 100, stream, len,
		    len < 7        ? ""
			: len < 14 ? "one|"
				   : "one|two|",
		    len % 7 ? VZ_EFORMAT : 0, len - len % 7);
}

static void
what_was_searched_is_not_searched_again(void **state)
{
	struct vz_items it;
	struct vz_item item;
	uint8_t bytes[64];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	vz_items_init(&it, LINES, 100);
	assert_int_equal(vz_items_next(&it, bytes, 40, false, &item), 0);
	bytes[10] = '\n'; /* behind its back */
	bytes[50] = '\n';
	assert_int_equal(vz_items_next(&it, bytes, 64, false, &item), 1);
	assert_int_equal(item.len, 50);
}

static void
what_is_written_splits_into_what_it_was(void **state)
{
	static const char *const bodies[] = {"one", "", "three"};

	(void)state;
	for (int mode = LINES; mode <= FRAMES; mode++) {
		struct vz_buf b;
		struct vz_items it;
		struct vz_item item;

		vz_buf_init(&b, 100);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(
			    vz_item_put(&b, (enum vz_items_mode)mode, bodies[i], strlen(bodies[i])),
			    0);
		vz_items_init(&it, (enum vz_items_mode)mode, 5);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(vz_items_next(&it, vz_buf_ptr(&b), b.len, true, &item), 1);
			assert_int_equal(item.len, strlen(bodies[i]));
			assert_memory_equal(item.body, bodies[i], item.len);
			assert_false(item.unended);
			vz_buf_consume(&b, item.used);
		}
		assert_int_equal(b.len, 0);
		vz_buf_free(&b);
	}
}

static void
an_item_that_does_not_fit_is_not_begun(void **state)
{
	struct vz_item_ends ends;
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 6);
	assert_int_equal(vz_item_put(&b, FRAMES, "abc", 3), VZ_ELIMIT);
	assert_int_equal(b.len, 0);
	assert_int_equal(vz_item_put(&b, LINES, "abcde", 5), 0);
	assert_int_equal(b.len, 6);
	assert_int_equal(vz_item_put(&b, LINES, "abc", SIZE_MAX), VZ_ELIMIT);
	assert_int_equal(vz_item_ends(FRAMES, (size_t)UINT32_MAX + 1, &ends), VZ_ELIMIT);
	vz_buf_free(&b);
}

static void
a_body_that_holds_its_own_delimiter_is_refused(void **state)
{
	(void)state;
	assert_non_null(vz_item_refusal(LINES, "a\nb", 3));
	assert_non_null(vz_item_refusal(LINES, "ab\n", 3));
	assert_null(vz_item_refusal(LINES, "a\0b", 3));
	assert_non_null(vz_item_refusal(NUL, "a\0b", 3));
	assert_null(vz_item_refusal(NUL, "a\nb", 3));
	assert_null(vz_item_refusal(FRAMES, "a\n\0", 3));
	assert_null(vz_item_refusal(LINES, NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_line_is_an_item_however_the_bytes_arrive),
	    cmocka_unit_test(a_last_line_without_newline_is_an_item_and_is_marked),
	    cmocka_unit_test(frames_are_items_and_may_be_empty),
	    cmocka_unit_test(an_item_over_the_limit_is_refused_with_its_offset_after_all_before_it),
	    cmocka_unit_test(a_limit_is_known_at_the_first_byte_over_it),
	    cmocka_unit_test(a_frame_cut_by_the_end_is_an_error_at_the_offset_where_it_begins),
	    cmocka_unit_test(what_was_searched_is_not_searched_again),
	    cmocka_unit_test(what_is_written_splits_into_what_it_was),
	    cmocka_unit_test(an_item_that_does_not_fit_is_not_begun),
	    cmocka_unit_test(a_body_that_holds_its_own_delimiter_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
