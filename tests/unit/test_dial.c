#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "net/dial.h"
#include "net/resolve.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"

#define BACKLOG_FILL 8

static struct vz_loop *loop;
static char dir[64];
static bool have_v6;
static int open_before;

static int
count_open(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static int
setup(void **state)
{
	(void)state;
	alarm(60);
	vz_resolve_use(NULL);
	strlcpy(dir, "/tmp/vz-dial-XXXXXX", sizeof(dir));
	open_before = count_open();
	return mkdtemp(dir) == NULL ? -1 : vz_loop_new(&loop);
}

/* Every test ends without a child, alive or dead, and without a descriptor too many. */
static int
teardown(void **state)
{
	(void)state;
	vz_loop_free(loop);
	alarm(0);
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		print_error("a child is left\n");
		return -1;
	}
	if (count_open() != open_before) {
		print_error("%d descriptors are left open\n", count_open() - open_before);
		return -1;
	}
	return rmdir(dir);
}

static int
find_v6(void **state)
{
	struct vz_sockaddr at;
	int fd = vz_stream_socket(AF_INET6);

	(void)state;
	(void)vz_sockaddr_literal("::1", 0, AF_INET6, &at);
	have_v6 = fd >= 0 && bind(fd, &at.u.sa, at.len) == 0;
	if (fd >= 0)
		close(fd);
	return 0;
}

static uint64_t
clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What the dial told. */
static struct {
	int calls, fd, err, sys_errno;
	enum vz_dial_step step;
} told;

static void
on_dialled(void *arg, int fd, int err, int sys_errno, enum vz_dial_step step)
{
	assert_ptr_equal(arg, &told);
	told.calls++;
	told.fd = fd;
	told.err = err;
	told.sys_errno = sys_errno;
	told.step = step;
	vz_loop_stop(loop, 0);
}

static struct vz_dial *
begin(const struct vz_dial_config *c)
{
	struct vz_dial *d;

	memset(&told, 0, sizeof(told));
	told.fd = -1;
	assert_int_equal(vz_dial_start(loop, c, on_dialled, &told, &d), 0);
	assert_int_equal(told.calls, 0); /* never before it returns */
	return d;
}

static void
dial(const struct vz_dial_config *c)
{
	(void)begin(c);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_int_equal(told.calls, 1);
	assert_true((told.fd >= 0) == (told.err == 0));
}

static struct vz_dial_config
to_host(const char *host, uint16_t port)
{
	struct vz_dial_config c = {.at = {.port = port}, .family = AF_UNSPEC};
	struct vz_sockaddr at;

	strlcpy(c.at.host, host, sizeof(c.at.host));
	c.at.numeric = vz_sockaddr_literal(host, port, AF_UNSPEC, &at) == 0;
	return c;
}

static struct vz_dial_config
to_unix(const char *name)
{
	struct vz_dial_config c = {.at = {.kind = VZ_ADDRESS_UNIX}};

	snprintf(c.at.path, sizeof(c.at.path), "%s/%s", dir, name);
	return c;
}

/* A socket bound to that address; *port 0 picks one. backlog < 0: it does not listen, so it
 * refuses and keeps the port from everybody else. -1 when the port is taken. */
static int
bound(const char *host, uint16_t *port, int backlog)
{
	struct vz_sockaddr at;
	int fd;

	assert_int_equal(vz_sockaddr_literal(host, *port, AF_UNSPEC, &at), 0);
	assert_true((fd = vz_stream_socket(at.u.sa.sa_family)) >= 0);
	if (bind(fd, &at.u.sa, at.len) != 0) {
		assert_int_equal(errno, EADDRINUSE);
		close(fd);
		return -1;
	}
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, &at.u.sa, &at.len), 0);
	*port = vz_sockaddr_port(&at);
	return fd;
}

/* A listener whose queue is full: connections to it stay under way. */
struct full {
	int fd, filler[BACKLOG_FILL];
};

