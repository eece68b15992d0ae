#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "base/err.h"
#include "mover_peers.h"
#include "tests/unit/heap.h"

#define MIB (1024u * 1024)

/* One mover between two peers. */
struct pair {
	struct vz_mover *mover;
	struct peer peer[2];
	bool over;
	int err, sys_errno;
	uint64_t moved[2], told[2];
	size_t waited[2], most;
	uint64_t pause_at; /* of side 0; 0 = never */
	bool drop_at_once;
};

/* What a test is run with: the kind of sockets, and how many pipes there are. */
struct way {
	int (*sockets)(int p[static 2]);
	size_t pipes;
};

static struct vz_loop *loop;
static struct vz_pipes *pool;
static struct pair pairs[3];
static size_t n_pairs;
static struct vz_mover_config config;
static const struct way *way;

static void
on_moved(void *arg, struct vz_mover *m, unsigned side, size_t n)
{
	struct pair *p = arg;

	p->told[side] += n;
	if (n > p->most)
		p->most = n;
	if (side == 0 && p->pause_at > 0 && p->told[0] >= p->pause_at)
		vz_mover_pause(m, 0, true);
	if (p->drop_at_once) {
		p->mover = NULL;
		vz_mover_drop(m);
	}
}

/* All that a test waits for is over. */
static void
look(void)
{
	for (size_t i = 0; i < n_pairs; i++)
		if (!pairs[i].over)
			return;
	vz_loop_stop(loop, 0);
}

static void
on_ended(void *arg, struct vz_mover *m, int err, int sys_errno)
{
	struct pair *p = arg;

	assert_ptr_equal(m, p->mover);
	p->over = true;
	p->err = err;
	p->sys_errno = sys_errno;
	for (unsigned s = 0; s < 2; s++) {
		p->moved[s] = vz_mover_moved(m, s);
		p->waited[s] = vz_mover_waits(m, s);
	}
	p->mover = NULL;
	look();
}

static const struct vz_mover_handler handler = {.moved = on_moved, .ended = on_ended};

static int
begin(void **state)
{
	way = *state;
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	n_pairs = 0;
	memset(pairs, 0, sizeof(pairs));
	config = (struct vz_mover_config){.handler = &handler};
	return vz_loop_new(&loop) != 0 || vz_pipes_new(&pool, way->pipes) != 0;
}

static int
finish(void **state)
{
	int lent;

	(void)state;
	for (size_t i = 0; i < n_pairs; i++) {
		vz_mover_drop(pairs[i].mover);
		peer_close(&pairs[i].peer[0], false);
		peer_close(&pairs[i].peer[1], false);
	}
	lent = (int)vz_pipes_lent(pool);
	vz_pipes_free(pool);
	vz_loop_free(loop);
	alarm(0);
	return lent; /* none may be missing */
}

/* A pair whose peers send so many bytes and end, each having given the mover the first few. */
static struct pair *
joined(uint64_t there, uint64_t back, size_t first)
{
	static uint8_t begun[2][VZ_MOVER_HELD];
	struct pair *p = &pairs[n_pairs];
	unsigned name = 10 * (unsigned)n_pairs;
	struct vz_mover_config c = config;
	int fd[2];

	for (unsigned s = 0; s < 2; s++) {
		uint64_t n = s == 0 ? there : back;
		struct peer *e = &p->peer[s];

		assert_int_equal(way->sockets(fd), 0);
		c.fd[s] = fd[0];
		c.first_len[s] = n < first ? (size_t)n : first;
		c.first[s] = begun[s];
		peer_fill(name + s, 0, begun[s], c.first_len[s]);
		*e = (struct peer){.loop = loop, .sends_as = name + s, .hears_as = name + 1 - s};
		e->to_send = n;
		e->sent = c.first_len[s];
		e->ends = true;
		e->watch = (struct vz_watch){.fd = fd[1], .fn = peer_ready, .arg = e};
		assert_int_equal(vz_loop_add(loop, &e->watch, VZ_READ | VZ_WRITE), 0);
	}
	c.pipes = pool;
	c.arg = p;
	assert_int_equal(vz_mover_new(loop, &c, &p->mover), 0);
	memset(begun, 0, sizeof(begun));
	n_pairs++;
	return p;
}

