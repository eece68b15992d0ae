/*
 * A relay and its clients inside one process, on a virtual clock: each client has a connection to
 * the relay that can be cut and flipped at any byte; the relay is lib/relay/live with the raw
 * stream moved by hand. After READY the clients hold a session through it.
 */
#ifndef VZ_TESTS_RELAY_WORLD_H
#define VZ_TESTS_RELAY_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "relay/live.h"
#include "wire/session.h"
#include "tests/unit/people.h"

#define ENDS_MAX 32
#define NEVER    UINT64_MAX

enum way { UP, DOWN }; /* to the relay, and from it */

struct line {
	uint8_t *p;
	size_t n, cap;
	size_t there; /* of a slow world: bytes that have got to the other side */
	bool eof;
	uint64_t moved, cut, flip;
};

struct world;

/* A client and its connection. */
struct end {
	struct vz_relay_client *c;
	struct vz_live_client live;
	struct line line[2];
	unsigned may;
	bool sends, gone; /* the relay has ended its side */
	/* Once it knows the relay; NULL: the test does, later. */
	void (*asks)(struct world *w, struct end *e);
	int client_err, serve_err;
	/* What the client was told. */
	uint64_t number;
	unsigned offers, status; /* status of its refusal, 1000 = none */
	uint8_t offer[8][VZ_MATCH_LEN];
	bool registered, ready, pong;
	struct vz_session *session;
	int session_err;
	bool delivered, whole; /* sender: verdict; listener: the message */
	uint64_t sent;
};

struct world {
	struct end end[ENDS_MAX];
	unsigned n;
	struct vz_live live;
	uint64_t now, unix_ms;
	uint8_t random;
	unsigned piece; /* at most this many bytes at a time; 0 = all */
	size_t message; /* bytes that a sender sends */
	bool no_session;
	bool opens; /* senders name the match, and their first bytes go with the request */
	bool slow;  /* bytes are on their way until world_hop */
};

static inline void
world_touched(void *ctx, struct vz_live_client *c)
{
	(void)ctx;
	assert_non_null(c->serve);
}

static inline void
world_begin(struct world *w)
{
	static const uint8_t seed[VZ_KEYMAP_SEED] = {7};
	struct vz_match_limits l;

	memset(w, 0, sizeof *w);
	vz_match_limits_default(&l);
	assert_int_equal(vz_matches_new(&w->live.matches, &l, seed), 0);
	w->live.touched = world_touched;
	w->now = 1000;
	w->unix_ms = UINT64_C(1700000000000);
	w->message = 3000;
}

static inline void
world_end(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct end *e = &w->end[i];

		vz_live_gone(&w->live, &e->live, w->now);
		vz_relay_client_free(e->c);
		vz_session_free(e->session);
		free(e->line[UP].p);
		free(e->line[DOWN].p);
	}
	for (unsigned i = 0; i < w->n; i++)
		vz_relay_serve_free(w->end[i].live.serve);
	vz_matches_free(w->live.matches);
}

static inline struct vz_channel_config
world_channel(struct world *w, unsigned who, bool initiator)
{
	struct vz_channel_config c = {.initiator = initiator,
	    .service = VZ_SERVICE_MESSAGES,
	    .self = people[who],
	    .responder = *people_key(initiator ? BOB : who)};

	memset(c.random, ++w->random, sizeof c.random);
	c.random[1] = (uint8_t)(w->n + 1);
	return c;
}

/* One more connection; its handshake begins. */
static inline struct end *
world_dial(struct world *w, unsigned who)
{
	struct end *e = &w->end[w->n++];
	struct vz_channel_config c = world_channel(w, who, true),
				 s = world_channel(w, RELAY, false);
	struct vz_relay_limits l;

	assert_true(w->n <= ENDS_MAX);
	memset(e, 0, sizeof *e);
	vz_relay_limits_default(&l);
	c.responder = *people_key(RELAY);
	e->line[UP].cut = e->line[DOWN].cut = e->line[UP].flip = e->line[DOWN].flip = NEVER;
	e->may = VZ_RELAY_MAY_REGISTER | VZ_RELAY_MAY_CONNECT;
	e->status = 1000;
	e->sends = who != BOB;
	assert_int_equal(vz_relay_client_new(&e->c, &c, &l, w->now), 0);
	assert_int_equal(vz_relay_serve_new(&e->live.serve, &s, &l, w->now), 0);
	return e;
}

