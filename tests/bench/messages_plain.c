/*
 * The processes of tests/bench/messages without any cryptography, all on 127.0.0.1.
 *
 * - messages_plain echo PORT: answers all that comes with the same, on any number of connections.
 * - messages_plain client PORT: stdin to the port, what comes back to stdout: what vz-send is
 *   without protocol.
 * - messages_plain take PORT: connection after connection to stdout, and at the end of each a byte
 *   back: what vz-listen is.
 * - messages_plain give PORT: stdin to that, and waits for that byte.
 * - messages_plain ask DEPTH SECONDS PORT: asks an echo without pipes between; prints answers a
 *   second.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "tests/bench/messages_flood.h"

#define ROOM (256u * 1024) /* of a direction */

/* One direction: what was read and is not written yet. */
struct flow {
	int from, to;
	size_t at, end;
	bool eof;
	uint8_t bytes[ROOM];
};

static struct sockaddr_in
loopback(const char *port)
{
	unsigned long n = strtoul(port, NULL, 10);

	return (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)n),
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	};
}

static void
no_delay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		err(1, "TCP_NODELAY");
}

static int
dial(const char *port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		err(1, "port %s", port);
	no_delay(fd);
	return fd;
}

static int
listen_on(const char *port)
{
	struct sockaddr_in a = loopback(port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 16) < 0)
		err(1, "port %s", port);
	return fd;
}

static void
non_blocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		err(1, "fcntl");
}

/* Reads when there is nothing to write, and writes what there is. False when the way is broken. */
static bool
move(struct flow *f)
{
	ssize_t r;

	if (f->at == f->end && !f->eof) {
		r = read(f->from, f->bytes, ROOM);
		if (r < 0)
			return errno == EAGAIN;
		f->eof = r == 0;
		f->at = 0;
		f->end = (size_t)r;
	}
	while (f->at < f->end) {
		r = write(f->to, f->bytes + f->at, f->end - f->at);
		if (r < 0)
			return errno == EAGAIN;
		f->at += (size_t)r;
	}
	return true;
}

static short
wants_read(const struct flow *f)
{
	return f->at == f->end && !f->eof ? POLLIN : 0;
}

static short
wants_write(const struct flow *f)
{
	return f->at < f->end ? POLLOUT : 0;
}

static int
client(const char *port)
{
	static struct flow up, down;
	int fd = dial(port);
	bool shut = false;

	up.from = 0;
	up.to = down.from = fd;
	down.to = 1;
	for (int i = 0; i < 2; i++)
		non_blocking(i);
	non_blocking(fd);
	while (!down.eof) {
		struct pollfd p[3] = {
		    {wants_read(&up) ? 0 : -1, POLLIN, 0},
		    {fd, (short)(wants_read(&down) | wants_write(&up)), 0},
		    {wants_write(&down) ? 1 : -1, POLLOUT, 0},
		};

		if (poll(p, 3, -1) < 0)
			err(1, "poll");
		if ((p[0].revents || p[1].revents & POLLOUT) && !move(&up))
			err(1, "stdin to socket");
		if ((p[2].revents || p[1].revents & ~POLLOUT) && !move(&down))
			err(1, "socket to stdout");
		if (up.eof && !shut)
			shut = shutdown(fd, SHUT_WR) == 0;
	}
	return 0;
}

static void
echo_accept(int ep, int listener)
{
	struct flow *f = calloc(1, sizeof(*f));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = f};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (f == NULL || fd < 0)
		err(1, "accept");
	no_delay(fd);
	f->from = f->to = fd;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll_ctl");
}

static void
echo_move(int ep, struct flow *f)
{
	bool waited = wants_write(f) != 0;
	struct epoll_event e = {.data.ptr = f};

	if (!move(f) || (f->eof && f->at == f->end)) {
		close(f->from);
		free(f);
		return;
	}
	if ((wants_write(f) != 0) == waited)
		return;
	e.events = waited ? EPOLLIN : EPOLLOUT;
	if (epoll_ctl(ep, EPOLL_CTL_MOD, f->from, &e) < 0)
		err(1, "epoll_ctl");
}

static int
echo(const char *port)
{
	int listener = listen_on(port), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, got[16];

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e) < 0)
		err(1, "epoll");
	for (;;) {
		int n = epoll_wait(ep, got, 16, -1);

		if (n < 0)
			err(1, "epoll_wait");
		for (int i = 0; i < n; i++) {
			if (got[i].data.ptr == NULL)
				echo_accept(ep, listener);
			else
				echo_move(ep, got[i].data.ptr);
		}
	}
}

static int
take(const char *port)
{
	static struct flow f;
	int listener = listen_on(port);

	for (;;) {
		f.eof = false;
		f.from = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		f.to = 1;
		if (f.from < 0)
			err(1, "accept");
		while (!f.eof) {
			if (!move(&f))
				err(1, "socket to stdout");
		}
		if (write(f.from, ".", 1) != 1)
			err(1, "socket");
		close(f.from);
	}
}

static int
give(const char *port)
{
	static struct flow f;
	char end;

	f.from = 0;
	f.to = dial(port);
	while (!f.eof) {
		if (!move(&f))
			err(1, "stdin to socket");
	}
	if (shutdown(f.to, SHUT_WR) < 0 || read(f.to, &end, 1) != 1)
		err(1, "not all was taken");
	return 0;
}

static size_t
put(void *arg, const uint8_t *p, size_t n)
{
	ssize_t r = send(*(int *)arg, p, n, MSG_DONTWAIT);

	if (r < 0 && errno != EAGAIN)
		err(1, "send");
	return r < 0 ? 0 : (size_t)r;
}

/* Without anything to write the read itself waits. */
static bool
wait_for(void *arg, bool write)
{
	struct pollfd p = {*(int *)arg, POLLIN | POLLOUT, 0};

	if (write && poll(&p, 1, -1) < 0)
		err(1, "poll");
	return !write || p.revents & ~POLLOUT;
}

static size_t
get(void *arg, uint8_t *p, size_t n)
{
	ssize_t r = recv(*(int *)arg, p, n, 0);

	if (r <= 0)
		errx(1, "no more answers");
	return (size_t)r;
}

static int
ask(uint64_t depth, double seconds, const char *port)
{
	struct flood_block lines = flood_block_new("", "\n");
	int fd = dial(port);
	const struct flood_way way = {put, wait_for, get, &fd};

	double rate = flood(&way, &lines, &lines, depth, seconds);

	free(lines.bytes);
	return printf("%.0f\n", rate) < 0;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(const char *port);
	} what[] = {{"echo", echo}, {"client", client}, {"take", take}, {"give", give}};

	signal(SIGALRM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && strcmp(argv[1], "ask") == 0)
		return ask(flood_depth(argv[2]), flood_seconds(argv[3]), argv[4]);
	for (size_t i = 0; argc == 3 && i < sizeof(what) / sizeof(what[0]); i++) {
		if (strcmp(argv[1], what[i].name) == 0)
			return what[i].fn(argv[2]);
	}
	errx(64, "usage: messages_plain echo|client|take|give PORT | ask DEPTH SECONDS PORT");
}
