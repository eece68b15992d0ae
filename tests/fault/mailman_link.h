/* A connection to the relay that comes again by itself, over plain sockets. */
#ifndef VZ_MAILMAN_LINK_H
#define VZ_MAILMAN_LINK_H

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "id/address.h"
#include "net/sockaddr.h"
#include "tests/fault/mailman_mail.h"
#include "wire/relay_client.h"

#define BACKOFF_MS     4
#define BACKOFF_MAX_MS 64

struct link {
	int fd; /* -1: none */
	bool up, connecting;
	struct vz_relay_client *client;
	struct vz_identity *self;
	uint64_t again_at;
	unsigned backoff;
	unsigned long breaks;
	void (*on_up)(struct link *);
	void (*on_event)(struct link *, const struct vz_relay_event *);
	void (*on_down)(struct link *);
};

static struct vz_address relay;
static struct vz_sockaddr relay_at;

static void
parse_relay(const char *text)
{
	const char *why = "";

	if (vz_address_parse(text, strlen(text), NULL, NULL, &relay, &why) != 0)
		errx(64, "%s: %s", text, why);
	need(relay.at.kind == VZ_ADDRESS_UNIX
		? vz_sockaddr_unix(relay.at.path, &relay_at)
		: vz_sockaddr_literal(relay.at.host, relay.at.port, AF_UNSPEC, &relay_at),
	    text);
}

/* It broke, or was refused a connection. */
static void
link_down(struct link *l)
{
	bool was_up = l->up;

	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->up = false;
	vz_relay_client_free(l->client);
	l->client = NULL;
	l->backoff = l->backoff == 0 ? BACKOFF_MS : l->backoff * 2;
	if (l->backoff > BACKOFF_MAX_MS)
		l->backoff = BACKOFF_MAX_MS;
	l->again_at = now_ms() + l->backoff;
	l->breaks += was_up;
	if (was_up)
		l->on_down(l);
}

static void
link_dial(struct link *l)
{
	struct vz_channel_config c = {.initiator = true, .self = l->self, .responder = relay.key};
	struct vz_relay_limits limits;

	l->fd = socket(relay_at.u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		err(71, "socket");
	l->connecting = connect(l->fd, &relay_at.u.sa, relay_at.len) < 0;
	if (l->connecting && errno != EINPROGRESS) {
		link_down(l);
		return;
	}
	randombytes_buf(c.random, sizeof(c.random));
	vz_relay_limits_default(&limits);
	need(vz_relay_client_new(&l->client, &c, &limits, now_ms()), "client");
}

/* A relay that says no is a mistake of the test, one that goes is what the test is about. */
static void
closed(struct link *l, const struct vz_relay_event *ev)
{
	if (ev->status != 75 && ev->status != 69 && ev->status != 0)
		errx(70, "the relay closed: %u %.*s", ev->status, (int)ev->bytes_len,
		    (const char *)ev->bytes);
	link_down(l);
}

/* True while there may be more. */
static bool
link_event(struct link *l)
{
	struct vz_relay_event ev;
	int r = vz_relay_client_next(l->client, &ev);

	if (r < 0)
		errx(70, "the relay broke its protocol: %s", vz_strerror(r));
	if (r == 0)
		return false;
	if (ev.type == VZ_RELAY_EVENT_CLOSE) {
		closed(l, &ev);
	} else if (ev.type == VZ_RELAY_EVENT_PEER) {
		need(vz_relay_client_accept(l->client), "accept");
		l->up = true;
		l->backoff = 0;
		l->on_up(l);
	} else {
		l->on_event(l, &ev);
	}
	return l->fd >= 0;
}

static void
link_read(struct link *l)
{
	for (;;) {
		size_t room;
		uint8_t *p = vz_relay_client_space(l->client, &room);
		ssize_t n = p == NULL ? -1 : recv(l->fd, p, room, 0);

		if (p == NULL)
			errx(71, "no memory");
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			link_down(l);
			return;
		}
		vz_relay_client_fed(l->client, (size_t)n, now_ms());
		while (link_event(l))
			;
		if (l->fd < 0)
			return;
	}
}

static void
link_write(struct link *l)
{
	size_t n;

	need(vz_relay_client_flush(l->client, now_ms()), "flush");
	/* What is about to be done was said before. */
	noted();
	while (vz_relay_client_out(l->client, &n), n > 0) {
		ssize_t r = send(l->fd, vz_relay_client_out(l->client, &n), n, MSG_NOSIGNAL);

		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (r < 0) {
			link_down(l);
			return;
		}
		vz_relay_client_sent(l->client, (size_t)r, now_ms());
	}
}

/* What poll is to wait for, and until when. */
static void
link_wants(struct link *l, struct pollfd *p, uint64_t *until)
{
	size_t n = 0;

	if (l->fd < 0 && now_ms() >= l->again_at)
		link_dial(l);
	p->fd = l->fd;
	p->events = POLLIN;
	if (l->fd >= 0)
		vz_relay_client_out(l->client, &n);
	if (l->connecting || n > 0)
		p->events |= POLLOUT;
	if (l->fd < 0 && l->again_at < *until)
		*until = l->again_at;
	else if (l->fd >= 0 && vz_relay_client_deadline(l->client) < *until)
		*until = vz_relay_client_deadline(l->client);
}

static void
link_turn(struct link *l, short revents)
{
	if (l->fd < 0)
		return;
	if (revents != 0 && l->connecting) {
		int e = 0;
		socklen_t len = sizeof(e);

		l->connecting = false;
		if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0 || e != 0) {
			link_down(l);
			return;
		}
	}
	if (revents & (POLLIN | POLLHUP | POLLERR))
		link_read(l);
	if (l->fd >= 0 && !l->connecting)
		link_write(l);
	if (l->fd >= 0 && vz_relay_client_tick(l->client, now_ms()) < 0)
		errx(70, "the relay does not answer");
}

static void
link_free(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	vz_relay_client_free(l->client);
	vz_identity_free(l->self);
}

#endif
