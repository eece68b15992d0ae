#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "net/loop.h"

static struct vz_loop *loop;

/* The alarm is the bound of every test here: SIGALRM kills a run that hangs. */
static int
setup(void **state)
{
	(void)state;
	alarm(30);
	return vz_loop_new(&loop);
}

static int
teardown(void **state)
{
	(void)state;
	vz_loop_free(loop);
	loop = NULL;
	alarm(0);
	return 0;
}

static uint64_t
clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
pair(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
}

static void
stop_on_timer(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 0);
}

/* Runs for a few turns' time, for what must not happen. */
static int
run_for(uint64_t ms)
{
	struct vz_timer t = {.fn = stop_on_timer};

	assert_int_equal(vz_timer_set(loop, &t, ms), 0);
	return vz_loop_run(loop);
}

/* Descriptors */

struct seen {
	unsigned got;
	int calls;
	bool stop;
};

static void
on_seen(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct seen *s = w->arg;

	s->got |= got;
	s->calls++;
	if (s->stop)
		vz_loop_stop(l, 1);
}

static void
a_watch_is_told_what_it_wants_and_nothing_else(void **state)
{
	struct seen s = {.stop = true};
	struct vz_watch w = {.fn = on_seen, .arg = &s};
	int sv[2];

	(void)state;
	pair(sv);
	w.fd = sv[0];
	assert_int_equal(vz_loop_add(loop, &w, VZ_READ), 0);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(s.calls, 0);
	assert_int_equal(write(sv[1], "x", 1), 1);
	assert_int_equal(vz_loop_run(loop), 1);
	assert_int_equal(s.got, VZ_READ);
	s.got = 0;
	assert_int_equal(vz_loop_want(loop, &w, VZ_WRITE), 0);
	assert_int_equal(vz_loop_run(loop), 1);
	assert_int_equal(s.got, VZ_WRITE);
	s.got = 0;
	assert_int_equal(vz_loop_want(loop, &w, VZ_READ | VZ_WRITE), 0);
	assert_int_equal(vz_loop_run(loop), 1);
	assert_int_equal(s.got, VZ_READ | VZ_WRITE);
	s.calls = 0;
	assert_int_equal(vz_loop_want(loop, &w, 0), 0);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(s.calls, 0);
	vz_loop_del(loop, &w);
	vz_loop_del(loop, &w);
	close(sv[0]);
	close(sv[1]);
}

static void
a_descriptor_that_cannot_be_polled_is_always_ready(void **state)
{
	struct seen s = {0}, other = {.stop = true};
	struct vz_watch w = {.fn = on_seen, .arg = &s}, w2 = {.fn = on_seen, .arg = &other};
	FILE *f = tmpfile();
	int sv[2];

	(void)state;
	assert_non_null(f);
	pair(sv);
	w.fd = fileno(f);
	w2.fd = sv[0];
	assert_int_equal(vz_loop_add(loop, &w, 0), 0);
	assert_int_equal(vz_loop_add(loop, &w2, VZ_READ), 0);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(s.calls, 0);
	assert_int_equal(vz_loop_want(loop, &w, VZ_READ), 0);
	assert_int_equal(run_for(5), 0);
	assert_true(s.calls > 1);
	assert_int_equal(s.got, VZ_READ);
	assert_int_equal(write(sv[1], "x", 1), 1); /* and starves nobody */
	assert_int_equal(vz_loop_run(loop), 1);
	vz_loop_del(loop, &w);
	vz_loop_del(loop, &w2);
	fclose(f);
	close(sv[0]);
	close(sv[1]);
}

static struct vz_watch *two[2];
static int two_calls;

static void
on_delete_other(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)got;
	two_calls++;
	vz_loop_del(l, w == two[0] ? two[1] : two[0]);
	memset(w == two[0] ? two[1] : two[0], 0xa5, sizeof(*w)); /* gone for good */
	vz_loop_del(l, w);
	vz_loop_stop(l, 0);
}