static void
run(void)
{
	assert_int_equal(vz_loop_run(loop), 0);
}

/* Stops the loop once a side has heard its end or broke. */
static void
stop_at_end(struct peer *p)
{
	if (p->heard_end || p->failed)
		vz_loop_stop(loop, 0);
}

static void
stop_at_all(struct peer *p)
{
	if (p->heard >= p->wants)
		vz_loop_stop(loop, 0);
}

static void
assert_delivered(struct pair *p, uint64_t there, uint64_t back)
{
	assert_true(p->over);
	/* What is out may not have been read yet. */
	for (unsigned s = 0; s < 2; s++) {
		p->peer[s].happened = stop_at_end;
		if (!p->peer[s].heard_end && !p->peer[s].failed)
			run();
		p->peer[s].happened = NULL;
	}
	assert_int_equal(p->err, 0);
	for (unsigned s = 0; s < 2; s++) {
		uint64_t n = s == 0 ? there : back;

		assert_false(p->peer[1 - s].wrong);
		assert_true(p->peer[1 - s].heard == n);
		assert_true(p->peer[1 - s].heard_end || !p->peer[1 - s].failed);
		assert_true(p->moved[s] == n && p->told[s] == n);
		assert_int_equal(p->waited[s], 0);
	}
}

static void
both_directions_arrive_whole_and_are_counted(void **state)
{
	static const size_t first[] = {0, 1, 4097, VZ_MOVER_HELD};

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		uint64_t there = 5 * MIB + 77, back = 3 * MIB + i;
		struct pair *p = (n_pairs = 0, joined(there, back, first[i]));

		run();
		assert_delivered(p, there, back);
		assert_int_equal(vz_pipes_waiting(pool), way->pipes > 0 ? 1 : 0);
		peer_close(&p->peer[0], false);
		peer_close(&p->peer[1], false);
		memset(p, 0, sizeof(*p));
	}
	n_pairs = 0;
}

static void
nothing_at_all_is_two_ends(void **state)
{
	struct pair *p = joined(0, 0, 0);

	(void)state;
	run();
	assert_delivered(p, 0, 0);
	assert_int_equal(vz_pipes_waiting(pool), 0);
}

static void
an_end_is_passed_on_and_the_other_direction_goes_on(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		struct pair *p = (n_pairs = 0, joined(2 * MIB, 2 * MIB, 0));
		struct peer *later = &p->peer[1 - first];

		/* It sends nothing before it has heard the end of the other. */
		later->to_send = 0;
		later->ends = false;
		later->happened = stop_at_end;
		run();
		assert_true(later->heard_end && !p->over);
		assert_true(later->heard == 2 * MIB);
		later->to_send = 2 * MIB;
		later->ends = true;
		later->happened = NULL;
		peer_wants(later);
		run();
		assert_delivered(p, 2 * MIB, 2 * MIB);
		peer_close(&p->peer[0], false);
		peer_close(&p->peer[1], false);
		memset(p, 0, sizeof(*p));
	}
	n_pairs = 0;
}

static void
an_idle_pair_holds_no_pipe_and_no_bytes(void **state)
{
	struct pair *p = joined(3 * MIB, 0, 0);

	(void)state;
	p->peer[0].ends = p->peer[1].ends = false;
	p->peer[1].wants = 3 * MIB;
	p->peer[1].happened = stop_at_all;
	run();
	assert_true(p->peer[1].heard == 3 * MIB && !p->over);
	assert_int_equal(vz_mover_waits(p->mover, 0), 0);
	assert_int_equal(vz_mover_waits(p->mover, 1), 0);
	assert_int_equal(vz_pipes_lent(pool), 0);
}

/* A side has more to say than fits between it and another that does not read. */
static void
until_stuck(struct vz_loop *l, struct vz_timer *t)
{
	const struct pair *p = t->arg;

	if (vz_mover_waits(p->mover, 0) > 0 && vz_loop_now(l) - vz_mover_progress(p->mover) > 20)
		vz_loop_stop(l, 0);
	else
		assert_int_equal(vz_timer_set(l, t, 5), 0);
}

