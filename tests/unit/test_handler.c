/* Commands run for messages, and law 1: lib/flow/handler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/err.h"
#include "flow/handler.h"
#include "flow/handler_env.h"
#include "net/loop.h"
#include "tempdir.h"

#define BOUND_MS 30000 /* nothing here takes so long */

extern char **environ;

/* One handler and what it said; `until` tells when the loop may stop. */
struct run {
	struct vz_handler *h;
	char output[4096];
	size_t len, total, stop_at; /* stop_at: stop when that much came */
	bool pause;                 /* read nothing */
	bool closed;                /* its output ended */
	int rooms, ended;
	bool stop_on_room;
	struct vz_handler_end end;
};

static struct tempdir dir;
static struct vz_loop *loop;
static struct vz_handlers *all;
static struct vz_timer bound;

static void
on_bound(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, -1000);
}

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	bound = (struct vz_timer){.fn = on_bound};
	if (tempdir_make(&dir) != 0 || chdir(dir.dir) != 0 || vz_loop_new(&loop) != 0)
		return -1;
	return vz_timer_set(loop, &bound, BOUND_MS) | vz_handlers_new(loop, &all);
}

static int
teardown(void **state)
{
	(void)state;
	vz_handlers_free(all);
	vz_loop_free(loop);
	if (chdir("/") != 0)
		return -1;
	tempdir_remove(&dir);
	return 0;
}

static void
on_room(void *arg, struct vz_handler *h)
{
	struct run *r = arg;

	assert_ptr_equal(h, r->h);
	r->rooms++;
	if (r->stop_on_room)
		vz_loop_stop(loop, 1);
}

static void
on_output(void *arg, struct vz_handler *h)
{
	struct run *r = arg;
	char bytes[65536];
	ssize_t n;

	assert_ptr_equal(h, r->h);
	assert_false(r->pause);
	n = vz_handler_read(h, bytes, sizeof(bytes));
	if (n == VZ_ECLOSED) {
		r->closed = true;
		return;
	}
	assert_true(n >= 0);
	for (ssize_t i = 0; i < n; i++)
		if (r->len < sizeof(r->output) - 1)
			r->output[r->len++] = bytes[i];
	r->total += (size_t)n;
	if (r->stop_at > 0 && r->total >= r->stop_at)
		vz_loop_stop(loop, 2);
}

static void
on_ended(void *arg, struct vz_handler *h, const struct vz_handler_end *end)
{
	struct run *r = arg;

	assert_ptr_equal(h, r->h);
	r->ended++;
	r->end = *end;
	r->h = NULL;
	vz_loop_stop(loop, 0);
}

static const struct vz_handler_events events = {
    .room = on_room, .output = on_output, .ended = on_ended};

static int
try_start(struct run *r, const char *const argv[], const struct vz_handler_config *config)
{
	struct vz_handler_config c = *config;

	memset(r, 0, sizeof(*r));
	c.argv = (char *const *)argv;
	if (c.envp == NULL)
		c.envp = environ;
	return vz_handler_start(all, &c, &events, r, &r->h);
}

static void
start(struct run *r, const char *script, const struct vz_handler_config *config)
{
	const char *argv[] = {"sh", "-c", script, NULL};

	assert_int_equal(try_start(r, argv, config), 0);
}

static const struct vz_handler_config silent = {.reply = false}, reply = {.reply = true};

/* Runs the loop until it is stopped; -1000 would be the bound. */
static void
turn_until(int why)
{
	assert_int_equal(vz_loop_run(loop), why);
}

static void
give(struct run *r, const char *s)
{
	assert_int_equal(vz_handler_write(r->h, s, strlen(s)), strlen(s));
}

static int
status_of(const char *script, const char *input, const struct vz_handler_config *config)
{
	struct run r;

	start(&r, script, config);
	give(&r, input);
	vz_handler_finish_input(r.h);
	turn_until(0);
	assert_int_equal(r.ended, 1);
	return vz_handler_status(&r.end);
}

