/*
 * A client: reading from its socket, and writing to it.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/vz-relay/client_impl.h"
#include "cmd/vz-relay/mail.h"

#define LINGER_MS 2000
/* Rounds of writing before other descriptors get their turn. */
#define ROUNDS 8

/* Reading. */

void
client_read_and_drop(struct client *c)
{
	uint8_t dropped[CLIENT_SILENT_MAX];
	ssize_t n = read(c->watch.fd, dropped, sizeof(dropped));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		client_end(c, c->err);
	else if (n > 0)
		c->dropped += (size_t)n;
}

void
client_read(struct client *c)
{
	size_t room;
	uint8_t *p = vz_relay_serve_space(c->live.serve, &room);
	ssize_t n;

	if (!p) {
		client_end(c, VZ_ENOMEM);
		return;
	}
	n = read(c->watch.fd, p, room);
	if (n > 0)
		vz_relay_serve_fed(c->live.serve, (size_t)n, client_now(c));
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		client_end(c, VZ_ECUT);
}

/* Writing. */

/* One write. 1 = all of it went, 0 = the network is full, -1 = the peer is gone. */
static int
write_some(struct client *c, const uint8_t *p, size_t len)
{
	ssize_t n;

	do
		n = send(c->watch.fd, p, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	vz_relay_serve_sent(c->live.serve, (size_t)n, client_now(c));
	c->backlog = false;
	return (size_t)n == len ? 1 : 0;
}

/* True when all is out. */
static bool
write_bytes(struct client *c)
{
	const uint8_t *p;
	size_t len;
	int r = 1;

	while (r == 1 && (p = vz_relay_serve_out(c->live.serve, &len), len > 0)) {
		if (c->write_dead)
			return false;
		r = write_some(c, p, len);
		c->write_dead = r < 0;
	}
	if (r == 0 && !c->backlog) {
		c->backlog = true;
		c->moved_at = client_now(c);
	}
	return r == 1;
}

static void
shut_down(struct client *c)
{
	shutdown(c->watch.fd, SHUT_WR);
	c->state = CLIENT_DRAINING;
	c->by = client_now(c) + LINGER_MS;
}

/* Writes what there is; true when that made room for more of it. */
static bool
push(struct client *c)
{
	size_t before, after;

	if (c->state == CLIENT_RUNNING && vz_relay_serve_flush(c->live.serve, client_now(c)) < 0) {
		client_end(c, VZ_ENOMEM);
		return false;
	}
	(void)vz_relay_serve_out(c->live.serve, &before);
	if (!write_bytes(c)) {
		/* Who cannot be told reads no more; what it said before is of no use either. */
		if (c->write_dead)
			client_end(c, c->state == CLIENT_CLOSING ? c->err : VZ_ECUT);
	} else if (c->state == CLIENT_CLOSING) {
		shut_down(c);
	}
	if (c->state != CLIENT_RUNNING || before == 0)
		return false;
	mail_drained(c);
	(void)vz_relay_serve_out(c->live.serve, &after);
	return after > 0 && !c->backlog;
}

void
client_write(struct client *c)
{
	for (int i = 0; push(c); i++)
		if (i == ROUNDS) {
			c->more = true;
			return;
		}
}
