#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/err.h"
#include "net/listen.h"
#include "net/notify.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"
#include "net/unix.h"

static char dir[64];
static struct vz_listener list[VZ_LISTEN_MAX];
static size_t n;
static bool have_v6;

static int
setup(void **state)
{
	(void)state;
	alarm(60);
	n = 0;
	memset(list, 0, sizeof(list));
	strlcpy(dir, "/tmp/vz-listen-XXXXXX", sizeof(dir));
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	vz_listen_close(list, n);
	alarm(0);
	return rmdir(dir); /* fails when a test or a close left something there */
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

static const char *
in_dir(const char *name)
{
	static char path[VZ_PATH_MAX + 1];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct vz_listen_address
port_address(uint16_t port)
{
	struct vz_listen_address a = {.loopback = true};

	a.at.port = port;
	return a;
}

static struct vz_listen_address
host_address(const char *host, bool numeric)
{
	struct vz_listen_address a = {.at = {.numeric = numeric}};

	strlcpy(a.at.host, host, sizeof(a.at.host));
	return a;
}

static struct vz_listen_address
unix_address(const char *path)
{
	struct vz_listen_address a = {.at = {.kind = VZ_ADDRESS_UNIX}};

	strlcpy(a.at.path, path, sizeof(a.at.path));
	return a;
}

static uint16_t
port_of(const struct vz_listener *li)
{
	return (uint16_t)atoi(strrchr(li->text, ':') + 1);
}

/* A client of 127.0.0.1:port that does not wait for its connection. */
static int
call(uint16_t port)
{
	int fd = vz_stream_socket(AF_INET);
	struct vz_sockaddr to;

	assert_true(fd >= 0);
	assert_int_equal(vz_sockaddr_literal("127.0.0.1", port, AF_UNSPEC, &to), 0);
	assert_true(connect(fd, &to.u.sa, to.len) == 0 || errno == EINPROGRESS);
	return fd;
}

/* Connects to where the listener's text says and gives the accepted end too. */
static void
meet(const struct vz_listener *li, int *near, int *far)
{
	char host[VZ_HOST_MAX + 16];
	struct pollfd p = {.fd = li->fd, .events = POLLIN};
	struct sockaddr_storage from;
	struct vz_sockaddr to;
	socklen_t len;

	strlcpy(host, li->text[0] == '[' ? li->text + 1 : li->text, sizeof(host));
	if (host[0] == '/') {
		assert_int_equal(vz_sockaddr_unix(host, &to), 0);
	} else {
		host[strcspn(host, "]")] = '\0';
		if (li->text[0] != '[')
			*strrchr(host, ':') = '\0';
		assert_int_equal(vz_sockaddr_literal(host, port_of(li), AF_UNSPEC, &to), 0);
	}
	*near = socket(to.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*near >= 0);
	assert_int_equal(connect(*near, &to.u.sa, to.len), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	*far = vz_listen_accept(li->fd, &from, &len);
	assert_true(*far >= 0);
	assert_int_equal(from.ss_family, to.u.sa.sa_family);
}

static void
meet_and_part(const struct vz_listener *li)
{
	int near, far;

	meet(li, &near, &far);
	close(near);
	close(far);
}

/* TCP */

static void
a_picked_port_is_the_same_in_both_families_and_both_answer(void **state)
{
	struct vz_listen_address a = port_address(0);
	size_t i;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), 0);
	assert_int_equal(n, have_v6 ? 2 : 1);
	for (i = 0; i < n; i++) {
		assert_int_equal(port_of(&list[i]), port_of(&list[0]));
		assert_int_not_equal(port_of(&list[i]), 0);
		assert_true(list[i].loopback);
		assert_false(list[i].wildcard);
		assert_int_equal(
		    strncmp(list[i].text, i == 0 ? "127.0.0.1:" : "[::1]:", i == 0 ? 10 : 6), 0);
		assert_true(fcntl(list[i].fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(list[i].fd, F_GETFD) & FD_CLOEXEC);
		meet_and_part(&list[i]);
	}
}

#define CROWD 6000

/* With that many ports taken in one family, most runs of this meet a clash. */
static void
picks_that_clash_in_one_family_are_made_again(void **state)
{
	struct vz_listen_address a = port_address(0);
	struct rlimit old, more;
	struct vz_sockaddr at;
	static int crowd[CROWD];
	int i, n_crowd;

	(void)state;
	if (!have_v6)
		skip();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	more = old;
	more.rlim_cur = old.rlim_max < CROWD + 200 ? old.rlim_max : CROWD + 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
	assert_int_equal(vz_sockaddr_literal("::1", 0, AF_UNSPEC, &at), 0);
	for (n_crowd = 0; n_crowd < CROWD && (rlim_t)n_crowd + 100 < more.rlim_cur; n_crowd++) {
		crowd[n_crowd] = vz_stream_socket(AF_INET6);
		assert_int_equal(bind(crowd[n_crowd], &at.u.sa, at.len), 0);
	}
	for (i = 0; i < VZ_LISTEN_MAX / 2; i++)
		assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), 0);
	assert_int_equal(n, VZ_LISTEN_MAX);
	while (n_crowd > 0)
		close(crowd[--n_crowd]);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), VZ_ELIMIT);
	n--;
	close(list[n].fd);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), VZ_ELIMIT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* The port is nobody's for a moment: false when a stranger on this machine took it meanwhile. */
