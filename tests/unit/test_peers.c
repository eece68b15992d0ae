#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "keep/peers.h"
#include "tests/unit/tempdir.h"

/* What was reported: "line: words; ..." */
static char reports[4096];

static void
report(void *arg, unsigned line, const char *what)
{
	size_t n = strlen(reports);

	(void)arg;
	snprintf(reports + n, sizeof(reports) - n, "%u: %s; ", line, what);
}

static struct vz_peers *
load(struct tempdir *t, const char *text)
{
	struct vz_peers *p;

	reports[0] = '\0';
	assert_int_equal(tempdir_write(t, "peers", 0644, text, strlen(text)), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), 0);
	return p;
}

static const char *
find(struct vz_peers *p, const char *name)
{
	const char *text;

	return vz_peers_lookup(p, name, strlen(name), &text) == 0 ? text : NULL;
}

static void
a_missing_file_knows_nobody(void **state)
{
	struct tempdir *t = *state;
	struct vz_peers *p;
	bool known;

	assert_int_equal(vz_peers_load(tempdir_path(t, "none"), report, NULL, &p), 0);
	assert_null(find(p, "a"));
	assert_null(vz_peers_group(p, "g", 0, &known));
	assert_false(known);
	vz_peers_free(p);
}

static void
names_are_found_whatever_blanks_comments_and_line_ends_there_are(void **state)
{
	struct vz_peers *p = load(*state,
	    "# the hosts\n\n  hostb\t vz1x@hostb:4433  \r\n a  vz1y@/run/a\n\t#c\nz-9 hostb");

	assert_string_equal(reports, "");
	assert_string_equal(find(p, "hostb"), "vz1x@hostb:4433");
	assert_string_equal(find(p, "a"), "vz1y@/run/a");
	assert_string_equal(find(p, "z-9"), "hostb");
	assert_null(find(p, "host"));
	assert_null(find(p, "Hostb"));
	assert_null(find(p, ""));
	vz_peers_free(p);
}

static void
bad_lines_are_reported_by_number_and_the_rest_stand(void **state)
{
	struct vz_peers *p = load(*state,
	    "a x@h:1\n"
	    "1a x@h:1\n"
	    "vz1abc x@h:1\n"
	    "b\n"
	    "c x@h:1 more\n"
	    "a other@h:1\n"
	    "@g a b\n"
	    "@ = a\n"
	    "@g =\n"
	    "@g = a vz1x@h:1\n"
	    "@g = a d\n"
	    "@g = d\n"
	    "d x@d:1\n");
	bool known;

	assert_string_equal(find(p, "a"), "x@h:1");
	assert_string_equal(find(p, "d"), "x@d:1");
	assert_null(find(p, "b"));
	assert_null(find(p, "c"));
	assert_null(find(p, "1a"));
	assert_string_equal(vz_peers_group(p, "g", 0, &known), "a");
	assert_string_equal(vz_peers_group(p, "g", 1, &known), "d");
	assert_null(vz_peers_group(p, "g", 2, &known));
	assert_true(known);
	assert_null(vz_peers_group(p, "a", 0, &known));
	assert_false(known);
	for (unsigned line = 2; line <= 12; line++) {
		char number[8];

		snprintf(number, sizeof(number), "%u: ", line);
		assert_true((strstr(reports, number) != NULL) == (line != 11));
	}
	assert_null(strstr(reports, "13: "));
	vz_peers_free(p);
}

static void
an_address_in_the_file_parses_by_its_names(void **state)
{
	uint8_t seed[VZ_SIGN_SEED] = {1}, secret[VZ_SIGN_SECRET];
	char key[VZ_KEY_TEXT], text[512];
	struct vz_address a;
	struct vz_peers *p;
	struct vz_key k;

	vz_sign_from_seed(seed, k.b, secret);
	vz_key_format(&k, key);
	snprintf(text, sizeof(text), "far %s@hub\nhub %s@[::1]:9\nself self\n", key, key);
	p = load(*state, text);
	assert_int_equal(vz_address_parse("far", 3, vz_peers_lookup, p, &a, NULL), 0);
	assert_true(a.relayed);
	assert_string_equal(a.at.host, "::1");
	assert_int_equal(vz_address_parse("self", 4, vz_peers_lookup, p, &a, NULL), VZ_ELIMIT);
	vz_peers_free(p);
}

static void
a_file_that_others_may_write_or_over_its_limits_is_refused(void **state)
{
	struct tempdir *t = *state;
	size_t size = 1024 * 1024 + 1;
	char *text = malloc(size);
	struct vz_peers *p;

	assert_int_equal(tempdir_write(t, "peers", 0664, "a x@h:1\n", 8), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), VZ_EMODE);
	assert_null(p);
	assert_int_equal(tempdir_write(t, "peers", 0644, "a x@h:1\n\0\n", 10), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), VZ_EFORMAT);
	memset(text, '#', size);
	text[4096] = '\n';
	assert_int_equal(tempdir_write(t, "peers", 0644, text, 4097), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), 0);
	vz_peers_free(p);
	text[4096] = '#';
	text[4097] = '\n';
	assert_int_equal(tempdir_write(t, "peers", 0644, text, 4098), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), VZ_ELIMIT);
	memset(text, '\n', size);
	assert_int_equal(tempdir_write(t, "peers", 0644, text, size - 1), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), 0);
	vz_peers_free(p);
	assert_int_equal(tempdir_write(t, "peers", 0644, text, size), 0);
	assert_int_equal(vz_peers_load(t->path, report, NULL, &p), VZ_ELIMIT);
	free(text);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_missing_file_knows_nobody),
	    TEST(names_are_found_whatever_blanks_comments_and_line_ends_there_are),
	    TEST(bad_lines_are_reported_by_number_and_the_rest_stand),
	    TEST(an_address_in_the_file_parses_by_its_names),
	    TEST(a_file_that_others_may_write_or_over_its_limits_is_refused),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
