/*
 * A small relay on a loopback socket inside a test's loop: wire/relay_serve and relay/live over
 * descriptors, with the raw bytes moved by read and write. It does what a relay does, and by its
 * switches what one should not.
 */
#ifndef VZ_TESTS_RELAY_SOCKET_H
#define VZ_TESTS_RELAY_SOCKET_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <sodium.h>
#include "base/err.h"
#include "id/address.h"
#include "net/loop.h"
#include "relay/live.h"

#define RAW_CHUNK 16384

struct here_client {
	struct vz_live_client live; /* first: the other's is found from it */
	struct here_relay *relay;
	struct here_client *next;
	struct vz_watch watch;
	bool raw, eof, shut, over;
	uint8_t pending[RAW_CHUNK]; /* of the other one, on its way to this one */
	size_t pending_len;
};

struct here_relay {
	struct vz_loop *loop;
	const struct vz_identity *id;
	struct vz_live live;
	struct vz_watch gate;
	struct vz_timer timer, sweep;
	struct vz_endpoint at;
	struct here_client *clients;
	struct vz_relay_limits limits;
	unsigned may;
	uint64_t ttl_ms; /* of a match; 0 = the default */
	unsigned accepted, requests, openings;
	uint64_t moved; /* raw bytes */
	/* What it does wrong. */
	bool deaf;                /* accepts, and reads nothing */
	bool hangs_up;            /* closes once a request came */
	bool answers_nothing;     /* to requests */
	bool refuses;             /* whoever it is, by close(77) */
	const char *behind_ready; /* bytes that go out right behind READY */
};

static inline void here_turn(struct here_client *c, bool readable);

static inline void
here_soon(struct here_relay *r)
{
	vz_timer_set(r->loop, &r->sweep, 0);
}

/* Over; freed when nobody is on the stack. */
static inline void
here_gone(struct here_client *c)
{
	struct here_client *other = (struct here_client *)(void *)c->live.other;

	if (c->over)
		return;
	c->over = true;
	vz_loop_del(c->relay->loop, &c->watch);
	vz_live_gone(&c->relay->live, &c->live, vz_loop_now(c->relay->loop));
	close(c->watch.fd);
	if (other != NULL)
		here_gone(other);
	here_soon(c->relay);
}

static inline void
here_sweep(struct vz_loop *l, struct vz_timer *t)
{
	struct here_relay *r = t->arg;

	(void)l;
	for (struct here_client **at = &r->clients; *at != NULL;) {
		struct here_client *c = *at;

		if (!c->over) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		vz_relay_serve_free(c->live.serve);
		free(c);
	}
}

static inline void
here_request(struct here_client *c, const struct vz_relay_event *ev)
{
	struct here_relay *r = c->relay;
	uint8_t random[VZ_MATCH_LEN];

	r->requests++;
	r->openings += ev->type == VZ_RELAY_EVENT_CONNECT && ev->bytes_len > 0;
	if (r->hangs_up) {
		here_gone(c);
	} else if (!r->answers_nothing) {
		randombytes_buf(random, sizeof random);
		vz_live_request(&r->live, &c->live, ev, vz_loop_now(r->loop),
		    UINT64_C(1700000000000) + vz_loop_now(r->loop), random);
	}
}

static inline void
here_events(struct here_client *c)
{
	struct vz_relay_event ev;
	int r = 0;

	while (!c->over && (r = vz_relay_serve_next(c->live.serve, &ev)) > 0) {
		if (ev.type == VZ_RELAY_EVENT_PEER && c->relay->refuses)
			vz_relay_serve_close(c->live.serve, 77, "not today");
		else if (ev.type == VZ_RELAY_EVENT_PEER)
			vz_relay_serve_accept(c->live.serve, c->relay->may);
		else if (ev.type == VZ_RELAY_EVENT_CLOSE)
			here_gone(c);
		else
			here_request(c, &ev);
	}
	if (r < 0 && r != VZ_EDENIED && !c->over)
		here_gone(c);
}

static inline bool
here_raw(const struct here_client *c)
{
	size_t n;

	vz_relay_serve_out(c->live.serve, &n);
	return vz_relay_serve_raw(c->live.serve) && n == 0 && c->live.other != NULL;
}

static inline void
here_write(struct here_client *c)
{
	const char *behind = c->relay->behind_ready;
	const uint8_t *p;
	uint8_t both[1024];
	size_t n, more = 0;
	ssize_t w;

	vz_relay_serve_flush(c->live.serve, vz_loop_now(c->relay->loop));
	p = vz_relay_serve_out(c->live.serve, &n);
	if (n > 0 && vz_relay_serve_raw(c->live.serve) && behind != NULL) {
		more = strlen(behind);
		assert_true(n + more <= sizeof both);
		memcpy(both, p, n);
		memcpy(both + n, behind, more);
		p = both;
	}
	if (n > 0 && (w = send(c->watch.fd, p, n + more, MSG_NOSIGNAL)) > 0)
		vz_relay_serve_sent(
		    c->live.serve, (size_t)w > n ? n : (size_t)w, vz_loop_now(c->relay->loop));
	if (c->pending_len > 0 &&
	    (w = send(c->watch.fd, c->pending, c->pending_len, MSG_NOSIGNAL)) > 0) {
		c->pending_len -= (size_t)w;
		memmove(c->pending, c->pending + w, c->pending_len);
	}
}

