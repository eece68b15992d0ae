#include "flow/spawn.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t
vz_spawn_fork(sigset_t *mask)
{
	sigset_t all;
	pid_t pid;
	int saved;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, mask);
	pid = fork();
	saved = errno;
	if (pid != 0)
		sigprocmask(SIG_SETMASK, mask, NULL);
	errno = saved;
	return pid;
}

void
vz_spawn_failed(int report)
{
	int err = errno;
	ssize_t r = write(report, &err, sizeof(err));

	(void)r; /* nobody is left to tell */
	_exit(127);
}

void
vz_spawn_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int
vz_spawn_errno(int report, pid_t pid)
{
	size_t have = 0;
	ssize_t r = 1;
	int err = 0;

	while (have < sizeof(err) && (r > 0 || (r < 0 && errno == EINTR))) {
		r = read(report, (char *)&err + have, sizeof(err) - have);
		if (r > 0)
			have += (size_t)r;
	}
	if (have != sizeof(err) || err == 0)
		return 0;
	vz_spawn_reap(pid);
	return err;
}
