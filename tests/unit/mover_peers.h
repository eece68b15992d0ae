/* The two hosts at the ends of a mover, on its loop, and the sockets in between. */
#ifndef VZ_TEST_MOVER_PEERS_H
#define VZ_TEST_MOVER_PEERS_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "flow/mover.h"
#include "net/sockopt.h"

/* Sends the bytes of one sequence and checks that those of another come. */
struct peer {
	struct vz_loop *loop;
	struct vz_watch watch;
	unsigned sends_as, hears_as;      /* whose sequences */
	uint64_t to_send, sent;           /* sent counts those that the mover was given first */
	uint64_t heard, wants;            /* reads up to so many */
	bool deaf;                        /* reads nothing */
	bool ends;                        /* shuts its writing down after to_send */
	bool shut, heard_end, failed;     /* failed: broke */
	bool wrong;                       /* other bytes came than were sent */
	void (*happened)(struct peer *p); /* after anything; may be NULL */
};

static uint8_t
peer_byte(unsigned whose, uint64_t at)
{
	uint32_t x = (uint32_t)at * 2654435761u + whose * 40503u;

	return (uint8_t)(x >> 24 ^ x >> 11);
}

static void
peer_fill(unsigned whose, uint64_t at, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = peer_byte(whose, at + i);
}

static void
peer_wants(struct peer *p)
{
	bool writes = !p->failed && !p->shut && (p->sent < p->to_send || p->ends);
	bool reads = !p->failed && !p->deaf && !p->heard_end;

	(void)vz_loop_want(p->loop, &p->watch, (reads ? VZ_READ : 0) | (writes ? VZ_WRITE : 0));
}

static void
peer_reads(struct peer *p)
{
	uint8_t got[32768], want[32768];
	ssize_t n = recv(p->watch.fd, got, sizeof(got), 0);

	if (n == 0)
		p->heard_end = true;
	if (n < 0 && errno != EAGAIN)
		p->failed = true;
	if (n <= 0)
		return;
	peer_fill(p->hears_as, p->heard, want, (size_t)n);
	if (memcmp(got, want, (size_t)n) != 0)
		p->wrong = true;
	p->heard += (uint64_t)n;
}

static void
peer_writes(struct peer *p)
{
	uint8_t bytes[32768];
	size_t n =
	    p->to_send - p->sent < sizeof(bytes) ? (size_t)(p->to_send - p->sent) : sizeof(bytes);
	ssize_t r;

	if (n == 0) {
		if (p->ends) {
			(void)shutdown(p->watch.fd, SHUT_WR);
			p->shut = true;
		}
		return;
	}
	peer_fill(p->sends_as, p->sent, bytes, n);
	r = send(p->watch.fd, bytes, n, MSG_NOSIGNAL);
	if (r > 0)
		p->sent += (uint64_t)r;
	else if (r < 0 && errno != EAGAIN)
		p->failed = true;
}

static void
peer_ready(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct peer *p = w->arg;

	(void)l;
	if (got & VZ_READ)
		peer_reads(p);
	if ((got & VZ_WRITE) && !p->failed)
		peer_writes(p);
	if (p->watch.fd >= 0)
		peer_wants(p);
	if (p->happened != NULL)
		p->happened(p);
}

/* It goes: with a reset, or as close(2) does it. */
static void
peer_close(struct peer *p, bool reset)
{
	struct linger now = {.l_onoff = 1};

	if (p->watch.fd < 0)
		return;
	vz_loop_del(p->loop, &p->watch);
	if (reset)
		(void)setsockopt(p->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p->watch.fd);
	p->watch.fd = -1;
}

static int
tcp_pair(int p[static 2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &len) == 0;

	p[0] = ok ? socket(AF_INET, SOCK_STREAM, 0) : -1;
	ok = ok && connect(p[0], (struct sockaddr *)&at, sizeof(at)) == 0;
	p[1] = ok ? accept(listener, NULL, NULL) : -1;
	if (listener >= 0)
		close(listener);
	for (int i = 0; i < 2 && ok; i++) {
		ok = p[i] >= 0 && vz_nonblock_cloexec(p[i]) == 0;
		vz_tcp_nodelay(p[i]);
	}
	return ok ? 0 : -1;
}

static int
unix_pair(int p[static 2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p);
}

#endif
