/* Where messages come from: lib/flow/source, filemap, producer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/err.h"
#include "flow/filemap.h"
#include "flow/producer.h"
#include "flow/source.h"
#include "wire/frame.h"

#define AHEAD (256u * 1024)

static uint8_t
byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251);
}

/* A file without a name, of `len` bytes. */
static int
file_of(size_t len)
{
	char path[] = "/tmp/vz-test-source-XXXXXX";
	int fd = mkstemp(path);
	uint8_t *p = malloc(len + 1);

	assert_true(fd >= 0);
	unlink(path);
	for (size_t i = 0; i < len; i++)
		p[i] = byte_at(i);
	assert_int_equal(write(fd, p, len), len);
	free(p);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Takes everything as a sender does; the bytes have to be the test's, from `first` on. */
static int
drain(struct vz_source *s, uint64_t first, uint64_t *total)
{
	const uint8_t *p;
	uint64_t sent = 0;
	size_t n;
	int got;

	do {
		got = vz_source_fill(s, sent + AHEAD);
		if (got < 0)
			return got;
		while ((n = vz_source_peek(s, sent, &p)) > 0) {
			for (size_t i = 0; i < n; i++)
				if (p[i] != byte_at(first + sent + i))
					return 1000;
			sent += n;
		}
		vz_source_release(s, sent > 100000 ? sent - 100000 : 0);
	} while (got != VZ_SOURCE_END && got != VZ_SOURCE_DRY);
	*total = sent;
	return got;
}

static void
check_file(size_t len, off_t from, unsigned flags)
{
	struct vz_source *s;
	uint64_t total = 0;
	int fd = file_of(len);

	lseek(fd, from, SEEK_SET);
	assert_int_equal(vz_source_new(&s, fd, flags), 0);
	assert_int_equal(vz_source_length(s), len - (size_t)from);
	assert_true(vz_source_rereadable(s));
	assert_int_equal(drain(s, (uint64_t)from, &total), VZ_SOURCE_END);
	assert_int_equal(total, len - (size_t)from);
	assert_int_equal(vz_source_verify(s), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), (off_t)len);
	vz_source_free(s);
	close(fd);
}

static void
a_file_of_any_length_comes_whole_and_leaves_its_offset_at_the_end(void **state)
{
	static const size_t lengths[] = {0, 1, 100, 65500, VZ_SOURCE_MAP_MIN - 1, VZ_SOURCE_MAP_MIN,
	    VZ_SOURCE_WINDOW, VZ_SOURCE_WINDOW + 1, 3 * VZ_SOURCE_WINDOW + 4097};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		check_file(lengths[i], 0, 0);
		check_file(lengths[i], 0, VZ_SOURCE_READ);
	}
}

static void
a_file_begins_at_its_current_offset(void **state)
{
	(void)state;
	check_file(100, 100, 0);
	check_file(100, 37, 0);
	check_file(3 * VZ_SOURCE_WINDOW, 5000, 0);
	check_file(3 * VZ_SOURCE_WINDOW, 5000, VZ_SOURCE_READ);
}

static void
an_offset_past_the_end_is_an_empty_message(void **state)
{
	struct vz_source *s;
	uint64_t total;
	int fd = file_of(10);

	(void)state;
	lseek(fd, 500000, SEEK_SET);
	assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), 0);
	assert_int_equal(drain(s, 0, &total), VZ_SOURCE_END);
	assert_int_equal(total, 0);
	assert_int_equal(vz_source_verify(s), 0);
	vz_source_free(s);
}

/* Goes half through, changes the size, and goes on. */
static int
change_size(size_t len, off_t to, unsigned flags)
{
	struct vz_source *s;
	const uint8_t *p;
	uint64_t total;
	int fd = file_of(len), got;

	assert_int_equal(vz_source_new(&s, fd, flags | VZ_SOURCE_OWN), 0);
	assert_true(vz_source_fill(s, 1000) >= 0);
	assert_true(vz_source_peek(s, 0, &p) > 0);
	assert_int_equal(ftruncate(fd, to), 0);
	got = drain(s, 0, &total);
	/* 1000: zeros stood in for what is gone. */
	if (got == VZ_SOURCE_END || got == 1000)
		got = vz_source_verify(s);
	vz_source_free(s);
	return got;
}

