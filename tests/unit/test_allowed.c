#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "guard/allowed.h"

#define NOW 1782864000 /* 20260701Z */

static char folder[] = "/tmp/vz-allowed.XXXXXX";
static char path[64];
static struct vz_key alice, bob;
static char alice_ssh[128], alice_vz[VZ_KEY_TEXT], bob_ssh[128];

static void
key_of(uint8_t seed_byte, struct vz_key *key, char ssh[static 128])
{
	uint8_t seed[VZ_SIGN_SEED], secret[VZ_SIGN_SECRET];
	struct vz_buf line;

	memset(seed, seed_byte, sizeof(seed));
	vz_sign_from_seed(seed, key->b, secret);
	vz_buf_init(&line, 127);
	assert_int_equal(vz_ssh_public_format(key->b, &line), 0);
	memcpy(ssh, vz_buf_ptr(&line), line.len);
	ssh[line.len] = '\0';
	vz_buf_free(&line);
}

static int
begin(void **state)
{
	(void)state;
	key_of(1, &alice, alice_ssh);
	key_of(2, &bob, bob_ssh);
	vz_key_format(&alice, alice_vz);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/allowed", folder);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* The line with alice's key for each @ of it. */
static void
expand(const char *line, char out[static 8192])
{
	char *o = out;

	for (; *line; line++) {
		if (*line == '@')
			o = stpcpy(o, alice_ssh);
		else if (*line == '%')
			o = stpcpy(o, alice_vz);
		else
			*o++ = *line;
	}
	*o = '\0';
}

static enum vz_allowed_found
parse(const char *line, struct vz_allowed_line *out)
{
	static char text[8192]; /* what is borrowed stays until the next one */
	enum vz_allowed_found found;
	const char *why;

	expand(line, text);
	found = vz_allowed_line_parse(text, strlen(text), timegm, out, &why);
	assert_true((found == VZ_ALLOWED_BAD) == (why != NULL));
	assert_true(found == VZ_ALLOWED_KEY || out->principals == NULL);
	return found;
}

static void
a_line_gives_principals_options_and_a_key_of_either_form(void **state)
{
	static const char *const lines[] = {"alice @", "alice,b* @ a comment", "\"alice x\" @",
	    "alice \t % comment", "alice namespaces=\"git\" @", "alice cert-authority %", "vz1 @",
	    "alice valid-before=\"20300101\",VALID-AFTER=\"20200101Z\" @"};
	struct vz_allowed_line l;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(lines[i], &l), VZ_ALLOWED_KEY);
		assert_true(vz_key_equal(&l.key, &alice));
		assert_int_equal(l.authority, i == 5);
		assert_int_equal(l.has_namespaces, i == 4);
	}
	assert_int_equal(l.before, 1893456000);
	assert_int_equal(l.after, 1577836800);
	assert_int_equal(parse("\"a b,c\" @", &l), VZ_ALLOWED_KEY);
	assert_int_equal(l.principals_len, 5);
	assert_memory_equal(l.principals, "a b,c", 5);
	assert_int_equal(parse("a namespaces=\"x\\\"y\\z\" @", &l), VZ_ALLOWED_KEY);
	assert_int_equal(l.namespaces_len, 5);
	assert_memory_equal(l.namespaces, "x\"y\\z", 5);
}

static void
whatever_is_not_understood_voids_its_line(void **state)
{
	static const char *const lines[] = {"", "alice", "alice ", "@", "alice foo @",
	    "alice foo,namespaces=\"git\" @", "alice namespaces=\"git\",foo @",
	    "alice namespaces=\"git\", @", "alice ,namespaces=\"git\" @", "alice namespaces=git @",
	    "alice namespaces @", "alice namespaces=\"git @", "alice namespaces=\"git\"",
	    "alice namespaces=\"a\",namespaces=\"b\" @", "alice namespaces=\"a\"x @",
	    "alice namespaces=\"a\" valid-before=\"20300101\" @", "alice valid-before=\"\" @",
	    "alice valid-before=\"0\" @", "alice valid-before=\"2030010100\" @",
	    "alice valid-before=\"20300231\" @", "alice valid-before=\"19700101Z\" @",
	    "alice valid-before=\"20300101\",valid-before=\"20300101\" @",
	    "alice valid-after=\"20300101\",valid-before=\"20200101\" @",
	    "alice valid-after=\"20300101\",valid-before=\"20300101\" @", "alice cert-authorityx @",
	    "alice cert-authority=\"yes\" @", "al\"ice\" @", "\"alice @", "\"\" @", "\"alice\"x @",
	    "alice ssh-ed25519 AAAA", "alice ssh-ed25519", "alice vz1q", "alice =\"\" @",
	    "alice no-touch-required @"};
	struct vz_allowed_line l;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (parse(lines[i], &l) != VZ_ALLOWED_BAD)
			fail_msg("not void: %s", lines[i]);
	}
}

