/*
 * Two sessions joined inside one process by a wire that delays, throttles, cuts and flips, on a
 * virtual clock. Everything is decided by the numbers in struct wire_plan, so a failure repeats.
 */
#ifndef VZ_TESTS_VIRTUAL_WIRE_H
#define VZ_TESTS_VIRTUAL_WIRE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "id/identity.h"
#include "wire/session.h"

#define NEVER        UINT64_MAX
#define MESSAGES_MAX 8

enum direction { UP, DOWN }; /* sender to listener, and back */

struct wire_plan {
	uint64_t cut[2]; /* after this many bytes of that direction the wire breaks */
	bool reset; /* both ways at once, bytes under way lost; else end of file behind the cut */
	uint64_t flip[2]; /* flips one bit of the byte at this offset */
	unsigned bit;
	unsigned piece;    /* at most this many bytes a step; 0 = all */
	uint64_t delay_ms; /* virtual time that each step takes */
	bool no_aes;
	unsigned sink_pause; /* the listener takes data only every n-th step; 0 = always */
	bool wrong_psk, wrong_key, refuse;
	const size_t *sizes; /* of the messages to send */
	unsigned messages;
	bool lengths_known;
	bool are_signed;
};

/* What came of it. */
struct wire_result {
	bool sender_ok, listener_whole[MESSAGES_MAX];
	unsigned delivered; /* verdicts with status 0 that the sender has */
	int sender_err, listener_err;
	uint8_t sender_close; /* status of the listener's close, if it came */
	uint64_t moved[2];    /* bytes that each direction carried */
	uint64_t done_at;     /* bytes of DOWN when the sender had its last verdict */
	uint64_t clock;
	bool aes;
};

struct side {
	struct vz_session *s;
	uint8_t *queue; /* bytes on their way to this side */
	size_t queued, queue_cap;
	bool eof, dead; /* nothing more will come; this side has given up */
	int err;
};

struct wire {
	const struct wire_plan *plan;
	struct side side[2]; /* by the direction that leads to it: side[UP] is the listener */
	struct wire_result *result;
	uint64_t sent[MESSAGES_MAX], number[MESSAGES_MAX];
	uint64_t got[MESSAGES_MAX];
	unsigned opened, steps;
	bool goodbye;
	bool proved[MESSAGES_MAX];
};

static struct vz_identity *wire_ids[3];

/* Byte i of message m: whatever reaches a sink is held against it. */
static inline uint8_t
wire_byte(unsigned m, uint64_t i)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) + m * UINT64_C(0xbf58476d1ce4e5b9);

	return (uint8_t)(x >> 56 ^ x >> 24);
}

static inline void
wire_setup(void)
{
	uint8_t random[96];

	if (wire_ids[0] != NULL)
		return;
	assert_int_equal(vz_secret_init(), 0);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < sizeof random; k++)
			random[k] = (uint8_t)(k * 7 + i * 31 + 1);
		wire_ids[i] = vz_identity_new();
		assert_non_null(wire_ids[i]);
		assert_int_equal(vz_identity_make(wire_ids[i], random, 1 + i, "test"), 0);
	}
}

static inline void
wire_teardown(void)
{
	for (unsigned i = 0; i < 3; i++) {
		vz_identity_free(wire_ids[i]);
		wire_ids[i] = NULL;
	}
}

static inline void
wire_session(struct wire *w, bool sender)
{
	static const uint8_t psk[2][32] = {{1, 2, 3}, {4, 5, 6}};
	struct vz_session_config c = {0};

	vz_session_defaults(&c);
	c.channel.initiator = sender;
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.self = wire_ids[sender ? 0 : 1];
	c.channel.responder = wire_ids[sender && w->plan->wrong_key ? 2 : 1]->bundle.identity;
	c.channel.psk[0] = psk[0];
	if (sender && w->plan->wrong_psk)
		c.channel.psk[0] = psk[1];
	c.channel.aes = !w->plan->no_aes;
	memset(c.channel.random, sender ? 0x11 : 0x22, sizeof c.channel.random);
	memset(c.stream, 0x33, sizeof c.stream);
	assert_int_equal(vz_session_new(&w->side[sender ? DOWN : UP].s, &c), 0);
}