static inline void
here_read(struct here_client *c)
{
	struct here_client *to = (struct here_client *)(void *)c->live.other;
	size_t room = RAW_CHUNK;
	bool raw = here_raw(c);
	uint8_t *p = raw ? to->pending : vz_relay_serve_space(c->live.serve, &room);
	ssize_t n;

	if (p == NULL || (raw && to->pending_len > 0))
		return;
	n = read(c->watch.fd, p, room);
	if (n == 0 && raw) {
		c->eof = true;
	} else if (n == 0 || (n < 0 && errno != EAGAIN)) {
		here_gone(c);
	} else if (n > 0 && raw) {
		to->pending_len = (size_t)n;
		c->relay->moved += (uint64_t)n;
		here_turn(to, false);
	} else if (n > 0) {
		vz_relay_serve_fed(c->live.serve, (size_t)n, vz_loop_now(c->relay->loop));
		here_events(c);
	}
}

static inline void
here_turn(struct here_client *c, bool readable)
{
	struct here_client *other;
	unsigned want = 0;
	size_t n;

	if (!c->over && readable && !c->relay->deaf)
		here_read(c);
	if (c->over)
		return;
	here_write(c);
	other = (struct here_client *)(void *)c->live.other;
	vz_relay_serve_out(c->live.serve, &n);
	if (c->live.hang_up && n == 0) {
		here_gone(c);
		return;
	}
	if (other != NULL && other->eof && c->pending_len == 0 && !c->shut) {
		c->shut = true;
		shutdown(c->watch.fd, SHUT_WR);
	}
	if (c->shut && other != NULL && other->shut) {
		here_gone(c);
		return;
	}
	if (!c->relay->deaf && !c->eof && !(here_raw(c) && other->pending_len > 0))
		want |= VZ_READ;
	if (n > 0 || c->pending_len > 0)
		want |= VZ_WRITE;
	vz_loop_want(c->relay->loop, &c->watch, want);
	if (other != NULL && !other->over && c->pending_len == 0 && !other->eof && !c->relay->deaf)
		vz_loop_want(c->relay->loop, &other->watch, other->watch.want | VZ_READ);
}

static inline void
here_on_client(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct here_client *c = w->arg;
	struct here_client *other = (struct here_client *)(void *)c->live.other;

	(void)l;
	here_turn(c, (got & VZ_READ) != 0);
	if (other != NULL && !other->over)
		here_turn(other, false);
}

static inline void
here_touched(void *ctx, struct vz_live_client *live)
{
	(void)ctx;
	here_turn((struct here_client *)(void *)live, false);
}

/* A client's connection, which is the relay's from now on. */
static inline void
here_take(struct here_relay *r, int fd)
{
	struct here_client *c = calloc(1, sizeof *c);
	struct vz_channel_config ch = {
	    .service = VZ_SERVICE_RELAY, .self = r->id, .responder = r->id->bundle.identity};

	assert_true(c != NULL && fd >= 0);
	r->accepted++;
	randombytes_buf(ch.random, sizeof ch.random);
	c->relay = r;
	c->watch = (struct vz_watch){.fd = fd, .fn = here_on_client, .arg = c};
	assert_int_equal(
	    vz_relay_serve_new(&c->live.serve, &ch, &r->limits, vz_loop_now(r->loop)), 0);
	assert_int_equal(vz_loop_add(r->loop, &c->watch, r->deaf ? 0 : VZ_READ), 0);
	c->next = r->clients;
	r->clients = c;
}

static inline void
here_on_gate(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)l;
	(void)got;
	here_take(w->arg, accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/* Its own time limits: matches only. */
static inline void
here_on_time(struct vz_loop *l, struct vz_timer *t)
{
	struct here_relay *r = t->arg;

	vz_live_tick(&r->live, vz_loop_now(l));
	vz_timer_set(l, t, 100);
}

/* At 127.0.0.1, a port of the system's choice; or again at the one that it had. */
static inline void
here_relay_begin(struct here_relay *r, struct vz_loop *l, const struct vz_identity *id)
{
	static const uint8_t seed[VZ_KEYMAP_SEED] = {7};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(r->at.port)};
	struct vz_match_limits limits;
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	r->loop = l;
	r->id = id;
	r->may = VZ_RELAY_MAY_REGISTER | VZ_RELAY_MAY_CONNECT;
	vz_relay_limits_default(&r->limits);
	r->at = (struct vz_endpoint){.kind = VZ_ADDRESS_TCP, .numeric = true, .host = "127.0.0.1"};
	r->at.port = ntohs(in.sin_port);
	vz_match_limits_default(&limits);
	if (r->ttl_ms != 0)
		limits.ttl_ms = r->ttl_ms;
	assert_int_equal(vz_matches_new(&r->live.matches, &limits, seed), 0);
	r->live.touched = here_touched;
	r->gate = (struct vz_watch){.fd = fd, .fn = here_on_gate, .arg = r};
	r->timer = (struct vz_timer){.fn = here_on_time, .arg = r};
	r->sweep = (struct vz_timer){.fn = here_sweep, .arg = r};
	assert_int_equal(vz_loop_add(l, &r->gate, VZ_READ), 0);
	assert_int_equal(vz_timer_set(l, &r->timer, 100), 0);
}

/* As if it were killed: nobody hears a word. Not from inside its own callbacks. */
static inline void
here_relay_end(struct here_relay *r)
{
	if (r->live.matches == NULL)
		return;
	vz_loop_del(r->loop, &r->gate);
	close(r->gate.fd);
	for (struct here_client *c = r->clients; c != NULL; c = c->next)
		here_gone(c);
	here_sweep(r->loop, &(struct vz_timer){.arg = r});
	vz_timer_stop(r->loop, &r->timer);
	vz_timer_stop(r->loop, &r->sweep);
	vz_matches_free(r->live.matches);
	r->live.matches = NULL;
}

#endif
