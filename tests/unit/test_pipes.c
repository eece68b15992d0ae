#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/err.h"
#include "flow/pipes.h"
#include "net/sockopt.h"

#define FEW 12

static struct vz_pipes *pool;

static int
setup(void **state)
{
	(void)state;
	alarm(60);
	return vz_pipes_new(&pool, FEW);
}

static int
teardown(void **state)
{
	(void)state;
	vz_pipes_free(pool);
	alarm(0);
	return 0;
}

static void
a_pipe_is_lent_empty_and_of_the_size_that_it_says(void **state)
{
	struct vz_pipe *p = vz_pipes_borrow(pool);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->held, 0);
	assert_true(p->size >= VZ_PIPE_LEAST);
	assert_int_equal(p->size, vz_pipe_grow(p->in, p->size));
	assert_true((fcntl(p->in, F_GETFL) & O_NONBLOCK) && (fcntl(p->out, F_GETFL) & O_NONBLOCK));
	assert_true(fcntl(p->in, F_GETFD) & fcntl(p->out, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(vz_pipes_lent(pool), 1);
	vz_pipes_give_back(pool, p);
	assert_int_equal(vz_pipes_lent(pool), 0);
	assert_int_equal(vz_pipes_waiting(pool), 1);
	vz_pipes_give_back(pool, NULL);
}

static void
one_that_comes_back_empty_is_lent_again(void **state)
{
	struct vz_pipe *p = vz_pipes_borrow(pool);

	(void)state;
	vz_pipes_give_back(pool, p);
	assert_ptr_equal(vz_pipes_borrow(pool), p);
	assert_int_equal(vz_pipes_waiting(pool), 0);
	vz_pipes_give_back(pool, p);
}

static void
one_that_comes_back_with_bytes_is_closed_and_they_with_it(void **state)
{
	struct vz_pipe *p = vz_pipes_borrow(pool);
	int in = p->in, out = p->out;
	char byte;

	(void)state;
	assert_int_equal(write(p->in, "secret", 6), 6);
	p->held = 6;
	vz_pipes_give_back(pool, p);
	assert_int_equal(vz_pipes_lent(pool), 0);
	assert_int_equal(vz_pipes_waiting(pool), 0);
	assert_int_equal(fcntl(in, F_GETFD), -1);
	assert_int_equal(fcntl(out, F_GETFD), -1);
	p = vz_pipes_borrow(pool);
	assert_int_equal(read(p->out, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	vz_pipes_give_back(pool, p);
}

static void
so_many_are_lent_and_no_more_and_few_are_kept(void **state)
{
	struct vz_pipe *p[FEW];
	int kept = 0;

	(void)state;
	for (int i = 0; i < FEW; i++)
		assert_non_null(p[i] = vz_pipes_borrow(pool));
	assert_null(vz_pipes_borrow(pool));
	for (int i = 0; i < FEW; i++)
		vz_pipes_give_back(pool, p[i]);
	assert_int_equal(vz_pipes_lent(pool), 0);
	kept = (int)vz_pipes_waiting(pool);
	assert_int_equal(kept, VZ_PIPES_KEPT);
	assert_true(kept < FEW);
}

static void
a_pool_of_none_lends_none(void **state)
{
	struct vz_pipes *none;
	size_t size;

	(void)state;
	assert_int_equal(vz_pipes_new(&none, 0), 0);
	assert_null(vz_pipes_borrow(none));
	assert_non_null(vz_pipes_buffer(none, &size));
	assert_int_equal(size, VZ_PIPES_BUFFER);
	vz_pipes_free(none);
}

static void
without_descriptors_there_is_none_and_later_there_is_one_again(void **state)
{
	struct rlimit old, now;
	struct vz_pipe *p;
	int next = dup(0), tries = 0;

	(void)state;
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	now = old;
	now.rlim_cur = (rlim_t)next + 1; /* one is left, a pipe wants two */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	p = vz_pipes_borrow(pool);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_null(p);
	assert_int_equal(vz_pipes_lent(pool), 0);
	while ((p = vz_pipes_borrow(pool)) == NULL && tries < 100000)
		tries++;
	/* It was not asked each time. */
	assert_true(tries > 10 && tries < 1000);
	assert_non_null(p);
	vz_pipes_give_back(pool, p);
}

/* In a child: as a user who has used his pages up. 0, or the number of the step that failed. */
static int
as_a_user_without_pages(void)
{
	static int taken[2 * 4096];
	struct rlimit most = {20000, 20000};
	struct vz_pipe *p = NULL;
	unsigned n;
	bool large;
	int again;

	(void)setrlimit(RLIMIT_NOFILE, &most);
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
		return 1;
	/* Pipes of the usual size, until one is refused another. */
	for (n = 0; n < sizeof(taken) / sizeof(taken[0]); n += 2) {
		if (vz_pipe(taken + n, 0) != 0)
			return 77; /* more pages than descriptors */
		if (fcntl(taken[n], F_SETPIPE_SZ, VZ_PIPE_SIZE) < 0)
			break;
	}
	if (n == sizeof(taken) / sizeof(taken[0]))
		return 77;
	if (vz_pipes_borrow(pool) != NULL)
		return 3;
	if (vz_pipes_lent(pool) != 0 || vz_pipes_waiting(pool) != 0)
		return 4;
	while (n > 0)
		close(taken[--n]);
	for (again = 0; p == NULL && again < 1000; again++)
		p = vz_pipes_borrow(pool);
	large = p != NULL && p->size >= VZ_PIPE_LEAST;
	vz_pipes_give_back(pool, p);
	return large ? 0 : 5;
}

static void
a_user_whose_pages_are_used_up_gets_none_that_is_too_small(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		_exit(as_a_user_without_pages());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_pipe_is_lent_empty_and_of_the_size_that_it_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_that_comes_back_empty_is_lent_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_that_comes_back_with_bytes_is_closed_and_they_with_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		so_many_are_lent_and_no_more_and_few_are_kept, setup, teardown),
	    cmocka_unit_test(a_pool_of_none_lends_none),
	    cmocka_unit_test_setup_teardown(
		without_descriptors_there_is_none_and_later_there_is_one_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_user_whose_pages_are_used_up_gets_none_that_is_too_small, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
