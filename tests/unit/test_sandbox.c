/* What a closed sandbox keeps its process from, proved by trying: lib/guard/sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "guard/sandbox.h"
#include "tempdir.h"

#define MISSING 77
#define ALIVE   78

#define W(word) ((char *)(uintptr_t)(word))

static struct tempdir dir;
static char inside[1024], outside[1024], file[1100], other[1100];

/* In the child: the line tells which one it was. */
#define CHECK(what)                                                                          \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #what, errno); \
			_exit(1);                                                            \
		}                                                                            \
	} while (0)
#define REFUSED(call, why) CHECK((errno = 0, (call) < 0) && errno == (why))

static int
set_up(void **state)
{
	(void)state;
	if (tempdir_make(&dir) != 0)
		return -1;
	snprintf(inside, sizeof(inside), "%s/inside", dir.dir);
	snprintf(outside, sizeof(outside), "%s/outside", dir.dir);
	snprintf(file, sizeof(file), "%s/file", inside);
	snprintf(other, sizeof(other), "%s/file", outside);
	if (mkdir(inside, 0700) != 0 || mkdir(outside, 0700) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		int fd = open(i ? file : other, O_WRONLY | O_CREAT, 0600);

		if (fd < 0)
			return -1;
		close(fd);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tempdir_remove(&dir);
	return 0;
}

/* Closes it in this process; leaves the test when the layer is not to be had here. */
static void
close_it(struct vz_sandbox *s, enum vz_sandbox_layer layer)
{
	struct vz_sandbox_state st;

	vz_sandbox_begin(&st);
	vz_sandbox_close(s, &st);
	vz_sandbox_free(s);
	if (st.missing[layer] != NULL)
		_exit(MISSING);
}

/* Runs fn in a child: it returns, or leaves by CHECK. */
static int
in_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == MISSING)
		skip();
	return status;
}

static void
passes(void (*fn)(void))
{
	assert_int_equal(in_child(fn), 0);
}

/* Dies of SIGSYS, which nobody can catch here. */
static void
is_killed(void (*fn)(void))
{
	int status = in_child(fn);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* Files. */

static void
read_one_folder(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_LISTEN};
	int before = open(other, O_RDONLY);
	char c;

	CHECK(vz_sandbox_path(&s, inside, VZ_SANDBOX_READ) == 0);
	close_it(&s, VZ_LAYER_LANDLOCK);
	CHECK(open(file, O_RDONLY) >= 0);
	CHECK(open(inside, O_RDONLY | O_DIRECTORY) >= 0);
	REFUSED(open(other, O_RDONLY), EACCES);
	REFUSED(open("/etc/passwd", O_RDONLY), EACCES);
	REFUSED(open("/", O_RDONLY | O_DIRECTORY), EACCES);
	REFUSED(open("/proc/self/environ", O_RDONLY), EACCES);
	REFUSED(open(file, O_WRONLY), EACCES);
	REFUSED(unlink(file), EACCES);
	CHECK(read(before, &c, 1) == 0); /* what was open stays open */
}

static void
nothing_outside_of_what_is_left_can_be_opened(void **state)
{
	(void)state;
	passes(read_one_folder);
}

static void
write_one_folder(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_LISTEN};
	char fresh[1100], named[1100], away[1100];

	snprintf(fresh, sizeof(fresh), "%s/fresh", inside);
	snprintf(named, sizeof(named), "%s/named", inside);
	snprintf(away, sizeof(away), "%s/away", outside);
	CHECK(vz_sandbox_path(&s, inside, VZ_SANDBOX_WRITE | VZ_SANDBOX_TAKE) == 0);
	close_it(&s, VZ_LAYER_LANDLOCK);
	CHECK(open(fresh, O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0);
	CHECK(rename(fresh, named) == 0);
	REFUSED(rename(named, away), EACCES);
	REFUSED(open(away, O_WRONLY | O_CREAT, 0600), EACCES);
	REFUSED(open(file, O_RDONLY), EACCES);
	CHECK(symlink("/", fresh) < 0);
	CHECK(unlink(named) == 0);
}

