#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "keep/paths.h"
#include "tests/unit/tempdir.h"

static char out[4096];

static void
make(struct tempdir *t, const char *dir)
{
	assert_int_equal(mkdir(tempdir_path(t, dir), 0700), 0);
}

static void
an_option_wins_over_the_environment_and_both_are_taken_as_they_are(void **state)
{
	struct vz_paths_env env = {.vz_identity = "rel/env", .home = "/nowhere"};

	(void)state;
	assert_int_equal(vz_paths_identity(&env, "rel/option", out, sizeof(out)), 0);
	assert_string_equal(out, "rel/option");
	assert_int_equal(vz_paths_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "rel/env");
	assert_int_equal(vz_paths_new_identity(&env, "o", out, sizeof(out)), 0);
	assert_string_equal(out, "o");
	assert_int_equal(vz_paths_new_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "rel/env");
}

static void
the_first_that_exists_is_used_else_the_users_own_place(void **state)
{
	struct tempdir *t = *state;
	char credentials[512], config[512], expected[600];
	struct vz_paths_env env = {.credentials_directory = credentials, .home = t->dir};

	if (access("/etc/vz/identity", F_OK) == 0)
		skip();
	strcpy(credentials, tempdir_path(t, "credentials"));
	strcpy(config, tempdir_path(t, ".config"));
	make(t, "credentials");
	make(t, ".config");
	make(t, ".config/vz");
	snprintf(expected, sizeof(expected), "%s/vz/identity", config);
	assert_int_equal(vz_paths_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, expected);
	/* A link that leads nowhere is there, and is refused later rather than passed over. */
	assert_int_equal(symlink("nowhere", tempdir_path(t, "credentials/vz-identity")), 0);
	assert_int_equal(vz_paths_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, t->path);
	/* A new one is never made among the credentials. */
	assert_int_equal(vz_paths_new_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, expected);
}

static void
relative_xdg_folders_count_as_unset(void **state)
{
	struct vz_paths_env env = {
	    .xdg_config_home = "rel", .xdg_state_home = "rel", .home = "/home/u"};

	(void)state;
	assert_int_equal(vz_paths_new_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "/home/u/.config/vz/identity");
	assert_int_equal(vz_paths_state(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "/home/u/.local/state/vz");
	env.xdg_config_home = "/x";
	env.xdg_state_home = "/y";
	assert_int_equal(vz_paths_new_identity(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "/x/vz/identity");
	assert_int_equal(vz_paths_state(&env, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "/y/vz");
	assert_int_equal(vz_paths_state(&env, "rel", out, sizeof(out)), 0);
	assert_string_equal(out, "rel");
}

static void
without_a_home_there_is_no_place(void **state)
{
	struct vz_paths_env env = {0};

	(void)state;
	assert_int_equal(vz_paths_new_identity(&env, NULL, out, sizeof(out)), VZ_ENOTFOUND);
	assert_int_equal(vz_paths_state(&env, NULL, out, sizeof(out)), VZ_ENOTFOUND);
	env.home = "relative";
	assert_int_equal(vz_paths_state(&env, NULL, out, sizeof(out)), VZ_ENOTFOUND);
}

static void
beside_is_the_folder_of_the_identity(void **state)
{
	(void)state;
	assert_int_equal(vz_paths_beside("/a/b/identity", "peers", out, sizeof(out)), 0);
	assert_string_equal(out, "/a/b/peers");
	assert_int_equal(vz_paths_beside("/identity", "peers", out, sizeof(out)), 0);
	assert_string_equal(out, "/peers");
	assert_int_equal(vz_paths_beside("identity", "revoked", out, sizeof(out)), 0);
	assert_string_equal(out, "revoked");
}

static void
the_lists_of_a_credential_are_in_the_configuration_folder(void **state)
{
	struct vz_paths_env env = {.credentials_directory = "/run/c", .home = "/home/u"};

	(void)state;
	assert_int_equal(vz_paths_lists(&env, "/run/c/vz-identity", out, sizeof(out)), 0);
	assert_string_equal(out, "/etc/vz/identity");
	env.configuration_directory = "/etc/other:/etc/second";
	assert_int_equal(vz_paths_lists(&env, "/run/c/vz-identity", out, sizeof(out)), 0);
	assert_string_equal(out, "/etc/other/identity");
	env.configuration_directory = "relative";
	assert_int_equal(vz_paths_lists(&env, "/run/c/vz-identity", out, sizeof(out)), 0);
	assert_string_equal(out, "/etc/vz/identity");
}

static void
the_lists_of_any_other_identity_are_beside_it(void **state)
{
	static const char *const others[] = {"/home/u/.config/vz/identity", "/run/c/identity",
	    "/run/c/d/vz-identity", "/run/cc/vz-identity", "/run/c", "vz-identity", "/vz-identity"};
	struct vz_paths_env env = {
	    .credentials_directory = "/run/c", .configuration_directory = "/etc/other"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(vz_paths_lists(&env, others[i], out, sizeof(out)), 0);
		assert_string_equal(out, others[i]);
	}
	env.credentials_directory = NULL;
	assert_int_equal(vz_paths_lists(&env, "/run/c/vz-identity", out, sizeof(out)), 0);
	assert_string_equal(out, "/run/c/vz-identity");
	env.credentials_directory = "";
	assert_int_equal(vz_paths_lists(&env, "/vz-identity", out, sizeof(out)), 0);
	assert_string_equal(out, "/vz-identity");
}

static void
a_path_that_does_not_fit_is_refused_not_cut(void **state)
{
	char home[5000];
	struct vz_paths_env env = {.home = home};

	(void)state;
	memset(home, 'a', sizeof(home));
	home[0] = '/';
	home[sizeof(home) - 1] = '\0';
	assert_int_equal(vz_paths_new_identity(&env, NULL, out, sizeof(out)), VZ_ELIMIT);
	assert_int_equal(vz_paths_identity(&env, NULL, out, sizeof(out)), VZ_ELIMIT);
	assert_int_equal(vz_paths_state(&env, NULL, out, sizeof(out)), VZ_ELIMIT);
	env.credentials_directory = "/run/c";
	env.configuration_directory = "/etc/other";
	assert_int_equal(vz_paths_lists(&env, "/run/c/vz-identity", out, 19), VZ_ELIMIT);
	assert_int_equal(vz_paths_lists(&env, "/run/c/vz-identity", out, 20), 0);
	assert_int_equal(vz_paths_lists(&env, "/run/c/other", out, 12), VZ_ELIMIT);
	assert_int_equal(vz_paths_beside("/abc/d", "peers", out, 10), VZ_ELIMIT);
	assert_int_equal(vz_paths_beside("/abc/d", "peers", out, 11), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_option_wins_over_the_environment_and_both_are_taken_as_they_are),
	    cmocka_unit_test_setup_teardown(the_first_that_exists_is_used_else_the_users_own_place,
		tempdir_setup, tempdir_teardown),
	    cmocka_unit_test(relative_xdg_folders_count_as_unset),
	    cmocka_unit_test(without_a_home_there_is_no_place),
	    cmocka_unit_test(beside_is_the_folder_of_the_identity),
	    cmocka_unit_test(the_lists_of_a_credential_are_in_the_configuration_folder),
	    cmocka_unit_test(the_lists_of_any_other_identity_are_beside_it),
	    cmocka_unit_test(a_path_that_does_not_fit_is_refused_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
