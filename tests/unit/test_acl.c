#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "guard/acl.h"
#include "tests/unit/tempdir.h"

#define BOTH (VZ_RIGHT_SEND | VZ_RIGHT_ASK)

/* In test texts %0 to %9 is the key of that seed as vz1..., ~0 to ~9 as an OpenSSH line's. */
static struct vz_key
key_of(int n)
{
	uint8_t seed[VZ_SIGN_SEED] = {(uint8_t)(n + 1)}, secret[VZ_SIGN_SECRET];
	struct vz_key k;

	vz_sign_from_seed(seed, k.b, secret);
	return k;
}

static void
put_key(struct vz_buf *b, bool ssh, int n)
{
	struct vz_key k = key_of(n);
	char text[VZ_KEY_TEXT];

	vz_key_format(&k, text);
	if (ssh)
		vz_ssh_public_format(k.b, b);
	else
		vz_buf_str(b, text);
}

static const char *
write_file(struct tempdir *t, const char *name, const char *pattern)
{
	struct vz_buf b;

	vz_buf_init(&b, 65536);
	for (const char *c = pattern; *c; c++) {
		if ((*c == '%' || *c == '~') && c[1] >= '0' && c[1] <= '9') {
			put_key(&b, *c == '~', c[1] - '0');
			c++;
		} else {
			vz_buf_u8(&b, (uint8_t)*c);
		}
	}
	assert_int_equal(tempdir_write(t, name, 0600, vz_buf_ptr(&b), b.len), 0);
	vz_buf_free(&b);
	return t->path;
}

static char reports[8192];
static unsigned reported;

static void
report(void *arg, unsigned line, const char *what)
{
	size_t n = strlen(reports);

	(void)arg;
	reported++;
	snprintf(reports + n, sizeof(reports) - n, "%u: %s\n", line, what);
}

static struct vz_acl *
load(struct tempdir *t, const char *pattern)
{
	struct vz_acl *a = vz_acl_new();

	reports[0] = '\0';
	reported = 0;
	assert_non_null(a);
	assert_int_equal(vz_acl_load(a, write_file(t, "authorized", pattern), report, NULL), 0);
	return a;
}

static int
check(const struct vz_acl *a, int n, struct vz_grant *g)
{
	struct vz_key k = key_of(n);

	return vz_acl_check(a, &k, g);
}

static unsigned
rights(const struct vz_acl *a, int n)
{
	struct vz_grant g = {.rights = 99};
	int err = check(a, n, &g);

	assert_true(err == 0 ? g.rights != 0 : err == VZ_EDENIED && g.rights == 0);
	return g.rights;
}

static void
nobody_gets_in_by_omission(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = vz_acl_new();

	assert_int_equal(rights(a, 0), 0);
	assert_false(vz_acl_grants_anybody(a));
	assert_int_equal(vz_acl_load(a, tempdir_path(t, "missing"), report, NULL), VZ_ENOTFOUND);
	assert_int_equal(vz_acl_load(a, write_file(t, "empty", "# %0\n\n"), report, NULL), 0);
	assert_int_equal(rights(a, 0), 0);
	assert_false(vz_acl_grants_anybody(a));
	vz_acl_free(a);
}

static void
a_line_grants_both_rights_or_those_it_names(void **state)
{
	struct vz_grant g;
	struct vz_acl *a = load(*state,
	    "%0\n"
	    "send %1\n"
	    "ask %2 two words \n"
	    "send,ask %3\n"
	    "\t ask,ask   ~4  x\r\n"
	    "%5");

	assert_string_equal(reports, "");
	assert_int_equal(rights(a, 0), BOTH);
	assert_int_equal(rights(a, 1), VZ_RIGHT_SEND);
	assert_int_equal(check(a, 2, &g), 0);
	assert_int_equal(g.rights, VZ_RIGHT_ASK);
	assert_string_equal(g.name, "two words");
	assert_int_equal(g.line, 3);
	assert_int_equal(rights(a, 3), BOTH);
	assert_int_equal(check(a, 4, &g), 0);
	assert_int_equal(g.rights, VZ_RIGHT_ASK);
	assert_string_equal(g.name, "x");
	assert_int_equal(rights(a, 5), BOTH);
	assert_int_equal(rights(a, 6), 0);
	assert_true(vz_acl_grants_anybody(a));
	vz_acl_free(a);
}

