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
#include "crypto/sign.h"
#include "mail/manifest.h"

#define TEXT VZ_MANIFEST_MAX

static uint8_t secret[2][64];
static struct vz_key key[2];

static unsigned
step_of(unsigned usual)
{
	const char *s = getenv("VZ_TEST_STEP"); /* valgrind takes larger steps */

	return s != NULL ? (unsigned)atoi(s) : usual;
}

static struct vz_manifest
example(void)
{
	struct vz_manifest m = {.from = key[0], .to = key[1], .sequence = 7, .size = 6};

	memset(m.stream, 0x53, sizeof(m.stream));
	m.has_previous = true;
	memset(m.previous, 0xab, sizeof(m.previous));
	strcpy(m.name, "report May.txt");
	m.expires = 1896091200;
	crypto_hash_sha512(m.sha512, (const uint8_t *)"hello\n", 6);
	return m;
}

/* What the manual page shows. */
static const char example_text[] =
    "# vz-message-1\n"
    "# from vz132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawqjn5azm\n"
    "# to vz1syuhwr4g05t4744r23nvxnr7en9cmz53knhr0gja7c84hr7fkw2qwmesyd\n"
    "# stream 53535353535353535353535353535353\n"
    "# sequence 7\n"
    "# previous abababababababababababababababababababababababababababababababab"
    "abababababababababababababababababababababababababababababababab\n"
    "# name report%20May.txt\n"
    "# expires 2030-01-31T12:00:00Z\n"
    "# size 6\n"
    "e7c22b994c59d9cf2b48e549b1e24666636045930d3da7c1acb299d1c3b7f931"
    "f94aae41edda2c2b207a36e10f8bcb8d45223e54878f5b316e7ce3b6bc019629  body\n";

static size_t
encode(const struct vz_manifest *m, char out[static TEXT + 1])
{
	struct vz_buf b;
	size_t len;

	vz_buf_init(&b, TEXT);
	assert_int_equal(vz_manifest_encode(m, &b), 0);
	len = b.len;
	memcpy(out, vz_buf_ptr(&b), len);
	out[len] = '\0';
	vz_buf_free(&b);
	return len;
}

static size_t
sign(int who, const char *ns, const char *text, size_t len, char out[static TEXT + 1])
{
	uint8_t raw[64];
	struct vz_buf b;

	vz_sshsig_sign(secret[who], ns, text, len, raw);
	vz_buf_init(&b, TEXT);
	assert_int_equal(vz_sshsig_armor(key[who].b, ns, raw, &b), 0);
	memcpy(out, vz_buf_ptr(&b), b.len);
	out[b.len] = '\0';
	vz_buf_free(&b);
	return strlen(out);
}

static void
assert_refused(const char *text, size_t len)
{
	static const struct vz_manifest none;
	struct vz_manifest m;

	memset(&m, 1, sizeof(m));
	assert_int_equal(vz_manifest_parse(text, len, &m), VZ_EFORMAT);
	assert_memory_equal(&m, &none, sizeof(m));
}

static void
assert_same(const struct vz_manifest *a, const struct vz_manifest *b)
{
	assert_true(vz_key_equal(&a->from, &b->from) && vz_key_equal(&a->to, &b->to));
	assert_memory_equal(a->stream, b->stream, sizeof(a->stream));
	assert_true(a->sequence == b->sequence && a->has_previous == b->has_previous);
	assert_memory_equal(a->previous, b->previous, sizeof(a->previous));
	assert_string_equal(a->name, b->name);
	assert_true(a->expires == b->expires && a->size == b->size);
	assert_memory_equal(a->sha512, b->sha512, sizeof(a->sha512));
}

static void
the_text_is_that_of_the_manual(void **state)
{
	struct vz_manifest m = example(), back;
	char text[TEXT + 1];

	(void)state;
	encode(&m, text);
	assert_string_equal(text, example_text);
	assert_int_equal(vz_manifest_parse(text, strlen(text), &back), 0);
	assert_same(&m, &back);
}

static void
each_optional_line_may_be_there_or_not(void **state)
{
	(void)state;
	for (unsigned with = 0; with < 8; with++) {
		struct vz_manifest m = example(), back;
		char text[TEXT + 1];
		size_t len;

		if (!(with & 1)) {
			m.has_previous = false;
			memset(m.previous, 0, sizeof(m.previous));
		}
		if (!(with & 2))
			m.name[0] = '\0';
		if (!(with & 4))
			m.expires = 0;
		len = encode(&m, text);
		assert_true((strstr(text, "# previous ") != NULL) == ((with & 1) != 0));
		assert_true((strstr(text, "# name ") != NULL) == ((with & 2) != 0));
		assert_true((strstr(text, "# expires ") != NULL) == ((with & 4) != 0));
		assert_int_equal(vz_manifest_parse(text, len, &back), 0);
		assert_same(&m, &back);
	}
}