/* Where a function that has returned kept its own. */
__attribute__((noinline)) static void
overwrite_the_stack(void)
{
	volatile char over[16384];

	for (size_t i = 0; i < sizeof(over); i++)
		over[i] = 'x';
}

static void
the_place_of_a_mistyped_key_is_told_after_the_line_was_read(void **state)
{
	char text[256];
	struct vz_allowed_line l;
	const char *why;

	(void)state;
	snprintf(text, sizeof(text), "alice %s", alice_vz);
	text[6 + 20] = text[6 + 20] == 'q' ? 'p' : 'q';
	assert_int_equal(
	    vz_allowed_line_parse(text, strlen(text), timegm, &l, &why), VZ_ALLOWED_BAD);
	overwrite_the_stack();
	assert_non_null(strstr(why, "the key is mistyped: the 21st character is likely wrong"));
	assert_null(l.principals);
}

static void
keys_of_other_types_are_passed_over(void **state)
{
	static const char *const lines[] = {"alice ssh-rsa AAAA", "alice ecdsa-sha2-nistp256 AAAA",
	    "alice sk-ssh-ed25519@openssh.com AAAA", "alice namespaces=\"git\" ssh-rsa AAAA",
	    "alice ssh-ed25519-cert-v01@openssh.com AAAA"};
	struct vz_allowed_line l;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(parse(lines[i], &l), VZ_ALLOWED_OTHER_TYPE);
}

static void
a_line_is_read_up_to_4096_bytes(void **state)
{
	char line[VZ_LINE_MAX + 2], key[8192];
	struct vz_allowed_line l;
	const char *why;
	size_t n;

	(void)state;
	expand(" @", key);
	n = VZ_LINE_MAX - strlen(key);
	memset(line, 'p', n);
	strcpy(line + n, key);
	assert_int_equal(
	    vz_allowed_line_parse(line, VZ_LINE_MAX, timegm, &l, &why), VZ_ALLOWED_KEY);
	assert_int_equal(l.principals_len, n);
	line[VZ_LINE_MAX] = 'x';
	assert_int_equal(
	    vz_allowed_line_parse(line, VZ_LINE_MAX + 1, timegm, &l, &why), VZ_ALLOWED_BAD);
	/* The longest value. */
	n = VZ_LINE_MAX - strlen(key) - strlen("a namespaces=\"\"");
	strcpy(line, "a namespaces=\"");
	memset(line + strlen(line), 'n', n);
	strcpy(line + strlen("a namespaces=\"") + n, "\"");
	strcat(line, key);
	assert_int_equal(
	    vz_allowed_line_parse(line, VZ_LINE_MAX, timegm, &l, &why), VZ_ALLOWED_KEY);
	assert_int_equal(l.namespaces_len, n);
}

static void
namespaces_and_times_bound_what_a_key_may_sign(void **state)
{
	static const struct {
		const char *line, *ns;
		int64_t at;
		int want;
	} cases[] = {{"a @", "git", NOW, 0}, {"a namespaces=\"git\" @", "git", NOW, 0},
	    {"a namespaces=\"g*,file\" @", "file", NOW, 0},
	    {"a namespaces=\"git\" @", "file", NOW, VZ_EDENIED},
	    {"a namespaces=\"!git,*\" @", "git", NOW, VZ_EDENIED},
	    {"a namespaces=\"\" @", "git", NOW, VZ_EDENIED},
	    {"a cert-authority @", "git", NOW, VZ_EDENIED},
	    {"a cert-authority,namespaces=\"file\" @", "git", NOW, VZ_EDENIED},
	    {"a valid-before=\"20260701Z\" @", "git", NOW, 0},
	    {"a valid-before=\"20260701Z\" @", "git", NOW + 1, VZ_EEXPIRED},
	    {"a valid-after=\"20260701Z\" @", "git", NOW, 0},
	    {"a valid-after=\"20260701Z\" @", "git", NOW - 1, VZ_EEXPIRED},
	    {"a valid-before=\"20260701Z\" @", "git", -1, 0},
	    {"a namespaces=\"x\",valid-before=\"20200101Z\" @", "git", NOW, VZ_EDENIED}};
	struct vz_allowed_line l;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line, &l), VZ_ALLOWED_KEY);
		assert_int_equal(
		    vz_allowed_line_permits(&l, cases[i].ns, cases[i].at, &why), cases[i].want);
		assert_int_equal(why != NULL, cases[i].want != 0);
	}
}

