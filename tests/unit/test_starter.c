/* The process that starts commands, and law 1 beyond our own death: lib/flow/starter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/err.h"
#include "flow/starter.h"
#include "guard/sandbox.h"
#include "tempdir.h"

extern char **environ;

#define W(word) ((char *)(uintptr_t)(word))

static struct tempdir dir;

static int
set_up(void **state)
{
	(void)state;
	/* What is left behind by others becomes our child, so that we can wait for its end. */
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && tempdir_make(&dir) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	tempdir_remove(&dir);
	return 0;
}

static bool
there(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir.dir, name);
	return access(path, F_OK) == 0;
}

/* Every process that came of this test has ended. */
static void
until_alone(void)
{
	alarm(30);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
	alarm(0);
}

/* A process that starts `script` in the folder, gives it half a message and dies by SIGKILL. */
static void
die_in_the_middle(const char *script, bool whole)
{
	char *const argv[] = {W("sh"), W("-c"), W(script), NULL};
	struct vz_starter *s;
	uint32_t id;
	int fds[VZ_RUN_FDS], status;
	char c;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(dir.dir) != 0 || vz_starter_split(NULL, &s) != 0 ||
		    vz_starter_start(s, argv, environ, VZ_RUN_REPLY, &id, fds) != 0 ||
		    write(fds[VZ_RUN_IN], "half", 4) != 4)
			_exit(1);
		/* It is at its work. */
		while (read(fds[VZ_RUN_OUT], &c, 1) < 0 && errno == EAGAIN)
			usleep(1000);
		if (whole) {
			vz_starter_finish(s, id);
			close(fds[VZ_RUN_IN]);
		}
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	until_alone();
}

static void
a_command_never_sees_the_end_of_half_a_message_when_we_are_killed(void **state)
{
	(void)state;
	die_in_the_middle("echo; cat >half; touch ended", false);
	assert_true(there("half"));
	assert_false(there("ended"));
}

/* setsid(1) leaves the group, and so outlives its kill: it may read on, but sees no end. */
static void
nor_does_one_that_left_its_group(void **state)
{
	(void)state;
	die_in_the_middle("setsid sh -c 'echo; timeout 0.3 cat >/dev/null; "
			  "[ $? = 124 ] || touch cat-ended'; :",
	    false);
	assert_false(there("cat-ended"));
}

static void
a_command_that_has_all_of_its_message_goes_on_when_we_are_killed(void **state)
{
	(void)state;
	die_in_the_middle("echo; cat >whole; touch finished", true);
	assert_true(there("finished"));
}

static int
only_true(void *arg, char *const argv[], char *const envp[])
{
	(void)arg;
	(void)envp;
	return strcmp(argv[0], "true") == 0 && argv[1] == NULL ? 0 : EPERM;
}

static void
what_is_not_permitted_is_not_run(void **state)
{
	const struct vz_starter_config config = {.permit = only_true};
	char *const yes[] = {W("true"), NULL}, *const no[] = {W("touch"), W("made"), NULL};
	struct vz_starter *s;
	uint32_t id;
	int fds[VZ_RUN_FDS];

	(void)state;
	assert_int_equal(chdir(dir.dir), 0);
	assert_int_equal(vz_starter_split(&config, &s), 0);
	assert_int_equal(vz_starter_start(s, no, environ, 0, &id, fds), VZ_ESYSTEM);
	assert_int_equal(errno, EPERM);
	assert_int_equal(vz_starter_start(s, yes, environ, 0, &id, fds), 0);
	assert_int_equal(fds[VZ_RUN_OUT], -1);
	close(fds[VZ_RUN_IN]);
	vz_starter_free(s);
	until_alone();
	assert_false(there("made"));
}

static int
never(void *arg)
{
	(void)arg;
	return EACCES;
}

static void
what_cannot_enter_is_not_split_off(void **state)
{
	const struct vz_starter_config config = {.enter = never};
	struct vz_starter *s;

	(void)state;
	assert_int_equal(vz_starter_split(&config, &s), VZ_ESYSTEM);
	assert_int_equal(errno, EACCES);
	assert_null(s);
	until_alone();
}

static int
hide(void *arg)
{
	(void)arg;
	vz_sandbox_hide();
	return 0;
}

/* In a process of nobody's: can that user open the environment of the starter, and that of its
 * command? 0, or how far it came. */
static int
look_into(const struct vz_starter_config *config, bool *starter, bool *command)
{
	char *const argv[] = {W("sh"), W("-c"), W("echo $PPID $$; cat"), NULL};
	char said[64] = "", path[64];
	struct vz_starter *s;
	int fds[VZ_RUN_FDS], pids[2];
	uint32_t id;
	ssize_t n;

	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return 1;
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 || vz_starter_split(config, &s) != 0 ||
	    vz_starter_start(s, argv, environ, VZ_RUN_REPLY, &id, fds) != 0)
		return 2;
	for (size_t have = 0; strchr(said, '\n') == NULL; have += n > 0 ? (size_t)n : 0) {
		struct pollfd p = {.fd = fds[VZ_RUN_OUT], .events = POLLIN};

		if (poll(&p, 1, 30000) <= 0 ||
		    (n = read(fds[VZ_RUN_OUT], said + have, sizeof(said) - 1 - have)) == 0)
			return 3;
	}
	if (sscanf(said, "%d %d", &pids[0], &pids[1]) != 2)
		return 4;
	snprintf(path, sizeof(path), "/proc/%d/environ", pids[0]);
	*starter = open(path, O_RDONLY) >= 0;
	snprintf(path, sizeof(path), "/proc/%d/environ", pids[1]);
	*command = open(path, O_RDONLY) >= 0;
	vz_starter_free(s);
	return 0;
}

static void
looked_into(const struct vz_starter_config *config, bool seen)
{
	bool starter, command;
	int status, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		r = look_into(config, &starter, &command);
		_exit(r != 0 ? r : starter != seen ? 5 : !command ? 6 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	until_alone();
}

static void
one_that_hides_is_not_looked_into_but_its_commands_are(void **state)
{
	const struct vz_starter_config config = {.enter = hide};

	(void)state;
	looked_into(NULL, true);
	looked_into(&config, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_command_never_sees_the_end_of_half_a_message_when_we_are_killed),
	    cmocka_unit_test(nor_does_one_that_left_its_group),
	    cmocka_unit_test(a_command_that_has_all_of_its_message_goes_on_when_we_are_killed),
	    cmocka_unit_test(what_is_not_permitted_is_not_run),
	    cmocka_unit_test(what_cannot_enter_is_not_split_off),
	    cmocka_unit_test(one_that_hides_is_not_looked_into_but_its_commands_are),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