/* The sender's program: opens what is to be sent, sends what there is room for, ends. */
static inline void
wire_send(struct wire *w)
{
	struct vz_session *s = w->side[DOWN].s;
	const struct wire_plan *p = w->plan;
	uint8_t chunk[20000];
	size_t n;
	long took;

	while (w->opened < p->messages) {
		if (vz_session_open(s, VZ_KIND_SEND, p->are_signed ? VZ_OPEN_SIGNED : 0, "name",
			p->lengths_known ? p->sizes[w->opened] : VZ_LENGTH_UNKNOWN,
			&w->number[w->opened]) < 0)
			return;
		w->opened++;
	}
	for (unsigned m = 0; m < w->opened; m++) {
		if (w->sent[m] == NEVER)
			continue;
		while (w->sent[m] < p->sizes[m]) {
			n = p->sizes[m] - (size_t)w->sent[m];
			n = n < sizeof chunk ? n : sizeof chunk;
			for (size_t i = 0; i < n; i++)
				chunk[i] = wire_byte(m, w->sent[m] + i);
			if ((took = vz_session_data(s, w->number[m], chunk, n)) <= 0)
				return;
			w->sent[m] += (uint64_t)took;
		}
		if (p->are_signed)
			assert_int_equal(vz_session_sign(s, w->number[m],
					     (const uint8_t *)"textsignature", 4, 13),
			    0);
		assert_int_equal(vz_session_end(s, w->number[m]), 0);
		w->sent[m] = NEVER;
	}
}

static inline void
wire_sender_event(struct wire *w, const struct vz_event *ev)
{
	struct vz_session *s = w->side[DOWN].s;

	switch (ev->type) {
	case VZ_EVENT_PEER: assert_int_equal(vz_session_accept(s, 0, 0), 0); break;
	case VZ_EVENT_DONE:
		if (ev->status == 0)
			w->result->delivered += (unsigned)ev->count;
		w->result->done_at = w->result->moved[DOWN];
		if (w->result->delivered == w->plan->messages && !w->goodbye) {
			w->result->sender_ok = true;
			w->goodbye = true;
			assert_int_equal(vz_session_close(s, 0, ""), 0);
		}
		break;
	case VZ_EVENT_CLOSE: w->result->sender_close = ev->status; break;
	default: break;
	}
}

static inline void
wire_listener_event(struct wire *w, const struct vz_event *ev)
{
	struct vz_session *s = w->side[UP].s;
	unsigned m = (unsigned)ev->number;

	switch (ev->type) {
	case VZ_EVENT_PEER:
		if (w->plan->refuse)
			assert_int_equal(vz_session_close(s, 77, "not authorised"), 0);
		else
			assert_int_equal(vz_session_accept(s, 3, 0), 0);
		break;
	case VZ_EVENT_OPEN: assert_true(m < w->plan->messages); break;
	case VZ_EVENT_DATA:
		/* No byte that was not sent ever reaches a sink (DESIGN 10 item 5). */
		assert_true(ev->offset == w->got[m]);
		for (size_t i = 0; i < ev->bytes_len; i++)
			assert_true(ev->bytes[i] == wire_byte(m, w->got[m] + i));
		w->got[m] += ev->bytes_len;
		assert_int_equal(vz_session_taken(s, ev->number, ev->bytes_len), 0);
		break;
	case VZ_EVENT_SIGNED:
		assert_true(w->got[m] == w->plan->sizes[m] && !w->proved[m]);
		assert_memory_equal(ev->bytes, "textsignature", 13);
		w->proved[m] = true;
		break;
	case VZ_EVENT_END:
		assert_true(w->got[m] == w->plan->sizes[m]);
		assert_true(w->proved[m] == w->plan->are_signed);
		w->result->listener_whole[m] = true;
		assert_int_equal(vz_session_done(s, ev->number, 0, ""), 0);
		break;
	default: break;
	}
}

/* Takes what arrived, hands out events, gives up on an error as net/conn does. */
static inline void
wire_run(struct wire *w, enum direction d)
{
	struct side *me = &w->side[d];
	struct vz_event ev;
	size_t room;
	uint8_t *p;
	int r = 0;

	while (me->queued > 0 && !me->dead) {
		p = vz_session_space(me->s, &room);
		assert_non_null(p);
		if (room > me->queued)
			room = me->queued;
		memcpy(p, me->queue, room);
		memmove(me->queue, me->queue + room, me->queued - room);
		me->queued -= room;
		vz_session_fed(me->s, room, w->result->clock);
		while ((r = vz_session_next(me->s, &ev)) > 0) {
			if (d == UP)
				wire_listener_event(w, &ev);
			else
				wire_sender_event(w, &ev);
		}
		if (r < 0) {
			me->dead = true;
			me->err = r;
		}
	}
	if (!me->dead && me->eof && me->queued == 0) {
		me->dead = true;
		me->err = vz_session_closed(me->s) ? 0 : VZ_ECUT;
	}
}

