#include "net/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/err.h"
#include "base/fsutil.h"
#include "net/fdpass.h"
#include "net/loop.h"

#define HOST_MAX 256
#define OURS     3 /* the server's end */

struct question {
	uint64_t ms;
	int32_t family;
	char host[HOST_MAX];
};

static int server = -1;

/* One child a question: getaddrinfo(3) cannot be bounded nor stopped otherwise. */
static void
answer(const struct question *q, int out)
{
	if (fork() == 0) {
#ifdef __linux__
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() == 1)
			_exit(1);
#endif
		vz_resolver_child(q->host, q->family, q->ms, out);
	}
	close(out); /* without an answer, when there was no child: that is one */
}

/* Until the other end is closed. The keyboard's signals, and questions how it is going, are for our
 * parent to heed. */
_Noreturn static void
serve(int fd, void (*enter)(void *arg), void *arg)
{
	static const int deaf[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGPIPE, SIGUSR1};
	struct question q;
	int null, out;

	vz_signal_reset();
	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		signal(deaf[i], SIG_IGN);
	if (fd != OURS && dup2(fd, OURS) < 0)
		_exit(1);
	closefrom(OURS + 1);
	if ((null = vz_fs_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0)) >= 0)
		for (int i = 0; i < OURS; i++)
			dup2(null, i);
#ifdef __linux__
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
	if (enter != NULL)
		enter(arg);
	while (vz_fdpass_get(OURS, &q, sizeof(q), &out, 1) == (ssize_t)sizeof(q)) {
		if (out < 0)
			continue;
		q.host[HOST_MAX - 1] = '\0';
		answer(&q, out);
	}
	_exit(0);
}

int
vz_resolver_split(void (*enter)(void *arg), void *arg)
{
	sigset_t all, old;
	int s[2], saved;
	pid_t pid;

	if (server >= 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) != 0)
		return VZ_ESYSTEM;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if ((pid = fork()) == 0)
		serve(s[1], enter, arg);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(s[1]);
	if (pid < 0) {
		close(s[0]);
		errno = saved;
		return VZ_ESYSTEM;
	}
	server = s[0];
	return 0;
}

bool
vz_resolver_is_split(void)
{
	return server >= 0;
}

int
vz_resolver_ask(const char *host, int family, uint64_t ms, int out)
{
	struct question q = {.ms = ms, .family = family};

	if (strlcpy(q.host, host, sizeof(q.host)) >= sizeof(q.host))
		return VZ_ELIMIT;
	return vz_fdpass_put(server, &q, sizeof(q), &out, 1);
}