static void
every_name_comes_back_and_is_visible_ascii_in_one_line(void **state)
{
	static const char *const names[] = {"a", "%", "%41", " ", " x ", "-", "#",
	    "\xc3\xa4\xe2\x82\xac", "\xe2\x80\xaegpj.exe", "a/../b", "\"quoted\\\"", "~", "!"};
	char longest[256];

	(void)state;
	memset(longest, '%', 255);
	longest[255] = '\0';
	for (size_t i = 0; i <= sizeof(names) / sizeof(*names); i++) {
		struct vz_manifest m = example(), back;
		char text[TEXT + 1];
		size_t len;

		strcpy(m.name, i < sizeof(names) / sizeof(*names) ? names[i] : longest);
		len = encode(&m, text);
		for (const char *c = text; *c; c++)
			assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
		assert_int_equal(vz_manifest_parse(text, len, &back), 0);
		assert_same(&m, &back);
	}
}

static void
values_out_of_range_are_not_written(void **state)
{
	struct vz_manifest bad[6];
	struct vz_buf out;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		bad[i] = example();
	bad[0].sequence = 0;
	bad[1].sequence = (uint64_t)VZ_SEQUENCE_MAX + 1;
	bad[2].size = (uint64_t)INT64_MAX + 1;
	bad[3].expires = (uint64_t)VZ_EXPIRES_MAX + 1;
	strcpy(bad[4].name, "two\nlines");
	memset(bad[5].name, 'x', sizeof(bad[5].name));
	vz_buf_init(&out, TEXT);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(vz_manifest_encode(&bad[i], &out), VZ_EINVAL);
		assert_int_equal(out.len, 0);
	}
	vz_buf_free(&out);
}

static void
the_largest_values_are_written_and_read(void **state)
{
	struct vz_manifest m = example(), back;
	char text[TEXT + 1];
	size_t len;

	(void)state;
	m.sequence = VZ_SEQUENCE_MAX;
	m.size = INT64_MAX;
	m.expires = VZ_EXPIRES_MAX;
	memset(m.name, '%', 255);
	len = encode(&m, text);
	assert_non_null(strstr(text, "9999-12-31T23:59:59Z"));
	assert_int_equal(vz_manifest_parse(text, len, &back), 0);
	assert_same(&m, &back);
	m.expires = 1;
	len = encode(&m, text);
	assert_int_equal(vz_manifest_parse(text, len, &back), 0);
	assert_true(back.expires == 1);
}

/* The example with `from` replaced by `to`, once. */
static void
assert_change_refused(const char *from, const char *to)
{
	const char *at = strstr(example_text, from);
	char text[2 * TEXT];

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - example_text), example_text, to,
	    at + strlen(from));
	assert_refused(text, strlen(text));
}

static void
another_way_to_write_the_same_is_refused(void **state)
{
	static const char *const changes[][2] = {{"vz-message-1", "vz-message-2"},
	    {"sequence 7", "sequence 07"}, {"sequence 7", "sequence +7"},
	    {"sequence 7", "sequence  7"}, {"sequence 7", "sequence 7 "},
	    {"sequence 7", "sequence 0"}, {"sequence 7", "sequence "},
	    {"sequence 7", "sequence 9223372036854775808"},
	    {"sequence 7", "sequence 18446744073709551623"}, {"sequence 7", "Sequence 7"},
	    {"size 6", "size 06"}, {"size 6", "size 0x6"}, {"size 6", "size 9223372036854775808"},
	    {"e7c22b", "E7C22B"}, {"abab", "ABAB"}, {"abab", "ab"}, {"5353", "535"},
	    {"report%20May", "report May"}, {"report", "%72eport"}, {"%20", "%2"}, {"%20", "%00"},
	    {"%20", "%0A"}, {"%20", "%1b"}, {"%20", "%1B"}, {"%20", "%C3"}, {"%20", "\xc3\xa4"},
	    {"report%20May.txt", ""}, {"# name report%20May.txt\n", "# name\n"},
	    {"2030-01-31", "2030-02-31"}, {"12:00:00Z", "24:00:00Z"}, {"12:00:00Z", "12:00:60Z"},
	    {"12:00:00Z", "12:00:00z"}, {"T12", " 12"}, {"2030-01-31T", "1970-01-01T0"},
	    {"2030-01-31T12", "1970-01-01T00"}, {"2030-01-31T12", "1969-01-01T00"},
	    {"  body", " *body"}, {"  body", "  ./body"}, {"  body\n", "  body"},
	    {"  body\n", "  body\n\n"}, {"  body\n", "  body\r\n"}, {"# to", "#to"}, {"# to", "to"},
	    {"# from vz1", "# from VZ1"}, {"\n# size", "\n\n# size"}, {"\n# size", "\r\n# size"},
	    {"\n# size", "\n# note x\n# size"}};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		assert_change_refused(changes[i][0], changes[i][1]);
}

