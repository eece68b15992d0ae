/* The process that looks names up, and what it cannot do, proved by trying: lib/net/resolver behind
 * what lib/guard/sandbox leaves for names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/err.h"
#include "guard/sandbox.h"
#include "net/resolve.h"
#include "net/resolver.h"
#include "tempdir.h"

#define MISSING 77

#define W(word) ((char *)(uintptr_t)(word))

/* What the processes share: where a promise was broken, and what is in force. */
struct shared {
	int line, error;
	struct vz_sandbox_state layers;
};

static struct tempdir dir;
static char secret[1100], fresh[1100];
static uint16_t port; /* where somebody listens */
static struct shared *all;

#define CHECK(what)                           \
	do {                                  \
		if (!(what)) {                \
			all->line = __LINE__; \
			all->error = errno;   \
			return EAI_FAIL;      \
		}                             \
	} while (0)
#define REFUSED(call, why) CHECK((errno = 0, (call) < 0) && errno == (why))

static int
set_up(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd;

	(void)state;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED || tempdir_make(&dir) != 0)
		return -1;
	snprintf(secret, sizeof(secret), "%s/secret", dir.dir);
	snprintf(fresh, sizeof(fresh), "%s/fresh", dir.dir);
	if ((fd = open(secret, O_WRONLY | O_CREAT, 0600)) < 0 || close(fd) != 0)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 4) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0)
		return -1;
	port = ntohs(at.sin_port);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tempdir_remove(&dir);
	return 0;
}

static void
enter(void *arg)
{
	struct vz_sandbox s = {0};

	(void)arg;
	if (vz_sandbox_names(&s) != 0)
		_exit(1);
	vz_sandbox_begin(&all->layers);
	vz_sandbox_close(&s, &all->layers);
	vz_sandbox_free(&s);
}

/* A process with a resolver of its own that runs `fn`: what came of it. Leaves the test where a
 * layer is not to be had. */
static int
resolved_by(vz_resolver_fn *fn)
{
	struct vz_sockaddr list[VZ_RESOLVE_MAX];
	int status;
	size_t n;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		vz_resolve_use(fn);
		if (vz_resolver_split(enter, NULL) != 0)
			_exit(1);
		status = vz_resolve_wait("localhost", 1, AF_UNSPEC, 20000, list, &n);
		if (all->layers.missing[VZ_LAYER_LANDLOCK] || all->layers.missing[VZ_LAYER_SECCOMP])
			_exit(MISSING);
		_exit(status == 0 && n > 0 ? 0 : -status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == MISSING)
		skip();
	if (all->line != 0)
		fail_msg("line %d: %s", all->line, strerror(all->error));
	return -WEXITSTATUS(status);
}

static void
behind_its_sandbox_the_systems_resolver_finds_localhost(void **state)
{
	(void)state;
	assert_int_equal(resolved_by(NULL), 0);
}

static int
try_files(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	CHECK(open("/etc/passwd", O_RDONLY) >= 0);
	REFUSED(open(secret, O_RDONLY), EACCES);
	REFUSED(open("/proc/self/environ", O_RDONLY), EACCES);
	REFUSED(open(secret, O_WRONLY), EPERM);
	REFUSED(open(secret, O_RDONLY | O_TRUNC), EPERM);
	REFUSED(open(fresh, O_RDWR | O_CREAT, 0600), EPERM);
	REFUSED(open("/dev/null", O_WRONLY), EPERM);
	REFUSED(unlink(secret), EPERM);
	REFUSED(rename(secret, fresh), EPERM);
	REFUSED(mkdir(fresh, 0700), EPERM);
	REFUSED(chmod(secret, 0666), EPERM);
	return getaddrinfo(host, service, hints, res);
}

static void
it_reads_no_file_but_the_systems_and_writes_none(void **state)
{
	(void)state;
	assert_int_equal(resolved_by(try_files), 0);
}

static int
connected(int type, uint16_t to)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(to)};
	int fd = socket(AF_INET, type, 0);

	return fd < 0 ? fd : connect(fd, (struct sockaddr *)&at, sizeof(at));
}

static int
try_sockets(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	CHECK(connected(SOCK_DGRAM, 53) == 0);
	CHECK(connected(SOCK_STREAM, 53) == 0 || errno == ECONNREFUSED);
	if (all->layers.landlock >= 4)
		REFUSED(connected(SOCK_STREAM, port), EACCES);
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
	REFUSED(listen(socket(AF_INET, SOCK_STREAM, 0), 1), EPERM);
	return getaddrinfo(host, service, hints, res);
}

static void
it_asks_name_servers_and_connects_to_nothing_else_by_tcp(void **state)
{
	(void)state;
	assert_int_equal(resolved_by(try_sockets), 0);
}

static int
try_processes(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	REFUSED(kill(getppid(), SIGCONT), EPERM);
	REFUSED(unshare(CLONE_NEWUSER), EPERM);
	REFUSED(setuid(1), EPERM);
	return getaddrinfo(host, service, hints, res);
}

static int
execute(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	char *const argv[] = {W("touch"), fresh, NULL};

	execve("/usr/bin/touch", argv, argv + 2);
	return getaddrinfo(host, service, hints, res);
}

static void
it_signals_nobody_and_dies_when_it_executes(void **state)
{
	(void)state;
	assert_int_equal(resolved_by(try_processes), 0);
	assert_int_equal(resolved_by(execute), VZ_ESYSTEM);
	assert_int_equal(access(fresh, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(behind_its_sandbox_the_systems_resolver_finds_localhost),
	    cmocka_unit_test(it_reads_no_file_but_the_systems_and_writes_none),
	    cmocka_unit_test(it_asks_name_servers_and_connects_to_nothing_else_by_tcp),
	    cmocka_unit_test(it_signals_nobody_and_dies_when_it_executes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