static struct pair *
stuck_pair(uint64_t n)
{
	struct pair *p = joined(n, 0, 0);
	struct vz_timer t = {.fn = until_stuck, .arg = p};

	/* After a good beginning. */
	p->peer[1].wants = 2 * MIB;
	p->peer[1].happened = stop_at_all;
	p->peer[1].ends = false;
	run();
	p->peer[1].happened = NULL;
	p->peer[1].deaf = true;
	peer_wants(&p->peer[1]);
	assert_int_equal(vz_timer_set(loop, &t, 5), 0);
	run();
	assert_true(vz_mover_waits(p->mover, 0) > 0);
	return p;
}

static void
what_waits_for_a_slow_side_arrives_when_the_end_is_there_already(void **state)
{
	struct pair *p = stuck_pair(24 * MIB);

	(void)state;
	assert_int_equal(vz_pipes_lent(pool), way->pipes > 0 ? 1 : 0);
	p->peer[1].deaf = false;
	p->peer[1].ends = true;
	peer_wants(&p->peer[1]);
	run();
	assert_delivered(p, 24 * MIB, 0);
	assert_int_equal(vz_pipes_lent(pool), 0);
}

static void
held_is_no_more_than_a_buffer_or_a_pipe(void **state)
{
	struct pair *p = stuck_pair(64 * MIB);

	(void)state;
	assert_true(vz_mover_waits(p->mover, 0) <= (way->pipes > 0 ? MIB : VZ_MOVER_HELD));
	/* And the other direction goes on. */
	p->peer[1].to_send = 2 * MIB;
	p->peer[0].wants = 2 * MIB;
	p->peer[0].happened = stop_at_all;
	peer_wants(&p->peer[1]);
	run();
	assert_true(p->peer[0].heard == 2 * MIB && !p->peer[0].wrong);
}

static void
a_side_that_never_reads_ends_the_pair_in_its_time(void **state)
{
	struct pair *p;

	(void)state;
	config.stall_ms = 50;
	p = joined(64 * MIB, 0, 0);
	p->peer[1].deaf = true;
	p->peer[1].ends = false;
	peer_wants(&p->peer[1]);
	run();
	assert_int_equal(p->err, VZ_ETIMEOUT);
	assert_true(p->waited[0] > 0);
	assert_int_equal(vz_pipes_lent(pool), 0);
}

static void
a_pair_that_is_idle_ends_in_its_time_and_one_that_is_paused_does_not(void **state)
{
	struct pair *idle, *paused;

	(void)state;
	config.idle_ms = 30;
	paused = joined(MIB, 0, 0);
	idle = joined(100, 100, 0);
	for (unsigned s = 0; s < 2; s++)
		idle->peer[s].ends = paused->peer[s].ends = false;
	vz_mover_pause(paused->mover, 0, true);
	paused->over = true; /* not waited for */
	run();
	paused->over = false;
	assert_int_equal(idle->err, VZ_ETIMEOUT);
	assert_int_equal(idle->waited[0] + idle->waited[1], 0);
	assert_true(idle->moved[0] == 100 && idle->moved[1] == 100);
	assert_non_null(paused->mover);
	assert_true(vz_mover_moved(paused->mover, 0) == 0);
	/* Once it is not paused any more it can become idle. */
	vz_mover_pause(paused->mover, 0, false);
	run();
	assert_int_equal(paused->err, VZ_ETIMEOUT);
	assert_true(paused->moved[0] == MIB);
}

static void
a_paused_direction_reads_no_more_and_the_other_goes_on(void **state)
{
	struct pair *p = joined(8 * MIB, 2 * MIB, 0);

	(void)state;
	p->pause_at = 2 * MIB;
	p->peer[0].happened = stop_at_end;
	run();
	assert_true(p->peer[0].heard == 2 * MIB);
	assert_true(p->told[0] >= 2 * MIB && p->told[0] < 3 * MIB);
	assert_true(p->most <= MIB);
	p->peer[0].happened = NULL;
	p->pause_at = 0;
	vz_mover_pause(p->mover, 0, false);
	run();
	assert_delivered(p, 8 * MIB, 2 * MIB);
}