static bool
there(const char *name)
{
	struct stat st;

	return stat(tempdir_path(&dir, name), &st) == 0;
}

static void
a_message_goes_in_and_the_reply_comes_out(void **state)
{
	struct run r;

	(void)state;
	start(&r, "tr a-z A-Z; exit 3", &reply);
	give(&r, "hello ");
	give(&r, "world");
	vz_handler_finish_input(r.h);
	assert_int_equal(vz_handler_write(r.h, "x", 1), VZ_EINVAL);
	turn_until(0);
	assert_string_equal(r.output, "HELLO WORLD");
	assert_true(r.closed);
	assert_int_equal(vz_handler_status(&r.end), 3);
}

static void
an_exit_status_up_to_63_is_told_as_it_is_and_all_else_is_79(void **state)
{
	struct vz_handler_end end = {.wait = -1};
	char words[80];
	struct run r;

	(void)state;
	assert_int_equal(status_of("exit 0", "", &silent), 0);
	assert_int_equal(status_of("exit 1", "", &silent), 1);
	assert_int_equal(status_of("exit 63", "", &silent), 63);
	assert_int_equal(status_of("exit 64", "", &silent), 79);
	assert_int_equal(status_of("exit 255", "", &silent), 79);
	assert_int_equal(status_of("kill -9 $$", "", &silent), 79);
	assert_int_equal(vz_handler_status(&end), 79);
	start(&r, "exit 200", &silent);
	turn_until(0);
	assert_string_equal(vz_handler_words(&r.end, words, sizeof(words)), "exited 200, above 63");
	start(&r, "kill -TERM $$", &silent);
	turn_until(0);
	assert_string_equal(
	    vz_handler_words(&r.end, words, sizeof(words)), "was killed by signal 15 (Terminated)");
	start(&r, "exit 5", &silent);
	turn_until(0);
	assert_string_equal(vz_handler_words(&r.end, words, sizeof(words)), "exited 5");
}

