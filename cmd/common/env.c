#include "cmd/common/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/fsutil.h"
#include "cmd/common/exit.h"

static bool stdout_closed;

/* Opened for the wrong direction on purpose: EBADF is the truth that a caller should hear. */
static void
fill(int fd, int flags)
{
	if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
		return;
	if (fd == STDOUT_FILENO)
		stdout_closed = true;
	/* Lower ones are open by now, so this is the one that open(2) picks. */
	if (vz_fs_openat(AT_FDCWD, "/dev/null", flags, 0) != fd)
		_exit(VZ_EXIT_OSERR);
}

void
env_open_std(void)
{
	fill(STDIN_FILENO, O_WRONLY);
	fill(STDOUT_FILENO, O_RDONLY);
	fill(STDERR_FILENO, O_RDWR);
}

bool
env_stdout_closed(void)
{
	return stdout_closed;
}

static const char *
get(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

const struct vz_paths_env *
env_paths(void)
{
	static struct vz_paths_env env;
	static bool done;

	if (!done) {
		env.vz_identity = get("VZ_IDENTITY");
		env.credentials_directory = get("CREDENTIALS_DIRECTORY");
		env.configuration_directory = get("CONFIGURATION_DIRECTORY");
		env.xdg_config_home = get("XDG_CONFIG_HOME");
		env.xdg_state_home = get("XDG_STATE_HOME");
		env.home = get("HOME");
		done = true;
	}
	return &env;
}

const char *
env_user(void)
{
	return get("LOGNAME");
}

const char *
env_askpass(void)
{
	return get("VZ_ASKPASS");
}

const char *
env_agent(void)
{
	return get("SSH_AUTH_SOCK");
}

void
env_hide_agent(void)
{
	(void)unsetenv("SSH_AUTH_SOCK");
	(void)unsetenv("SSH_AGENT_PID");
}

const char *
env_term(void)
{
	return get("TERM");
}

bool
env_no_color(void)
{
	return get("NO_COLOR") != NULL;
}