static void
a_list_of_ssh_keys_as_github_serves_it_works_with_one_notice(void **state)
{
	struct vz_acl *a = load(*state,
	    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7\n"
	    "~0\n"
	    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB\n"
	    "ssh-dss AAAAB3NzaC1kc3MAAACBAJ\n"
	    "~1");

	assert_int_equal(rights(a, 0), BOTH);
	assert_int_equal(rights(a, 1), BOTH);
	assert_int_equal(reported, 1);
	assert_memory_equal(reports, "1: ", 3);
	vz_acl_free(a);
}

static void
each_sk_key_is_refused_with_a_word(void **state)
{
	struct vz_acl *a = load(*state,
	    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t\n"
	    "sk-ecdsa-sha2-nistp256@openssh.com AAAA\n"
	    "%0\n");

	assert_int_equal(reported, 2);
	assert_non_null(strstr(reports, "1: sk- keys"));
	assert_non_null(strstr(reports, "2: sk- keys"));
	assert_int_equal(rights(a, 0), BOTH);
	vz_acl_free(a);
}

static void
a_line_that_is_not_understood_grants_nothing_and_is_reported(void **state)
{
	static const char *const bad[] = {"nonsense %0", "send,frob %0", "frob=\"a b,c\" %0",
	    "send, %0", ",send %0", "send,,ask %0", "Send %0", "send= %0", "send=\"x\" %0",
	    "send=\"x %0", "\"send\" %0", "from=\"10.0.0.1/8\" %0", "from=10.0.0.0/8 %0",
	    "rate=\"1/s\",rate=\"2/s\" %0", "burst=\"5\" %0", "command=\"x\" %0",
	    "expires=\"2030-02-30\" %0", "send,max-size=\"0\" %0", "send", "send %0x",
	    "send send %0", "%0x", "vz1", "\"%0\"", "send ~0x", "ssh-ed25519", "ssh-ed25519 AAAA",
	    "Ssh-ed25519 AAAA", "%0 a\x1b[31m", "%0 \xff", "%0 a\tb", "*", "%"};
	struct tempdir *t = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[1024];
		struct vz_acl *a;

		snprintf(text, sizeof(text), "# first\n%s\nask %%1\n", bad[i]);
		a = load(t, text);
		if (rights(a, 0) != 0 || reported != 1 || strncmp(reports, "2: ", 3) != 0)
			fail_msg("'%s': rights %u, %u reported: %s", bad[i], rights(a, 0), reported,
			    reports);
		assert_int_equal(rights(a, 1), VZ_RIGHT_ASK);
		vz_acl_free(a);
	}
}

static void
a_name_is_at_most_255_bytes(void **state)
{
	char text[512] = "%0 ";
	struct vz_grant g;
	struct vz_acl *a;

	memset(text + 3, 'n', 255);
	a = load(*state, text);
	assert_int_equal(check(a, 0, &g), 0);
	assert_int_equal(strlen(g.name), 255);
	vz_acl_free(a);
	text[258] = 'n';
	a = load(*state, text);
	assert_int_equal(check(a, 0, &g), VZ_EDENIED);
	vz_acl_free(a);
}

static void
rights_of_a_relay_grant_nothing_here(void **state)
{
	struct vz_acl *a =
	    load(*state, "register,connect,deposit %0\nregister,send %1\n%0 again\n");

	assert_int_equal(rights(a, 0), 0);
	assert_int_equal(rights(a, 1), VZ_RIGHT_SEND);
	assert_int_equal(reported, 2);
	assert_non_null(strstr(reports, "1: "));
	assert_non_null(strstr(reports, "3: "));
	vz_acl_free(a);
}