static inline void
line_put(struct line *l, const uint8_t *p, size_t n)
{
	if (n == 0 || l->eof)
		return;
	if (l->n + n > l->cap) {
		l->cap = (l->n + n) * 2;
		l->p = realloc(l->p, l->cap);
		assert_non_null(l->p);
	}
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

/* What may be taken off now; *p has the bytes, flipped where the plan says. */
static inline size_t
line_take(struct world *w, struct line *l, size_t most, uint8_t *to)
{
	size_t here = w->slow ? l->there : l->n, n = here < most ? here : most;

	if (w->piece > 0 && n > w->piece)
		n = w->piece;
	if (l->cut - l->moved < n)
		n = (size_t)(l->cut - l->moved);
	if (n > 0)
		memcpy(to, l->p, n);
	if (l->flip >= l->moved && l->flip < l->moved + n)
		to[l->flip - l->moved] ^= (uint8_t)(1u << (l->flip % 8));
	l->moved += n;
	memmove(l->p, l->p + n, l->n - n);
	l->n -= n;
	l->there -= w->slow ? n : 0;
	if (l->moved == l->cut) {
		l->eof = true;
		l->n = 0;
	}
	return n;
}

/* The relay. */

static inline void
relay_ends(struct world *w, struct end *e)
{
	if (e->gone)
		return;
	e->gone = true;
	vz_live_gone(&w->live, &e->live, w->now);
}

static inline void
relay_events(struct world *w, struct end *e)
{
	struct vz_relay_event ev;
	uint8_t random[VZ_MATCH_LEN];
	int r;

	while ((r = vz_relay_serve_next(e->live.serve, &ev)) > 0) {
		switch (ev.type) {
		case VZ_RELAY_EVENT_PEER:
			assert_int_equal(vz_relay_serve_accept(e->live.serve, e->may), 0);
			break;
		case VZ_RELAY_EVENT_CLOSE: relay_ends(w, e); return;
		default:
			memset(random, ++w->random, sizeof random);
			vz_live_request(&w->live, &e->live, &ev, w->now, w->unix_ms, random);
		}
	}
	if (r < 0 && e->serve_err == 0) {
		e->serve_err = r;
		if (r != VZ_EDENIED)
			vz_relay_serve_close(e->live.serve, 76, "no valid frame");
		relay_ends(w, e);
	}
}

static inline bool
relay_turn(struct world *w, struct end *e)
{
	struct vz_relay_serve *s = e->live.serve;
	static uint8_t chunk[65536];
	struct end *other;
	const uint8_t *out;
	size_t n, room;
	uint8_t *p;
	bool moved = false;

	/* Its own words first: READY is the last of them. */
	if (vz_relay_serve_flush(s, w->now) < 0)
		relay_ends(w, e);
	out = vz_relay_serve_out(s, &n);
	line_put(&e->line[DOWN], out, n);
	vz_relay_serve_sent(s, n, w->now);
	moved |= n > 0;
	if (!e->gone && vz_relay_serve_raw(s)) {
		if (e->live.other == NULL)
			return moved;
		other = (struct end *)((char *)e->live.other - offsetof(struct end, live));
		n = line_take(w, &e->line[UP], sizeof chunk, chunk);
		line_put(&other->line[DOWN], chunk, n);
		return moved || n > 0;
	}
	while (!e->gone && !vz_relay_serve_raw(s) && e->line[UP].n > 0 &&
	    (p = vz_relay_serve_space(s, &room)) != NULL) {
		n = line_take(w, &e->line[UP], room, p);
		if (n == 0)
			break;
		vz_relay_serve_fed(s, n, w->now);
		relay_events(w, e);
		moved = true;
	}
	return moved;
}

/* The clients. */

static inline struct vz_session_config
world_session(struct world *w, struct end *e)
{
	struct vz_session_config c = {0};

	vz_session_defaults(&c);
	c.channel = world_channel(w, e->sends ? ALICE : BOB, e->sends);
	c.now = w->now;
	return c;
}

/* Asks for Bob, with the beginning of the session in it. */
static inline void
world_opens(struct world *w, struct end *e)
{
	struct vz_session_config c = world_session(w, e);
	const uint8_t *first;
	size_t n;

	c.channel.relayed = true;
	c.channel.relay = *people_key(RELAY);
	memset(c.channel.match, ++w->random, sizeof c.channel.match);
	assert_int_equal(vz_session_new(&e->session, &c), 0);
	first = vz_session_out(e->session, &n);
	assert_int_equal(vz_relay_client_open(e->c, people_key(BOB), c.channel.match, first, n), 0);
	vz_session_sent(e->session, n, w->now);
}

static inline void
world_asks(struct world *w, struct end *e)
{
	if (w->opens)
		world_opens(w, e);
	else
		assert_int_equal(vz_relay_client_connect(e->c, people_key(BOB)), 0);
}

static inline void
session_begins(struct world *w, struct end *e)
{
	struct vz_session_config c = world_session(w, e);
	const uint8_t *rest;
	size_t n, room;
	uint8_t *p;

	assert_int_equal(vz_relay_client_path(e->c, &c.channel), 0);
	if (e->session == NULL)
		assert_int_equal(vz_session_new(&e->session, &c), 0);
	else
		vz_session_begins(e->session, w->now, c.handshake_ms);
	rest = vz_relay_client_rest(e->c, &n);
	p = vz_session_space(e->session, &room);
	assert_true(n <= room);
	if (n > 0)
		memcpy(p, rest, n);
	vz_session_fed(e->session, n, w->now);
}

static inline void
session_event(struct world *w, struct end *e, const struct vz_event *ev)
{
	uint8_t *body;
	uint64_t number;

	switch (ev->type) {
	case VZ_EVENT_PEER:
		assert_int_equal(vz_session_accept(e->session, 3, 0), 0);
		if (!e->sends)
			break;
		body = calloc(1, w->message + 1);
		assert_int_equal(
		    vz_session_whole(e->session, VZ_KIND_SEND, body, w->message, &number), 0);
		free(body);
		break;
	case VZ_EVENT_WHOLE:
		assert_int_equal(ev->bytes_len, w->message);
		e->whole = true;
		vz_session_taken(e->session, ev->number, ev->bytes_len);
		assert_int_equal(vz_session_done(e->session, ev->number, 0, ""), 0);
		break;
	case VZ_EVENT_DONE: e->delivered = ev->status == 0; break;
	default: break;
	}
}

static inline void
session_turn(struct world *w, struct end *e)
{
	struct vz_event ev;
	const uint8_t *out;
	size_t n, room;
	uint8_t *p;
	int r = 0;

	do {
		while (e->session_err == 0 && (r = vz_session_next(e->session, &ev)) > 0)
			session_event(w, e, &ev);
		if (r < 0)
			e->session_err = r;
		if (e->session_err != 0 || e->line[DOWN].n == 0)
			break;
		p = vz_session_space(e->session, &room);
		n = line_take(w, &e->line[DOWN], room, p);
		vz_session_fed(e->session, n, w->now);
	} while (n > 0);
	vz_session_flush(e->session, w->now);
	out = vz_session_out(e->session, &n);
	line_put(&e->line[UP], out, n);
	vz_session_sent(e->session, n, w->now);
}

static inline void
client_event(struct world *w, struct end *e, const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_PEER:
		assert_true(vz_key_equal(&vz_relay_client_peer(e->c)->identity, people_key(RELAY)));
		assert_int_equal(vz_relay_client_accept(e->c), 0);
		if (e->asks != NULL)
			e->asks(w, e);
		break;
	case VZ_RELAY_EVENT_REGISTERED:
		e->registered = true;
		e->number = ev->number;
		break;
	case VZ_RELAY_EVENT_OFFER:
		assert_true(e->offers < 8);
		memcpy(e->offer[e->offers++], ev->match, VZ_MATCH_LEN);
		break;
	case VZ_RELAY_EVENT_READY:
		e->ready = true;
		if (!w->no_session)
			session_begins(w, e);
		break;
	case VZ_RELAY_EVENT_PONG: e->pong = true; break;
	case VZ_RELAY_EVENT_CLOSE: e->status = ev->status; break;
	default: assert_true(false);
	}
}

