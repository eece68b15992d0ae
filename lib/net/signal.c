#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/err.h"
#include "net/loop_impl.h"
#include "net/sockopt.h"

#ifndef NSIG
#define NSIG 65
#endif

/* What a handler may touch: one flag a signal, and the pipe of the loop that it wakes. */
static volatile sig_atomic_t raised[NSIG];
static volatile sig_atomic_t wake_fd[NSIG]; /* + 1; 0 = nobody's */

static void
on_signal(int signo)
{
	int saved = errno;
	ssize_t r;

	raised[signo] = 1;
	/* A full pipe wakes as well, so the result says nothing. */
	do
		r = write(wake_fd[signo] - 1, "", 1);
	while (r < 0 && errno == EINTR);
	errno = saved;
}

static void
on_wake(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	char drop[64];
	size_t i;

	(void)got;
	/* Emptied before the flags are looked at: a signal between the two wakes once more. */
	while (read(w->fd, drop, sizeof(drop)) == (ssize_t)sizeof(drop))
		;
	for (i = 0; i < l->n_signals; i++) {
		struct vz_loop_signal *s = &l->signals[i];

		if (!raised[s->signo])
			continue;
		if (l->stopped) { /* kept for when the loop runs again */
			on_signal(s->signo);
			return;
		}
		raised[s->signo] = 0;
		if (s->signo == SIGCHLD)
			l->reap = true;
		if (s->fn != NULL)
			s->fn(l, s->signo, s->arg);
	}
}

static int
wake_open(struct vz_loop *l)
{
	int r;

	if (l->wake_watch.added)
		return 0;
	if ((r = vz_pipe(l->wake, O_NONBLOCK)) != 0)
		return r;
	l->wake_watch = (struct vz_watch){.fd = l->wake[0], .fn = on_wake};
	if ((r = vz_loop_add(l, &l->wake_watch, VZ_READ)) != 0) {
		close(l->wake[0]);
		close(l->wake[1]);
	}
	return r;
}

int
vz_loop_signal(struct vz_loop *l, int signo, vz_signal_fn *fn, void *arg)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
	struct vz_loop_signal *s;
	size_t i;
	int r;

	for (i = 0; i < l->n_signals; i++) {
		if (l->signals[i].signo == signo) {
			l->signals[i].fn = fn;
			l->signals[i].arg = arg;
			return 0;
		}
	}
	if (signo <= 0 || signo >= NSIG || wake_fd[signo] != 0)
		return VZ_EINVAL; /* another loop of this process has it */
	if (l->n_signals == VZ_LOOP_SIGNALS)
		return VZ_EFULL;
	if ((r = wake_open(l)) != 0)
		return r;
	s = &l->signals[l->n_signals];
	*s = (struct vz_loop_signal){.signo = signo, .fn = fn, .arg = arg};
	sigemptyset(&sa.sa_mask);
	raised[signo] = 0;
	wake_fd[signo] = l->wake[1] + 1;
	if (sigaction(signo, &sa, &s->old) != 0) {
		wake_fd[signo] = 0;
		return VZ_ESYSTEM;
	}
	l->n_signals++;
	return 0;
}

void
vz_signals_free(struct vz_loop *l)
{
	size_t i;

	for (i = 0; i < l->n_signals; i++) {
		sigaction(l->signals[i].signo, &l->signals[i].old, NULL);
		wake_fd[l->signals[i].signo] = 0;
	}
	if (l->wake_watch.added) {
		vz_loop_del(l, &l->wake_watch);
		close(l->wake[0]);
		close(l->wake[1]);
	}
	free(l->children);
}

void
vz_signal_reset(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	int i;

	sigemptyset(&sa.sa_mask);
	for (i = 1; i < NSIG; i++) {
		(void)sigaction(i, &sa, NULL); /* KILL, STOP and libc's own refuse */
		wake_fd[i] = raised[i] = 0;
	}
	(void)sigprocmask(SIG_SETMASK, &sa.sa_mask, NULL);
}

int
vz_loop_children(struct vz_loop *l)
{
	size_t i;

	for (i = 0; i < l->n_signals; i++)
		if (l->signals[i].signo == SIGCHLD)
			return 0;
	return vz_loop_signal(l, SIGCHLD, NULL, NULL);
}

int
vz_loop_child(struct vz_loop *l, pid_t pid, vz_child_fn *fn, void *arg)
{
	int r;

	if (pid <= 0)
		return VZ_EINVAL;
	if ((r = vz_loop_children(l)) != 0)
		return r;
	if (l->n_children == l->cap_children) {
		size_t cap = l->cap_children ? 2 * l->cap_children : 8;
		struct vz_loop_child *list = reallocarray(l->children, cap, sizeof(*list));

		if (list == NULL)
			return VZ_ENOMEM;
		l->children = list;
		l->cap_children = cap;
	}
	l->children[l->n_children++] = (struct vz_loop_child){pid, fn, arg};
	l->reap = true; /* it may have ended before its signal was caught */
	return 0;
}

void
vz_loop_child_forget(struct vz_loop *l, pid_t pid)
{
	size_t i;

	for (i = 0; i < l->n_children; i++) {
		if (l->children[i].pid == pid) {
			l->children[i] = l->children[--l->n_children];
			return;
		}
	}
}

/*
 * From the last to the first, each by its own pid: the process may have children that are not the
 * loop's. Callbacks may add (at the end, for the next turn) and forget (the last fills the gap,
 * and has been asked already).
 */
void
vz_children_run(struct vz_loop *l)
{
	size_t i;

	l->reap = false;
	for (i = l->n_children; i-- > 0;) {
		struct vz_loop_child c;
		int status = -1;
		pid_t r;

		if (l->stopped) {
			l->reap = true;
			return;
		}
		if (i >= l->n_children)
			continue;
		c = l->children[i];
		do
			r = waitpid(c.pid, &status, WNOHANG);
		while (r < 0 && errno == EINTR);
		if (r == 0)
			continue;
		vz_loop_child_forget(l, c.pid);
		c.fn(l, c.pid, r == c.pid ? status : -1, c.arg);
	}
}