static void
the_first_line_of_a_key_counts_in_either_form_and_the_second_is_reported(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = load(t, "%3\nsend %0 first\nask ~0 second\n%0\n%1\n");
	struct vz_grant g;

	assert_int_equal(check(a, 0, &g), 0);
	assert_int_equal(g.rights, VZ_RIGHT_SEND);
	assert_string_equal(g.name, "first");
	assert_int_equal(reported, 2);
	assert_non_null(strstr(reports, "3: this key was given before"));
	assert_non_null(strstr(reports, "4: this key was given before"));
	/* A second file adds; it changes nothing that stands. */
	assert_int_equal(
	    vz_acl_load(a, write_file(t, "more", "ask %0\nask %2\n"), report, NULL), 0);
	assert_int_equal(rights(a, 0), VZ_RIGHT_SEND);
	assert_int_equal(rights(a, 2), VZ_RIGHT_ASK);
	assert_int_equal(rights(a, 3), BOTH);
	vz_acl_free(a);
}

static void
a_file_that_fails_adds_nothing_of_it(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = vz_acl_new();
	char *text = malloc(2 * 1024 * 1024);
	size_t n;

	assert_int_equal(chmod(write_file(t, "a", "%0\n"), 0666), 0);
	assert_int_equal(vz_acl_load(a, t->path, report, NULL), VZ_EMODE);
	write_file(t, "b", "%0\n");
	n = (size_t)snprintf(text, 8192, "# ");
	memset(text + n, 'x', 5000);
	text[n + 5000] = '\n';
	assert_int_equal(tempdir_write(t, "c", 0600, text, n + 5001), 0);
	assert_int_equal(vz_acl_load(a, t->path, report, NULL), VZ_ELIMIT);
	assert_int_equal(tempdir_write(t, "d", 0600, "a\0b\n", 4), 0);
	assert_int_equal(vz_acl_load(a, t->path, report, NULL), VZ_EFORMAT);
	memset(text, '\n', 2 * 1024 * 1024);
	assert_int_equal(tempdir_write(t, "e", 0600, text, 1024 * 1024 + 1), 0);
	assert_int_equal(vz_acl_load(a, t->path, report, NULL), VZ_ELIMIT);
	assert_false(vz_acl_grants_anybody(a));
	vz_acl_free(a);
	free(text);
}

static void
what_a_line_demands_outlives_the_list(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = load(t,
	    "max-size=\"7\",name-match=\"*\" %0 first\n"
	    "max-size=\"9\" ~0\n"
	    "command=\"/x y\" ssh-rsa AAAA\n"
	    "%1\n");
	struct vz_grant g, other;

	assert_int_equal(reported, 2);
	assert_int_equal(
	    vz_acl_load(
		a, write_file(t, "more", "max-size=\"11\" %0\nrate=\"1/s\" %2\n"), report, NULL),
	    0);
	assert_int_equal(check(a, 0, &g), 0);
	assert_int_equal(check(a, 1, &other), 0);
	vz_acl_free(a);
	assert_int_equal(vz_grant_max_size(&g), 7);
	assert_true(vz_grant_max_size(&other) == UINT64_MAX);
	vz_grant_release(&g);
	vz_grant_release(&other);
}

static void
a_command_where_none_is_run_grants_nothing_and_is_reported(void **state)
{
	struct tempdir *t = *state;
	const char *path = write_file(t, "a", "command=\"/x\" %0\n%1\nsend %0\n");
	struct vz_acl *a = vz_acl_new();
	struct vz_grant g;

	reported = 0;
	vz_acl_no_commands(a);
	assert_int_equal(vz_acl_load(a, path, report, NULL), 0);
	assert_int_equal(reported, 1);
	/* As with other bad lines, a later one of the key counts. */
	assert_int_equal(check(a, 0, &g), 0);
	assert_int_equal(g.line, 3);
	assert_null(vz_grant_command(&g));
	vz_grant_release(&g);
	assert_int_equal(check(a, 1, &g), 0);
	vz_acl_free(a);
}