static void
a_watch_deleted_in_a_callback_is_not_told_in_the_same_turn(void **state)
{
	struct vz_watch a = {.fn = on_delete_other}, b = {.fn = on_delete_other};
	struct vz_timer t = {.fn = stop_on_timer};
	int sv[2], sw[2];

	(void)state;
	pair(sv);
	pair(sw);
	a.fd = sv[0];
	b.fd = sw[0];
	two[0] = &a;
	two[1] = &b;
	two_calls = 0;
	assert_int_equal(vz_loop_add(loop, &a, VZ_WRITE), 0);
	assert_int_equal(vz_loop_add(loop, &b, VZ_WRITE), 0);
	assert_int_equal(vz_timer_set(loop, &t, 1000), 0);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_int_equal(two_calls, 1);
	vz_timer_stop(loop, &t);
	close(sv[0]);
	close(sv[1]);
	close(sw[0]);
	close(sw[1]);
}

static void
on_replace_other(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_watch *other = w == two[0] ? two[1] : two[0];

	(void)got;
	two_calls++;
	/* The same memory and number now stand for something else, which is not ready. */
	vz_loop_del(l, other);
	assert_int_equal(vz_loop_add(l, other, VZ_READ), 0);
	assert_int_equal(vz_loop_want(l, w, 0), 0);
}

static void
a_watch_added_again_in_the_same_turn_does_not_get_the_old_event(void **state)
{
	struct vz_watch a = {.fn = on_replace_other}, b = {.fn = on_replace_other};
	int sv[2], sw[2];

	(void)state;
	pair(sv);
	pair(sw);
	a.fd = sv[0];
	b.fd = sw[0];
	two[0] = &a;
	two[1] = &b;
	two_calls = 0;
	assert_int_equal(vz_loop_add(loop, &a, VZ_WRITE), 0);
	assert_int_equal(vz_loop_add(loop, &b, VZ_WRITE), 0);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(two_calls, 1);
	vz_loop_del(loop, &a);
	vz_loop_del(loop, &b);
	close(sv[0]);
	close(sv[1]);
	close(sw[0]);
	close(sw[1]);
}

#define MANY 200

static struct vz_watch many[MANY];
static int many_fd[MANY][2], many_left;

static void
on_one_of_many(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)got;
	if (w->arg == NULL && --many_left == 0)
		vz_loop_stop(l, 0);
	w->arg = w; /* stays ready: the others must have their turn all the same */
}

static void
all_of_many_ready_descriptors_have_their_turn(void **state)
{
	int i;

	(void)state;
	many_left = MANY;
	for (i = 0; i < MANY; i++) {
		pair(many_fd[i]);
		many[i] = (struct vz_watch){.fd = many_fd[i][0], .fn = on_one_of_many};
		assert_int_equal(vz_loop_add(loop, &many[i], VZ_WRITE), 0);
	}
	assert_int_equal(vz_loop_run(loop), 0);
	for (i = 0; i < MANY; i++) {
		vz_loop_del(loop, &many[i]);
		close(many_fd[i][0]);
		close(many_fd[i][1]);
	}
}

static void
on_delete_some(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	uint32_t k;

	(void)got;
	vz_loop_del(l, w);
	many_left--;
	for (k = arc4random_uniform(4); k > 0; k--) {
		struct vz_watch *other = &many[arc4random_uniform(MANY)];

		many_left -= other->added;
		vz_loop_del(l, other);
	}
	if (many_left == 0)
		vz_loop_stop(l, 0);
}

static void
watches_of_both_kinds_can_be_deleted_from_any_callback(void **state)
{
	int i, round;

	(void)state;
	for (round = 0; round < 20; round++) {
		many_left = MANY;
		for (i = 0; i < MANY; i++) {
			if (i % 2)
				pair(many_fd[i]);
			else
				many_fd[i][0] = many_fd[i][1] = open("/dev/null", O_RDWR);
			many[i] = (struct vz_watch){.fd = many_fd[i][0], .fn = on_delete_some};
			assert_int_equal(vz_loop_add(loop, &many[i], VZ_WRITE), 0);
		}
		assert_int_equal(vz_loop_run(loop), 0);
		for (i = 0; i < MANY; i++) {
			assert_false(many[i].added);
			close(many_fd[i][0]);
			if (i % 2)
				close(many_fd[i][1]);
		}
	}
}