static void
lines_left_out_repeated_or_moved_are_refused(void **state)
{
	const char *line[10], *at = example_text;
	int len[10];
	char text[2 * TEXT];

	(void)state;
	for (int i = 0; i < 10; i++) {
		line[i] = at;
		at = strchr(at, '\n') + 1;
		len[i] = (int)(at - line[i]);
	}
	for (int i = 0; i < 10; i++) {
		/* previous, name and expires may be missing. */
		if (i < 5 || i > 7) {
			snprintf(text, sizeof(text), "%.*s%s", (int)(line[i] - example_text),
			    example_text, line[i] + len[i]);
			assert_refused(text, strlen(text));
		}
		snprintf(text, sizeof(text), "%.*s%s", (int)(line[i] + len[i] - example_text),
		    example_text, line[i]);
		assert_refused(text, strlen(text));
		if (i < 9) {
			snprintf(text, sizeof(text), "%.*s%.*s%.*s%s",
			    (int)(line[i] - example_text), example_text, len[i + 1], line[i + 1],
			    len[i], line[i], line[i + 1] + len[i + 1]);
			assert_refused(text, strlen(text));
		}
	}
}

static void
a_text_cut_at_any_byte_is_refused(void **state)
{
	(void)state;
	for (size_t n = 0; n < strlen(example_text); n += step_of(1)) {
		/* In a block of its own, so that reading past it is seen. */
		char *copy = malloc(n + 1);

		memcpy(copy, example_text, n);
		assert_refused(copy, n);
		free(copy);
	}
}

static void
what_its_sender_signed_is_believed(void **state)
{
	struct vz_manifest m = example(), back;
	char sig[TEXT + 1];
	size_t len = strlen(example_text), sig_len;

	(void)state;
	sig_len = sign(0, VZ_NS_MESSAGE, example_text, len, sig);
	assert_int_equal(vz_manifest_verify(example_text, len, sig, sig_len, &back), 0);
	assert_same(&m, &back);
}

static void
a_signature_by_another_key_or_for_another_purpose_is_refused(void **state)
{
	struct vz_manifest m;
	char sig[TEXT + 1];
	size_t len = strlen(example_text), n;

	(void)state;
	n = sign(1, VZ_NS_MESSAGE, example_text, len, sig);
	assert_int_equal(vz_manifest_verify(example_text, len, sig, n, &m), VZ_EMISMATCH);
	assert_true(sodium_is_zero((uint8_t *)&m, sizeof(m)));
	n = sign(0, VZ_NS_BUNDLE, example_text, len, sig);
	assert_int_equal(vz_manifest_verify(example_text, len, sig, n, &m), VZ_EDENIED);
	n = sign(0, VZ_NS_MESSAGE, example_text, len - 1, sig);
	assert_int_equal(vz_manifest_verify(example_text, len, sig, n, &m), VZ_EAUTH);
	assert_true(sodium_is_zero((uint8_t *)&m, sizeof(m)));
}

static void
a_signature_has_one_text(void **state)
{
	struct vz_manifest m;
	char sig[TEXT + 1], other[2 * TEXT];
	size_t len = strlen(example_text), n = sign(0, VZ_NS_MESSAGE, example_text, len, sig);

	(void)state;
	snprintf(other, sizeof(other), "%s\n", sig);
	assert_int_equal(vz_manifest_verify(example_text, len, other, n + 1, &m), VZ_EAUTH);
	assert_int_equal(vz_manifest_verify(example_text, len, sig, n - 1, &m), VZ_EAUTH);
	*strchr(strchr(sig, '\n') + 1, '\n') = '\r';
	assert_int_equal(vz_manifest_verify(example_text, len, sig, n, &m), VZ_EAUTH);
}

static void
a_flipped_bit_anywhere_is_found(void **state)
{
	struct vz_manifest m;
	char text[TEXT + 1], sig[TEXT + 1];
	size_t len = strlen(example_text), n = sign(0, VZ_NS_MESSAGE, example_text, len, sig);

	(void)state;
	strcpy(text, example_text);
	for (size_t at = 0; at < len + n; at += step_of(1))
		for (unsigned bit = 0; bit < 8; bit++) {
			char *c = at < len ? text + at : sig + (at - len);

			*c = (char)(*c ^ 1 << bit);
			assert_int_not_equal(vz_manifest_verify(text, len, sig, n, &m), 0);
			*c = (char)(*c ^ 1 << bit);
		}
	assert_int_equal(vz_manifest_verify(text, len, sig, n, &m), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_text_is_that_of_the_manual),
	    cmocka_unit_test(each_optional_line_may_be_there_or_not),
	    cmocka_unit_test(every_name_comes_back_and_is_visible_ascii_in_one_line),
	    cmocka_unit_test(values_out_of_range_are_not_written),
	    cmocka_unit_test(the_largest_values_are_written_and_read),
	    cmocka_unit_test(another_way_to_write_the_same_is_refused),
	    cmocka_unit_test(lines_left_out_repeated_or_moved_are_refused),
	    cmocka_unit_test(a_text_cut_at_any_byte_is_refused),
	    cmocka_unit_test(what_its_sender_signed_is_believed),
	    cmocka_unit_test(a_signature_by_another_key_or_for_another_purpose_is_refused),
	    cmocka_unit_test(a_signature_has_one_text),
	    cmocka_unit_test(a_flipped_bit_anywhere_is_found),
	};

	if (vz_secret_init() != 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		uint8_t seed[32];

		memset(seed, i + 1, sizeof(seed));
		vz_sign_from_seed(seed, key[i].b, secret[i]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
