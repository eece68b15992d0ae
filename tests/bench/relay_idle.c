/*
 * Holds listeners registered at a vz-relay on 127.0.0.1 that nobody asks for.
 *
 *	relay_idle KEY PORT COUNT
 *
 * Each has an identity of its own, made here. One after the other registers, a few at a time, as a
 * relay bounds the handshakes of a source. Then "ready" is printed, and they are held, their pings
 * answered, until the end of stdin. A connection that ends before that is a failure.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <unistd.h>
#include "base/err.h"
#include "net/rlink.h"

#define AT_ONCE  4
#define PATIENCE 300 /* seconds, whatever happens */

static struct vz_loop *loop;
static struct vz_key relay;
static uint16_t port;
static unsigned count, begun, registered;

static void begin(struct vz_identity *self);

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *bundle)
{
	(void)arg;
	(void)bundle;
	return vz_relay_client_register(vz_rlink_client(k), 0);
}

static void
on_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	(void)k;
	if (ev->type == VZ_RELAY_EVENT_CLOSE)
		errx(1, "after %u listeners the relay ends one with status %u: %.*s", registered,
		    ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
	if (ev->type != VZ_RELAY_EVENT_REGISTERED)
		return;
	if (++registered == count) {
		puts("ready");
		fflush(stdout);
	}
	begin(arg);
}

static void
on_ended(void *arg, struct vz_rlink *k, int error, int sys_errno, enum vz_dial_step step)
{
	(void)arg;
	(void)k;
	(void)step;
	errx(1, "after %u listeners one is over: %s, %s", registered, vz_strerror(error),
	    strerror(sys_errno));
}

/* Registers the next, if one is left, by the identity that the one before needs no more. */
static void
begin(struct vz_identity *self)
{
	static const struct vz_rlink_handler handler = {
	    .peer = on_peer, .event = on_event, .ended = on_ended};
	struct vz_rlink_config c = {.handler = &handler, .arg = self};
	struct vz_rlink *k;
	uint8_t random[96];
	int e;

	if (begun == count)
		return;
	begun++;
	randombytes_buf(random, sizeof(random));
	if (vz_identity_make(self, random, 1, "") != 0)
		errx(1, "no identity");
	c.at.port = port;
	c.at.numeric = true;
	strlcpy(c.at.host, "127.0.0.1", sizeof(c.at.host));
	c.channel.initiator = true;
	c.channel.self = self;
	c.channel.responder = relay;
	randombytes_buf(c.channel.random, sizeof(c.channel.random));
	e = vz_rlink_new(loop, &c, &k);
	if (e != 0)
		errx(1, "listener %u: %s", begun, vz_strerror(e));
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

	if (argc != 4)
		errx(64, "usage: relay_idle KEY PORT COUNT");
	if (sodium_init() < 0 || vz_key_parse(argv[1], strlen(argv[1]), &relay) != 0)
		errx(64, "not a key: %s", argv[1]);
	port = (uint16_t)strtoul(argv[2], NULL, 10);
	count = (unsigned)strtoul(argv[3], NULL, 10);
	if (vz_loop_new(&loop) != 0 || vz_loop_add(loop, &end, VZ_READ) != 0)
		err(1, "no event loop");
	alarm(PATIENCE);
	for (unsigned n = 0; n < AT_ONCE; n++) {
		struct vz_identity *self = vz_identity_new();

		if (self == NULL)
			errx(1, "no memory for an identity");
		begin(self);
	}
	return vz_loop_run(loop) != 0;
}