static void
a_writer_that_wants_nothing_hears_once_that_its_reader_is_gone(void **state)
{
	struct seen s = {0};
	struct vz_watch w = {.fn = on_seen, .arg = &s, .hup = true};
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	w.fd = p[1];
	assert_int_equal(vz_loop_add(loop, &w, 0), 0);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(s.calls, 0);
	close(p[0]);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.got, VZ_READ);
	assert_false(w.hup);
	vz_loop_del(loop, &w);
	close(p[1]);
}

static void
a_hang_up_is_silent_where_nobody_asked_and_shows_as_what_is_wanted(void **state)
{
	struct seen s = {.stop = true};
	struct vz_watch w = {.fn = on_seen, .arg = &s};
	clock_t spent;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	w.fd = p[1];
	assert_int_equal(vz_loop_add(loop, &w, 0), 0);
	close(p[0]);
	spent = clock();
	assert_int_equal(run_for(100), 0);
	assert_int_equal(s.calls, 0);
	assert_true(clock() - spent < CLOCKS_PER_SEC / 20); /* slept, did not spin */
	assert_int_equal(vz_loop_want(loop, &w, VZ_WRITE), 0);
	assert_int_equal(vz_loop_run(loop), 1);
	assert_int_equal(s.got, VZ_WRITE);
	vz_loop_del(loop, &w);
	close(p[1]);
}

static void
a_bad_descriptor_is_an_error_and_not_watched(void **state)
{
	struct vz_watch w = {.fd = -1};

	(void)state;
	assert_int_equal(vz_loop_add(loop, &w, VZ_READ), VZ_EINVAL);
	assert_int_equal(vz_loop_want(loop, &w, VZ_READ), VZ_EINVAL);
	vz_loop_del(loop, &w);
	assert_int_equal(vz_loop_run(loop), VZ_EINVAL);
}

/* Timers */

#define TIMERS 1000

static struct vz_timer timers[TIMERS];
static uint64_t last_when, last_seq;
static int fired;

static void
on_ordered(struct vz_loop *l, struct vz_timer *t)
{
	assert_true(t->when > last_when || (t->when == last_when && t->seq > last_seq));
	assert_true(clock_ms() >= t->when);
	assert_null(t->arg); /* not one that was stopped */
	last_when = t->when;
	last_seq = t->seq;
	fired++;
	(void)l;
}

static void
timers_fire_in_the_order_of_their_times_and_equal_ones_as_they_were_set(void **state)
{
	int i, stopped = 0;

	(void)state;
	fired = 0;
	last_when = last_seq = 0;
	memset(timers, 0, sizeof(timers));
	for (i = 0; i < TIMERS; i++) {
		timers[i].fn = on_ordered;
		assert_int_equal(vz_timer_set(loop, &timers[i], arc4random_uniform(20)), 0);
	}
	for (i = 0; i < TIMERS; i += 3) /* set again, in place */
		assert_int_equal(vz_timer_set(loop, &timers[i], arc4random_uniform(20)), 0);
	for (i = 0; i < TIMERS; i += 7, stopped++) {
		vz_timer_stop(loop, &timers[i]);
		vz_timer_stop(loop, &timers[i]);
		timers[i].arg = &timers[i];
	}
	assert_int_equal(run_for(25), 0);
	assert_int_equal(fired, TIMERS - stopped);
}

static void
on_again(struct vz_loop *l, struct vz_timer *t)
{
	fired++;
	assert_int_equal(vz_timer_set(l, t, 0), 0);
}

static void
timers_of_no_time_starve_neither_descriptors_nor_each_other(void **state)
{
	struct seen s = {0};
	struct vz_watch w = {.fn = on_seen, .arg = &s};
	struct vz_timer a = {.fn = on_again}, b = {.fn = on_again};
	int sv[2];

	(void)state;
	pair(sv);
	w.fd = sv[0];
	fired = 0;
	assert_int_equal(vz_loop_add(loop, &w, VZ_WRITE), 0);
	assert_int_equal(vz_timer_set(loop, &a, 0), 0);
	assert_int_equal(vz_timer_set(loop, &b, 0), 0);
	assert_int_equal(run_for(5), 0);
	assert_true(fired > 2);
	assert_true(fired <= 2 * s.calls); /* each once a turn */
	vz_timer_stop(loop, &a);
	vz_timer_stop(loop, &b);
	vz_loop_del(loop, &w);
	close(sv[0]);
	close(sv[1]);
}

static uint64_t set_at;

