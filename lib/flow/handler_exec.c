#include "flow/handler_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/err.h"
#include "flow/spawn.h"
#include "net/loop.h"
#include "net/sockopt.h"

#define PIPE_SIZE   (256 * 1024)
#define PATH_IF_NOT "/usr/local/bin:/usr/bin:/bin"
#define REPORT      3 /* where the child says why it could not execute */

static const char *
path_of(char *const envp[])
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return PATH_IF_NOT;
}

/* POSIX 8.3: an empty prefix is the current folder. Returns when nothing could be executed; errno
 * prefers a file that was there over those that were not. */
static void
execute(char *const argv[], char *const envp[])
{
	const char *dir = path_of(envp);
	size_t len = strlen(argv[0]);
	int why = ENOENT;

	if (len == 0 || strchr(argv[0], '/') != NULL) {
		execve(argv[0], argv, envp);
		return;
	}
	for (;;) {
		size_t n = strcspn(dir, ":");
		char file[PATH_MAX];

		if (n + len + 2 <= sizeof(file)) {
			memcpy(file, dir, n);
			memcpy(file + n, "/", 1);
			memcpy(file + n + (n > 0), argv[0], len + 1);
			execve(file, argv, envp);
			if (errno == EACCES)
				why = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		if (dir[n] == '\0')
			break;
		dir += n + 1;
	}
	errno = why;
}

/* Away from the places where they are to go, whatever was closed when we began. */
static int
aside(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, REPORT + 1);
}

static bool
arrange(int in, int out, int null, int *report)
{
	int r = aside(*report);

	if (r >= 0)
		*report = r;
	in = aside(in);
	out = aside(out);
	null = aside(null);
	if (r < 0 || in < 0 || out < 0 || null < 0)
		return false;
	if (dup2(r, REPORT) < 0 || fcntl(REPORT, F_SETFD, FD_CLOEXEC) != 0)
		return false;
	*report = REPORT;
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		return false;
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		return false;
	closefrom(REPORT + 1);
	return true;
}

_Noreturn static void
become(char *const argv[], char *const envp[], int in, int out, int null, int report)
{
#ifdef __linux__
	/* Should the starter be killed, nobody is left who keeps law 1. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	setpgid(0, 0); /* before the exec, which is awaited: nobody meets it outside of its group */
	vz_signal_reset();
	if (arrange(in, out, null, &report))
		execute(argv, envp);
	vz_spawn_failed(report);
}

static void
close_all(int fds[static 6])
{
	int saved = errno;

	for (int i = 0; i < 6; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	errno = saved;
}

int
vz_handler_exec(
    char *const argv[], char *const envp[], int null, bool reply, pid_t *pid, int *in, int *out)
{
	int fds[6] = {-1, -1, -1, -1, -1, -1}, err, why;
	int *to = fds, *from = fds + 2, *report = fds + 4;
	sigset_t mask;

	*pid = -1;
	*in = *out = -1;
	if ((err = vz_pipe(to, 0)) != 0 || (err = vz_pipe(report, 0)) != 0 ||
	    (reply && (err = vz_pipe(from, 0)) != 0))
		goto done;
	err = VZ_ESYSTEM;
	if (fcntl(to[1], F_SETFL, O_NONBLOCK) != 0 ||
	    (reply && fcntl(from[0], F_SETFL, O_NONBLOCK) != 0) ||
	    (*pid = vz_spawn_fork(&mask)) < 0)
		goto done;
	if (*pid == 0)
		become(argv, envp, to[0], reply ? from[1] : null, null, report[1]);
	close(report[1]);
	report[1] = -1;
	why = vz_spawn_errno(report[0], *pid);
	if (why != 0) {
		*pid = -1;
		errno = why;
		goto done;
	}
	*in = to[1];
	*out = from[0];
	to[1] = from[0] = -1; /* moved */
	vz_pipe_grow(*in, PIPE_SIZE);
	if (reply)
		vz_pipe_grow(*out, PIPE_SIZE);
	err = 0;
done:
	close_all(fds);
	return err;
}