static void
a_reset_ends_the_pair_and_reaches_the_other_side(void **state)
{
	struct pair *p = joined(2 * MIB, 0, 0);

	(void)state;
	p->peer[0].ends = p->peer[1].ends = false;
	p->peer[1].wants = 2 * MIB;
	p->peer[1].happened = stop_at_all;
	run();
	peer_close(&p->peer[0], true);
	p->peer[1].happened = stop_at_end;
	run();
	assert_true(p->peer[1].heard_end || p->peer[1].failed);
	peer_close(&p->peer[1], false);
	if (!p->over)
		run();
	/* A reset of a Unix socket is an end, to who has nothing to say. */
	assert_true(p->err == VZ_ECUT || way->sockets == unix_pair);
	assert_int_equal(vz_pipes_lent(pool), 0);
}

static void
a_reset_while_bytes_wait_for_the_other_side_is_noticed(void **state)
{
	struct pair *p = stuck_pair(64 * MIB);

	(void)state;
	peer_close(&p->peer[1], true);
	run();
	assert_int_equal(p->err, VZ_ECUT);
	assert_int_equal(vz_pipes_lent(pool), 0);
	assert_int_equal(vz_pipes_waiting(pool), 0); /* it had bytes in it */
}

static void
a_reset_of_a_side_that_nothing_is_wanted_of_is_noticed(void **state)
{
	struct pair *p = joined(MIB, 0, 0);

	(void)state;
	p->peer[0].ends = p->peer[1].ends = false;
	vz_mover_pause(p->mover, 0, true);
	peer_close(&p->peer[0], true);
	p->peer[1].happened = NULL;
	run();
	assert_true(p->err == VZ_ECUT);
}

/* What it has said is there, what it has not read makes its close a reset. */
static void
what_a_side_said_before_it_broke_still_goes_out(void **state)
{
	struct pair *p = joined(20000, 40 * MIB, 0);

	(void)state;
	p->peer[0].deaf = true;
	p->peer[0].ends = false;
	p->peer[1].deaf = true;
	p->pause_at = 1; /* after the first bytes the rest stays with the kernel */
	peer_wants(&p->peer[0]);
	peer_wants(&p->peer[1]);
	p->peer[0].happened = p->peer[1].happened = stop_at_all;
	while (p->peer[0].sent < 20000 || vz_mover_waits(p->mover, 1) == 0)
		run();
	p->peer[0].happened = NULL;
	peer_close(&p->peer[0], false);
	p->peer[1].deaf = false;
	p->peer[1].happened = stop_at_end;
	peer_wants(&p->peer[1]);
	p->pause_at = 0;
	vz_mover_pause(p->mover, 0, false);
	run();
	assert_true(p->peer[1].heard_end && !p->peer[1].wrong);
	assert_true(p->peer[1].heard == 20000);
	peer_close(&p->peer[1], false);
	if (!p->over)
		run();
	assert_int_equal(p->err, VZ_ECUT);
}

static void
a_side_that_stays_when_the_other_broke_is_let_go(void **state)
{
	struct pair *p = joined(0, 64 * MIB, 0);

	(void)state;
	p->peer[0].ends = p->peer[1].ends = false;
	p->peer[0].wants = 2 * MIB;
	p->peer[0].happened = stop_at_all;
	run();
	peer_close(&p->peer[0], true);
	p->peer[1].to_send = UINT64_MAX; /* it never stops, and its bytes go nowhere */
	peer_wants(&p->peer[1]);
	run();
	assert_int_equal(p->err, VZ_ECUT);
	assert_int_equal(vz_pipes_lent(pool), 0);
}

static void
no_byte_of_a_pair_that_was_dropped_reaches_another(void **state)
{
	struct pair *first = stuck_pair(64 * MIB), *second;
	size_t lent = vz_pipes_lent(pool);

	(void)state;
	vz_mover_drop(first->mover);
	first->mover = NULL;
	first->over = true;
	assert_int_equal(lent, way->pipes > 0 ? 1 : 0);
	assert_int_equal(vz_pipes_lent(pool), 0);
	assert_int_equal(vz_pipes_waiting(pool), 0);
	first->peer[0].happened = first->peer[1].happened = NULL;
	second = joined(4 * MIB, 4 * MIB, 0);
	run();
	assert_delivered(second, 4 * MIB, 4 * MIB);
}

