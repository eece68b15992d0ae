#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "base/err.h"
#include "wire/relay_frame.h"

/* One of each type with every field set, and how it is on the wire. */
static const struct sample {
	struct vz_relay_frame f;
	size_t len;
	uint8_t wire[104];
} samples[] = {
    {{.type = VZ_RELAY_REGISTER, .number = 0x0102}, 11, {1, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2}},
    {{.type = VZ_RELAY_CONNECT, .key = {{7, 8}}}, 35, {2, 0, 32, 7, 8}},
    {{.type = VZ_RELAY_CONNECT,
	 .key = {{7, 8}},
	 .bytes = (const uint8_t *)"sixteen of them;first",
	 .bytes_len = 21},
	56,
	{2, 0, 53, 7, 8, [35] = 's', 'i', 'x', 't', 'e', 'e', 'n', ' ', 'o', 'f', ' ', 't', 'h',
	    'e', 'm', ';', 'f', 'i', 'r', 's', 't'}},
    {{.type = VZ_RELAY_CLAIM, .match = {5, 6}}, 19, {3, 0, 16, 5, 6}},
    {{.type = VZ_RELAY_BUNDLE_WANTED, .key = {{7, 8}}}, 35, {8, 0, 32, 7, 8}},
    {{.type = VZ_RELAY_DEPOSIT,
	 .key = {{7, 8}},
	 .content = {9, 1},
	 .size = 0x010203,
	 .expires = 0x0405},
	83, {9, 0, 80, 7, 8, [35] = 9, [36] = 1, [72] = 1, 2, 3, [81] = 4, 5}},
    {{.type = VZ_RELAY_PART, .bytes = (const uint8_t *)"ab", .bytes_len = 2}, 5,
	{10, 0, 2, 'a', 'b'}},
    {{.type = VZ_RELAY_NEXT, .number = 0x0102}, 11, {11, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2}},
    {{.type = VZ_RELAY_TAKEN, .number = 0x0102}, 11, {12, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2}},
    {{.type = VZ_RELAY_MAIL}, 3, {19, 0, 0}},
    {{.type = VZ_RELAY_BUNDLE, .bytes = (const uint8_t *)"ab", .bytes_len = 2}, 5,
	{24, 0, 2, 'a', 'b'}},
    {{.type = VZ_RELAY_ROOM, .number = 0x0102}, 11, {25, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2}},
    {{.type = VZ_RELAY_DEPOSITED, .number = 6, .duplicate = 1}, 12,
	{26, 0, 9, 0, 0, 0, 0, 0, 0, 0, 6, 1}},
    {{.type = VZ_RELAY_REFUSED, .status = 75, .bytes = (const uint8_t *)"no", .bytes_len = 2}, 6,
	{27, 0, 3, 75, 'n', 'o'}},
    {{.type = VZ_RELAY_ENTRY,
	 .number = 6,
	 .key = {{7, 8}},
	 .content = {9, 1},
	 .size = 0x010203,
	 .deposited = 0x0405,
	 .expires = 0x0607},
	99, {28, 0, 96, [10] = 6, 7, 8, [43] = 9, 1, [80] = 1, 2, 3, [89] = 4, 5, [97] = 6, 7}},
    {{.type = VZ_RELAY_PIECE, .bytes = (const uint8_t *)"ab", .bytes_len = 2}, 5,
	{29, 0, 2, 'a', 'b'}},
    {{.type = VZ_RELAY_NOTHING}, 3, {30, 0, 0}},
    {{.type = VZ_RELAY_REMOVED, .number = 6}, 11, {31, 0, 8, 0, 0, 0, 0, 0, 0, 0, 6}},
    {{.type = VZ_RELAY_REGISTERED, .number = 3}, 11, {16, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3}},
    {{.type = VZ_RELAY_OFFER, .match = {5, 6}}, 19, {17, 0, 16, 5, 6}},
    {{.type = VZ_RELAY_READY, .match = {5, 6}}, 19, {18, 0, 16, 5, 6}},
    {{.type = VZ_RELAY_PING, .token = 9}, 11, {32, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9}},
    {{.type = VZ_RELAY_PONG, .token = 9}, 11, {33, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9}},
    {{.type = VZ_RELAY_CLOSE, .status = 77, .bytes = (const uint8_t *)"no", .bytes_len = 2}, 6,
	{34, 0, 3, 77, 'n', 'o'}},
    {{.type = VZ_RELAY_PADDING, .bytes = (const uint8_t *)"\0\1", .bytes_len = 2}, 5,
	{35, 0, 2, 0, 1}},
};
#define SAMPLES (sizeof samples / sizeof samples[0])

