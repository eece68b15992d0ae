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
#define REPORT      (VZ_RUN_PROOF_FD + 1) /* where the child says why it could not execute */

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

/* The child's ends: what it has not is `null`, or for the proof nothing. */
static bool
arrange(const int ends[static VZ_RUN_FDS], int null, int *report)
{
	int r = aside(*report), in, out, proof;

	if (r >= 0)
		*report = r;
	in = aside(ends[VZ_RUN_IN]);
	out = aside(ends[VZ_RUN_OUT] >= 0 ? ends[VZ_RUN_OUT] : null);
	null = aside(null);
	proof = ends[VZ_RUN_PROOFS] >= 0 ? aside(ends[VZ_RUN_PROOFS]) : -1;
	if (r < 0 || in < 0 || out < 0 || null < 0 || (ends[VZ_RUN_PROOFS] >= 0 && proof < 0))
		return false;
	if (dup2(r, REPORT) < 0 || fcntl(REPORT, F_SETFD, FD_CLOEXEC) != 0)
		return false;
	*report = REPORT;
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		return false;
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		return false;
	if (proof < 0)
		close(VZ_RUN_PROOF_FD);
	else if (dup2(proof, VZ_RUN_PROOF_FD) < 0)
		return false;
	closefrom(REPORT + 1);
	return true;
}

_Noreturn static void
become(
    char *const argv[], char *const envp[], const int ends[static VZ_RUN_FDS], int null, int report)
{
#ifdef __linux__
	/* Should the starter be killed, nobody is left who keeps law 1. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	setpgid(0, 0); /* before the exec, which is awaited: nobody meets it outside of its group */
	vz_signal_reset();
	if (arrange(ends, null, &report))
		execute(argv, envp);
	vz_spawn_failed(report);
}

/* Both ends of what there is between the command and us. */
struct pipes {
	int ours[VZ_RUN_FDS], its[VZ_RUN_FDS], report[2];
};

static void
close_each(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void
close_all(const struct pipes *p)
{
	int saved = errno;

	close_each(p->ours, VZ_RUN_FDS);
	close_each(p->its, VZ_RUN_FDS);
	close_each(p->report, 2);
	errno = saved;
}

static int
make(struct pipes *p, enum vz_run_fd which)
{
	bool up = which != VZ_RUN_OUT; /* we write */
	int both[2], r = vz_pipe(both, 0);

	if (r != 0)
		return r;
	p->ours[which] = both[up];
	p->its[which] = both[!up];
	return fcntl(both[up], F_SETFL, O_NONBLOCK) == 0 ? 0 : VZ_ESYSTEM;
}

static int
make_all(struct pipes *p, unsigned wants)
{
	int r = make(p, VZ_RUN_IN);

	if (r == 0 && (wants & VZ_RUN_REPLY) != 0)
		r = make(p, VZ_RUN_OUT);
	if (r == 0 && (wants & VZ_RUN_PROOF) != 0)
		r = make(p, VZ_RUN_PROOFS);
	return r == 0 ? vz_pipe(p->report, 0) : r;
}

int
vz_handler_exec(char *const argv[], char *const envp[], int null, unsigned wants, pid_t *pid,
    int fds[static VZ_RUN_FDS])
{
	struct pipes p = {{-1, -1, -1}, {-1, -1, -1}, {-1, -1}};
	int err, why;
	sigset_t mask;

	*pid = -1;
	for (int i = 0; i < VZ_RUN_FDS; i++)
		fds[i] = -1;
	if ((err = make_all(&p, wants)) != 0)
		goto done;
	err = VZ_ESYSTEM;
	if ((*pid = vz_spawn_fork(&mask)) < 0)
		goto done;
	if (*pid == 0)
		become(argv, envp, p.its, null, p.report[1]);
	close(p.report[1]);
	p.report[1] = -1;
	why = vz_spawn_errno(p.report[0], *pid);
	if (why != 0) {
		*pid = -1;
		errno = why;
		goto done;
	}
	for (int i = 0; i < VZ_RUN_FDS; i++) {
		fds[i] = p.ours[i];
		p.ours[i] = -1; /* moved */
	}
	vz_pipe_grow(fds[VZ_RUN_IN], PIPE_SIZE);
	if (fds[VZ_RUN_OUT] >= 0)
		vz_pipe_grow(fds[VZ_RUN_OUT], PIPE_SIZE);
	err = 0;
done:
	close_all(&p);
	return err;
}