static bool
again(const struct vz_listen_address *a)
{
	int r;

	n = 0;
	r = vz_listen_open(a, AF_UNSPEC, 0, list, &n);
	if (r == VZ_ESYSTEM && errno == EADDRINUSE)
		return false;
	assert_int_equal(r, 0);
	return true;
}

static bool
take_in_one_family_and_have_it_again(void)
{
	struct vz_listen_address a = host_address(have_v6 ? "::1" : "127.0.0.1", true);
	struct vz_listener taken[VZ_LISTEN_MAX];
	size_t n_taken = 0;
	int next = dup(0), after, near, far;

	close(next);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, taken, &n_taken), 0);
	a = port_address(port_of(&taken[0]));
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), VZ_ESYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(n, 0);
	vz_listen_close(taken, n_taken);
	after = dup(0);
	assert_int_equal(after, next);
	close(after);
	/* Just closed, with a connection behind it: SO_REUSEADDR lets it be had again. */
	if (!again(&a))
		return false;
	meet(&list[0], &near, &far);
	close(far); /* first, so that the wait of RFC 9293 3.6.1 is on the listener's port */
	close(near);
	vz_listen_close(list, n);
	return again(&a);
}

static void
a_port_that_is_taken_in_one_family_opens_none(void **state)
{
	int tries = 0;

	(void)state;
	while (!take_in_one_family_and_have_it_again())
		assert_true(++tries < 5);
}

static void
the_address_for_all_says_so_and_names_where_this_host_can_dial_it(void **state)
{
	struct vz_listen_address a = {.any = true};
	size_t i;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), 0);
	assert_true(n >= (have_v6 ? 2 : 1));
	for (i = 0; i < n; i++) {
		assert_true(list[i].wildcard);
		assert_false(list[i].loopback);
		assert_int_equal(port_of(&list[i]), port_of(&list[0]));
		/* :: can be bound where no interface has an address of that family */
		if (have_v6 || list[i].text[0] != '[')
			meet_and_part(&list[i]);
	}
}

static void
one_family_can_be_asked_for(void **state)
{
	struct vz_listen_address a = port_address(0), literal = host_address("127.0.0.1", true);

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_INET, 0, list, &n), 0);
	assert_int_equal(n, 1);
	if (have_v6) {
		assert_int_equal(vz_listen_open(&a, AF_INET6, 0, list, &n), 0);
		assert_int_equal(n, 2);
		assert_int_equal(list[1].text[0], '[');
	}
	assert_int_equal(vz_listen_open(&literal, AF_INET6, 0, list, &n), VZ_ENOTFOUND);
}