static void
a_file_that_shrinks_or_grows_is_an_error_and_no_crash(void **state)
{
	size_t len = 3 * VZ_SOURCE_WINDOW + 100;

	(void)state;
	for (unsigned flags = 0; flags <= VZ_SOURCE_READ; flags += VZ_SOURCE_READ) {
		assert_int_equal(change_size(len, 0, flags), VZ_ECHANGED);
		assert_int_equal(change_size(len, 5000, flags), VZ_ECHANGED);
		assert_int_equal(change_size(len, VZ_SOURCE_WINDOW + 50, flags), VZ_ECHANGED);
		assert_int_equal(change_size(len, (off_t)len - 1, flags), VZ_ECHANGED);
		assert_int_equal(change_size(len, (off_t)len + 1, flags), VZ_ECHANGED);
		assert_int_equal(change_size(len, (off_t)len, flags), 0);
	}
}

static void
a_file_cut_while_it_is_read_is_not_believed_when_it_is_long_again(void **state)
{
	size_t len = 2 * VZ_SOURCE_WINDOW;
	struct vz_source *s;
	const uint8_t *p;
	int fd = file_of(len);

	(void)state;
	assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), 0);
	assert_true(vz_source_peek(s, 0, &p) > 5000);
	assert_int_equal(p[5000], byte_at(5000));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(p[5000], 0); /* a bus error, were it not for the guard */
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(vz_source_verify(s), VZ_ECHANGED);
	assert_int_equal(vz_source_fill(s, AHEAD), VZ_ECHANGED);
	vz_source_free(s);
}

static void
a_bus_error_elsewhere_still_kills(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	check_file(VZ_SOURCE_MAP_MIN, 0, 0); /* the guard is in place */
	pid = fork();
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		raise(SIGBUS);
		raise(SIGBUS);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void
a_long_file_takes_a_window_of_memory_only(void **state)
{
	struct vz_source *s;
	const uint8_t *p;
	int fd = file_of(3 * VZ_SOURCE_WINDOW);

	(void)state;
	assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), 0);
	assert_true(vz_source_peek(s, VZ_SOURCE_WINDOW - 10, &p) >= VZ_DATA_MAX);
	for (uint64_t at = 0; at < 3 * VZ_SOURCE_WINDOW; at += 4096)
		assert_true(vz_source_peek(s, at, &p) <= VZ_SOURCE_WINDOW);
	vz_source_free(s);
}

static void
more_files_than_windows_are_read_all_the_same(void **state)
{
	struct vz_source *s[VZ_FILEMAP_MAX + 2];
	uint64_t total;

	(void)state;
	for (size_t i = 0; i < VZ_FILEMAP_MAX + 2; i++)
		assert_int_equal(vz_source_new(&s[i], file_of(300000), VZ_SOURCE_OWN), 0);
	for (size_t i = 0; i < VZ_FILEMAP_MAX + 2; i++) {
		assert_int_equal(drain(s[i], 0, &total), VZ_SOURCE_END);
		assert_int_equal(total, 300000);
		vz_source_free(s[i]);
	}
}

static void
files_that_state_no_or_a_wrong_length_are_read_to_their_end(void **state)
{
	static const char *const paths[] = {
	    "/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled"};
	struct vz_source *s;
	const uint8_t *p;
	int fd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		if ((fd = open(paths[i], O_RDONLY | O_CLOEXEC)) < 0)
			continue;
		assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), 0);
		assert_int_equal(vz_source_fill(s, AHEAD), VZ_SOURCE_END);
		assert_true(vz_source_end(s) > 0 && vz_source_end(s) < 4096);
		assert_int_equal(vz_source_peek(s, 0, &p), vz_source_end(s));
		assert_int_equal(vz_source_verify(s), 0);
		vz_source_free(s);
	}
}