static void
on_slow(struct vz_loop *l, struct vz_timer *t)
{
	uint64_t begin = clock_ms();

	while (clock_ms() < begin + 30) /* work, not waiting */
		;
	set_at = clock_ms();
	t->fn = stop_on_timer;
	assert_int_equal(vz_timer_set(l, t, 20), 0);
}

static void
a_bound_set_after_long_work_counts_from_when_it_is_set(void **state)
{
	struct vz_timer t = {.fn = on_slow};

	(void)state;
	assert_int_equal(vz_timer_set(loop, &t, 0), 0);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_true(clock_ms() >= set_at + 20);
}

static void
a_time_beyond_counting_never_comes(void **state)
{
	struct vz_timer t = {.fn = on_ordered};

	(void)state;
	fired = 0;
	assert_int_equal(vz_timer_set(loop, &t, UINT64_MAX), 0);
	assert_int_equal(run_for(3), 0);
	assert_int_equal(fired, 0);
}

static void
after_stop_no_callback_comes_and_a_stop_before_the_run_holds(void **state)
{
	struct seen s = {.stop = true};
	struct vz_watch a = {.fn = on_seen, .arg = &s}, b = a;
	struct vz_timer t = {.fn = on_ordered};
	int sv[2];

	(void)state;
	pair(sv);
	a.fd = sv[0];
	b.fd = sv[1];
	assert_int_equal(vz_loop_add(loop, &a, VZ_WRITE), 0);
	assert_int_equal(vz_loop_add(loop, &b, VZ_WRITE), 0);
	fired = 0;
	assert_int_equal(vz_timer_set(loop, &t, 0), 0);
	vz_loop_stop(loop, 42);
	assert_int_equal(vz_loop_run(loop), 42);
	assert_int_equal(s.calls, 0);
	assert_int_equal(vz_loop_run(loop), 1);
	assert_int_equal(s.calls, 1);
	assert_int_equal(fired, 0);
	vz_loop_del(loop, &a);
	vz_loop_del(loop, &b);
	close(sv[0]);
	close(sv[1]);
}

/* Signals */

static int signals;

static void
on_signal(struct vz_loop *l, int signo, void *arg)
{
	assert_ptr_equal(arg, &signals);
	signals |= 1 << signo;
	vz_loop_stop(l, signo);
}

static void
a_signal_wakes_the_loop_and_is_not_lost_to_a_stop(void **state)
{
	struct sigaction before, after;

	(void)state;
	signals = 0;
	assert_int_equal(sigaction(SIGUSR1, NULL, &before), 0);
	assert_int_equal(vz_loop_signal(loop, SIGUSR1, on_signal, &signals), 0);
	assert_int_equal(vz_loop_signal(loop, SIGUSR2, on_signal, &signals), 0);
	assert_int_equal(vz_loop_signal(loop, SIGKILL, on_signal, &signals), VZ_ESYSTEM);
	assert_int_equal(vz_loop_signal(loop, 100000, on_signal, &signals), VZ_EINVAL);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	assert_int_equal(vz_loop_run(loop), SIGUSR1);
	assert_int_equal(signals, 1 << SIGUSR1);
	assert_int_equal(vz_loop_run(loop), SIGUSR2);
	vz_loop_free(loop);
	assert_int_equal(sigaction(SIGUSR1, NULL, &after), 0);
	assert_ptr_equal(before.sa_handler, after.sa_handler);
	assert_int_equal(vz_loop_new(&loop), 0);
}