static void
names_are_resolved_and_unknown_ones_are_not_found(void **state)
{
	struct vz_listen_address a = host_address("localhost", false);
	size_t i;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), 0);
	assert_true(n >= 1);
	for (i = 0; i < n; i++) {
		assert_true(list[i].loopback);
		meet_and_part(&list[i]);
	}
	a = host_address("no-such-host.invalid", false);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), VZ_ENOTFOUND);
	a.relay = true;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), VZ_EINVAL);
	a = host_address("192.0.2.1", true); /* RFC 5737: nobody's, and not ours */
	i = n;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), VZ_ESYSTEM);
	assert_int_equal(errno, EADDRNOTAVAIL);
	assert_int_equal(n, i);
}

static void
an_accepted_socket_does_not_block_is_not_inherited_and_sends_at_once(void **state)
{
	struct vz_listen_address a = port_address(0);
	struct sockaddr_storage from;
	socklen_t len = sizeof(int);
	int near, far, on = 0;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_INET, 0, list, &n), 0);
	assert_int_equal(vz_listen_accept(list[0].fd, &from, &len), VZ_ESYSTEM);
	assert_int_equal(errno, EAGAIN);
	meet(&list[0], &near, &far);
	assert_true(fcntl(far, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(far, F_GETFD) & FD_CLOEXEC);
	len = sizeof(on);
	assert_int_equal(getsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_int_not_equal(on, 0);
	close(near);
	close(far);
}

static void
the_other_end_is_named_by_address_or_user(void **state)
{
	struct vz_listen_address a = port_address(0), u = unix_address(in_dir("s"));
	char text[300], want[64];
	int near, far;
	size_t i;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0, list, &n), 0);
	assert_int_equal(vz_listen_open(&u, AF_UNSPEC, 0600, list, &n), 0);
	for (i = 0; i < n; i++) {
		struct vz_sockaddr own = {.len = sizeof(own.u)};

		meet(&list[i], &near, &far);
		vz_listen_remote(far, text, sizeof(text));
		assert_int_equal(getsockname(near, &own.u.sa, &own.len), 0);
		if (i + 1 == n)
			snprintf(want, sizeof(want), "unix:uid=%lu", (unsigned long)getuid());
		else
			vz_sockaddr_text(&own, want, sizeof(want));
		assert_string_equal(text, want);
		close(near);
		close(far);
	}
	vz_listen_remote(list[0].fd, text, sizeof(text));
	assert_string_equal(text, "unknown");
	vz_listen_remote(-1, text, 4);
	assert_string_equal(text, "unk");
}

static void
an_address_mapped_into_ipv6_is_told_as_ipv4(void **state)
{
	struct vz_sockaddr a;
	char text[64];

	(void)state;
	assert_int_equal(vz_sockaddr_literal("::ffff:192.0.2.1", 5000, AF_UNSPEC, &a), 0);
	vz_sockaddr_unmap(&a);
	vz_sockaddr_text(&a, text, sizeof(text));
	assert_string_equal(text, "192.0.2.1:5000");
	assert_int_equal(vz_sockaddr_literal("2001:db8::1", 1, AF_UNSPEC, &a), 0);
	vz_sockaddr_unmap(&a);
	vz_sockaddr_text(&a, text, sizeof(text));
	assert_string_equal(text, "[2001:db8::1]:1");
	assert_int_equal(vz_sockaddr_literal("localhost", 1, AF_UNSPEC, &a), VZ_ENOTFOUND);
	assert_int_equal(vz_sockaddr_literal("127.1", 1, AF_UNSPEC, &a), VZ_ENOTFOUND);
	assert_int_equal(vz_sockaddr_literal("", 1, AF_UNSPEC, &a), VZ_ENOTFOUND);
}

/* Unix sockets */

static void
a_socket_file_has_its_mode_under_any_umask_and_goes_when_closed(void **state)
{
	static const mode_t masks[] = {0, 022, 077, 0777}, modes[] = {0600, 0660, 0666, 0777};
	struct vz_listen_address a = unix_address(in_dir("s"));
	struct stat st;
	size_t i, k;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			mode_t old = umask(masks[i]);

			assert_int_equal(vz_listen_open(&a, AF_UNSPEC, modes[k], list, &n), 0);
			assert_int_equal(umask(old), masks[i]);
			assert_int_equal(lstat(a.at.path, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[k]);
			assert_string_equal(list[0].text, a.at.path);
			assert_true(list[0].loopback);
			meet_and_part(&list[0]);
			vz_listen_close(list, n);
			n = 0;
			assert_int_equal(lstat(a.at.path, &st), -1);
		}
	}
}

