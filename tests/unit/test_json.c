#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

static void
check(const struct vz_buf *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	assert_memory_equal(vz_buf_ptr(b), want, b->len);
}

static void
an_object_is_one_line(void **state)
{
	struct vz_buf b;
	struct vz_json j;

	(void)state;
	vz_buf_init(&b, 1000);
	vz_json_begin(&j, &b);
	assert_int_equal(vz_json_end(&j), 0);
	vz_json_begin(&j, &b);
	vz_json_str(&j, "event", "open");
	vz_json_str(&j, "name", NULL);
	vz_json_bytes(&j, "kind", "a\nb", 3);
	vz_json_u64(&j, "bytes", UINT64_MAX);
	vz_json_bool(&j, "whole", 7);
	vz_json_bool(&j, "durable", 0);
	assert_int_equal(vz_json_end(&j), 0);
	check(&b,
	    "{}\n"
	    "{\"event\":\"open\",\"name\":null,\"kind\":\"a\\u000ab\","
	    "\"bytes\":18446744073709551615,\"whole\":true,\"durable\":false}\n");
	vz_buf_free(&b);
}

static void
a_stranger_cannot_leave_the_string(void **state)
{
	struct vz_buf b;
	struct vz_json j;

	(void)state;
	vz_buf_init(&b, 1000);
	vz_json_begin(&j, &b);
	vz_json_str(&j, "a\"b", "\"},{\"x\":\"\\\033\xe2\x80\xae\xff");
	vz_json_bytes(&j, "nul", "\0", 1);
	assert_int_equal(vz_json_end(&j), 0);
	check(&b,
	    "{\"a\\\"b\":\"\\\"},{\\\"x\\\":\\\"\\\\\\u001b\\u202e\\ufffd\",\"nul\":\"\\u0000\"}"
	    "\n");
	vz_buf_free(&b);
}

static void
a_long_value_is_escaped_as_a_short_one(void **state)
{
	enum { N = 5000 };
	struct vz_buf b;
	struct vz_json j;
	char *value = malloc(3 * N), *want = malloc(6 * N + 16);
	size_t len = 0, n = 6;

	(void)state;
	assert_true(value != NULL && want != NULL);
	memcpy(want, "{\"v\":\"", 6);
	/* Of every width, so that some character falls on every edge of a chunk. */
	for (unsigned i = 0; i < N; i++) {
		static const char *const c[] = {"a", "\xc3\xa9", "\xe6\xbc\xa2", "\n"};
		static const char *const e[] = {"a", "\xc3\xa9", "\xe6\xbc\xa2", "\\u000a"};
		unsigned k = (i * i / 7 + i) % 4;

		memcpy(value + len, c[k], strlen(c[k]));
		len += strlen(c[k]);
		memcpy(want + n, e[k], strlen(e[k]));
		n += strlen(e[k]);
	}
	memcpy(want + n, "\"}\n", 4);
	vz_buf_init(&b, SIZE_MAX);
	vz_json_begin(&j, &b);
	vz_json_bytes(&j, "v", value, len);
	assert_int_equal(vz_json_end(&j), 0);
	check(&b, want);
	vz_buf_free(&b);
	free(value);
	free(want);
}

static void
an_object_that_does_not_fit_leaves_nothing_behind(void **state)
{
	const size_t whole = strlen("before\n{\"name\":\"value\",\"n\":12}\n");
	struct vz_buf b;
	struct vz_json j;

	(void)state;
	for (size_t max = 7; max <= whole; max++) {
		vz_buf_init(&b, max);
		assert_int_equal(vz_buf_str(&b, "before\n"), 0);
		vz_json_begin(&j, &b);
		vz_json_str(&j, "name", "value");
		vz_json_u64(&j, "n", 12);
		assert_int_equal(vz_json_end(&j), max < whole ? VZ_ELIMIT : 0);
		assert_int_equal(b.len, max < whole ? 7 : whole);
		assert_memory_equal(vz_buf_ptr(&b), "before\n", 7);
		vz_buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_object_is_one_line),
	    cmocka_unit_test(a_stranger_cannot_leave_the_string),
	    cmocka_unit_test(a_long_value_is_escaped_as_a_short_one),
	    cmocka_unit_test(an_object_that_does_not_fit_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
