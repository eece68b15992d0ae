/*
 * flooder: a sender that takes as much of a listener as it can get, and gives nothing back.
 *
 *	flooder ADDRESS HOW N SIZE
 *
 *	asks	opens N questions, sends SIZE bytes of each and never the end
 *	sends	the same with messages that want no reply
 *	deaf	sends N whole questions of SIZE bytes, and reads nothing from the first answer on
 *
 * Its identity is made anew. When nothing has moved for half a second it says `sent N` on standard
 * output, where N messages were begun, and stays; when the session is over `ended` and the error,
 * and exits.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "id/address.h"
#include "id/identity.h"
#include "net/conn.h"
#include "net/dial.h"

#define QUIET_MS 500

static struct vz_loop *loop;
static struct vz_identity *me;
static struct vz_address address;
static struct vz_conn *conn;
static struct vz_timer quiet;
static uint8_t body[1024 * 1024];
static const char *how;
static uint64_t most, sent;
static size_t size, of_last; /* bytes of the last one that are out */
static uint64_t last;
static bool begun, ready, moved;

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static bool
one_whole(struct vz_session *s)
{
	uint64_t number;

	if (vz_session_whole(s, VZ_KIND_ASK, body, size, &number) < 0)
		return false;
	sent++;
	return true;
}

/* False: there is no room for more of it. */
static bool
one_open(struct vz_session *s)
{
	uint8_t kind = strcmp(how, "asks") == 0 ? VZ_KIND_ASK : VZ_KIND_SEND;
	long n;

	if (!begun) {
		if (vz_session_open(s, kind, 0, "", VZ_LENGTH_UNKNOWN, &last) < 0)
			return false;
		begun = true;
		of_last = 0;
		sent++;
	}
	n = vz_session_data(s, last, body + of_last, size - of_last);
	if (n > 0)
		of_last += (size_t)n;
	begun = n >= 0 && of_last < size; /* refused ones are over */
	return !begun;
}

static void
on_turn(void *arg, struct vz_conn *c)
{
	struct vz_session *s = vz_conn_session(c);
	uint64_t before = sent;
	size_t part = of_last;

	(void)arg;
	if (!ready)
		return;
	while (sent < most && (strcmp(how, "deaf") == 0 ? one_whole(s) : one_open(s)))
		;
	moved |= sent != before || of_last != part;
}

static bool
on_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	(void)arg;
	if (ev->type == VZ_EVENT_PEER)
		need(vz_session_accept(vz_conn_session(c), 0, 0), "accept");
	ready |= ev->type == VZ_EVENT_READY;
	return strcmp(how, "deaf") != 0 || ev->type != VZ_EVENT_ANSWER;
}

static void
on_ended(void *arg, struct vz_conn *c, int why, int sys_errno)
{
	(void)arg;
	(void)c;
	(void)sys_errno;
	printf("ended %d\n", why);
	exit(0);
}

static const struct vz_conn_handler handler = {
    .event = on_event, .turn = on_turn, .ended = on_ended};

static void
on_quiet(struct vz_loop *l, struct vz_timer *t)
{
	if (ready && !moved) {
		printf("sent %llu\n", (unsigned long long)sent);
		fflush(stdout);
		return;
	}
	moved = false;
	need(vz_timer_set(l, t, QUIET_MS), "timer");
}

static void
on_connected(void *arg, int fd, int why, int sys_errno, enum vz_dial_step step)
{
	struct vz_conn_config c = {.handler = &handler};

	(void)arg;
	(void)sys_errno;
	(void)step;
	need(fd < 0 ? why : 0, "connect");
	vz_session_defaults(&c.session);
	c.session.channel.initiator = true;
	c.session.channel.service = VZ_SERVICE_MESSAGES;
	c.session.channel.self = me;
	c.session.channel.responder = address.key;
	c.session.channel.aes = vz_aead_has_aes();
	randombytes_buf(c.session.channel.random, sizeof(c.session.channel.random));
	randombytes_buf(c.session.stream, sizeof(c.session.stream));
	need(vz_conn_new(loop, fd, &c, &conn), "connection");
}

int
main(int argc, char **argv)
{
	struct vz_dial_config dial = {0};
	struct vz_dial *d;
	uint8_t random[96];

	if (argc != 5)
		errx(64, "usage: flooder ADDRESS HOW N SIZE");
	how = argv[2];
	most = strtoull(argv[3], NULL, 10);
	size = strtoull(argv[4], NULL, 10);
	if (size > sizeof(body))
		errx(64, "at most %zu bytes", sizeof(body));
	if (vz_secret_init() != 0)
		err(71, "randomness");
	memset(body, 'x', sizeof(body));
	randombytes_buf(random, sizeof(random));
	me = vz_identity_new();
	if (!me)
		err(71, "identity");
	need(vz_identity_make(me, random, (uint64_t)time(NULL), "flooder"), "identity");
	need(vz_address_parse(argv[1], strlen(argv[1]), NULL, NULL, &address, NULL), "address");
	need(vz_loop_new(&loop), "loop");
	quiet.fn = on_quiet;
	need(vz_timer_set(loop, &quiet, QUIET_MS), "timer");
	dial.at = address.at;
	need(vz_dial_start(loop, &dial, on_connected, NULL, &d), "dial");
	return vz_loop_run(loop) < 0;
}
