#include "flow/producer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "flow/spawn.h"
#include "net/sockopt.h"

#define PIPE_SIZE (1024 * 1024)

struct vz_producer {
	struct vz_loop *loop; /* NULL: not started */
	pid_t pid;
	int out, report, gate; /* until the start, or -1 */
	bool running, well;
	vz_producer_fn *fn;
	void *arg;
};

static void
ended(struct vz_loop *l, pid_t pid, int status, void *arg)
{
	struct vz_producer *p = arg;

	(void)l;
	(void)pid;
	p->running = false;
	p->well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	p->fn(p->arg, status);
}

/* Caught signals get their default actions before any can come; those that were ignored when we
 * began stay ignored, as nohup(1) wants it. */
static void
restore_signals(const sigset_t *mask)
{
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGBUS};
	struct sigaction now;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (sigaction(caught[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			signal(caught[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* The child, up to the exec or to telling why there was none. */
_Noreturn static void
become(char *const argv[], int out, int report, int gate, const sigset_t *mask)
{
	char go;
	ssize_t r;

	setpgid(0, 0);
	restore_signals(mask);
	do
		r = read(gate, &go, 1);
	while (r < 0 && errno == EINTR);
	if (r != 1)
		_exit(0); /* it is not wanted, or nobody is left who could want it */
	/* dup2 to itself would leave close-on-exec set. */
	if (out == STDOUT_FILENO ? fcntl(out, F_SETFD, 0) == 0 : dup2(out, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	vz_spawn_failed(report);
}

static void
close_both(int p[static 2])
{
	int saved = errno;

	if (p[0] >= 0)
		close(p[0]);
	if (p[1] >= 0)
		close(p[1]);
	p[0] = p[1] = -1;
	errno = saved;
}

/* The reading ends that we keep, and in the child those that it keeps; all are close-on-exec. */
static int
spawn(struct vz_producer *p, char *const argv[])
{
	int out[2] = {-1, -1}, report[2] = {-1, -1}, gate[2] = {-1, -1}, err;
	sigset_t mask;

	if ((err = vz_pipe(out, 0)) != 0 || (err = vz_pipe(report, 0)) != 0 ||
	    (err = vz_pipe(gate, 0)) != 0)
		goto done;
	if (fcntl(out[0], F_SETFL, O_NONBLOCK) != 0 || (p->pid = vz_spawn_fork(&mask)) < 0) {
		err = VZ_ESYSTEM;
		goto done;
	}
	if (p->pid == 0) {
		close(gate[1]);
		become(argv, out[1], report[1], gate[0], &mask);
	}
	setpgid(p->pid, p->pid); /* both sides do it: neither knows who is first */
	p->out = out[0];
	p->report = report[0];
	p->gate = gate[1];
	out[0] = report[0] = gate[1] = -1; /* moved */
done:
	close_both(out);
	close_both(report);
	close_both(gate);
	return err;
}

int
vz_producer_prepare(char *const argv[], struct vz_producer **out)
{
	struct vz_producer *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (!p)
		return VZ_ENOMEM;
	p->out = p->report = p->gate = -1;
	err = spawn(p, argv);
	if (err) {
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

static void
close_one(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/* 0, or the errno of why it could not be run; then it is reaped. */
static int
let_go(struct vz_producer *p)
{
	int why;
	ssize_t r;
	bool gone;

	do
		r = write(p->gate, "", 1);
	while (r < 0 && errno == EINTR);
	gone = r != 1;
	close_one(&p->gate);
	why = vz_spawn_errno(p->report, p->pid);
	close_one(&p->report);
	return why == 0 && gone ? ECHILD : why;
}

int
vz_producer_start(struct vz_producer *p, struct vz_loop *l, vz_producer_fn *fn, void *arg, int *fd)
{
	int why, err;

	*fd = -1;
	if (p->gate < 0)
		return VZ_EINVAL;
	p->fn = fn;
	p->arg = arg;
	why = let_go(p);
	if (why != 0) {
		errno = why;
		return VZ_ESYSTEM;
	}
	p->loop = l;
	p->running = true;
	err = vz_loop_child(l, p->pid, ended, p);
	if (err)
		return err;
	*fd = p->out;
	p->out = -1; /* moved */
	vz_pipe_grow(*fd, PIPE_SIZE);
	return 0;
}

static void
pause_ms(long ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000};

	nanosleep(&ts, NULL);
}

/* Nothing else is left to do when this is called, so that waiting here is no harm. */
static void
stop(pid_t pid)
{
	kill(-pid, SIGTERM);
	for (int waited = 0; waited < VZ_PRODUCER_GRACE_MS; waited += 5) {
		pid_t r = waitpid(pid, NULL, WNOHANG);

		if (r == pid || (r < 0 && errno != EINTR))
			return;
		pause_ms(5);
	}
	kill(-pid, SIGKILL);
	vz_spawn_reap(pid);
}

void
vz_producer_free(struct vz_producer *p)
{
	if (!p)
		return;
	close_one(&p->out);
	close_one(&p->report);
	if (p->gate >= 0) {
		close_one(&p->gate);
		vz_spawn_reap(p->pid);
	}
	if (p->loop)
		vz_loop_child_forget(p->loop, p->pid);
	if (p->running)
		stop(p->pid);
	else if (p->loop && !p->well)
		kill(-p->pid, SIGTERM);
	free(p);
}

const char *
vz_producer_words(int status, char *buf, size_t cap)
{
	if (status != -1 && WIFEXITED(status))
		snprintf(buf, cap, "exited %d", WEXITSTATUS(status));
	else if (status != -1 && WIFSIGNALED(status))
		snprintf(buf, cap, "was killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(buf, cap, "ended in an unknown way");
	return buf;
}
