/*
 * crowd: many connections to a listener that lead nowhere.
 *
 *	crowd ADDRESS N SLOW
 *
 * To ADDRESS (KEY@127.0.0.1:PORT), each second one from 127.0.0.1 and the others from an address of
 * 127.0.0.0/8 of their own: N that say nothing, and SLOW, of which the first 40 say a valid first
 * message and no more, and the others the beginning of one and a byte of nonsense ten times a
 *second. When all were made it prints `ready`; until the end of standard input each that the
 *listener ends is made anew, at most RATE a second. At the end `ended N` tells how many these were.
 *Exit status: 64 wrong use, 71 the system refused, 77 when it has not the descriptors.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "id/address.h"
#include "id/identity.h"
#include "wire/session.h"

#define KNOWING  40
#define TICK_MS  10
#define RATE     1000
#define PATIENCE 300 /* seconds, whatever happens */

static struct sockaddr_in listener;
static int *fds, watch;
static unsigned n, slow;
static uint8_t first[4096];
static size_t first_len;

/* Message 1 says nothing of who we are, and the same one serves for all. */
static void
make_first(const struct vz_address *to)
{
	struct vz_session_config c = {0};
	struct vz_identity *me = vz_identity_new();
	struct vz_session *s;
	const uint8_t *out;
	uint8_t random[96];

	vz_session_defaults(&c);
	randombytes_buf(random, sizeof(random));
	if (!me || vz_identity_make(me, random, (uint64_t)time(NULL), "crowd") < 0)
		errx(71, "identity");
	c.channel.initiator = true;
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.self = me;
	c.channel.responder = to->key;
	randombytes_buf(c.channel.random, sizeof(c.channel.random));
	if (vz_session_new(&s, &c) < 0)
		errx(71, "session");
	out = vz_session_out(s, &first_len);
	if (first_len == 0 || first_len > sizeof(first))
		errx(70, "a first message of %zu bytes", first_len);
	memcpy(first, out, first_len);
	vz_session_free(s);
	vz_identity_free(me);
}

static void
open_one(unsigned i)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u32 = i};
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct timeval wait = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	from.sin_addr.s_addr = htonl(i % 2 == 0 ? INADDR_LOOPBACK : 0x7f010000 + i);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&listener, sizeof(listener)) < 0)
		err(71, "connection %u", i);
	if (i >= n)
		(void)send(fd, first, i < n + KNOWING ? first_len : 2, MSG_NOSIGNAL);
	fds[i] = fd;
	if (epoll_ctl(watch, EPOLL_CTL_ADD, fd, &ev) < 0)
		err(71, "epoll");
}

static bool
is_over(unsigned i)
{
	uint8_t drop[256];
	ssize_t got = recv(fds[i], drop, sizeof(drop), MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* Makes those anew that were ended. Returns how many. */
static unsigned
renew(void)
{
	struct epoll_event got[RATE * TICK_MS / 1000];
	int ready = epoll_wait(watch, got, sizeof(got) / sizeof(got[0]), 0);
	unsigned renewed = 0;

	for (int k = 0; k < ready; k++) {
		unsigned i = got[k].data.u32;

		if (!is_over(i))
			continue;
		close(fds[i]);
		open_one(i);
		renewed++;
	}
	return renewed;
}

static void
say_little(void)
{
	for (unsigned i = n + KNOWING; i < n + slow; i++)
		(void)send(fds[i], "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
need_descriptors(rlim_t many)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		err(71, "getrlimit");
	if (l.rlim_cur < many) {
		l.rlim_cur = many;
		if (l.rlim_max < many || setrlimit(RLIMIT_NOFILE, &l) < 0)
			errx(77, "not allowed to open %ju descriptors", (uintmax_t)many);
	}
}

int
main(int argc, char **argv)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct vz_address to;
	uint64_t ended = 0, ticks = 0;

	if (argc != 4 || vz_address_parse(argv[1], strlen(argv[1]), NULL, NULL, &to, NULL) < 0)
		errx(64, "usage: crowd ADDRESS N SLOW");
	n = (unsigned)strtoul(argv[2], NULL, 10);
	slow = (unsigned)strtoul(argv[3], NULL, 10);
	need_descriptors((rlim_t)n + slow + 64);
	alarm(PATIENCE);
	if (vz_secret_init() != 0)
		err(71, "randomness");
	make_first(&to);
	listener = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(to.at.port)};
	listener.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds = calloc((size_t)n + slow, sizeof(*fds));
	watch = epoll_create1(EPOLL_CLOEXEC);
	if (!fds || watch < 0)
		err(71, "epoll");
	for (unsigned i = 0; i < n + slow; i++)
		open_one(i);
	puts("ready");
	fflush(stdout);
	while (poll(&in, 1, TICK_MS) == 0) {
		ended += renew();
		if (++ticks % 10 == 0)
			say_little();
	}
	printf("ended %ju\n", (uintmax_t)ended);
	return 0;
}