static int
decode(const uint8_t *p, size_t len, struct vz_relay_frame *f)
{
	struct vz_rd r = vz_rd_of(p, len);

	return vz_relay_frame_next(&r, f);
}

static void
every_frame_is_on_the_wire_as_the_manual_says_and_comes_back(void **state)
{
	struct vz_relay_frame f;
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 1000);
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct vz_relay_frame *want = &samples[i].f;

		vz_buf_clear(&b);
		assert_int_equal(vz_relay_frame_put(&b, want), 0);
		assert_int_equal(b.len, samples[i].len);
		assert_memory_equal(vz_buf_ptr(&b), samples[i].wire, b.len);
		assert_int_equal(decode(vz_buf_ptr(&b), b.len, &f), 1);
		assert_int_equal(f.type, want->type);
		assert_int_equal(f.status, want->status);
		assert_int_equal(f.duplicate, want->duplicate);
		assert_true(f.number == want->number && f.token == want->token);
		assert_true(f.size == want->size && f.expires == want->expires);
		assert_true(f.deposited == want->deposited);
		assert_memory_equal(f.content, want->content, VZ_RELAY_CONTENT);
		assert_memory_equal(f.key.b, want->key.b, 32);
		assert_memory_equal(f.match, want->match, VZ_MATCH_LEN);
		assert_int_equal(f.bytes_len, want->bytes_len);
		if (f.bytes_len > 0)
			assert_memory_equal(f.bytes, want->bytes, f.bytes_len);
	}
	vz_buf_free(&b);
}

static void
a_frame_that_is_shorter_longer_or_unknown_is_refused(void **state)
{
	struct vz_relay_frame f;
	uint8_t wire[105];

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		for (size_t len = 1; len < samples[i].len; len++)
			assert_int_equal(decode(samples[i].wire, len, &f), VZ_EFORMAT);
		if (samples[i].f.bytes != NULL)
			continue; /* any length is right, or nearly */
		memcpy(wire, samples[i].wire, 104);
		wire[104] = 0;
		for (int d = samples[i].len > 3 ? -1 : 1; d <= 1; d += 2) {
			wire[2] = (uint8_t)(samples[i].wire[2] + d);
			assert_int_equal(
			    decode(wire, (size_t)((int)samples[i].len + d), &f), VZ_EFORMAT);
		}
	}
	memset(wire, 0, sizeof wire);
	for (unsigned type = 0; type < 256; type++) {
		bool known = false;

		for (size_t i = 0; i < SAMPLES; i++)
			known |= samples[i].f.type == type;
		wire[0] = (uint8_t)type;
		if (!known) {
			assert_int_equal(decode(wire, 3, &f), VZ_EFORMAT);
			assert_string_equal(vz_relay_frame_name((uint8_t)type), "unknown");
			for (unsigned s = 0; s <= VZ_RELAY_RAW; s++)
				assert_false(vz_relay_legal((enum vz_relay_stage)s, (uint8_t)type));
		}
	}
}

