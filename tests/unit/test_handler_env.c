/* The environment of a handler: lib/flow/handler_env. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "flow/handler_env.h"

/* environ(7) is made of strings that may be written to; ours may not. */
static char *const *
as_env(const char *const list[])
{
	return (char *const *)list;
}

/* The value of the only entry of that name, or NULL. */
static const char *
value(char *const env[], const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (; *env != NULL; env++) {
		if (strncmp(*env, name, n) != 0 || (*env)[n] != '=')
			continue;
		assert_null(found);
		found = *env + n + 1;
	}
	return found;
}

static size_t
count(char *const env[])
{
	size_t n = 0;

	while (env[n] != NULL)
		n++;
	return n;
}

static const char *const inherited[] = {"PATH=/bin", "LISTEN_FDS=1", "LISTEN_PID=7",
    "LISTEN_FDNAMES=x", "NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=1", "WATCHDOG_PID=7",
    "CREDENTIALS_DIRECTORY=/run/c", "VZ_IDENTITY=/id", "VZ_ASKPASS=/ask", "VZ_PEER=forged",
    "VZ_ANYTHING=", "TCPREMOTEIP=::1", "TCPLOCALHOST=here", "PROTO=SSL", "IPCREMOTEEUID=0",
    "HOME=/root", NULL};

static void
what_could_mislead_or_give_away_a_secret_is_removed(void **state)
{
	char **env;

	(void)state;
	assert_int_equal(vz_handler_env(as_env(inherited), NULL, &env), 0);
	assert_int_equal(count(env), 2);
	assert_string_equal(env[0], "PATH=/bin");
	assert_string_equal(env[1], "HOME=/root");
	free(env);
}

static void
names_that_only_look_alike_stay(void **state)
{
	static const char *const alike[] = {"NOTIFY_SOCKETS=1", "PROTOCOL=x",
	    "CREDENTIALS_DIRECTORY2=x", "VZ=1", "MY_VZ_PEER=1", "vz_peer=1", "LISTENER=1", "IPC=1",
	    "", "=", NULL};
	char **env;

	(void)state;
	assert_int_equal(vz_handler_env(as_env(alike), NULL, &env), 0);
	assert_int_equal(count(env), count(as_env(alike)));
	free(env);
}

static void
a_handler_is_told_of_its_message_once_and_truly(void **state)
{
	const struct vz_handler_facts facts = {.peer = "vz1abc",
	    .peer_name = "alice",
	    .remote = "192.0.2.1:4000",
	    .message_id = "00ff.3",
	    .message_name = "a\\x0ab=c",
	    .attempt = UINT64_MAX,
	    .proto = "TCP",
	    .remote_ip = "192.0.2.1",
	    .remote_port = "4000",
	    .local_ip = "192.0.2.2",
	    .local_port = "4433"};
	char **env;

	(void)state;
	assert_int_equal(vz_handler_env(as_env(inherited), &facts, &env), 0);
	assert_int_equal(count(env), 2 + 11);
	assert_string_equal(value(env, "VZ_PEER"), "vz1abc");
	assert_string_equal(value(env, "VZ_PEER_NAME"), "alice");
	assert_string_equal(value(env, "VZ_REMOTE"), "192.0.2.1:4000");
	assert_string_equal(value(env, "VZ_MESSAGE_ID"), "00ff.3");
	assert_string_equal(value(env, "VZ_MESSAGE_NAME"), "a\\x0ab=c");
	assert_string_equal(value(env, "VZ_ATTEMPT"), "18446744073709551615");
	assert_string_equal(value(env, "PROTO"), "TCP");
	assert_string_equal(value(env, "TCPREMOTEIP"), "192.0.2.1");
	assert_string_equal(value(env, "TCPREMOTEPORT"), "4000");
	assert_string_equal(value(env, "TCPLOCALIP"), "192.0.2.2");
	assert_string_equal(value(env, "TCPLOCALPORT"), "4433");
	assert_null(value(env, "IPCREMOTEEUID"));
	free(env);
}

static void
what_is_not_known_is_set_to_nothing_and_never_inherited(void **state)
{
	const struct vz_handler_facts facts = {.proto = "IPC", .remote_euid = "1000"};
	static const char *const none[] = {NULL};
	char **env;

	(void)state;
	assert_int_equal(vz_handler_env(as_env(inherited), &facts, &env), 0);
	assert_string_equal(value(env, "VZ_PEER"), "");
	assert_string_equal(value(env, "VZ_PEER_NAME"), "");
	assert_string_equal(value(env, "VZ_MESSAGE_NAME"), "");
	assert_string_equal(value(env, "VZ_ATTEMPT"), "0");
	assert_string_equal(value(env, "PROTO"), "IPC");
	assert_string_equal(value(env, "IPCREMOTEEUID"), "1000");
	assert_null(value(env, "TCPREMOTEIP"));
	free(env);
	assert_int_equal(vz_handler_env(as_env(none), NULL, &env), 0);
	assert_int_equal(count(env), 0);
	free(env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_could_mislead_or_give_away_a_secret_is_removed),
	    cmocka_unit_test(names_that_only_look_alike_stay),
	    cmocka_unit_test(a_handler_is_told_of_its_message_once_and_truly),
	    cmocka_unit_test(what_is_not_known_is_set_to_nothing_and_never_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