static void
fill(struct full *f, const struct vz_sockaddr *at)
{
	size_t i;

	for (i = 0; i < BACKLOG_FILL; i++) {
		f->filler[i] = vz_stream_socket(at->u.sa.sa_family);
		if (connect(f->filler[i], &at->u.sa, at->len) != 0)
			assert_true(errno == EINPROGRESS || errno == EAGAIN);
	}
}

static void
full_close(struct full *f, int n)
{
	size_t i;

	for (; n > 0; n--, f++) {
		for (i = 0; i < BACKLOG_FILL; i++)
			close(f->filler[i]);
		close(f->fd);
	}
}

/*
 * n full listeners on 127.0.0.2 and on, and beside them one on `host` that answers (backlog 5) or
 * refuses (-1), all on one port. Somebody may have a picked port on one of the addresses, so picks
 * are made again.
 */
static int
crowd(struct full *f, int n, const char *host, int backlog, uint16_t *port)
{
	struct vz_sockaddr at;
	char text[24];
	int fd, i;

	do {
		*port = 0;
		fd = bound(host, port, backlog);
		for (i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "127.0.0.%d", i + 2);
			if ((f[i].fd = bound(text, port, 0)) < 0)
				break;
			assert_int_equal(vz_sockaddr_literal(text, *port, AF_UNSPEC, &at), 0);
			fill(&f[i], &at);
		}
		if (i < n) {
			full_close(f, i);
			close(fd);
		}
	} while (i < n);
	return fd;
}

/* Resolvers for the child */

static const char *answers[128];
static size_t n_answers;

static int
resolve_to_answers(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	struct addrinfo **next = res;
	size_t i;

	(void)host;
	(void)service;
	for (i = 0; i < n_answers; i++) {
		struct vz_sockaddr *at = calloc(1, sizeof(*at));

		if (vz_sockaddr_literal(answers[i], 0, hints->ai_family, at) != 0)
			continue;
		*next = calloc(1, sizeof(**next));
		(*next)->ai_family = at->u.sa.sa_family;
		(*next)->ai_addr = &at->u.sa;
		(*next)->ai_addrlen = at->len;
		next = &(*next)->ai_next;
	}
	return *res == NULL ? EAI_NONAME : 0;
}

#define ANSWER(...)                                     \
	do {                                            \
		const char *a_[] = {__VA_ARGS__};       \
		memcpy(answers, a_, sizeof(a_));        \
		n_answers = sizeof(a_) / sizeof(a_[0]); \
		vz_resolve_use(resolve_to_answers);     \
	} while (0)

static int
resolve_never(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	(void)host;
	(void)service;
	(void)hints;
	(void)res;
	while (pause() == -1)
		;
	return EAI_AGAIN;
}

static int
resolve_dying(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	(void)host;
	(void)service;
	(void)hints;
	(void)res;
	kill(getpid(), SIGKILL);
	return 0;
}

static int
resolve_failing(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	(void)service;
	(void)hints;
	(void)res;
	errno = EMFILE;
	return atoi(host + 1);
}

/* Finds 127.0.0.1 only in a child that kept nothing of its parent's. */
static int
resolve_if_clean(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	struct sigaction sa;
	sigset_t mask;
	int i;

	for (i = 5; i < 256; i++) /* 3 is the pipe, 4 /dev/null */
		if (fcntl(i, F_GETFD) != -1)
			return EAI_NONAME;
	if (sigaction(SIGUSR1, NULL, &sa) != 0 || sa.sa_handler != SIG_DFL ||
	    sigprocmask(SIG_BLOCK, NULL, &mask) != 0 || sigismember(&mask, SIGUSR1) != 0 ||
	    isatty(0) || write(1, "must not be seen\n", 17) != 17)
		return EAI_NONAME;
	return resolve_to_answers(host, service, hints, res);
}

/* One address */

