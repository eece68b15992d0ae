/*
 * The stopwatch of tests/bench: runs commands and prints what they cost, measured from just before
 * the fork to the exit of the last of them, which a shell cannot do finely enough.
 *
 * - spawn port: prints a TCP port of 127.0.0.1 that is free now.
 * - spawn wait PORT: waits until somebody listens on it.
 * - spawn one IN COMMAND...: prints "seconds peak-KiB cpu-seconds" of a run with IN as its stdin.
 * - spawn pair IN RECEIVER... -- SENDER..., with pipes instead of pair for pipes at both ends, and
 *   pair-back or pipes-back IN SENDER... -- RECEIVER...
 *
 * The first of a pair is waited for until it listens, and the start of the second starts the clock;
 * {port} in their arguments becomes a free port. The sender's stdin is IN and the receiver's stdout
 * the file named by $OUT (/dev/null when unset); with pipes, `cat IN` and `cat` sit before and
 * behind them. Printed are the seconds until all of them have ended, then the peak KiB and CPU
 * seconds of the receiver and of the sender.
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_SECONDS 20
#define RUN_SECONDS  600
#define NOBODY       "/dev/null"
#define LISTEN       0x0A /* the state's number in /proc/net/tcp */
#define PLACEHOLDER  "{port}"

struct child {
	pid_t pid;
	int status;
	long peak; /* KiB */
	double cpu;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static unsigned
free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		err(1, "no free port");
	close(fd);
	return ntohs(a.sin_port);
}

static bool
listens_in(const char *table, unsigned port)
{
	char line[512];
	unsigned p, state;
	bool found = false;
	FILE *f = fopen(table, "re");

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &p, &state) == 2 &&
		    p == port && state == LISTEN;
	if (f != NULL)
		fclose(f);
	return found;
}

/* A connection to see whether anybody is there would be the one that a receiver waits for. */
static void
wait_for_listener(unsigned port)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	double end = now() + WAIT_SECONDS;

	while (!listens_in("/proc/net/tcp", port) && !listens_in("/proc/net/tcp6", port)) {
		if (now() > end)
			errx(1, "nobody listens on port %u", port);
		nanosleep(&pause, NULL);
	}
}

/* Runs argv with these as stdin and stdout; the parent's copies are closed. */
static pid_t
start(char **argv, int in, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
			err(127, "dup2");
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	close(in);
	close(out);
	return pid;
}

static int
open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Waits for all of them; false when one ended badly, and then the others are ended too. */
static bool
reap(struct child *c, size_t n)
{
	bool well = true;

	for (size_t left = n; left > 0; left--) {
		struct rusage use;
		int status;
		pid_t pid = wait4(-1, &status, 0, &use);

		if (pid < 0)
			err(1, "wait4");
		for (size_t i = 0; i < n; i++) {
			if (c[i].pid != pid)
				continue;
			c[i].status = status;
			c[i].peak = use.ru_maxrss;
			c[i].cpu = seconds(use.ru_utime) + seconds(use.ru_stime);
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		well = false;
		for (size_t i = 0; i < n; i++) {
			if (c[i].pid != pid && c[i].peak == 0)
				kill(c[i].pid, SIGTERM);
		}
	}
	return well;
}

static int
one(const char *in, char **argv)
{
	struct child c = {0};
	int from = open_or_die(in, O_RDONLY), to = open_or_die(NOBODY, O_WRONLY);
	double begin = now();

	c.pid = start(argv, from, to);
	if (!reap(&c, 1))
		errx(1, "%s failed", argv[0]);
	printf("%.6f %ld %.6f\n", now() - begin, c.peak, c.cpu);
	return 0;
}

static void
set_port(char **argv, unsigned port)
{
	for (; *argv != NULL; argv++) {
		const char *at = strstr(*argv, PLACEHOLDER);
		char *with;

		if (at == NULL)
			continue;
		if (asprintf(&with, "%.*s%u%s", (int)(at - *argv), *argv, port,
			at + strlen(PLACEHOLDER)) < 0)
			err(1, "asprintf");
		*argv = with;
	}
}

/* How a pair is joined. */
struct how {
	bool pipes; /* with a producer and a consumer */
	bool back;  /* the one that listens is the sender */
};

/* What a side gets as stdin and stdout; *other becomes the process at the far end of a pipe. */
static void
ends(struct how how, bool sends, const char *in, int fd[2], pid_t *other)
{
	char *producer[] = {(char *)"cat", (char *)(uintptr_t)in, NULL};
	char *consumer[] = {(char *)"cat", NULL};
	const char *out = getenv("OUT");
	int p[2];

	fd[0] = open_or_die(sends && !how.pipes ? in : NOBODY, O_RDONLY);
	fd[1] = open_or_die(sends || out == NULL ? NOBODY : out, O_WRONLY | O_CREAT | O_TRUNC);
	if (!how.pipes)
		return;
	if (pipe2(p, O_CLOEXEC) < 0)
		err(1, "pipe2");
	if (sends) {
		*other = start(producer, fd[0], p[1]);
		fd[0] = p[0];
		fd[1] = open_or_die(NOBODY, O_WRONLY);
	} else {
		*other = start(consumer, p[0], fd[1]);
		fd[1] = p[1];
	}
}

static int
pair(struct how how, const char *in, char **first, char **second)
{
	unsigned port = free_port();
	struct child c[4] = {{0}}, *receiver = &c[how.back ? 1 : 0], *sender = &c[how.back ? 0 : 1];
	double begin;
	int fd[2];

	set_port(first, port);
	set_port(second, port);
	ends(how, how.back, in, fd, &c[2].pid);
	c[0].pid = start(first, fd[0], fd[1]);
	wait_for_listener(port);
	begin = now();
	ends(how, !how.back, in, fd, &c[3].pid);
	c[1].pid = start(second, fd[0], fd[1]);
	if (!reap(c, how.pipes ? 4 : 2))
		errx(1, "%s: status %x and %x", first[0], (unsigned)c[0].status,
		    (unsigned)c[1].status);
	printf("%.6f %ld %.6f %ld %.6f\n", now() - begin, receiver->peak, receiver->cpu,
	    sender->peak, sender->cpu);
	return 0;
}

static char **
split_at_dashes(char **argv)
{
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "--") == 0) {
			*argv = NULL;
			return argv + 1;
		}
	}
	errx(64, "no -- between the two commands");
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		struct how how;
	} ways[] = {
	    {"pair", {false, false}},
	    {"pipes", {true, false}},
	    {"pair-back", {false, true}},
	    {"pipes-back", {true, true}},
	};
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, SIG_DFL);
	alarm(RUN_SECONDS);
	if (strcmp(what, "port") == 0 && argc == 2)
		return printf("%u\n", free_port()) < 0;
	if (strcmp(what, "wait") == 0 && argc == 3)
		return wait_for_listener((unsigned)strtoul(argv[2], NULL, 10)), 0;
	if (strcmp(what, "one") == 0 && argc > 3)
		return one(argv[2], argv + 3);
	for (size_t i = 0; argc > 4 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(what, ways[i].name) == 0)
			return pair(ways[i].how, argv[2], argv + 3, split_at_dashes(argv + 3));
	}
	errx(64,
	    "usage: spawn port | wait PORT | one IN COMMAND... | "
	    "pair|pipes[-back] IN COMMAND... -- COMMAND...");
}
