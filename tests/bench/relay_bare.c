/*
 * Bytes through the bare mover (lib/flow/mover.h), without any protocol, and both ends of it.
 *
 *	relay_bare join PORT TO [copies]	connects who comes to PORT with TO, until it is
 *killed relay_bare take PORT			takes one connection and counts what comes: "BYTES"
 *	relay_bare send PORT MIB		sends so much: "SECONDS"
 *
 * All on 127.0.0.1. With `copies` no pipes are used.
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "flow/mover.h"
#include "net/sockopt.h"

#define CHUNK (256 * 1024)

struct join {
	struct vz_loop *loop;
	struct vz_watch watch;
	struct vz_pipes *pipes;
	struct sockaddr_in to;
};

static struct sockaddr_in
local(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int
listen_at(const char *port)
{
	struct sockaddr_in at = local(port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 64) < 0)
		err(1, "port %s", port);
	return fd;
}

static int
connect_to(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		err(1, "port %u", ntohs(to->sin_port));
	return fd;
}

static void
on_ended(void *arg, struct vz_mover *m, int error, int sys_errno)
{
	(void)arg;
	(void)m;
	if (error != 0)
		warnx("a pair ended with %d, %s", error, strerror(sys_errno));
}

static void
on_come(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	static const struct vz_mover_handler handler = {.ended = on_ended};
	const struct join *j = w->arg;
	struct vz_mover_config c = {.pipes = j->pipes, .handler = &handler};
	struct vz_mover *m;

	(void)got;
	if ((c.fd[0] = vz_accept(w->fd, NULL, NULL)) < 0)
		return;
	c.fd[1] = connect_to(&j->to);
	for (int i = 0; i < 2; i++)
		vz_tcp_nodelay(c.fd[i]);
	if (vz_nonblock_cloexec(c.fd[1]) != 0 || vz_mover_new(l, &c, &m) != 0)
		err(1, "a pair");
}

static int
join(const char *port, const char *to, bool copies)
{
	struct join j = {.to = local(to)};

	if (vz_loop_new(&j.loop) != 0 || vz_pipes_new(&j.pipes, copies ? 0 : VZ_PIPES_MAX) != 0)
		err(1, "no loop");
	j.watch = (struct vz_watch){.fd = listen_at(port), .fn = on_come, .arg = &j};
	if (vz_nonblock_cloexec(j.watch.fd) != 0 || vz_loop_add(j.loop, &j.watch, VZ_READ) != 0)
		err(1, "no loop");
	return vz_loop_run(j.loop) != 0;
}

static int
take(const char *port)
{
	static char bytes[CHUNK];
	int listener = listen_at(port), fd = accept(listener, NULL, NULL);
	unsigned long long sum = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		sum += (unsigned long long)n;
	if (n < 0)
		err(1, "after %llu bytes", sum);
	return printf("%llu\n", sum) < 0;
}

static int
send_mib(const char *port, unsigned long mib)
{
	static char bytes[CHUNK];
	struct sockaddr_in to = local(port);
	int fd = connect_to(&to);
	unsigned long long left = (unsigned long long)mib << 20;
	struct timespec t[2];

	clock_gettime(CLOCK_MONOTONIC, &t[0]);
	while (left > 0) {
		ssize_t n = write(fd, bytes, left < CHUNK ? (size_t)left : CHUNK);

		if (n < 0)
			err(1, "%llu bytes are left", left);
		left -= (unsigned long long)n;
	}
	/* The end comes back when the other has heard ours. */
	if (shutdown(fd, SHUT_WR) < 0 || read(fd, bytes, 1) != 0)
		err(1, "no end");
	clock_gettime(CLOCK_MONOTONIC, &t[1]);
	return printf("%.6f\n",
		   (double)(t[1].tv_sec - t[0].tv_sec) +
		       (double)(t[1].tv_nsec - t[0].tv_nsec) / 1e9) < 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, "join") == 0 && argc >= 4)
		return join(argv[2], argv[3], argc > 4);
	if (strcmp(what, "take") == 0 && argc == 3)
		return take(argv[2]);
	if (strcmp(what, "send") == 0 && argc == 4)
		return send_mib(argv[2], strtoul(argv[3], NULL, 10));
	errx(64, "usage: relay_bare join PORT TO [copies] | take PORT | send PORT MIB");
}