static void
a_signal_reaches_a_loop_that_sleeps(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(vz_loop_signal(loop, SIGUSR1, on_signal, &signals), 0);
	if ((pid = fork()) == 0) {
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	assert_int_equal(vz_loop_run(loop), SIGUSR1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
two_loops_do_not_take_each_others_signals(void **state)
{
	struct vz_loop *other;

	(void)state;
	assert_int_equal(vz_loop_new(&other), 0);
	assert_int_equal(vz_loop_signal(loop, SIGUSR1, on_signal, &signals), 0);
	assert_int_equal(vz_loop_signal(other, SIGUSR1, on_signal, &signals), VZ_EINVAL);
	vz_loop_free(other);
	kill(getpid(), SIGUSR1);
	assert_int_equal(vz_loop_run(loop), SIGUSR1);
}

/* Children */

static int ended, statuses[8];

static void
on_child(struct vz_loop *l, pid_t pid, int status, void *arg)
{
	(void)pid;
	statuses[*(int *)arg] = status;
	if (--ended == 0)
		vz_loop_stop(l, 0);
}

static pid_t
spawn(int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		vz_signal_reset();
		if (status < 0)
			kill(getpid(), -status);
		_exit(status);
	}
	assert_true(pid > 0);
	return pid;
}

static void
each_child_is_told_of_once_with_its_status_and_others_are_left_alone(void **state)
{
	int index[3] = {0, 1, 2};
	pid_t foreign, pid;

	(void)state;
	foreign = spawn(9);
	ended = 3;
	assert_int_equal(vz_loop_child(loop, spawn(0), on_child, &index[0]), 0);
	assert_int_equal(vz_loop_child(loop, spawn(5), on_child, &index[1]), 0);
	assert_int_equal(vz_loop_child(loop, spawn(-SIGTERM), on_child, &index[2]), 0);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_true(WIFEXITED(statuses[0]) && WEXITSTATUS(statuses[0]) == 0);
	assert_true(WIFEXITED(statuses[1]) && WEXITSTATUS(statuses[1]) == 5);
	assert_true(WIFSIGNALED(statuses[2]) && WTERMSIG(statuses[2]) == SIGTERM);
	assert_int_equal(waitpid(foreign, &statuses[0], 0), foreign);
	assert_int_equal(WEXITSTATUS(statuses[0]), 9);
	pid = spawn(0);
	assert_int_equal(vz_loop_child(loop, pid, on_child, &index[0]), 0);
	vz_loop_child_forget(loop, pid);
	assert_int_equal(run_for(5), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_child_that_ended_before_it_was_registered_is_told_of(void **state)
{
	siginfo_t info;
	int index = 0;
	pid_t pid;

	(void)state;
	pid = spawn(3);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ended = 1;
	assert_int_equal(vz_loop_child(loop, pid, on_child, &index), 0);
	assert_int_equal(ended, 1);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_int_equal(WEXITSTATUS(statuses[0]), 3);
}

static void
a_child_whose_status_the_system_took_is_not_taken_for_a_success(void **state)
{
	int index = 0;
	pid_t pid;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	pid = spawn(0);
	while (kill(pid, 0) == 0)
		;
	ended = 1;
	assert_int_equal(vz_loop_child(loop, pid, on_child, &index), 0);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_false(WIFEXITED(statuses[0]));
	vz_loop_free(loop); /* which brings the ignoring back */
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(vz_loop_new(&loop), 0);
	assert_int_equal(vz_loop_children(loop), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_watch_is_told_what_it_wants_and_nothing_else),
	    T(a_descriptor_that_cannot_be_polled_is_always_ready),
	    T(a_watch_deleted_in_a_callback_is_not_told_in_the_same_turn),
	    T(a_watch_added_again_in_the_same_turn_does_not_get_the_old_event),
	    T(all_of_many_ready_descriptors_have_their_turn),
	    T(watches_of_both_kinds_can_be_deleted_from_any_callback),
	    T(a_writer_that_wants_nothing_hears_once_that_its_reader_is_gone),
	    T(a_hang_up_is_silent_where_nobody_asked_and_shows_as_what_is_wanted),
	    T(a_bad_descriptor_is_an_error_and_not_watched),
	    T(timers_fire_in_the_order_of_their_times_and_equal_ones_as_they_were_set),
	    T(timers_of_no_time_starve_neither_descriptors_nor_each_other),
	    T(a_bound_set_after_long_work_counts_from_when_it_is_set),
	    T(a_time_beyond_counting_never_comes),
	    T(after_stop_no_callback_comes_and_a_stop_before_the_run_holds),
	    T(a_signal_wakes_the_loop_and_is_not_lost_to_a_stop),
	    T(a_signal_reaches_a_loop_that_sleeps),
	    T(two_loops_do_not_take_each_others_signals),
	    T(each_child_is_told_of_once_with_its_status_and_others_are_left_alone),
	    T(a_child_that_ended_before_it_was_registered_is_told_of),
	    T(a_child_whose_status_the_system_took_is_not_taken_for_a_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
