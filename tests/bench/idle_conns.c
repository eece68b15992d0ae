/*
 * Holds authenticated connections to a vz-listen on 127.0.0.1 that say nothing.
 *
 *	idle_conns IDENTITY KEY PORT COUNT
 *
 * One after the other becomes READY (vz-protocol(7)), a few at a time, as a listener bounds the
 * handshakes of a source. Then "ready" is printed, and they are held, their pings answered, until
 * the end of stdin. A connection that ends before that is a failure.
 */
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/err.h"
#include "id/key.h"
#include "keep/keyfile.h"
#include "net/conn.h"

#define AT_ONCE  4
#define PATIENCE 300 /* seconds, whatever happens */

struct idle {
	struct vz_loop *loop;
	struct vz_identity *self;
	struct vz_key to;
	struct sockaddr_in at;
	unsigned count, begun, ready;
};

static void begin(struct idle *i);

static bool
on_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct idle *i = arg;

	switch (ev->type) {
	case VZ_EVENT_PEER:
		if (vz_session_accept(vz_conn_session(c), 0, 0) != 0)
			errx(1, "the session cannot go on");
		break;
	case VZ_EVENT_READY:
		if (++i->ready == i->count) {
			puts("ready");
			fflush(stdout);
		}
		begin(i);
		break;
	case VZ_EVENT_CLOSE:
		errx(1, "after %u connections the listener ends one with status %u: %.*s", i->ready,
		    ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
	default: break;
	}
	return true;
}

static void
on_ended(void *arg, struct vz_conn *c, int error, int sys_errno)
{
	const struct idle *i = arg;

	(void)c;
	errx(1, "after %u connections one is over: error %d, %s", i->ready, error,
	    strerror(sys_errno));
}

/* Connects the next, if one is left. */
static void
begin(struct idle *i)
{
	static const struct vz_conn_handler handler = {.event = on_event, .ended = on_ended};
	struct vz_conn_config c = {.handler = &handler, .arg = i};
	struct vz_conn *conn;
	int fd, e;

	if (i->begun == i->count)
		return;
	i->begun++;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&i->at, sizeof(i->at)) < 0)
		err(1, "connection %u", i->begun);
	vz_session_defaults(&c.session);
	c.session.channel.initiator = true;
	c.session.channel.service = VZ_SERVICE_MESSAGES;
	c.session.channel.self = i->self;
	c.session.channel.responder = i->to;
	randombytes_buf(c.session.channel.random, sizeof(c.session.channel.random));
	randombytes_buf(c.session.stream, sizeof(c.session.stream));
	e = vz_conn_new(i->loop, fd, &c, &conn);
	if (e)
		errx(1, "connection %u: error %d", i->begun, e);
}

static void
on_stdin(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	char buf[64];

	(void)got;
	if (read(w->fd, buf, sizeof(buf)) <= 0)
		vz_loop_stop(l, 0);
}

int
main(int argc, char **argv)
{
	struct vz_watch end = {.fd = 0, .fn = on_stdin};
	struct idle i = {.at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};

	if (argc != 5)
		errx(64, "usage: idle_conns IDENTITY KEY PORT COUNT");
	i.at.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	i.count = (unsigned)strtoul(argv[4], NULL, 10);
	if (sodium_init() < 0 || vz_key_parse(argv[2], strlen(argv[2]), &i.to) != 0)
		errx(64, "not a key: %s", argv[2]);
	if (vz_keyfile_load(argv[1], NULL, NULL, &i.self) != 0)
		errx(1, "no identity at %s", argv[1]);
	if (vz_loop_new(&i.loop) != 0 || vz_loop_add(i.loop, &end, VZ_READ) != 0)
		err(1, "no event loop");
	alarm(PATIENCE);
	for (unsigned n = 0; n < AT_ONCE; n++)
		begin(&i);
	return vz_loop_run(i.loop) != 0;
}