static int
bind_only(const char *path, bool and_listen)
{
	struct vz_sockaddr at;
	int fd = vz_stream_socket(AF_UNIX);

	assert_int_equal(vz_sockaddr_unix(path, &at), 0);
	assert_int_equal(bind(fd, &at.u.sa, at.len), 0);
	if (and_listen)
		assert_int_equal(listen(fd, 0), 0);
	return fd;
}

static void
a_dead_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	struct vz_listen_address a = unix_address(in_dir("s"));
	struct vz_sockaddr at;
	int live, filler[8];
	size_t i;

	(void)state;
	close(bind_only(a.at.path, true));
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), 0);
	meet_and_part(&list[0]);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), VZ_EEXISTS);
	assert_int_equal(n, 1);
	/* the question that the second one asked */
	close(vz_listen_accept(list[0].fd, &(struct sockaddr_storage){0}, &(socklen_t){0}));
	meet_and_part(&list[0]);
	vz_listen_close(list, n);
	n = 0;

	/* One whose queue is full lives too. */
	live = bind_only(a.at.path, true);
	assert_int_equal(vz_sockaddr_unix(a.at.path, &at), 0);
	for (i = 0; i < 8; i++) {
		filler[i] = vz_stream_socket(AF_UNIX);
		if (connect(filler[i], &at.u.sa, at.len) != 0)
			assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), VZ_EEXISTS);
	for (i = 0; i < 8; i++)
		close(filler[i]);
	close(live);
	unlink(a.at.path);
}

static void
what_is_no_socket_is_left_alone(void **state)
{
	struct vz_listen_address a = unix_address(in_dir("s"));
	struct stat st;
	int fd;

	(void)state;
	fd = open(a.at.path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), VZ_EMODE);
	assert_int_equal(lstat(a.at.path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(a.at.path);
	assert_int_equal(symlink("nowhere", a.at.path), 0);
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), VZ_EMODE);
	assert_int_equal(unlink(a.at.path), 0);
	a = unix_address(in_dir("none/s"));
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(n, 0);
}

static void
a_socket_that_took_our_place_is_not_unlinked(void **state)
{
	struct vz_listen_address a = unix_address(in_dir("s"));
	struct stat st;
	int other;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, list, &n), 0);
	assert_int_equal(unlink(a.at.path), 0);
	other = bind_only(a.at.path, true);
	vz_listen_close(list, n);
	n = 0;
	assert_int_equal(lstat(a.at.path, &st), 0);
	close(other);
	unlink(a.at.path);
}

#define RACERS 6

/* Child of the race: waits for the start, tries, tells, and holds on until the race is over. */
static void
race(const char *path, int start, int told, int over)
{
	dev_t dev;
	ino_t ino;
	char c;
	int fd;

	if (read(start, &c, 1) != 0)
		_exit(1);
	c = vz_unix_listen(path, 0600, &fd, &dev, &ino) == 0 ? 'y' : 'n';
	if (write(told, &c, 1) != 1 || read(over, &c, 1) != 0)
		_exit(1);
	_exit(0);
}

static void
of_many_that_find_a_dead_socket_at_one_moment_one_listens(void **state)
{
	char path[VZ_PATH_MAX + 1], c;
	int start[2], told[2], over[2], round, i, won;

	(void)state;
	strlcpy(path, in_dir("s"), sizeof(path));
	for (round = 0; round < 20; round++) {
		close(bind_only(path, true));
		assert_true(pipe(start) == 0 && pipe(told) == 0 && pipe(over) == 0);
		for (i = 0; i < RACERS; i++) {
			if (fork() == 0) {
				close(start[1]);
				close(over[1]);
				race(path, start[0], told[1], over[0]);
			}
		}
		close(start[1]);
		for (i = won = 0; i < RACERS; i++) {
			assert_int_equal(read(told[0], &c, 1), 1);
			won += c == 'y';
		}
		assert_int_equal(won, 1);
		close(over[1]);
		for (i = 0; i < RACERS; i++)
			assert_true(wait(NULL) > 0);
		close(start[0]);
		close(told[0]);
		close(told[1]);
		close(over[0]);
		unlink(path);
	}
}