static void
revoked_wins_over_everything(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = load(t, "%0\n%1\n");
	struct vz_key k1 = key_of(1), k2 = key_of(2), k3 = key_of(3);
	struct vz_grant g;
	unsigned line = 99;

	assert_int_equal(vz_acl_allow(a, &k2), 0);
	vz_acl_allow_any(a);
	assert_int_equal(
	    vz_acl_load_revoked(a, write_file(t, "revoked", "%1 stolen\n~2\n# x\n%3\n%3\n"), &line),
	    0);
	assert_int_equal(line, 0);
	assert_int_equal(check(a, 0, &g), 0);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(check(a, i, &g), VZ_EREVOKED);
		assert_int_equal(g.rights, 0);
	}
	assert_int_equal(vz_acl_revoked(a, &k1), VZ_EREVOKED);
	assert_int_equal(vz_acl_revoked(a, &k3), VZ_EREVOKED);
	k3 = key_of(4);
	assert_int_equal(vz_acl_revoked(a, &k3), 0);
	vz_acl_free(a);
}

static void
a_revoked_list_with_any_bad_line_is_refused_and_says_where(void **state)
{
	static const char *const bad[] = {
	    "%1x", "send %1", "ssh-rsa AAAA", "sk-x AAAA", "x", "ssh-ed25519 AAAA", "SHA256:abc"};
	struct tempdir *t = *state;
	struct vz_acl *a = vz_acl_new();
	struct vz_key k0 = key_of(0);
	char text[512];
	unsigned line;

	assert_int_equal(vz_acl_load_revoked(a, tempdir_path(t, "absent"), &line), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "%%0\n\n%s\n", bad[i]);
		assert_int_equal(
		    vz_acl_load_revoked(a, write_file(t, "revoked", text), &line), VZ_EFORMAT);
		assert_int_equal(line, 3);
	}
	assert_int_equal(vz_acl_revoked(a, &k0), 0);
	assert_int_equal(chmod(write_file(t, "revoked", "%0\n"), 0602), 0);
	assert_int_equal(vz_acl_load_revoked(a, t->path, &line), VZ_EMODE);
	assert_int_equal(tempdir_write(t, "revoked", 0600, "#\n\0\n", 4), 0);
	assert_int_equal(vz_acl_load_revoked(a, t->path, &line), VZ_EFORMAT);
	assert_int_equal(line, 2);
	vz_acl_free(a);
}

static void
allow_any_lets_strangers_in_but_not_past_a_line_of_their_own(void **state)
{
	struct vz_acl *a = load(*state, "send %0\nregister %1\n");

	vz_acl_allow_any(a);
	assert_int_equal(rights(a, 0), VZ_RIGHT_SEND);
	assert_int_equal(rights(a, 1), 0);
	assert_int_equal(rights(a, 2), BOTH);
	assert_true(vz_acl_grants_anybody(a));
	vz_acl_free(a);
}

/* A key whose point is none of the group has owners that share it with other texts. */
static void
allow_any_lets_no_point_of_mixed_order_in(void **state)
{
	static const char order_8[] =
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
	struct vz_acl *a = load(*state, "%0\n");
	struct vz_key good = key_of(2), mixed;
	struct vz_grant g;
	uint8_t t[32];

	assert_int_equal(sodium_hex2bin(t, sizeof(t), order_8, 64, NULL, NULL, NULL), 0);
	assert_int_equal(crypto_core_ed25519_add(mixed.b, good.b, t), 0);
	vz_acl_allow_any(a);
	assert_int_equal(vz_acl_check(a, &mixed, &g), VZ_EDENIED);
	assert_int_equal(g.rights, 0);
	assert_int_equal(vz_acl_check(a, &good, &g), 0);
	vz_grant_release(&g);
	vz_acl_free(a);
}