static void
a_pipe_is_dry_until_written_and_ends_when_closed_without_changing_its_mode(void **state)
{
	struct vz_source *s;
	const uint8_t *p;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(vz_source_new(&s, fds[0], VZ_SOURCE_OWN), 0);
	assert_int_equal(vz_source_length(s), VZ_LENGTH_UNKNOWN);
	assert_false(vz_source_rereadable(s));
	assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(vz_source_fill(s, AHEAD), VZ_SOURCE_DRY);
	assert_int_equal(vz_source_fd(s), fds[0]);
	assert_int_equal(write(fds[1], "hello", 5), 5);
	assert_int_equal(vz_source_waiting(s), 5);
	assert_int_equal(vz_source_fill(s, AHEAD), VZ_SOURCE_DRY);
	assert_int_equal(vz_source_peek(s, 0, &p), 5);
	assert_memory_equal(p, "hello", 5);
	close(fds[1]);
	assert_int_equal(vz_source_fill(s, AHEAD), VZ_SOURCE_END);
	assert_int_equal(vz_source_end(s), 5);
	vz_source_free(s);
}

static void
input_is_not_read_past_the_goal_nor_past_the_ring(void **state)
{
	struct vz_source *s;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), 0);
	assert_int_equal(vz_source_fill(s, 1000), VZ_SOURCE_MORE);
	assert_int_equal(vz_source_end(s), 1000);
	assert_int_equal(vz_source_fill(s, UINT64_C(1) << 40), VZ_SOURCE_FULL);
	assert_int_equal(vz_source_end(s), 8 * 1024 * 1024);
	vz_source_release(s, 4096);
	assert_int_equal(vz_source_fill(s, UINT64_C(1) << 40), VZ_SOURCE_FULL);
	assert_int_equal(vz_source_end(s), 8 * 1024 * 1024 + 4096);
	vz_source_free(s);
}

static void
what_cannot_be_read_says_why(void **state)
{
	struct vz_source *s;
	int fd = open("/tmp", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), VZ_ESYSTEM);
	assert_int_equal(errno, EISDIR);
	assert_null(s);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_int_equal(vz_source_new(&s, fd, VZ_SOURCE_OWN), VZ_ESYSTEM);
	assert_int_equal(errno, EBADF);
	assert_int_equal(vz_source_new(&s, 999, 0), VZ_ESYSTEM);
	assert_int_equal(errno, EBADF);
}

static void
an_empty_source_ends_at_once(void **state)
{
	struct vz_source *s;
	const uint8_t *p;

	(void)state;
	assert_int_equal(vz_source_empty(&s), 0);
	assert_int_equal(vz_source_length(s), 0);
	assert_int_equal(vz_source_fill(s, AHEAD), VZ_SOURCE_END);
	assert_int_equal(vz_source_peek(s, 0, &p), 0);
	assert_int_equal(vz_source_verify(s), 0);
	vz_source_free(s);
}

/* Commands. */

/* execvp(3)'s argv is not const for history's sake only. */
#define WORD(s) ((char *)(uintptr_t)(s))
#define ARGV1(a)              \
	{                     \
		WORD(a), NULL \
	}
#define SH(script)                                         \
	{                                                  \
		WORD("sh"), WORD("-c"), WORD(script), NULL \
	}

struct run {
	struct vz_loop *loop;
	struct vz_producer *producer;
	struct vz_source *source;
	int status;
};

static void
command_ended(void *arg, int status)
{
	struct run *r = arg;

	r->status = status;
	vz_loop_stop(r->loop, 0);
}

static int
start(struct run *r, char *const argv[])
{
	int fd, err;

	memset(r, 0, sizeof(*r));
	assert_int_equal(vz_loop_new(&r->loop), 0);
	assert_int_equal(vz_producer_prepare(argv, &r->producer), 0);
	err = vz_producer_start(r->producer, r->loop, command_ended, r, &fd);
	if (err == 0)
		assert_int_equal(
		    vz_source_new(&r->source, fd, VZ_SOURCE_OWN | VZ_SOURCE_PRODUCER), 0);
	return err;
}

static void
stop(struct run *r)
{
	int saved = errno;

	vz_producer_free(r->producer);
	vz_source_free(r->source);
	vz_loop_free(r->loop);
	errno = saved;
}

