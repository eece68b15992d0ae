/*
 * killer: runs a command and kills it at a random moment, again and again.
 *
 *	killer [--rounds N] [--within MS] [--after MS] [--seed S] [--signal NUMBER] [--ready-fd N]
 *	       [--go-on] -- COMMAND ARG...
 *
 * Each round starts COMMAND and sends it the signal (9 without --signal) at a random moment between
 * --after (0) and --within (1000) milliseconds, counted from its start, or from when it is ready;
 * then it waits for its end and the next round begins. --rounds is 1 without it.
 *
 * With --ready-fd COMMAND gets a pipe as descriptor N, and is ready when it has written there and
 * closed it. The lines of the first round that was ready are written to our own descriptor N, which
 * is then closed.
 *
 * With --go-on COMMAND is started once more after the rounds and left alone; what it ends with is
 * our status (128 and the signal's number, if one ended it). Without --go-on 0. SIGTERM and SIGINT
 *are passed on to COMMAND, and end the rounds.
 *
 * On stderr: `killer: seed S`, and for each round `killer: round K: killed after MS ms` or `killer:
 * round K: ended STATUS by itself`. The same seed gives the same moments. COMMAND leads no process
 * group of its own, and only it is killed, not what it started. Status 64 wrong use, 71 the system
 * refused.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	uint64_t rounds, within, after, seed;
	int signo, ready_fd;
	bool go_on;
	char **command;
} opt = {.rounds = 1, .within = 1000, .signo = SIGKILL, .ready_fd = -1};

static sigset_t awaited; /* blocked all the time, met by sigtimedwait only */
static bool told;        /* the lines of readiness are out */
static int asked;        /* the signal that asked us to end */

/* splitmix64 */
static uint64_t
chance(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static _Noreturn void
become(const int ready[2])
{
	if (opt.ready_fd >= 0) {
		if (ready[1] != opt.ready_fd && dup2(ready[1], opt.ready_fd) < 0)
			err(71, "descriptor %d", opt.ready_fd);
		(void)fcntl(opt.ready_fd, F_SETFD, 0);
	}
	sigprocmask(SIG_UNBLOCK, &awaited, NULL);
	execvp(opt.command[0], opt.command);
	err(71, "%s", opt.command[0]);
}

/* Until the command has closed its end: it is ready, or gone. */
static void
wait_ready(int fd)
{
	char text[4096];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		if (!told && write(opt.ready_fd, text, (size_t)n) < 0)
			warn("descriptor %d", opt.ready_fd);
	close(fd);
}

static pid_t
start(void)
{
	int ready[2] = {-1, -1};
	pid_t pid;

	if (opt.ready_fd >= 0 && pipe2(ready, O_CLOEXEC) < 0)
		err(71, "pipe");
	pid = fork();
	if (pid < 0)
		err(71, "fork");
	if (pid == 0)
		become(ready);
	if (opt.ready_fd >= 0) {
		close(ready[1]);
		wait_ready(ready[0]);
		if (!told)
			close(opt.ready_fd);
		told = true;
	}
	return pid;
}

/* Waits for the command's end until then (0: for ever). True: it has ended. */
static bool
ended(pid_t pid, uint64_t until_us, int *status)
{
	while (waitpid(pid, status, WNOHANG) == 0) {
		uint64_t now = now_us(), left = until_us ? until_us - now : 1000000;
		struct timespec ts;
		int signo;

		if (until_us && now >= until_us)
			return false;
		ts.tv_sec = (time_t)(left / 1000000);
		ts.tv_nsec = (long)(left % 1000000) * 1000;
		signo = sigtimedwait(&awaited, NULL, &ts);
		if (signo > 0 && signo != SIGCHLD) {
			asked = signo;
			kill(pid, signo);
		}
	}
	return true;
}

static int
as_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
one_round(uint64_t k)
{
	uint64_t span = opt.within > opt.after ? (opt.within - opt.after) * 1000 : 1;
	uint64_t us = opt.after * 1000 + chance(opt.seed + 7919 * k) % span;
	pid_t pid = start();
	int status;

	if (ended(pid, now_us() + us, &status)) {
		fprintf(stderr, "killer: round %llu: ended %d by itself\n", (unsigned long long)k,
		    as_status(status));
		return as_status(status);
	}
	kill(pid, opt.signo);
	(void)ended(pid, 0, &status);
	fprintf(stderr, "killer: round %llu: killed after %llu.%03llu ms\n", (unsigned long long)k,
	    (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
	return as_status(status);
}

static uint64_t
number(const char *s)
{
	char *end;
	unsigned long long v = strtoull(s, &end, 10);

	if (end == s || *end)
		errx(64, "not a number: %s", s);
	return v;
}

static void
parse(int argc, char **argv)
{
	static const struct option longs[] = {{"rounds", 1, NULL, 'n'}, {"within", 1, NULL, 'w'},
	    {"after", 1, NULL, 'a'}, {"seed", 1, NULL, 's'}, {"signal", 1, NULL, 'k'},
	    {"ready-fd", 1, NULL, 'r'}, {"go-on", 0, NULL, 'g'}, {NULL, 0, NULL, 0}};
	struct timespec ts;
	int c;

	clock_gettime(CLOCK_REALTIME, &ts);
	opt.seed = (uint64_t)ts.tv_nsec;
	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		switch (c) {
		case 'n': opt.rounds = number(optarg); break;
		case 'w': opt.within = number(optarg); break;
		case 'a': opt.after = number(optarg); break;
		case 's': opt.seed = number(optarg); break;
		case 'k': opt.signo = (int)number(optarg); break;
		case 'r': opt.ready_fd = (int)number(optarg); break;
		case 'g': opt.go_on = true; break;
		default: errx(64, "usage: killer [options] -- COMMAND ARG...");
		}
	}
	opt.command = argv + optind;
	if (!*opt.command)
		errx(64, "usage: killer [options] -- COMMAND ARG...");
}

int
main(int argc, char **argv)
{
	int status = 0;

	parse(argc, argv);
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGINT);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	fprintf(stderr, "killer: seed %llu\n", (unsigned long long)opt.seed);
	for (uint64_t k = 1; k <= opt.rounds && !asked; k++)
		status = one_round(k);
	if (opt.go_on && !asked) {
		(void)ended(start(), 0, &status);
		status = as_status(status);
	}
	return status;
}
