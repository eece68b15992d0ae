#include "cmd/serve/signals.h"

#include <signal.h>
#include <unistd.h>

/* A shell starts its background jobs deaf to the keyboard's interrupt, and they are to stay so. */
static bool
is_ignored(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int
signals_start(struct vz_loop *l, vz_signal_fn *end, vz_signal_fn *hangup, void *arg)
{
	int r = vz_loop_signal(l, SIGTERM, end, arg);

	if (r == 0 && !is_ignored(SIGINT))
		r = vz_loop_signal(l, SIGINT, end, arg);
	if (r == 0 && hangup)
		r = vz_loop_signal(l, SIGHUP, hangup, arg);
	return r;
}

unsigned
signals_terminals(void)
{
	unsigned found = 0;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (isatty(fd))
			found |= 1u << fd;
	return found;
}

bool
signals_terminal_gone(unsigned terminals)
{
	return (terminals & ~signals_terminals()) != 0;
}