static void
what_cannot_be_executed_is_told_with_the_reason_and_leaves_nothing(void **state)
{
	const char *none[] = {"./not-there", NULL}, *lost[] = {"vz-no-such-command", NULL};
	const char *plain[] = {"./plain", NULL}, *text[] = {"./text", NULL}, *no[] = {"", NULL};
	struct run r;
	pid_t pid;

	(void)state;
	tempdir_write(&dir, "plain", 0600, "#!/bin/sh\n", 10);
	tempdir_write(&dir, "text", 0700, "echo a shell would run this\n", 28);
	assert_int_equal(try_start(&r, none, &silent), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_null(r.h);
	assert_int_equal(try_start(&r, lost, &reply), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(try_start(&r, plain, &reply), VZ_ESYSTEM);
	assert_int_equal(errno, EACCES);
	assert_int_equal(try_start(&r, text, &reply), VZ_ESYSTEM);
	assert_int_equal(errno, ENOEXEC);
	assert_int_equal(try_start(&r, no, &reply), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	/* Of starters, and so children, there is one for good. */
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	assert_int_equal(pid, 0);
}

static void
a_command_is_found_in_the_path_that_it_is_given(void **state)
{
	const char *env[] = {"PATH=/nowhere::/bin", NULL}, *empty[] = {NULL};
	const struct vz_handler_config with = {.reply = true, .envp = (char *const *)env};
	const struct vz_handler_config without = {.reply = true, .envp = (char *const *)empty};
	const char *argv[] = {"mine", "a b", "$HOME;", NULL}, *std[] = {"echo", "x", NULL};
	struct run r;

	(void)state;
	tempdir_write(&dir, "mine", 0700, "#!/bin/sh\nprintf '%s|' \"$@\"\n", 28);
	assert_int_equal(try_start(&r, argv, &with), 0);
	turn_until(0);
	assert_string_equal(r.output, "a b|$HOME;|");
	assert_int_equal(try_start(&r, std, &without), 0);
	turn_until(0);
	assert_string_equal(r.output, "x\n");
}

static void
it_gets_its_environment_and_three_descriptors_and_clean_signals(void **state)
{
	const char *inherited[] = {"PATH=/usr/bin:/bin", "VZ_IDENTITY=/secret", NULL};
	const struct vz_handler_facts facts = {.peer = "vz1me"};
	struct vz_handler_config config = {.reply = true};
	int leak = open("/dev/null", O_RDONLY); /* without close-on-exec */
	sigset_t block, old;
	char **env;
	struct run r;

	(void)state;
	assert_true(leak > 2);
	assert_int_equal(vz_handler_env((char *const *)inherited, &facts, &env), 0);
	config.envp = env;
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	start(&r,
	    "echo $VZ_PEER ${VZ_IDENTITY-gone}; grep -E 'SigBlk|SigIgn' /proc/self/status; "
	    "i=2; while [ $i -lt 64 ]; do i=$((i+1)); [ ! -e /proc/$$/fd/$i ] || echo has $i; "
	    "done; "
	    "p=$(cut -d' ' -f5 /proc/$$/stat); [ $p = $$ ] && echo leads",
	    &config);
	sigprocmask(SIG_SETMASK, &old, NULL);
	free(env);
	turn_until(0);
	close(leak);
	assert_non_null(strstr(r.output, "vz1me gone\n"));
	assert_non_null(strstr(r.output, "SigBlk:\t0000000000000000\n"));
	assert_non_null(strstr(r.output, "SigIgn:\t0000000000000000\n"));
	assert_null(strstr(r.output, "has"));
	assert_non_null(strstr(r.output, "\nleads\n"));
}

static void
without_a_reply_its_output_goes_nowhere(void **state)
{
	struct run r;

	(void)state;
	start(&r, "x=$(readlink /proc/$$/fd/1); echo $x >out; echo lost", &silent);
	turn_until(0);
	assert_int_equal(vz_handler_status(&r.end), 0);
	assert_int_equal(r.total, 0);
	assert_int_equal(status_of("read x <out; [ \"$x\" = /dev/null ]", "", &silent), 0);
}

/* Writes as much as is taken at once; then waits for room, until `n` are in. */
static void
feed(struct run *r, size_t n)
{
	static const char zeros[65536];

	while (n > 0) {
		ssize_t put = vz_handler_write(r->h, zeros, n < sizeof(zeros) ? n : sizeof(zeros));

		assert_true(put >= 0);
		n -= (size_t)put;
		if (n > 0 && (size_t)put < sizeof(zeros)) {
			r->stop_on_room = true;
			turn_until(1);
			r->stop_on_room = false;
		}
	}
}

static void
a_full_pipe_is_told_and_its_room_too(void **state)
{
	static const char zeros[1 << 20];
	struct run r;
	ssize_t put;
	int go;

	(void)state;
	assert_int_equal(mkfifo("go", 0600), 0);
	start(&r, "read x <go; wc -c", &reply);
	put = vz_handler_write(r.h, zeros, sizeof(zeros));
	assert_in_range(put, 1, sizeof(zeros) - 1); /* it does not read yet */
	assert_int_equal(vz_handler_write(r.h, zeros, 1), 0);
	go = open("go", O_WRONLY);
	assert_int_equal(write(go, "\n", 1), 1);
	close(go);
	r.stop_on_room = true;
	turn_until(1);
	assert_int_equal(r.rooms, 1);
	feed(&r, 5000000 - (size_t)put);
	vz_handler_finish_input(r.h);
	turn_until(0);
	assert_string_equal(r.output, "5000000\n");
}

static void
a_command_that_does_not_want_its_input_decides_by_its_status(void **state)
{
	struct run r;

	(void)state;
	start(&r, "head -c 3; exec <&-; echo closed; kill -STOP $$; exit 7", &reply);
	give(&r, "abc");
	r.stop_at = 10;
	turn_until(2);
	assert_string_equal(r.output, "abcclosed\n");
	for (int i = 0; i < 100; i++) /* more than any pipe holds */
		feed(&r, 65536);
	assert_int_equal(r.rooms, 0);
	assert_true(vz_handler_input_gone(r.h));
	vz_handler_finish_input(r.h);
	vz_handler_kill(r.h);
	turn_until(0);
	/* The same for one that has ended. */
	start(&r, "exit 7", &silent);
	while (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 100; i++)
		feed(&r, 65536);
	turn_until(0);
	assert_int_equal(vz_handler_status(&r.end), 7);
}

static void
one_that_waits_for_room_hears_of_the_end(void **state)
{
	struct run r;
	static const char zeros[1 << 20];
	ssize_t put;

	(void)state;
	start(&r, "kill -STOP $$", &silent);
	put = vz_handler_write(r.h, zeros, sizeof(zeros));
	assert_in_range(put, 0, sizeof(zeros) - 1);
	vz_handler_kill(r.h);
	turn_until(0);
	assert_int_equal(r.rooms, 0);
	start(&r, "exit 9", &silent);
	if (vz_handler_write(r.h, zeros, sizeof(zeros)) < (ssize_t)sizeof(zeros)) {
		r.stop_on_room = true;
		turn_until(1);
		assert_int_equal(vz_handler_write(r.h, zeros, sizeof(zeros)), sizeof(zeros));
	}
	turn_until(0);
	assert_int_equal(vz_handler_status(&r.end), 9);
}

/* Law 1. `cat` answers what it has read, so that each offset is met; the flag is for the end. */
static void
one_that_is_killed_at_any_offset_never_sees_the_end(void **state)
{
	static const char message[] =
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct run r;

	(void)state;
	for (size_t offset = 0; offset <= 64; offset++) {
		start(&r, "echo; cat && echo x >flag", &reply);
		assert_int_equal(vz_handler_write(r.h, message, offset), offset);
		r.stop_at = 1 + offset;
		turn_until(2);
		vz_handler_kill(r.h);
		assert_int_equal(vz_handler_write(r.h, message, 64), 64);
		vz_handler_finish_input(r.h); /* too late to be believed */
		turn_until(0);
		assert_true(r.end.killed);
		assert_int_equal(vz_handler_status(&r.end), 79);
		assert_false(there("flag"));
	}
	/* And the flag is written when there is an end. */
	assert_int_equal(status_of("cat && echo x >flag", message, &silent), 0);
	assert_true(there("flag"));
}

static void
the_flag_of_one_dropped_or_out_of_time_is_not_written_either(void **state)
{
	struct vz_handler_config config = {.reply = true, .timeout_ms = 1, .grace_ms = 1};
	struct run r;

	(void)state;
	for (int i = 0; i < 16; i++) {
		start(&r, "echo; cat && echo x >flag", &reply);
		give(&r, "half");
		r.stop_at = 1;
		turn_until(2);
		vz_handler_drop(r.h);
		start(&r, "trap '' TERM; cat && echo x >flag", &config);
		give(&r, "half");
		turn_until(0);
		assert_true(r.end.timed_out);
		assert_int_equal(vz_handler_status(&r.end), 79);
	}
	assert_false(there("flag"));
}

static pid_t
pid_in(const char *name)
{
	FILE *f = fopen(tempdir_path(&dir, name), "r");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

static void
stop_now(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 3);
}

static void
until_held(size_t n)
{
	struct vz_timer t = {.fn = stop_now};

	for (int i = 0; i < BOUND_MS && vz_handlers_held(all) != n; i++) {
		assert_int_equal(vz_timer_set(loop, &t, 1), 0);
		turn_until(3);
	}
	assert_int_equal(vz_handlers_held(all), n);
}

static void
one_that_left_the_group_never_sees_a_cut_message_end(void **state)
{
	struct run r;

	(void)state;
	start(&r, "setsid -w sh -c 'echo $$ >pid; echo; cat; echo x >flag'", &reply);
	give(&r, "half");
	r.stop_at = 5;
	turn_until(2);
	vz_handler_kill(r.h);
	give(&r, "rest");
	vz_handler_finish_input(r.h); /* too late to be believed */
	turn_until(0);
	assert_int_equal(vz_handlers_held(all), 1);
	assert_int_equal(kill(-pid_in("pid"), SIGKILL), 0);
	until_held(0);
	assert_false(there("flag"));
}

static void
when_too_many_pipes_are_held_nothing_is_started(void **state)
{
	const char *argv[] = {"true", NULL};
	struct run r;

	(void)state;
	for (size_t i = 0; i < VZ_HANDLER_HELD; i++) {
		start(&r, "setsid -w sh -c 'echo $$ >>pids; echo; exec cat'", &reply);
		r.stop_at = 1;
		turn_until(2);
		vz_handler_kill(r.h);
		turn_until(0);
	}
	assert_int_equal(vz_handlers_held(all), VZ_HANDLER_HELD);
	assert_int_equal(try_start(&r, argv, &silent), VZ_EFULL);
	assert_int_equal(system("for p in $(cat pids); do kill -9 -$p; done"), 0);
	until_held(0);
	assert_int_equal(try_start(&r, argv, &silent), 0);
	turn_until(0);
}

static void
what_it_left_behind_does_not_read_the_end_of_a_message_it_did_not_want(void **state)
{
	struct vz_handler_config config = {.reply = true, .output_ms = 50};
	struct run r;

	(void)state;
	/* The shell goes at once; its child keeps the message open. */
	start(&r,
	    "exec 3<&0; sh -c 'echo; cat <&3; echo x >flag' & "
	    "while [ ! -e go ]; do sleep 0.01; done; exit 0",
	    &config);
	r.stop_at = 1;
	turn_until(2);
	r.stop_at = 0;
	tempdir_write(&dir, "go", 0600, "", 0);
	turn_until(0);
	assert_int_equal(vz_handler_status(&r.end), 0);
	until_held(0);
	assert_false(there("flag"));
}

static void
what_it_left_behind_with_a_message_that_may_not_end_is_ended(void **state)
{
	struct vz_handler_config config = {.output_ms = 50};
	static const char zeros[1 << 20];
	struct run r;

	(void)state;
	start(&r, "exec 3<&0; sh -c 'sleep 60; cat <&3; echo x >flag' & exit 0", &config);
	assert_in_range(vz_handler_write(r.h, zeros, sizeof(zeros)), 1, sizeof(zeros) - 1);
	r.stop_on_room = true; /* it takes all, now that nobody reads it */
	turn_until(1);
	assert_int_equal(vz_handler_write(r.h, zeros, sizeof(zeros)), sizeof(zeros));
	vz_handler_finish_input(r.h);
	assert_int_equal(vz_handlers_held(all), 1);
	turn_until(0);
	assert_int_equal(vz_handler_status(&r.end), 0);
	until_held(0);
	assert_false(there("flag"));
}

static void
a_time_limit_ends_the_whole_group_and_is_79_however_it_exits(void **state)
{
	struct vz_handler_config config = {.reply = true, .timeout_ms = 300, .grace_ms = 20000};
	char words[80];
	struct run r;

	(void)state;
	start(&r, "trap 'exit 0' TERM; echo; cat", &config);
	turn_until(0);
	assert_true(WIFEXITED(r.end.wait) || WIFSIGNALED(r.end.wait));
	assert_int_equal(vz_handler_status(&r.end), 79);
	assert_string_equal(vz_handler_words(&r.end, words, sizeof(words)), "timed out");
	/* One that does not listen; and one that is stopped hears of it. */
	config.grace_ms = 1;
	start(&r, "trap '' TERM; echo; sleep 60; sleep 60", &config);
	turn_until(0);
	assert_int_equal(vz_handler_status(&r.end), 79);
	assert_true(WIFSIGNALED(r.end.wait) && WTERMSIG(r.end.wait) == SIGKILL);
	config.grace_ms = 20000;
	start(&r, "kill -STOP $$", &config);
	turn_until(0);
	assert_true(WIFSIGNALED(r.end.wait) && WTERMSIG(r.end.wait) == SIGTERM);
}

static void
output_held_open_by_what_it_left_behind_does_not_hang(void **state)
{
	struct vz_handler_config config = {.reply = true, .output_ms = 50};
	struct run r;

	(void)state;
	start(&r, "echo done; sleep 60 & exit 4", &config);
	turn_until(0);
	assert_string_equal(r.output, "done\n");
	assert_true(r.closed);
	assert_int_equal(vz_handler_status(&r.end), 4);
	/* Nor by one that left the group as well. */
	start(
	    &r, "setsid sh -c 'echo $$ >pid; echo done; exec sleep 60' & read x; exit 4", &config);
	r.stop_at = 5;
	turn_until(2);
	vz_handler_finish_input(r.h);
	turn_until(0);
	assert_string_equal(r.output, "done\n");
	kill(-pid_in("pid"), SIGKILL);
}

static void
output_that_comes_after_the_exit_is_awaited_while_it_flows(void **state)
{
	struct vz_handler_config config = {.reply = true, .output_ms = 5000};
	struct run r;

	(void)state;
	start(&r, "head -c 3000000 /dev/zero & exit 0", &config);
	turn_until(0);
	assert_int_equal(r.total, 3000000);
	/* Longer in all than the silence allowed. */
	config.output_ms = 600;
	start(&r, "{ for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; echo; done; } & exit 0", &config);
	turn_until(0);
	assert_int_equal(r.total, 10);
}

static void
output_that_is_paused_holds_the_command_back_and_loses_nothing(void **state)
{
	struct vz_handler_config config = {.reply = true, .output_ms = 20};
	struct vz_timer t = {.fn = stop_now};
	struct run r;

	(void)state;
	/* More than the pipe holds; and a tail that is in the pipe when the command ends. */
	start(&r, "head -c 3000000 /dev/zero; echo x >written; echo end", &config);
	vz_handler_pause_output(r.h, true);
	r.pause = true;
	assert_int_equal(vz_timer_set(loop, &t, 200), 0);
	turn_until(3);
	assert_false(there("written"));
	r.pause = false;
	vz_handler_pause_output(r.h, false);
	turn_until(0);
	assert_int_equal(r.total, 3000004);
	/* Paused after the exit: silence is not counted. */
	start(&r, "echo end; sleep 60 & exit 0", &config);
	vz_handler_pause_output(r.h, true);
	r.pause = true;
	assert_int_equal(vz_timer_set(loop, &t, 200), 0);
	turn_until(3);
	assert_int_equal(r.ended, 0);
	r.pause = false;
	vz_handler_pause_output(r.h, false);
	turn_until(0);
	assert_string_equal(r.output, "end\n");
	config.output_ms = 500;
	start(&r, "echo end; sleep 60 & exit 0", &config);
	while (!vz_handler_input_gone(r.h)) {
		assert_int_equal(vz_timer_set(loop, &t, 1), 0);
		turn_until(3);
	}
	vz_handler_pause_output(r.h, true);
	r.pause = true;
	assert_int_equal(vz_timer_set(loop, &t, 800), 0);
	turn_until(3);
	assert_int_equal(r.ended, 0);
	vz_handler_kill(r.h);
	turn_until(0);
	assert_true(r.end.killed);
}

static void
a_time_limit_counts_for_the_output_of_what_it_left_behind(void **state)
{
	struct vz_handler_config config = {.reply = true, .timeout_ms = 300, .output_ms = 20000};
	struct run r;

	(void)state;
	start(&r, "sh -c 'while :; do echo; done' & exit 0", &config);
	turn_until(0);
	assert_true(r.end.timed_out);
	assert_int_equal(vz_handler_status(&r.end), 79);
}

static void
drop_in_output(void *arg, struct vz_handler *h)
{
	struct run *r = arg;

	r->closed = true;
	vz_handler_drop(h);
	vz_loop_stop(loop, 5);
}

static void
one_may_be_dropped_from_its_own_callbacks_and_tells_nothing_more(void **state)
{
	static const struct vz_handler_events dropping = {
	    .room = on_room, .output = drop_in_output, .ended = on_ended};
	static const char *const scripts[] = {"echo; exec cat", "exit 0", "sleep 60 & exit 0"};
	struct vz_timer t = {.fn = stop_now};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *argv[] = {"sh", "-c", scripts[i], NULL};
		struct vz_handler_config c = {
		    .argv = (char *const *)argv, .envp = environ, .reply = true, .output_ms = 20};
		struct run r = {0};

		assert_int_equal(vz_handler_start(all, &c, &dropping, &r, &r.h), 0);
		turn_until(5);
		assert_int_equal(vz_timer_set(loop, &t, 20), 0);
		turn_until(3);
		assert_int_equal(r.ended, 0);
	}
	until_held(0);
}

static void
all_that_runs_is_gone_when_they_are_freed(void **state)
{
	struct run r[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		start(&r[i], "trap '' TERM; cat; echo x >flag", i % 2 ? &reply : &silent);
	vz_handlers_free(all);
	/* The starter ends when all of its have, and nobody holds their input. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(errno, ECHILD);
	assert_false(there("flag"));
	assert_int_equal(vz_handlers_new(loop, &all), 0);
}

static size_t
open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
no_descriptor_is_left_open(void **state)
{
	size_t before;

	(void)state;
	assert_int_equal(status_of("exit 0", "", &reply), 0); /* what the loop makes once */
	before = open_descriptors();
	one_that_is_killed_at_any_offset_never_sees_the_end(state);
	what_cannot_be_executed_is_told_with_the_reason_and_leaves_nothing(state);
	until_held(0);
	assert_int_equal(open_descriptors(), before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_message_goes_in_and_the_reply_comes_out),
	    TEST(an_exit_status_up_to_63_is_told_as_it_is_and_all_else_is_79),
	    TEST(what_cannot_be_executed_is_told_with_the_reason_and_leaves_nothing),
	    TEST(a_command_is_found_in_the_path_that_it_is_given),
	    TEST(it_gets_its_environment_and_three_descriptors_and_clean_signals),
	    TEST(without_a_reply_its_output_goes_nowhere),
	    TEST(a_full_pipe_is_told_and_its_room_too),
	    TEST(a_command_that_does_not_want_its_input_decides_by_its_status),
	    TEST(one_that_waits_for_room_hears_of_the_end),
	    TEST(one_that_is_killed_at_any_offset_never_sees_the_end),
	    TEST(the_flag_of_one_dropped_or_out_of_time_is_not_written_either),
	    TEST(one_that_left_the_group_never_sees_a_cut_message_end),
	    TEST(when_too_many_pipes_are_held_nothing_is_started),
	    TEST(what_it_left_behind_does_not_read_the_end_of_a_message_it_did_not_want),
	    TEST(what_it_left_behind_with_a_message_that_may_not_end_is_ended),
	    TEST(a_time_limit_ends_the_whole_group_and_is_79_however_it_exits),
	    TEST(output_held_open_by_what_it_left_behind_does_not_hang),
	    TEST(output_that_comes_after_the_exit_is_awaited_while_it_flows),
	    TEST(output_that_is_paused_holds_the_command_back_and_loses_nothing),
	    TEST(a_time_limit_counts_for_the_output_of_what_it_left_behind),
	    TEST(one_may_be_dropped_from_its_own_callbacks_and_tells_nothing_more),
	    TEST(all_that_runs_is_gone_when_they_are_freed),
	    TEST(no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