static inline bool
client_turn(struct world *w, struct end *e)
{
	struct vz_relay_event ev;
	uint64_t before = e->line[DOWN].moved, queued = e->line[UP].n;
	const uint8_t *out;
	size_t n, room;
	uint8_t *p;
	int r;

	while (!e->ready && e->client_err == 0 && e->line[DOWN].n > 0) {
		p = vz_relay_client_space(e->c, &room);
		assert_non_null(p);
		if ((n = line_take(w, &e->line[DOWN], room, p)) == 0)
			break;
		vz_relay_client_fed(e->c, n, w->now);
		while ((r = vz_relay_client_next(e->c, &ev)) > 0)
			client_event(w, e, &ev);
		e->client_err = r;
	}
	assert_true(vz_relay_client_flush(e->c, w->now) <= 0);
	out = vz_relay_client_out(e->c, &n);
	line_put(&e->line[UP], out, n);
	vz_relay_client_sent(e->c, n, w->now);
	if (e->ready && e->session != NULL)
		session_turn(w, e);
	return e->line[DOWN].moved != before || e->line[UP].n != queued;
}

/* Until nothing moves any more. */
static inline void
world_settle(struct world *w)
{
	bool moved = true;

	for (unsigned turns = 0; moved; turns++) {
		assert_true(turns < 100000);
		moved = false;
		for (unsigned i = 0; i < w->n; i++) {
			moved |= client_turn(w, &w->end[i]);
			moved |= relay_turn(w, &w->end[i]);
		}
	}
}