static inline void
wire_enqueue(struct side *to, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (to->queued + n > to->queue_cap) {
		to->queue_cap = (to->queued + n) * 2;
		to->queue = realloc(to->queue, to->queue_cap);
		assert_non_null(to->queue);
	}
	memcpy(to->queue + to->queued, p, n);
	to->queued += n;
}

/* Carries bytes of one direction, with whatever the plan does to them. True when any moved. */
static inline bool
wire_carry(struct wire *w, enum direction d)
{
	struct side *from = &w->side[d == UP ? DOWN : UP], *to = &w->side[d];
	const struct wire_plan *p = w->plan;
	uint64_t *moved = &w->result->moved[d];
	const uint8_t *out;
	size_t n, take;

	out = vz_session_out(from->s, &n);
	take = n;
	if (n == 0 || to->eof)
		return false;
	if (p->piece > 0 && take > p->piece)
		take = p->piece;
	if (p->cut[d] - *moved < take)
		take = (size_t)(p->cut[d] - *moved);
	wire_enqueue(to, out, take);
	if (p->flip[d] >= *moved && p->flip[d] < *moved + take)
		to->queue[to->queued - take + (size_t)(p->flip[d] - *moved)] ^=
		    (uint8_t)(1u << p->bit);
	*moved += take;
	vz_session_sent(from->s, take, w->result->clock);
	if (*moved == p->cut[d]) {
		to->eof = true;
		if (p->reset) {
			to->queued = 0;
			from->eof = true;
			from->queued = 0;
		}
	}
	return take > 0;
}

static inline void
wire_tick(struct wire *w, enum direction d)
{
	struct side *me = &w->side[d];
	int r;

	if (me->dead || w->result->clock < vz_session_deadline(me->s))
		return;
	r = vz_session_tick(me->s, w->result->clock, true);
	if (r < 0) {
		me->dead = true;
		me->err = r;
	}
}

/* One turn of the world; false when nothing moved. */
static inline bool
wire_step(struct wire *w)
{
	bool moved = false;
	size_t left;

	w->result->clock += w->plan->delay_ms;
	w->steps++;
	for (int d = DOWN; d >= UP; d--) {
		if (d == UP && w->plan->sink_pause > 0 && w->steps % w->plan->sink_pause != 0)
			continue;
		wire_run(w, (enum direction)d);
		if (d == DOWN && !w->side[DOWN].dead)
			wire_send(w);
		wire_tick(w, (enum direction)d);
		if (!w->side[d].dead)
			vz_session_flush(w->side[d].s, w->result->clock);
	}
	moved |= wire_carry(w, UP);
	moved |= wire_carry(w, DOWN);
	if (w->goodbye && (vz_session_out(w->side[DOWN].s, &left), left == 0))
		w->side[DOWN].dead =
		    true; /* all is said: a sender does not wait for an answer to its close */
	/* A side that is gone takes its socket with it. */
	for (int d = UP; d <= DOWN; d++)
		if (w->side[d].dead)
			w->side[d == UP ? DOWN : UP].eof = true;
	return moved || w->side[UP].queued > 0 || w->side[DOWN].queued > 0;
}

/* Runs a plan until both sides are done or silent for good. */
static inline void
wire_play(const struct wire_plan *plan, struct wire_result *result)
{
	struct wire w = {.plan = plan, .result = result};
	unsigned idle = 0;

	memset(result, 0, sizeof *result);
	wire_setup();
	wire_session(&w, true);
	wire_session(&w, false);
	for (unsigned i = 0; i < 400000 && idle < 40; i++) {
		if (wire_step(&w)) {
			idle = 0;
			continue;
		}
		/* Nothing moves: time does, up to the next deadline of either side. */
		idle++;
		result->clock += 5000;
		wire_tick(&w, UP);
		wire_tick(&w, DOWN);
		if (w.side[UP].dead && w.side[DOWN].dead)
			break;
	}
	result->sender_err = w.side[DOWN].err;
	result->listener_err = w.side[UP].err;
	result->aes = vz_session_is_aes(w.side[DOWN].s);
	for (int d = UP; d <= DOWN; d++) {
		vz_session_free(w.side[d].s);
		free(w.side[d].queue);
	}
}

#endif