static void
anybody_means_somebody_who_can_pass(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = load(t, "register %0\n%1\n");
	unsigned line;

	assert_true(vz_acl_grants_anybody(a));
	assert_int_equal(vz_acl_load_revoked(a, write_file(t, "revoked", "%1\n"), &line), 0);
	assert_false(vz_acl_grants_anybody(a));
	vz_acl_free(a);
}

#define AT_RELAY (VZ_RIGHT_REGISTER | VZ_RIGHT_CONNECT | VZ_RIGHT_DEPOSIT)

static void
at_a_relay_only_its_own_rights_count_and_none_is_given_by_omission(void **state)
{
	struct tempdir *t = *state;
	struct vz_acl *a = vz_acl_new();
	const char *path = write_file(t, "authorized",
	    "%0\n"
	    "send,ask %1\n"
	    "register %2\n"
	    "connect,deposit,send ~3\n"
	    "register,name-match=\"x\" %4\n"
	    "register,command=\"/bin/cat\" %5\n"
	    "connect,max-conns=\"3\",from=\"192.0.2.1\" %6\n");
	struct vz_grant g;

	reports[0] = '\0';
	vz_acl_at_relay(a);
	assert_int_equal(vz_acl_load(a, path, report, NULL), 0);
	assert_int_equal(rights(a, 0), 0);
	assert_int_equal(rights(a, 1), 0);
	assert_int_equal(rights(a, 2), VZ_RIGHT_REGISTER);
	assert_int_equal(rights(a, 3), VZ_RIGHT_CONNECT | VZ_RIGHT_DEPOSIT);
	assert_int_equal(rights(a, 4), 0);
	assert_int_equal(rights(a, 5), 0);
	assert_int_equal(check(a, 6, &g), 0);
	assert_int_equal(vz_grant_max_conns(&g), 3);
	vz_grant_release(&g);
	assert_string_equal(reports,
	    "1: no right at a relay (register, connect, deposit), so it grants nothing here\n"
	    "2: no right at a relay (register, connect, deposit), so it grants nothing here\n"
	    "5: name-match= at a relay, which learns no names\n"
	    "6: command= where no command is run for messages\n");
	vz_acl_free(a);
}

static void
allowed_by_option_at_a_relay_is_all_that_there_is_there(void **state)
{
	struct vz_acl *a = vz_acl_new();
	struct vz_key k = key_of(1);

	(void)state;
	vz_acl_at_relay(a);
	assert_int_equal(vz_acl_allow(a, &k), 0);
	assert_int_equal(rights(a, 1), AT_RELAY);
	assert_int_equal(rights(a, 2), 0);
	vz_acl_allow_any(a);
	assert_int_equal(rights(a, 2), AT_RELAY);
	vz_acl_free(a);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(nobody_gets_in_by_omission),
	    TEST(a_line_grants_both_rights_or_those_it_names),
	    TEST(a_list_of_ssh_keys_as_github_serves_it_works_with_one_notice),
	    TEST(each_sk_key_is_refused_with_a_word),
	    TEST(a_line_that_is_not_understood_grants_nothing_and_is_reported),
	    TEST(a_name_is_at_most_255_bytes),
	    TEST(rights_of_a_relay_grant_nothing_here),
	    TEST(the_first_line_of_a_key_counts_in_either_form_and_the_second_is_reported),
	    TEST(a_file_that_fails_adds_nothing_of_it),
	    TEST(what_a_line_demands_outlives_the_list),
	    TEST(a_command_where_none_is_run_grants_nothing_and_is_reported),
	    TEST(revoked_wins_over_everything),
	    TEST(a_revoked_list_with_any_bad_line_is_refused_and_says_where),
	    TEST(allow_any_lets_strangers_in_but_not_past_a_line_of_their_own),
	    TEST(allow_any_lets_no_point_of_mixed_order_in),
	    TEST(anybody_means_somebody_who_can_pass),
	    TEST(at_a_relay_only_its_own_rights_count_and_none_is_given_by_omission),
	    TEST(allowed_by_option_at_a_relay_is_all_that_there_is_there),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
