/*
 * Drives a program of tests/bench/messages through its stdin and stdout.
 *
 * - messages_pipe ask DEPTH SECONDS COMMAND...: lines into COMMAND, always DEPTH of them without
 *   their answer, which is the same line; prints answers a second.
 * - messages_pipe oneway COUNT COMMAND...: COUNT lines into COMMAND, to arrive on our own stdin;
 *   prints lines a second. The clock runs from the arrival of the first, sent alone, until all have
 *   arrived and COMMAND has ended well: it knows of them all then.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "tests/bench/messages_flood.h"

struct pipes {
	int to, from;
};

static size_t
put(void *arg, const uint8_t *p, size_t n)
{
	ssize_t r = write(((struct pipes *)arg)->to, p, n);

	if (r < 0 && errno != EAGAIN)
		err(1, "writing to the command");
	return r < 0 ? 0 : (size_t)r;
}

/* Without anything to write the read itself waits. */
static bool
wait_for(void *arg, bool write)
{
	const struct pipes *s = arg;
	struct pollfd p[2] = {{s->from, POLLIN, 0}, {s->to, POLLOUT, 0}};

	if (write && poll(p, 2, -1) < 0)
		err(1, "poll");
	return !write || p[0].revents != 0;
}

static size_t
get(void *arg, uint8_t *p, size_t n)
{
	ssize_t r = read(((struct pipes *)arg)->from, p, n);

	if (r <= 0)
		errx(1, "no more answers");
	return (size_t)r;
}

/* *to becomes a pipe to its stdin and, unless it is NULL, *from one from its stdout. */
static pid_t
start(char **argv, int *to, int *from)
{
	int in[2], out[2] = {-1, -1};
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || (from != NULL && pipe2(out, O_CLOEXEC) < 0))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (dup2(in[0], 0) < 0 || (from != NULL && dup2(out[1], 1) < 0))
			err(127, "dup2");
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	close(in[0]);
	*to = in[1];
	if (from != NULL) {
		close(out[1]);
		*from = out[0];
	}
	if (fcntl(*to, F_SETFL, O_NONBLOCK) < 0)
		err(1, "fcntl");
	return pid;
}

static void
ends_well(pid_t pid, const char *name)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "%s ended with wait status %x", name, (unsigned)status);
}

static int
ask(uint64_t depth, double seconds, char **argv)
{
	struct flood_block lines = flood_block_new("", "\n");
	struct pipes s;
	const struct flood_way way = {put, wait_for, get, &s};
	pid_t pid = start(argv, &s.to, &s.from);
	double rate = flood(&way, &lines, &lines, depth, seconds);

	free(lines.bytes);
	close(s.to);
	ends_well(pid, argv[0]);
	return printf("%.0f\n", rate) < 0;
}

/* Lines up to `end` are sent, and read from our stdin. */
static void
transfer(const struct flood_way *way, const struct flood_block *lines, uint64_t begin, uint64_t end)
{
	static uint8_t buf[256 * 1024];
	uint64_t sent = begin * lines->len, got = sent;

	while (got < end * lines->len) {
		size_t n;

		if (!way->wait(way->arg, flood_send(way, lines, &sent, end * lines->len)))
			continue;
		n = way->get(way->arg, buf, sizeof(buf));
		flood_check(lines, got, buf, n);
		got += n;
	}
}

/* What an earlier run that failed has left in the pipe. */
static void
drain(void)
{
	struct pollfd p = {0, POLLIN, 0};
	char buf[4096];

	while (poll(&p, 1, 0) > 0 && read(0, buf, sizeof(buf)) > 0)
		;
}

static int
oneway(uint64_t count, char **argv)
{
	struct flood_block lines = flood_block_new("", "\n");
	struct pipes s = {.from = 0};
	const struct flood_way way = {put, wait_for, get, &s};
	double began;
	pid_t pid;

	alarm(3 * FLOOD_PATIENCE);
	drain();
	pid = start(argv, &s.to, NULL);
	transfer(&way, &lines, 0, 1);
	began = flood_now();
	transfer(&way, &lines, 1, count);
	free(lines.bytes);
	close(s.to);
	ends_well(pid, argv[0]);
	return printf("%.0f\n", (double)(count - 1) / (flood_now() - began)) < 0;
}

int
main(int argc, char **argv)
{
	signal(SIGALRM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	if (argc > 4 && strcmp(argv[1], "ask") == 0)
		return ask(flood_depth(argv[2]), flood_seconds(argv[3]), argv + 4);
	if (argc > 3 && strcmp(argv[1], "oneway") == 0)
		return oneway(strtoul(argv[2], NULL, 10), argv + 3);
	errx(64, "usage: messages_pipe ask DEPTH SECONDS COMMAND... | oneway COUNT COMMAND...");
}