static void
what_a_mailbox_is_told_has_a_size_and_what_it_says_a_number(void **state)
{
	static const struct vz_relay_frame bad[] = {
	    {.type = VZ_RELAY_DEPOSIT},
	    {.type = VZ_RELAY_DEPOSIT, .size = VZ_RELAY_NUMBER_MAX},
	    {.type = VZ_RELAY_DEPOSIT, .size = 1, .expires = VZ_RELAY_NUMBER_MAX},
	    {.type = VZ_RELAY_NEXT, .number = VZ_RELAY_NUMBER_MAX},
	    {.type = VZ_RELAY_TAKEN},
	    {.type = VZ_RELAY_ROOM},
	    {.type = VZ_RELAY_DEPOSITED},
	    {.type = VZ_RELAY_DEPOSITED, .number = 1, .duplicate = 2},
	    {.type = VZ_RELAY_REMOVED},
	    {.type = VZ_RELAY_ENTRY, .size = 1},
	    {.type = VZ_RELAY_ENTRY, .number = 1},
	    {.type = VZ_RELAY_ENTRY, .number = 1, .size = 1, .deposited = VZ_RELAY_NUMBER_MAX},
	    {.type = VZ_RELAY_PART},
	    {.type = VZ_RELAY_PIECE},
	    {.type = VZ_RELAY_BUNDLE},
	};
	static const uint8_t two[] = {26, 0, 9, 0, 0, 0, 0, 0, 0, 0, 6, 2}, empty[] = {10, 0, 0};
	struct vz_relay_frame f;
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 200);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(vz_relay_frame_put(&b, &bad[i]), VZ_EINVAL);
	assert_int_equal(b.len, 0);
	assert_int_equal(decode(two, sizeof two, &f), VZ_EFORMAT);
	assert_int_equal(decode(empty, sizeof empty, &f), VZ_EFORMAT);
	vz_buf_free(&b);
}

static void
an_opening_is_a_match_and_at_most_64_bytes(void **state)
{
	uint8_t opening[VZ_MATCH_LEN + VZ_RELAY_FIRST_MAX + 1] = {0}, wire[128] = {2, 0};
	struct vz_relay_frame f, of = {.type = VZ_RELAY_CONNECT, .bytes = opening};
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 1000);
	for (size_t n = 0; n <= sizeof opening; n++) {
		bool good = n == 0 || (n > VZ_MATCH_LEN && n < sizeof opening);

		of.bytes_len = n;
		wire[2] = (uint8_t)(32 + n);
		assert_int_equal(vz_relay_frame_put(&b, &of), good ? 0 : VZ_EINVAL);
		assert_int_equal(decode(wire, 35 + n, &f), good ? 1 : VZ_EFORMAT);
		vz_buf_clear(&b);
	}
	vz_buf_free(&b);
}

static void
numbers_are_below_two_to_the_63_and_a_registration_has_one(void **state)
{
	static const uint8_t high[] = {1, 0, 8, 0x80, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t none[] = {16, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0};
	struct vz_relay_frame f = {.type = VZ_RELAY_REGISTERED};
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 100);
	assert_int_equal(decode(high, sizeof high, &f), VZ_EFORMAT);
	assert_int_equal(decode(none, sizeof none, &f), VZ_EFORMAT);
	f.number = 0;
	assert_int_equal(vz_relay_frame_put(&b, &f), VZ_EINVAL);
	f.number = VZ_RELAY_NUMBER_MAX;
	assert_int_equal(vz_relay_frame_put(&b, &f), VZ_EINVAL);
	vz_buf_free(&b);
}

static void
words_that_could_harm_who_shows_them_do_not_travel(void **state)
{
	static const uint8_t wire[] = {34, 0, 3, 75, 'a', '\n'};
	struct vz_relay_frame f;

	(void)state;
	assert_int_equal(decode(wire, sizeof wire, &f), VZ_EFORMAT);
	assert_int_equal(vz_layout_words("a\nb"), 0);
	assert_int_equal(vz_layout_words("ok"), 2);
	assert_int_equal(vz_layout_words(NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_frame_is_on_the_wire_as_the_manual_says_and_comes_back),
	    cmocka_unit_test(a_frame_that_is_shorter_longer_or_unknown_is_refused),
	    cmocka_unit_test(what_a_mailbox_is_told_has_a_size_and_what_it_says_a_number),
	    cmocka_unit_test(an_opening_is_a_match_and_at_most_64_bytes),
	    cmocka_unit_test(numbers_are_below_two_to_the_63_and_a_registration_has_one),
	    cmocka_unit_test(words_that_could_harm_who_shows_them_do_not_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