static void
who_finds_a_dead_socket_waits_for_another_that_is_replacing_it(void **state)
{
	int start[2], told[2], over[2], lock, live;
	char path[VZ_PATH_MAX + 1], c;
	struct pollfd p;
	pid_t pid;

	(void)state;
	strlcpy(path, in_dir("s"), sizeof(path));
	close(bind_only(path, true));
	assert_true(pipe(start) == 0 && pipe(told) == 0 && pipe(over) == 0);
	assert_true((lock = open(dir, O_RDONLY | O_CLOEXEC)) >= 0);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	if ((pid = fork()) == 0) {
		close(lock);
		close(start[1]);
		close(over[1]);
		race(path, start[0], told[1], over[0]);
	}
	close(start[1]);
	p = (struct pollfd){.fd = told[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 50), 0);
	unlink(path);
	live = bind_only(path, true);
	close(lock);
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_int_equal(c, 'n');
	close(over[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(start[0]);
	close(told[0]);
	close(told[1]);
	close(over[0]);
	close(live);
	unlink(path);
}

/* Inherited sockets: in a child, since their numbers are given. */

static int
inherited(int first, int second, const char *pid, const char *fds, size_t *count, bool *ok)
{
	char own[16];
	int r;

	*count = 0;
	if (dup2(first, 3) != 3 || dup2(second, 4) != 4)
		_exit(99);
	if (pid == NULL) {
		snprintf(own, sizeof(own), "%d", (int)getpid());
		pid = own;
	}
	r = vz_listen_inherit(pid, fds, list, count);
	*ok = *count == 2 && list[0].fd == 3 && list[1].fd == 4 &&
	    (fcntl(3, F_GETFL) & O_NONBLOCK) && (fcntl(3, F_GETFD) & FD_CLOEXEC) &&
	    list[0].path[0] == '\0' && list[1].path[0] == '\0';
	return r;
}

/* 0..: what vz_listen_inherit gave, negated; 100 + count when it was 0; 200 when all is as it
 * should be with two. */
static int
inherit_in_child(int first, int second, const char *pid, const char *fds)
{
	pid_t child = fork();
	size_t count;
	int status;
	bool ok;

	if (child == 0) {
		int f = fcntl(first, F_DUPFD, 20), s = fcntl(second, F_DUPFD, 20);
		int r = inherited(f, s, pid, fds, &count, &ok);

		_exit(r != 0 ? -r : ok ? 200 : 100 + (int)count);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
sockets_of_a_service_manager_are_taken_when_they_are_for_us_and_listen(void **state)
{
	struct vz_listen_address u = unix_address(in_dir("s"));
	int tcp = socket(AF_INET, SOCK_STREAM, 0), plain = socket(AF_INET, SOCK_STREAM, 0), un;

	(void)state;
	assert_int_equal(listen(tcp, 5), 0); /* binds by itself */
	un = bind_only(u.at.path, true);
	assert_int_equal(inherit_in_child(tcp, un, NULL, "2"), 200);
	assert_int_equal(inherit_in_child(tcp, un, NULL, "1"), 101);
	assert_int_equal(inherit_in_child(tcp, un, NULL, "0"), 100);
	assert_int_equal(inherit_in_child(tcp, un, "1", "2"), 100);
	assert_int_equal(inherit_in_child(tcp, plain, NULL, "2"), -VZ_EMODE);
	assert_int_equal(inherit_in_child(tcp, 0, NULL, "2"), -VZ_EMODE);
	assert_int_equal(inherit_in_child(tcp, un, NULL, "33"), -VZ_ELIMIT);
	assert_int_equal(inherit_in_child(tcp, un, NULL, "99999999999999"), -VZ_EFORMAT);
	assert_int_equal(inherit_in_child(tcp, un, NULL, "-1"), -VZ_EFORMAT);
	assert_int_equal(inherit_in_child(tcp, un, NULL, ""), -VZ_EFORMAT);
	assert_int_equal(inherit_in_child(tcp, un, "x", "2"), -VZ_EFORMAT);
	assert_int_equal(vz_listen_inherit(NULL, "2", list, &n), 0);
	assert_int_equal(vz_listen_inherit("2", NULL, list, &n), 0);
	assert_int_equal(n, 0);
	close(tcp);
	close(plain);
	close(un);
	unlink(u.at.path);
}

/* Readiness */

static void
hears_ready(const struct vz_sockaddr *at, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	char got[32] = "";

	assert_int_equal(bind(fd, &at->u.sa, at->len), 0);
	assert_int_equal(vz_notify(name, VZ_NOTIFY_READY), 0);
	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), strlen("READY=1"));
	assert_string_equal(got, "READY=1");
	close(fd);
}

static void
the_service_manager_hears_of_readiness_by_path_or_abstract_name(void **state)
{
	struct vz_sockaddr at;
	char name[32], path[200];

	(void)state;
	strlcpy(path, in_dir("n"), sizeof(path));
	assert_int_equal(vz_sockaddr_unix(path, &at), 0);
	hears_ready(&at, path);
	unlink(path);
	snprintf(name, sizeof(name), "@vz-test-%d", (int)getpid());
	assert_int_equal(vz_sockaddr_unix(name, &at), 0);
	at.u.un.sun_path[0] = '\0';
	at.len--;
	hears_ready(&at, name);
	assert_int_equal(vz_notify(NULL, VZ_NOTIFY_READY), 0);
	assert_int_equal(vz_notify("", VZ_NOTIFY_READY), 0);
	assert_int_equal(vz_notify("vsock:2:1", VZ_NOTIFY_READY), VZ_EFORMAT);
	assert_int_equal(vz_notify(path, VZ_NOTIFY_READY), VZ_ESYSTEM);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(vz_notify(path, VZ_NOTIFY_READY), VZ_ELIMIT);
}

static void
a_shared_port_is_for_those_who_share_it(void **state)
{
	struct vz_listen_address a = host_address("127.0.0.1", true);
	struct vz_listener other[VZ_LISTEN_MAX];
	size_t n_other = 0;

	(void)state;
	assert_int_equal(vz_listen_open_shared(&a, AF_INET, 0, list, &n), 0);
	assert_true(list[0].shared);
	a.at.port = port_of(&list[0]);
	assert_int_equal(vz_listen_open(&a, AF_INET, 0, other, &n_other), VZ_ESYSTEM);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(vz_listen_open_shared(&a, AF_INET, 0, other, &n_other), 0);
	assert_int_equal(port_of(&other[0]), port_of(&list[0]));
	vz_listen_close(other, n_other);
	meet_and_part(&list[0]);
}

/* The second it takes is the kernel's, between a SYN that nobody answered and the next. */
static void
who_is_turned_away_finds_the_next_listener_and_who_is_in_the_queue_stays(void **state)
{
	struct vz_listen_address a = host_address("127.0.0.1", true);
	struct vz_listener old;
	struct pollfd p = {.events = POLLIN};
	struct sockaddr_storage from;
	int first, second, got;
	socklen_t len;

	(void)state;
	assert_int_equal(vz_listen_open_shared(&a, AF_INET, 0, list, &n), 0);
	a.at.port = port_of(&list[0]);
	first = call(a.at.port);
	assert_int_equal(vz_turn_away(list[0].fd), 0);
	second = call(a.at.port);
	got = vz_listen_accept(list[0].fd, &from, &len);
	assert_true(got >= 0);
	assert_int_equal(send(first, "x", 1, 0), 1);
	p.fd = got;
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(vz_listen_accept(list[0].fd, &from, &len), VZ_ESYSTEM);
	assert_int_equal(errno, EAGAIN);
	old = list[0];
	n = 0;
	assert_int_equal(vz_listen_open_shared(&a, AF_INET, 0, list, &n), 0);
	vz_listen_close(&old, 1);
	p = (struct pollfd){.fd = second, .events = POLLOUT};
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(send(second, "x", 1, MSG_NOSIGNAL), 1);
	close(got);
	got = vz_listen_accept(list[0].fd, &from, &len);
	assert_true(got >= 0);
	close(got);
	close(first);
	close(second);
}

static void
a_unix_socket_loses_its_name_to_the_next_and_keeps_who_has_come(void **state)
{
	struct vz_listen_address a = unix_address(in_dir("s"));
	struct vz_listener old[VZ_LISTEN_MAX];
	struct sockaddr_storage from;
	struct vz_sockaddr to;
	size_t n_old = 0;
	int early, got;
	socklen_t len;

	(void)state;
	assert_int_equal(vz_listen_open(&a, AF_UNSPEC, 0600, old, &n_old), 0);
	early = vz_stream_socket(AF_UNIX);
	assert_int_equal(vz_sockaddr_unix(a.at.path, &to), 0);
	assert_int_equal(connect(early, &to.u.sa, to.len), 0);
	assert_int_equal(vz_listen_open_shared(&a, AF_UNSPEC, 0600, list, &n), 0);
	meet_and_part(&list[0]);
	got = vz_listen_accept(old[0].fd, &from, &len);
	assert_true(got >= 0);
	close(got);
	close(early);
	/* Its name is not its own any more. */
	vz_listen_close(old, n_old);
	meet_and_part(&list[0]);
}

static void
a_pipe_grows_to_what_is_asked_or_tells_what_it_has(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(vz_pipe(p, O_NONBLOCK), 0);
	assert_true(fcntl(p[0], F_GETFL) & fcntl(p[1], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(p[0], F_GETFD) & fcntl(p[1], F_GETFD) & FD_CLOEXEC);
#ifdef F_SETPIPE_SZ
	assert_true(vz_pipe_grow(p[1], 1 << 17) >= 1 << 16);
	assert_true(vz_pipe_grow(p[1], SIZE_MAX) >= 1 << 16);
#endif
	assert_int_equal(vz_pipe_grow(-1, 4096), 0);
	close(p[0]);
	close(p[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_picked_port_is_the_same_in_both_families_and_both_answer),
	    T(picks_that_clash_in_one_family_are_made_again),
	    T(a_port_that_is_taken_in_one_family_opens_none),
	    T(the_address_for_all_says_so_and_names_where_this_host_can_dial_it),
	    T(one_family_can_be_asked_for),
	    T(names_are_resolved_and_unknown_ones_are_not_found),
	    T(an_accepted_socket_does_not_block_is_not_inherited_and_sends_at_once),
	    T(the_other_end_is_named_by_address_or_user),
	    T(an_address_mapped_into_ipv6_is_told_as_ipv4),
	    T(a_socket_file_has_its_mode_under_any_umask_and_goes_when_closed),
	    T(a_dead_socket_is_replaced_and_a_live_one_is_not),
	    T(what_is_no_socket_is_left_alone),
	    T(a_socket_that_took_our_place_is_not_unlinked),
	    T(of_many_that_find_a_dead_socket_at_one_moment_one_listens),
	    T(who_finds_a_dead_socket_waits_for_another_that_is_replacing_it),
	    T(sockets_of_a_service_manager_are_taken_when_they_are_for_us_and_listen),
	    T(the_service_manager_hears_of_readiness_by_path_or_abstract_name),
	    T(a_shared_port_is_for_those_who_share_it),
	    T(who_is_turned_away_finds_the_next_listener_and_who_is_in_the_queue_stays),
	    T(a_unix_socket_loses_its_name_to_the_next_and_keeps_who_has_come),
	    T(a_pipe_grows_to_what_is_asked_or_tells_what_it_has),
	};

	return cmocka_run_group_tests_name("listen", tests, find_v6, NULL);
}