static void
files_are_made_and_removed_only_where_that_is_left(void **state)
{
	(void)state;
	passes(write_one_folder);
}

/* Executing, and other processes. */

static void
close_listener(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_LISTEN};

	close_it(&s, VZ_LAYER_SECCOMP);
}

static void
execute(void)
{
	char *const argv[] = {W("true"), NULL};

	close_listener();
	execve("/bin/true", argv, argv + 1);
}

static void
execute_at(void)
{
	char *const argv[] = {W("true"), NULL};
	int fd = open("/bin/true", O_RDONLY);

	close_listener();
	syscall(SYS_execveat, fd, "", argv, argv + 1, AT_EMPTY_PATH);
}

static void
trace(void)
{
	close_listener();
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void
read_another(void)
{
	char c, *at = &c;
	struct iovec v = {&c, 1}, there = {at, 1};

	close_listener();
	(void)process_vm_readv(getppid(), &v, 1, &there, 1, 0);
}

static void
whoever_executes_or_reaches_into_a_process_is_killed(void **state)
{
	(void)state;
	is_killed(execute);
	is_killed(execute_at);
	is_killed(trace);
	is_killed(read_another);
}

static void
fork_and_more(void)
{
	close_listener();
	REFUSED(fork(), EPERM);
	REFUSED(kill(getppid(), SIGCONT), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
	REFUSED(chmod("/", 0700), EPERM);
	REFUSED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), EPERM);
	REFUSED(setuid(1), EPERM);
}

static void
a_listener_neither_forks_nor_signals_nor_connects(void **state)
{
	(void)state;
	passes(fork_and_more);
}

static void
map_code(enum vz_sandbox_filter filter, int library)
{
	struct vz_sandbox s = {.filter = filter};
	int fd = open("/bin/true", O_RDONLY);
	void *p;

	close_it(&s, VZ_LAYER_SECCOMP);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	REFUSED(mprotect(p, 4096, PROT_READ | PROT_EXEC), EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	CHECK((p != MAP_FAILED) == library);
}

static void
map_strictly(void)
{
	map_code(VZ_SANDBOX_SEND, 0);
}

static void
map_late(void)
{
	map_code(VZ_SANDBOX_SEND_LATE, 1);
}

static void
no_memory_becomes_code_but_a_librarys_where_that_is_left(void **state)
{
	(void)state;
	passes(map_strictly);
	passes(map_late);
}

/* The network. */

static uint16_t
listening(int *fd)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(*fd >= 0 && bind(*fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(*fd, 4) == 0 && getsockname(*fd, (struct sockaddr *)&at, &len) == 0);
	return ntohs(at.sin_port);
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&at, sizeof(at));
}

static void
connect_by_port(enum vz_sandbox_filter filter)
{
	struct vz_sandbox s = {.filter = filter};
	struct vz_sandbox_state st;
	int a, b;
	uint16_t left = listening(&a), taken = listening(&b);

	CHECK(vz_sandbox_port(&s, left) == 0);
	vz_sandbox_begin(&st);
	vz_sandbox_close(&s, &st);
	if (st.landlock < 4)
		_exit(MISSING);
	CHECK(connect_to(left) == 0);
	REFUSED(connect_to(taken), EACCES);
}

static void
send_by_port(void)
{
	connect_by_port(VZ_SANDBOX_SEND);
}

static void
a_sender_connects_to_its_destinations_ports_only(void **state)
{
	(void)state;
	passes(send_by_port);
}

static void
listen_at_relay(void)
{
	connect_by_port(VZ_SANDBOX_LISTEN_AT);
}

static void
fork_at_relay(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_LISTEN_AT};

	close_it(&s, VZ_LAYER_SECCOMP);
	REFUSED(fork(), EPERM);
	REFUSED(kill(getppid(), SIGCONT), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
}

static void
a_listener_at_a_relay_connects_to_its_port_and_does_no_more_than_others(void **state)
{
	(void)state;
	passes(fork_at_relay);
	passes(listen_at_relay);
}

