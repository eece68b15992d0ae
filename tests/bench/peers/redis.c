/*
 * redis DEPTH SECONDS PORT: asks ECHO of redis-server over TLS; prints answers a second.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <openssl/ssl.h>
#include "tests/bench/messages_flood.h"

struct tls {
	int fd;
	SSL *ssl;
};

static int
dial(const char *port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		err(1, "port %s", port);
	return fd;
}

/* Whose certificate it is makes no difference to the speed. */
static void
handshake(struct tls *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		errx(1, "libssl");
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	t->ssl = SSL_new(ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, t->fd) != 1 || SSL_connect(t->ssl) != 1)
		errx(1, "no TLS");
	if (fcntl(t->fd, F_SETFL, O_NONBLOCK) < 0)
		err(1, "fcntl");
}

static size_t
done(struct tls *t, int r)
{
	int why = r > 0 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, r);

	if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		errx(1, "the connection is over");
	return r > 0 ? (size_t)r : 0;
}

static size_t
put(void *arg, const uint8_t *p, size_t n)
{
	struct tls *t = arg;

	return done(t, SSL_write(t->ssl, p, (int)n));
}

static bool
wait_for(void *arg, bool write)
{
	struct tls *t = arg;
	struct pollfd p = {t->fd, (short)(write ? POLLIN | POLLOUT : POLLIN), 0};

	if (SSL_has_pending(t->ssl))
		return true;
	if (poll(&p, 1, -1) < 0)
		err(1, "poll");
	return p.revents & ~POLLOUT;
}

static size_t
get(void *arg, uint8_t *p, size_t n)
{
	struct tls *t = arg;
	size_t all = 0, r;

	/* A call gives one TLS record at most. */
	while (all < n && (r = done(t, SSL_read(t->ssl, p + all, (int)(n - all)))) > 0) {
		all += r;
		if (!SSL_has_pending(t->ssl))
			break;
	}
	return all;
}

int
main(int argc, char **argv)
{
	struct flood_block questions = flood_block_new("*2\r\n$4\r\nECHO\r\n$100\r\n", "\r\n");
	struct flood_block answers = flood_block_new("$100\r\n", "\r\n");
	struct tls t;
	const struct flood_way way = {put, wait_for, get, &t};

	if (argc != 4)
		errx(64, "usage: redis DEPTH SECONDS PORT");
	signal(SIGALRM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	t.fd = dial(argv[3]);
	handshake(&t);
	return printf("%.0f\n",
		   flood(&way, &questions, &answers, flood_depth(argv[1]),
		       flood_seconds(argv[2]))) < 0;
}