static void
a_commands_end_of_file_is_no_end_until_it_exited_well(void **state)
{
	char *const argv[] = SH("printf hello");
	const uint8_t *p;
	struct run r;

	(void)state;
	assert_int_equal(start(&r, argv), 0);
	assert_int_equal(vz_loop_run(r.loop), 0);
	assert_int_equal(r.status, 0);
	assert_int_equal(vz_source_fill(r.source, AHEAD), VZ_SOURCE_DRY);
	assert_int_equal(vz_source_fill(r.source, AHEAD), VZ_SOURCE_DRY);
	assert_int_equal(vz_source_fd(r.source), -1);
	vz_source_finish(r.source);
	assert_int_equal(vz_source_fill(r.source, AHEAD), VZ_SOURCE_END);
	assert_int_equal(vz_source_peek(r.source, 0, &p), 5);
	stop(&r);
}

static void
a_command_that_cannot_be_run_says_why(void **state)
{
	char *const none[] = ARGV1("/nonexistent/command"), *const folder[] = ARGV1("/tmp");
	struct run r;

	(void)state;
	assert_int_equal(start(&r, none), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	stop(&r);
	assert_int_equal(start(&r, folder), VZ_ESYSTEM);
	assert_int_equal(errno, EACCES);
	stop(&r);
}

static void
a_command_that_is_freed_is_gone_with_its_group(void **state)
{
	/* The grandchild keeps the pipe: its end is seen as the pipe's. */
	char *const argv[] = SH("sleep 60 & echo $!; wait");
	struct pollfd p;
	struct run r;
	char buf[64];

	(void)state;
	assert_int_equal(start(&r, argv), 0);
	p = (struct pollfd){.fd = dup(vz_source_fd(r.source)), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(read(p.fd, buf, sizeof(buf)) > 0);
	vz_producer_free(r.producer);
	r.producer = NULL;
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(p.fd, buf, sizeof(buf)), 0);
	close(p.fd);
	stop(&r);
}

static void
a_command_that_ignores_sigterm_is_killed(void **state)
{
	char *const argv[] = SH("trap '' TERM; echo; while :; do sleep 1; done");
	struct pollfd p;
	struct run r;

	(void)state;
	assert_int_equal(start(&r, argv), 0);
	p = (struct pollfd){.fd = vz_source_fd(r.source), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1);
	stop(&r); /* returns */
}

static void
a_commands_end_has_words(void **state)
{
	char *const argv[] = SH("exit 3"), *const killed[] = SH("kill -9 $$");
	char words[128];
	struct run r;

	(void)state;
	assert_int_equal(start(&r, argv), 0);
	assert_int_equal(vz_loop_run(r.loop), 0);
	assert_string_equal(vz_producer_words(r.status, words, sizeof(words)), "exited 3");
	stop(&r);
	assert_int_equal(start(&r, killed), 0);
	assert_int_equal(vz_loop_run(r.loop), 0);
	assert_string_equal(
	    vz_producer_words(r.status, words, sizeof(words)), "was killed by signal 9 (Killed)");
	stop(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_of_any_length_comes_whole_and_leaves_its_offset_at_the_end),
	    cmocka_unit_test(a_file_begins_at_its_current_offset),
	    cmocka_unit_test(an_offset_past_the_end_is_an_empty_message),
	    cmocka_unit_test(a_file_that_shrinks_or_grows_is_an_error_and_no_crash),
	    cmocka_unit_test(a_file_cut_while_it_is_read_is_not_believed_when_it_is_long_again),
	    cmocka_unit_test(a_bus_error_elsewhere_still_kills),
	    cmocka_unit_test(a_long_file_takes_a_window_of_memory_only),
	    cmocka_unit_test(more_files_than_windows_are_read_all_the_same),
	    cmocka_unit_test(files_that_state_no_or_a_wrong_length_are_read_to_their_end),
	    cmocka_unit_test(
		a_pipe_is_dry_until_written_and_ends_when_closed_without_changing_its_mode),
	    cmocka_unit_test(input_is_not_read_past_the_goal_nor_past_the_ring),
	    cmocka_unit_test(what_cannot_be_read_says_why),
	    cmocka_unit_test(an_empty_source_ends_at_once),
	    cmocka_unit_test(a_commands_end_of_file_is_no_end_until_it_exited_well),
	    cmocka_unit_test(a_command_that_cannot_be_run_says_why),
	    cmocka_unit_test(a_command_that_is_freed_is_gone_with_its_group),
	    cmocka_unit_test(a_command_that_ignores_sigterm_is_killed),
	    cmocka_unit_test(a_commands_end_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