static void
put(const char *text)
{
	assert_int_equal(vz_fs_replace(path, 0600, 0, text, strlen(text)), 0);
}

struct told {
	unsigned lines[8], n;
};

static void
tell(void *arg, unsigned line, const char *why)
{
	struct told *t = arg;

	assert_non_null(why);
	if (t->n < 8)
		t->lines[t->n++] = line;
}

static int
find(const struct vz_key *key, const char *principal, struct told *told, char **principals)
{
	struct vz_allowed_query q = {
	    .key = key, .principal = principal, .ns = "git", .at = NOW, .local = timegm};
	unsigned line;

	told->n = 0;
	return vz_allowed_find(path, &q, tell, told, principals, &line);
}

static void
the_first_line_that_grants_it_counts_and_those_that_do_not_are_told(void **state)
{
	struct told told;
	char text[8192], *who;

	(void)state;
	expand("# all of them\n"
	       "bob foo @\n"
	       "al* foo @\n"
	       "alice valid-before=\"20200101\" @\n"
	       "alice ssh-rsa AAAA\n"
	       "alice,carol @\n"
	       "* %\n",
	    text);
	put(text);
	assert_int_equal(find(&alice, "alice", &told, &who), 0);
	assert_string_equal(who, "alice,carol");
	free(who);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.lines[0], 3);
	assert_int_equal(told.lines[1], 4);
	assert_int_equal(find(&alice, "dave", &told, &who), 0);
	assert_string_equal(who, "*");
	free(who);
	assert_int_equal(told.n, 0);
	assert_int_equal(find(&alice, NULL, &told, &who), 0);
	assert_string_equal(who, "alice,carol");
	free(who);
	assert_int_equal(find(&bob, "alice", &told, &who), VZ_EDENIED);
	assert_null(who);
	assert_int_equal(find(&bob, NULL, &told, NULL), VZ_EDENIED);
}

static void
a_file_that_others_can_write_to_or_that_is_not_there_allows_nobody(void **state)
{
	struct told told;
	unsigned line;

	(void)state;
	unlink(path);
	assert_int_equal(find(&alice, "alice", &told, NULL), VZ_ENOTFOUND);
	assert_int_equal(vz_allowed_revoked(path, &alice, &line), VZ_ENOTFOUND);
	put("");
	assert_int_equal(find(&alice, "alice", &told, NULL), VZ_EDENIED);
	assert_int_equal(vz_allowed_revoked(path, &alice, &line), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(find(&alice, "alice", &told, NULL), VZ_EMODE);
	assert_int_equal(vz_allowed_revoked(path, &alice, &line), VZ_EMODE);
}

static void
a_list_of_revoked_keys_holds_only_keys(void **state)
{
	char text[8192];
	unsigned line;

	(void)state;
	expand("# lost\nssh-rsa AAAA\nsk-ssh-ed25519@openssh.com AAAA x\n@ alice\n", text);
	put(text);
	assert_int_equal(vz_allowed_revoked(path, &alice, &line), VZ_EREVOKED);
	assert_int_equal(vz_allowed_revoked(path, &bob, &line), 0);
	put(alice_vz);
	assert_int_equal(vz_allowed_revoked(path, &alice, &line), VZ_EREVOKED);
	expand("ssh-rsa AAAA\nssh-ed25519 AAAA\n@\n", text);
	put(text);
	assert_int_equal(vz_allowed_revoked(path, &alice, &line), VZ_EFORMAT);
	assert_int_equal(line, 2);
	put("SSHKRL");
	assert_int_equal(vz_allowed_revoked(path, &bob, &line), VZ_EFORMAT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_gives_principals_options_and_a_key_of_either_form),
	    cmocka_unit_test(whatever_is_not_understood_voids_its_line),
	    cmocka_unit_test(the_place_of_a_mistyped_key_is_told_after_the_line_was_read),
	    cmocka_unit_test(keys_of_other_types_are_passed_over),
	    cmocka_unit_test(a_line_is_read_up_to_4096_bytes),
	    cmocka_unit_test(namespaces_and_times_bound_what_a_key_may_sign),
	    cmocka_unit_test(the_first_line_that_grants_it_counts_and_those_that_do_not_are_told),
	    cmocka_unit_test(a_file_that_others_can_write_to_or_that_is_not_there_allows_nobody),
	    cmocka_unit_test(a_list_of_revoked_keys_holds_only_keys),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, begin, end);
}