/* Whatever is on its way gets there, and is answered. */
static inline void
world_hop(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		for (unsigned k = UP; k <= DOWN; k++)
			w->end[i].line[k].there = w->end[i].line[k].n;
	world_settle(w);
}

/* Time passes, in steps of a second. */
static inline void
world_pass(struct world *w, uint64_t ms)
{
	int r;

	for (uint64_t until = w->now + ms; w->now < until;) {
		w->now += 1000;
		for (unsigned i = 0; i < w->n; i++) {
			struct end *e = &w->end[i];

			if (!e->gone && e->serve_err == 0 &&
			    (r = vz_relay_serve_tick(e->live.serve, w->now)) < 0) {
				e->serve_err = r;
				relay_ends(w, e);
			}
			if (e->client_err == 0 && (r = vz_relay_client_tick(e->c, w->now)) < 0)
				e->client_err = r;
		}
		vz_live_tick(&w->live, w->now);
		world_settle(w);
	}
}

/* Bob registers. */
static inline struct end *
world_listener(struct world *w, unsigned who, uint64_t number)
{
	struct end *e = world_dial(w, who);

	world_settle(w);
	vz_relay_client_register(e->c, number);
	world_settle(w);
	return e;
}

/* Somebody asks for Bob. */
static inline struct end *
world_sender(struct world *w, unsigned who)
{
	struct end *e = world_dial(w, who);

	world_settle(w);
	world_asks(w, e);
	world_settle(w);
	return e;
}

static inline struct end *
world_claim(struct world *w, unsigned who, const uint8_t *match)
{
	struct end *e = world_dial(w, who);

	world_settle(w);
	vz_relay_client_claim(e->c, match);
	world_settle(w);
	return e;
}

#endif