static int there;

static void *
in_thread(void *arg)
{
	(void)arg;
	there = open(file, O_RDWR);
	REFUSED(open(other, O_RDONLY), EACCES);
	REFUSED(fork(), EPERM);
	return NULL;
}

/* What its store does is done in a thread that begins when all is closed. */
static void
begin_thread(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_RELAY};
	pthread_t t;

	CHECK(vz_sandbox_path(&s, inside, VZ_SANDBOX_READ | VZ_SANDBOX_WRITE) == 0);
	close_it(&s, VZ_LAYER_SECCOMP);
	CHECK(pthread_create(&t, NULL, in_thread, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK(there >= 0);
}

static void
reach_out_of_relay(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_RELAY};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1)};
	int before = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	close_it(&s, VZ_LAYER_SECCOMP);
	REFUSED(open(other, O_RDONLY), EACCES);
	REFUSED(connect(before, (struct sockaddr *)&to, sizeof(to)), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(fork(), EPERM);
	REFUSED(kill(getppid(), SIGCONT), EPERM);
}

static void
execute_in_relay(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_RELAY};
	char *argv[] = {W("true"), NULL};

	close_it(&s, VZ_LAYER_SECCOMP);
	execv("/bin/true", argv);
}

static void
a_relay_begins_threads_and_neither_opens_connects_forks_nor_executes(void **state)
{
	(void)state;
	passes(begin_thread);
	passes(reach_out_of_relay);
	is_killed(execute_in_relay);
}

static void
signal_others(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_SEND};
	struct vz_sandbox_state st;

	vz_sandbox_begin(&st);
	vz_sandbox_close(&s, &st);
	if (st.landlock < 6)
		_exit(MISSING);
	CHECK(st.signals);
	REFUSED(kill(getppid(), SIGCONT), EPERM);
	CHECK(kill(getpid(), SIGCONT) == 0 || errno == EPERM);
}

static void
signal_own_command(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_SEND, .signals = true};

	close_it(&s, VZ_LAYER_SECCOMP);
	CHECK(kill(getppid(), SIGCONT) == 0);
}

static void
a_sender_signals_nobody_unless_it_has_a_command(void **state)
{
	(void)state;
	passes(signal_own_command);
	passes(signal_others);
}

/* The rest. */

static void
look_at_ourselves(void)
{
	struct vz_sandbox s = {.filter = VZ_SANDBOX_SEND};
	struct vz_sandbox_state st;
	struct rlimit core;

	vz_sandbox_begin(&st);
	if (st.missing[VZ_LAYER_CORE] != NULL)
		_exit(MISSING);
	CHECK(st.missing[VZ_LAYER_SECCOMP] != NULL && st.missing[VZ_LAYER_LANDLOCK] != NULL);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0);
	st.missing[VZ_LAYER_PRIVILEGES] = "";
	vz_sandbox_close(&s, &st);
	CHECK(st.missing[VZ_LAYER_PRIVILEGES] == NULL);
}

static void
dumps_end_at_the_beginning_and_privileges_at_the_close(void **state)
{
	(void)state;
	passes(look_at_ourselves);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_outside_of_what_is_left_can_be_opened),
	    cmocka_unit_test(files_are_made_and_removed_only_where_that_is_left),
	    cmocka_unit_test(whoever_executes_or_reaches_into_a_process_is_killed),
	    cmocka_unit_test(a_listener_neither_forks_nor_signals_nor_connects),
	    cmocka_unit_test(a_relay_begins_threads_and_neither_opens_connects_forks_nor_executes),
	    cmocka_unit_test(no_memory_becomes_code_but_a_librarys_where_that_is_left),
	    cmocka_unit_test(a_sender_connects_to_its_destinations_ports_only),
	    cmocka_unit_test(
		a_listener_at_a_relay_connects_to_its_port_and_does_no_more_than_others),
	    cmocka_unit_test(a_sender_signals_nobody_unless_it_has_a_command),
	    cmocka_unit_test(dumps_end_at_the_beginning_and_privileges_at_the_close),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