static void
when_all_pipes_are_lent_others_read_and_write(void **state)
{
	struct pair *second;

	(void)state;
	vz_pipes_free(pool);
	assert_int_equal(vz_pipes_new(&pool, 1), 0);
	stuck_pair(64 * MIB)->over = true; /* not waited for */
	assert_int_equal(vz_pipes_lent(pool), 1);
	second = joined(4 * MIB, 4 * MIB, 0);
	run();
	assert_delivered(second, 4 * MIB, 4 * MIB);
	assert_int_equal(vz_pipes_lent(pool), 1);
}

static void
without_descriptors_for_a_pipe_it_reads_and_writes(void **state)
{
	struct pair *p = joined(4 * MIB, 4 * MIB, 0);
	struct rlimit old, none;
	int taken[32], n = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 32;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (n < 32 && (taken[n] = dup(0)) >= 0)
		n++;
	run();
	while (n > 0)
		close(taken[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_delivered(p, 4 * MIB, 4 * MIB);
	assert_int_equal(vz_pipes_waiting(pool), 0);
}

/* The system's is called by its number, unless it is to have none. */
static int splice_fails;
static unsigned spliced;

ssize_t
splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags)
{
	spliced++;
	if (splice_fails != 0) {
		errno = splice_fails;
		return -1;
	}
	return syscall(SYS_splice, in, in_at, out, out_at, n, flags);
}

static void
where_there_is_no_splice_it_reads_and_writes_and_asks_no_more(void **state)
{
	struct pair *p;

	(void)state;
	spliced = 0;
	splice_fails = ENOSYS;
	p = joined(4 * MIB, 4 * MIB, 0);
	run();
	splice_fails = 0;
	assert_delivered(p, 4 * MIB, 4 * MIB);
	assert_int_equal(spliced, 2);
	assert_int_equal(vz_pipes_lent(pool), 0);
}

static void
a_handler_may_drop_it(void **state)
{
	struct pair *p = joined(MIB, MIB, 100);

	(void)state;
	p->drop_at_once = true;
	p->peer[0].happened = p->peer[1].happened = stop_at_end;
	run();
	assert_null(p->mover);
	assert_false(p->over);
}

/* In a process of its own, to be killed: sends for ever, or takes all that comes. */
static pid_t
runs_by_itself(int fd, bool sends)
{
	static uint8_t bytes[65536];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		signal(SIGPIPE, SIG_DFL);
		(void)fcntl(fd, F_SETFL, 0);
		while (
		    (sends ? write(fd, bytes, sizeof(bytes)) : read(fd, bytes, sizeof(bytes))) > 0)
			;
		_exit(0);
	}
	close(fd);
	return pid;
}

/* A turn is over: how much it moved, and when it is enough. */
static void
count_turn(struct vz_loop *l, struct vz_timer *t)
{
	struct pair *p = t->arg;
	uint64_t now = p->told[0];

	if (now - p->moved[0] > p->most)
		p->most = (size_t)(now - p->moved[0]);
	p->moved[0] = now;
	if (now >= 256 * MIB)
		vz_loop_stop(l, 0);
	else
		assert_int_equal(vz_timer_set(l, t, 0), 0);
}

static void
a_turn_moves_no_more_than_its_share_so_that_others_have_theirs(void **state)
{
	struct pair *p = &pairs[0];
	struct vz_mover_config c = {.pipes = pool, .handler = &handler, .arg = p};
	struct vz_timer t = {.fn = count_turn, .arg = p};
	int from[2], to[2];
	pid_t pid[2];

	(void)state;
	assert_int_equal(way->sockets(from) | way->sockets(to), 0);
	c.fd[0] = from[0];
	c.fd[1] = to[0];
	assert_int_equal(vz_mover_new(loop, &c, &p->mover), 0);
	pid[0] = runs_by_itself(from[1], true);
	pid[1] = runs_by_itself(to[1], false);
	assert_int_equal(vz_timer_set(loop, &t, 0), 0);
	run();
	vz_mover_drop(p->mover);
	for (int i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
	}
	/* Once because bytes came, and once because there was room for them. */
	assert_true(p->most <= 2 * MIB);
}