static void
a_connection_does_not_block_is_not_inherited_and_sends_at_once(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	int i;

	(void)state;
	for (i = 0; i < (have_v6 ? 2 : 1); i++) {
		socklen_t len = sizeof(int);
		struct vz_dial_config c;
		uint16_t port = 0;
		int fd = bound(hosts[i], &port, 5), on = 0;

		c = to_host(hosts[i], port);
		dial(&c);
		assert_int_equal(told.err, 0);
		assert_int_equal(told.step, VZ_DIAL_CONNECT);
		assert_true(fcntl(told.fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(told.fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(getsockopt(told.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
		assert_int_not_equal(on, 0);
		assert_int_equal(write(told.fd, "x", 1), 1);
		close(told.fd);
		close(fd);
	}
}

static void
a_refusal_is_told_with_its_errno_and_step(void **state)
{
	struct vz_dial_config c;
	uint16_t port = 0;
	int fd = bound("127.0.0.1", &port, -1);

	(void)state;
	c = to_host("127.0.0.1", port);
	dial(&c);
	assert_int_equal(told.err, VZ_ESYSTEM);
	assert_int_equal(told.sys_errno, ECONNREFUSED);
	assert_int_equal(told.step, VZ_DIAL_CONNECT);
	close(fd);
	c.family = AF_INET6; /* a literal of the other family */
	dial(&c);
	assert_int_equal(told.err, VZ_ENOTFOUND);
	assert_int_equal(told.step, VZ_DIAL_RESOLVE);
	c.at.kind = VZ_ADDRESS_RELAY;
	assert_int_equal(
	    vz_dial_start(loop, &c, on_dialled, &told, &(struct vz_dial *){0}), VZ_EINVAL);
}

static void
an_address_that_does_not_answer_is_given_up_at_the_bound(void **state)
{
	struct vz_dial_config c;
	uint64_t begun = clock_ms();
	struct full f;
	uint16_t port;
	int fd = crowd(&f, 1, "127.0.0.1", 5, &port);

	(void)state;
	c = to_host("127.0.0.2", port);
	c.connect_ms = 100;
	dial(&c);
	assert_int_equal(told.err, VZ_ETIMEOUT);
	assert_int_equal(told.step, VZ_DIAL_CONNECT);
	assert_true(clock_ms() >= begun + 100);
	full_close(&f, 1);
	close(fd);
}

/* Unix sockets */

static int
unix_bound(const struct vz_dial_config *c, int backlog)
{
	struct vz_sockaddr at;
	int fd = vz_stream_socket(AF_UNIX);

	assert_int_equal(vz_sockaddr_unix(c->at.path, &at), 0);
	assert_int_equal(bind(fd, &at.u.sa, at.len), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
a_unix_socket_connects_or_says_why_not(void **state)
{
	struct vz_dial_config c = to_unix("s");
	int fd;

	(void)state;
	dial(&c);
	assert_int_equal(told.err, VZ_ESYSTEM);
	assert_int_equal(told.sys_errno, ENOENT);
	fd = unix_bound(&c, 5);
	dial(&c);
	assert_int_equal(told.err, 0);
	assert_true(fcntl(told.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(told.fd, F_GETFD) & FD_CLOEXEC);
	close(told.fd);
	close(fd);
	dial(&c);
	assert_int_equal(told.err, VZ_ESYSTEM);
	assert_int_equal(told.sys_errno, ECONNREFUSED);
	unlink(c.at.path);
}

static void
on_make_room(struct vz_loop *l, struct vz_timer *t)
{
	int *fd = t->arg, far;

	while ((far = accept(*fd, NULL, NULL)) >= 0)
		close(far);
	(void)l;
}

static void
a_unix_socket_whose_queue_is_full_is_asked_again_until_the_bound(void **state)
{
	struct vz_dial_config c = to_unix("s");
	struct full f = {.fd = unix_bound(&c, 0)};
	struct vz_timer t = {.fn = on_make_room, .arg = &f.fd};
	struct vz_sockaddr at;
	uint64_t begun = clock_ms();

	(void)state;
	assert_int_equal(vz_sockaddr_unix(c.at.path, &at), 0);
	fill(&f, &at);
	c.connect_ms = 60;
	dial(&c);
	assert_int_equal(told.err, VZ_ETIMEOUT);
	assert_int_equal(told.step, VZ_DIAL_CONNECT);
	assert_true(clock_ms() >= begun + 60);
	c.connect_ms = 0;
	assert_int_equal(vz_timer_set(loop, &t, 20), 0);
	dial(&c);
	assert_int_equal(told.err, 0);
	close(told.fd);
	full_close(&f, 1);
	unlink(c.at.path);
}

/* Names */

static void
localhost_is_resolved_and_reached(void **state)
{
	struct vz_dial_config c;
	uint16_t port = 0;
	int fd = bound("127.0.0.1", &port, 5);

	(void)state;
	c = to_host("localhost", port);
	assert_false(c.at.numeric);
	dial(&c);
	assert_int_equal(told.err, 0);
	close(told.fd);
	c.family = AF_INET;
	dial(&c);
	assert_int_equal(told.err, 0);
	close(told.fd);
	close(fd);
}

static void
a_name_that_cannot_exist_is_not_found(void **state)
{
	static const char *const names[] = {"host.invalid", "HOST.Invalid.", "invalid"};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct vz_dial_config c = to_host(names[i], 1);

		dial(&c);
		assert_int_equal(told.err, VZ_ENOTFOUND);
		assert_int_equal(told.step, VZ_DIAL_RESOLVE);
	}
}

static void
each_failure_of_the_resolver_has_its_code(void **state)
{
	static const struct {
		int gai, err;
	} of[] = {{EAI_NONAME, VZ_ENOTFOUND}, {EAI_FAIL, VZ_ENOTFOUND}, {EAI_AGAIN, VZ_ETIMEOUT},
	    {EAI_SYSTEM, VZ_ESYSTEM}, {EAI_MEMORY, VZ_ENOMEM}};
	struct vz_dial_config c;
	char name[16];
	size_t i;

	(void)state;
	vz_resolve_use(resolve_failing);
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		snprintf(name, sizeof(name), "h%d", of[i].gai);
		c = to_host(name, 1);
		dial(&c);
		assert_int_equal(told.err, of[i].err);
		if (of[i].err == VZ_ESYSTEM)
			assert_int_equal(told.sys_errno, EMFILE);
		assert_int_equal(told.step, VZ_DIAL_RESOLVE);
	}
	vz_resolve_use(resolve_dying);
	dial(&c);
	assert_int_equal(told.err, VZ_ESYSTEM);
	assert_int_equal(told.sys_errno, EIO);
}

static void
a_resolver_that_does_not_answer_is_stopped_at_the_bound(void **state)
{
	struct vz_dial_config c = to_host("slow.example", 1);
	uint64_t begun = clock_ms();

	(void)state;
	vz_resolve_use(resolve_never);
	c.resolve_ms = 50;
	dial(&c);
	assert_int_equal(told.err, VZ_ETIMEOUT);
	assert_int_equal(told.step, VZ_DIAL_RESOLVE);
	assert_true(clock_ms() >= begun + 50);
}

static void
on_usr1(struct vz_loop *l, int signo, void *arg)
{
	(void)l;
	(void)signo;
	(void)arg;
}

static void
the_resolving_child_keeps_nothing_of_its_parents(void **state)
{
	struct vz_sockaddr list[VZ_RESOLVE_MAX];
	size_t n;
	int fd;

	(void)state;
	ANSWER("127.0.0.1");
	vz_resolve_use(resolve_if_clean);
	assert_true((fd = fcntl(0, F_DUPFD, 100)) >= 100); /* not close-on-exec either */
	assert_int_equal(vz_loop_signal(loop, SIGUSR1, on_usr1, NULL), 0);
	assert_int_equal(vz_resolve_wait("h", 1, AF_UNSPEC, 0, list, &n), 0);
	assert_int_equal(n, 1);
	close(fd);
}

static void
answers_are_bounded_distinct_and_of_the_family_asked_for(void **state)
{
	static char text[100][24];
	struct vz_sockaddr list[VZ_RESOLVE_MAX];
	size_t n, i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(text[i], sizeof(text[i]), "127.0.0.%d", (int)i + 1);
		answers[i] = text[i];
	}
	n_answers = 100;
	vz_resolve_use(resolve_to_answers);
	assert_int_equal(vz_resolve_wait("h", 7, AF_UNSPEC, 0, list, &n), 0);
	assert_int_equal(n, VZ_RESOLVE_MAX);
	for (i = 0; i < n; i++) {
		assert_int_equal(ntohl(list[i].u.in4.sin_addr.s_addr), 0x7f000001 + i);
		assert_int_equal(vz_sockaddr_port(&list[i]), 7);
	}
	ANSWER("127.0.0.1", "::1", "127.0.0.1", "::1", "127.0.0.2");
	assert_int_equal(vz_resolve_wait("h", 7, AF_UNSPEC, 0, list, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(vz_resolve_wait("h", 7, AF_INET6, 0, list, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].u.sa.sa_family, AF_INET6);
}

/* Several addresses */

static void
connected_to(const char *host)
{
	struct vz_sockaddr far = {.len = sizeof(far.u)};
	char text[64];

	assert_int_equal(told.err, 0);
	assert_int_equal(getpeername(told.fd, &far.u.sa, &far.len), 0);
	vz_sockaddr_text(&far, text, sizeof(text));
	assert_int_equal(strncmp(text + (text[0] == '['), host, strlen(host)), 0);
	close(told.fd);
}

static void
the_next_address_is_tried_at_once_when_one_refuses(void **state)
{
	struct vz_dial_config c;
	uint64_t begun;
	uint16_t port = 0;
	int fd = bound("127.0.0.1", &port, 5);

	(void)state;
	ANSWER("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.1");
	c = to_host("h", port);
	begun = clock_ms();
	dial(&c);
	assert_true(clock_ms() < begun + 4 * 250);
	connected_to("127.0.0.1");
	close(fd);
}

static void
an_address_that_does_not_answer_holds_the_next_up_for_a_quarter_second_only(void **state)
{
	struct vz_dial_config c;
	uint64_t begun;
	struct full f;
	uint16_t port;
	int fd = crowd(&f, 1, "127.0.0.1", 5, &port);

	(void)state;
	ANSWER("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.1");
	c = to_host("h", port);
	begun = clock_ms();
	dial(&c);
	assert_true(clock_ms() >= begun + 250);
	assert_true(clock_ms() < begun + 5 * 250); /* those that refuse do not hold it up */
	connected_to("127.0.0.1");
	full_close(&f, 1);
	close(fd);
}

static void
the_bound_is_each_addresss_own(void **state)
{
	struct vz_dial_config c;
	uint64_t begun;
	struct full f[2];
	uint16_t port;
	int fd = crowd(f, 2, "127.0.0.1", 5, &port);

	(void)state;
	ANSWER("127.0.0.2", "127.0.0.3");
	c = to_host("h", port);
	c.connect_ms = 400;
	begun = clock_ms();
	dial(&c);
	assert_int_equal(told.err, VZ_ETIMEOUT);
	assert_true(clock_ms() >= begun + 250 + 400);
	full_close(f, 2);
	close(fd);
}

static void
families_take_turns(void **state)
{
	struct vz_dial_config c;
	uint64_t begun;
	struct full f[5];
	uint16_t port;
	int fd;

	(void)state;
	if (!have_v6)
		skip();
	fd = crowd(f, 5, "::1", 5, &port);
	ANSWER("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "::1");
	c = to_host("h", port);
	begun = clock_ms();
	dial(&c);
	assert_true(clock_ms() >= begun + 250);
	assert_true(clock_ms() < begun + 5 * 250); /* the second, not the sixth */
	connected_to("::1");
	full_close(f, 5);
	close(fd);
}

static void
the_last_address_is_what_a_failure_is_told_of(void **state)
{
	struct vz_dial_config c;
	struct full f;
	uint16_t port;
	int fd = crowd(&f, 1, "127.0.0.1", -1, &port);

	(void)state;
	ANSWER("127.0.0.2", "127.0.0.1"); /* the first fails last, at its bound */
	c = to_host("h", port);
	c.connect_ms = 300;
	dial(&c);
	assert_int_equal(told.err, VZ_ESYSTEM);
	assert_int_equal(told.sys_errno, ECONNREFUSED);
	full_close(&f, 1);
	close(fd);
}

/* Giving up */

static void
on_cancel(struct vz_loop *l, struct vz_timer *t)
{
	vz_dial_cancel(t->arg);
	vz_loop_stop(l, 0);
}

static void
cancel_after(struct vz_dial *d, uint64_t ms)
{
	struct vz_timer t = {.fn = on_cancel, .arg = d};

	assert_int_equal(vz_timer_set(loop, &t, ms), 0);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_int_equal(told.calls, 0);
}

static void
a_dial_can_be_cancelled_at_every_stage(void **state)
{
	struct vz_dial_config resolving = to_host("slow.example", 1), c, u = to_unix("s");
	struct full f;
	uint16_t port;
	int fd = crowd(&f, 1, "127.0.0.1", -1, &port);

	(void)state;
	vz_resolve_use(resolve_never);
	vz_dial_cancel(begin(&resolving));
	cancel_after(begin(&resolving), 5);
	c = to_host("127.0.0.2", port);
	vz_dial_cancel(begin(&c));
	cancel_after(begin(&c), 5);
	ANSWER("127.0.0.2", "127.0.0.3", "127.0.0.4");
	c = to_host("h", port);
	cancel_after(begin(&c), 20);
	full_close(&f, 1);
	close(fd);
	vz_dial_cancel(begin(&u)); /* failed, and not told yet */
	fd = unix_bound(&u, 0);
	vz_dial_cancel(begin(&u)); /* connected, and not told yet */
	close(fd);
	unlink(u.at.path);
	vz_dial_cancel(NULL);
}

static struct vz_dial *own;

static void
on_cancel_self(void *arg, int fd, int err, int sys_errno, enum vz_dial_step step)
{
	on_dialled(arg, fd, err, sys_errno, step);
	vz_dial_cancel(own);
}

static void
a_dial_cancelled_while_it_is_told_is_left_to_itself(void **state)
{
	struct vz_dial_config c = to_unix("s");

	(void)state;
	memset(&told, 0, sizeof(told));
	assert_int_equal(vz_dial_start(loop, &c, on_cancel_self, &told, &own), 0);
	assert_int_equal(vz_loop_run(loop), 0);
	assert_int_equal(told.calls, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_connection_does_not_block_is_not_inherited_and_sends_at_once),
	    T(a_refusal_is_told_with_its_errno_and_step),
	    T(an_address_that_does_not_answer_is_given_up_at_the_bound),
	    T(a_unix_socket_connects_or_says_why_not),
	    T(a_unix_socket_whose_queue_is_full_is_asked_again_until_the_bound),
	    T(localhost_is_resolved_and_reached),
	    T(a_name_that_cannot_exist_is_not_found),
	    T(each_failure_of_the_resolver_has_its_code),
	    T(a_resolver_that_does_not_answer_is_stopped_at_the_bound),
	    T(the_resolving_child_keeps_nothing_of_its_parents),
	    T(answers_are_bounded_distinct_and_of_the_family_asked_for),
	    T(the_next_address_is_tried_at_once_when_one_refuses),
	    T(an_address_that_does_not_answer_holds_the_next_up_for_a_quarter_second_only),
	    T(the_bound_is_each_addresss_own),
	    T(families_take_turns),
	    T(the_last_address_is_what_a_failure_is_told_of),
	    T(a_dial_can_be_cancelled_at_every_stage),
	    T(a_dial_cancelled_while_it_is_told_is_left_to_itself),
	};

	return cmocka_run_group_tests_name("dial", tests, find_v6, NULL);
}
