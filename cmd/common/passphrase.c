#include "cmd/common/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <readpassphrase.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/diag.h"

/* Byte by byte, so that the next line stays for the next reader. */
static int
read_line(int fd, char *out, size_t cap, size_t *len)
{
	size_t n = 0;
	ssize_t r;
	char c;

	for (;;) {
		r = read(fd, &c, 1);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return VZ_ESYSTEM;
		if (r == 0 && n == 0)
			return VZ_ELOCKED;
		if (r == 0 || c == '\n')
			break;
		if (c == '\0')
			return VZ_EFORMAT;
		if (n == cap)
			return VZ_ELIMIT;
		out[n++] = c;
	}
	vz_wipe(&c, 1);
	*len = n;
	return 0;
}

_Noreturn static void
run_askpass(const char *program, const char *prompt, int fd)
{
	if (dup2(fd, STDOUT_FILENO) < 0)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	execlp(program, program, prompt, (char *)NULL);
	_exit(127);
}

static int
ask_program(const char *program, const char *prompt, char *out, size_t cap, size_t *len)
{
	int p[2], err, status;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return VZ_ESYSTEM;
	pid = fork();
	if (pid < 0) {
		close(p[0]);
		close(p[1]);
		return VZ_ESYSTEM;
	}
	if (pid == 0)
		run_askpass(program, prompt, p[1]);
	close(p[1]);
	err = read_line(p[0], out, cap, len);
	close(p[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return VZ_ESYSTEM;
	/* Whatever else it printed, a program that failed has not answered. Killed by SIGPIPE
	 * it has only said more than one line. */
	if (err == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0) &&
	    !(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE))
		err = VZ_ELOCKED;
	return err;
}

static int
ask_terminal(const char *prompt, char *out, size_t cap, size_t *len)
{
	/* One byte for the NUL and one to notice what is too long. */
	char *line = vz_secret_new(cap + 2);
	int err = 0;

	if (!line)
		return VZ_ENOMEM;
	if (!readpassphrase(prompt, line, cap + 2, RPP_REQUIRE_TTY))
		err = VZ_ELOCKED;
	else if (strlen(line) > cap)
		err = VZ_ELIMIT;
	else
		memcpy(out, line, *len = strlen(line));
	vz_secret_free(line);
	return err;
}

static int
ask(const struct passphrase_from *from, const char *prompt, char *out, size_t cap, size_t *len)
{
	int err;

	*len = 0;
	if (from->fd >= 0)
		err = read_line(from->fd, out, cap, len);
	else if (from->askpass)
		err = ask_program(from->askpass, prompt, out, cap, len);
	else
		err = ask_terminal(prompt, out, cap, len);
	if (err) {
		vz_wipe(out, cap);
		*len = 0;
	}
	return err;
}

static int
ask_about(const struct passphrase_from *from, const char *what, const char *path, char *out,
    size_t cap, size_t *len)
{
	char shown[512], prompt[600];

	diag_escape(shown, sizeof(shown), path, strlen(path));
	snprintf(prompt, sizeof(prompt), "%s %s: ", what, shown);
	return ask(from, prompt, out, cap, len);
}

int
passphrase_ask(void *arg, const char *path, char *out, size_t cap, size_t *len)
{
	return ask_about(arg, "passphrase of", path, out, cap, len);
}

int
passphrase_new(
    const struct passphrase_from *from, const char *path, char *out, size_t cap, size_t *len)
{
	size_t again_len;
	char *again;
	int err;

	err = ask_about(from, "new passphrase for", path, out, cap, len);
	if (err || from->fd >= 0)
		return err;
	again = vz_secret_new(cap);
	if (!again)
		return VZ_ENOMEM;
	err = ask_about(from, "once more, new passphrase for", path, again, cap, &again_len);
	if (!err && (again_len != *len || memcmp(again, out, *len) != 0))
		err = VZ_EINVAL;
	vz_secret_free(again);
	if (err) {
		vz_wipe(out, cap);
		*len = 0;
	}
	return err;
}