static void
an_idle_pair_takes_little_memory(void **state)
{
	enum { N = 200 };
	static struct vz_mover *m[N];
	static struct pair none;
	struct vz_mover_config c = {.pipes = pool, .handler = &handler, .arg = &none};
	size_t before = heap_used();
	int fd[2];

	(void)state;
	if (!HEAP_TELLS)
		skip();
	c.idle_ms = c.stall_ms = 3600 * 1000;
	for (int i = 0; i < N; i++) {
		assert_int_equal(unix_pair(fd), 0);
		c.fd[0] = fd[0];
		c.fd[1] = fd[1]; /* each hears itself, and nobody speaks */
		assert_int_equal(vz_mover_new(loop, &c, &m[i]), 0);
	}
	assert_true(heap_used() - before < N * 1024);
	for (int i = 0; i < N; i++)
		vz_mover_drop(m[i]);
}

static void
more_first_bytes_than_it_may_hold_are_refused_and_both_sockets_closed(void **state)
{
	static uint8_t bytes[VZ_MOVER_HELD + 1];
	struct vz_mover_config c = {.pipes = pool, .handler = &handler};
	struct vz_mover *m;

	(void)state;
	assert_int_equal(way->sockets(c.fd), 0);
	c.first[1] = bytes;
	c.first_len[1] = sizeof(bytes);
	assert_int_equal(vz_mover_new(loop, &c, &m), VZ_EINVAL);
	assert_null(m);
	assert_int_equal(fcntl(c.fd[0], F_GETFD), -1);
	assert_int_equal(fcntl(c.fd[1], F_GETFD), -1);
}

static struct way tcp_pipes = {tcp_pair, VZ_PIPES_MAX}, tcp_copies = {tcp_pair, 0};
static struct way unix_pipes = {unix_pair, VZ_PIPES_MAX}, unix_copies = {unix_pair, 0};

/* In all four ways; with pipes only. */
#define IN(test, how)                                          \
	{                                                      \
#test " (" #how ")", test, begin, finish, &how \
	}
#define ALL(test) \
	IN(test, tcp_pipes), IN(test, tcp_copies), IN(test, unix_pipes), IN(test, unix_copies)
#define PIPES(test) IN(test, tcp_pipes), IN(test, unix_pipes)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ALL(both_directions_arrive_whole_and_are_counted),
	    ALL(nothing_at_all_is_two_ends),
	    ALL(an_end_is_passed_on_and_the_other_direction_goes_on),
	    ALL(an_idle_pair_holds_no_pipe_and_no_bytes),
	    ALL(what_waits_for_a_slow_side_arrives_when_the_end_is_there_already),
	    ALL(held_is_no_more_than_a_buffer_or_a_pipe),
	    ALL(a_side_that_never_reads_ends_the_pair_in_its_time),
	    ALL(a_pair_that_is_idle_ends_in_its_time_and_one_that_is_paused_does_not),
	    ALL(a_paused_direction_reads_no_more_and_the_other_goes_on),
	    ALL(a_reset_ends_the_pair_and_reaches_the_other_side),
	    ALL(a_reset_while_bytes_wait_for_the_other_side_is_noticed),
	    IN(a_reset_of_a_side_that_nothing_is_wanted_of_is_noticed, tcp_pipes),
	    ALL(what_a_side_said_before_it_broke_still_goes_out),
	    IN(a_side_that_stays_when_the_other_broke_is_let_go, tcp_pipes),
	    PIPES(no_byte_of_a_pair_that_was_dropped_reaches_another),
	    PIPES(when_all_pipes_are_lent_others_read_and_write),
	    PIPES(without_descriptors_for_a_pipe_it_reads_and_writes),
	    PIPES(where_there_is_no_splice_it_reads_and_writes_and_asks_no_more),
	    ALL(a_handler_may_drop_it),
	    ALL(a_turn_moves_no_more_than_its_share_so_that_others_have_theirs),
	    IN(an_idle_pair_takes_little_memory, unix_pipes),
	    ALL(more_first_bytes_than_it_may_hold_are_refused_and_both_sockets_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
