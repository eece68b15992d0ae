/*
 * One connection between a relay and a client of which one is honest; the other is a bare channel
 * that says whatever frames it likes.
 */
#ifndef VZ_TESTS_RELAY_BOUT_H
#define VZ_TESTS_RELAY_BOUT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "wire/relay_serve.h"

static struct vz_identity *client, *relay;

struct bout {
	struct vz_channel *evil;
	struct vz_relay_serve *s;  /* or */
	struct vz_relay_client *c; /* this */
	struct vz_relay_event last;
	unsigned events, may;
	uint64_t now;
};

static inline int
bout_setup(void **state)
{
	uint8_t random[96];

	(void)state;
	assert_int_equal(vz_secret_init(), 0);
	for (unsigned i = 0; i < 96; i++)
		random[i] = (uint8_t)(i + 1);
	client = vz_identity_new();
	assert_int_equal(vz_identity_make(client, random, 1, ""), 0);
	random[0] ^= 1, random[40] ^= 1;
	relay = vz_identity_new();
	assert_int_equal(vz_identity_make(relay, random, 1, ""), 0);
	return 0;
}

static inline int
bout_teardown(void **state)
{
	(void)state;
	vz_identity_free(client);
	vz_identity_free(relay);
	return 0;
}

/* Evil's output to the honest side; gives its error. */
static inline int
to_honest(struct bout *b)
{
	struct vz_relay_event ev;
	size_t n, room;
	const uint8_t *out;
	uint8_t *p;
	int r = 0;

	while (out = vz_channel_out(b->evil, &n), n > 0) {
		p = b->s != NULL ? vz_relay_serve_space(b->s, &room)
				 : vz_relay_client_space(b->c, &room);
		if (p == NULL)
			return 0; /* after READY nobody listens here */
		n = n < room ? n : room;
		memcpy(p, out, n);
		vz_channel_sent(b->evil, n);
		if (b->s != NULL)
			vz_relay_serve_fed(b->s, n, b->now);
		else
			vz_relay_client_fed(b->c, n, b->now);
		while ((r = b->s != NULL ? vz_relay_serve_next(b->s, &ev)
					 : vz_relay_client_next(b->c, &ev)) > 0) {
			b->last = ev;
			b->events++;
			if (ev.type != VZ_RELAY_EVENT_PEER)
				continue;
			r = b->s != NULL ? vz_relay_serve_accept(b->s, b->may)
					 : vz_relay_client_accept(b->c);
			assert_int_equal(r, 0);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* And back; how many bytes. */
static inline size_t
to_evil(struct bout *b)
{
	const uint8_t *out, *plain;
	size_t n, room, len, all = 0;
	uint8_t *p;

	for (;;) {
		out = b->s != NULL ? vz_relay_serve_out(b->s, &n) : vz_relay_client_out(b->c, &n);
		if (n == 0)
			return all;
		p = vz_channel_space(b->evil, &room);
		n = n < room ? n : room;
		memcpy(p, out, n);
		if (b->s != NULL)
			vz_relay_serve_sent(b->s, n, b->now);
		else
			vz_relay_client_sent(b->c, n, b->now);
		vz_channel_fed(b->evil, n);
		all += n;
		while (vz_channel_next(b->evil, &plain, &len) > 0)
			if (!vz_channel_open(b->evil))
				assert_int_equal(vz_channel_accept(b->evil), 0);
	}
}

/* Through the handshake; evil is the client when an honest relay is fought. */
static inline void
begin(struct bout *b, bool evil_client)
{
	struct vz_channel_config evil = {.service = VZ_SERVICE_RELAY}, own;
	struct vz_relay_limits l;

	memset(b, 0, sizeof *b);
	b->may = VZ_RELAY_MAY_REGISTER | VZ_RELAY_MAY_CONNECT | VZ_RELAY_MAY_DEPOSIT;
	vz_relay_limits_default(&l);
	evil.responder = relay->bundle.identity;
	evil.random[0] = 1;
	own = evil;
	own.random[0] = 2;
	evil.initiator = evil_client;
	own.initiator = !evil_client;
	evil.self = evil_client ? client : relay;
	own.self = evil_client ? relay : client;
	assert_int_equal(vz_channel_new(&b->evil, &evil), 0);
	if (evil_client)
		assert_int_equal(vz_relay_serve_new(&b->s, &own, &l, 0), 0);
	else
		assert_int_equal(vz_relay_client_new(&b->c, &own, &l, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		to_evil(b);
		assert_int_equal(to_honest(b), 0);
	}
	to_evil(b);
	assert_true(vz_channel_open(b->evil));
	assert_int_equal(b->events, 1);
}

static inline void
finish(struct bout *b)
{
	vz_channel_free(b->evil);
	vz_relay_serve_free(b->s);
	vz_relay_client_free(b->c);
}

/* Evil says these frames, in one record. */
static inline int
say_frames(struct bout *b, const struct vz_relay_frame *f, size_t n)
{
	struct vz_buf out;

	vz_buf_init(&out, VZ_RECORD_PLAIN_MAX);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(vz_relay_frame_put(&out, &f[i]), 0);
	assert_int_equal(vz_channel_put(b->evil, vz_buf_ptr(&out), out.len, NULL, 0), 0);
	vz_buf_free(&out);
	return to_honest(b);
}

/* One of a type, and this many times in one record. */
static inline int
say(struct bout *b, uint8_t type, unsigned times)
{
	struct vz_relay_frame f[32] = {0};

	assert_true(times <= 32);
	for (unsigned i = 0; i < times; i++)
		f[i] = (struct vz_relay_frame){.type = type,
		    .number = 1,
		    .match = {4},
		    .size = 1,
		    .bytes = (const uint8_t *)"x",
		    .bytes_len =
			type == VZ_RELAY_PART || type == VZ_RELAY_PIECE || type == VZ_RELAY_BUNDLE
			? 1
			: 0};
	return say_frames(b, f, times);
}

static const uint8_t types[] = {VZ_RELAY_REGISTER, VZ_RELAY_CONNECT, VZ_RELAY_CLAIM,
    VZ_RELAY_BUNDLE_WANTED, VZ_RELAY_DEPOSIT, VZ_RELAY_PART, VZ_RELAY_NEXT, VZ_RELAY_TAKEN,
    VZ_RELAY_REGISTERED, VZ_RELAY_OFFER, VZ_RELAY_READY, VZ_RELAY_MAIL, VZ_RELAY_BUNDLE,
    VZ_RELAY_ROOM, VZ_RELAY_DEPOSITED, VZ_RELAY_REFUSED, VZ_RELAY_ENTRY, VZ_RELAY_PIECE,
    VZ_RELAY_NOTHING, VZ_RELAY_REMOVED, VZ_RELAY_PING, VZ_RELAY_PONG, VZ_RELAY_CLOSE,
    VZ_RELAY_PADDING};
#define TYPES (sizeof types / sizeof types[0])

/* Brings both sides to a stage. */
static inline void
reach(struct bout *b, enum vz_relay_stage stage)
{
	static const uint8_t match[VZ_MATCH_LEN] = {4};

	begin(b, stage >= VZ_RELAY_SERVE_START);
	switch (stage) {
	case VZ_RELAY_CLIENT_REGISTERING:
	case VZ_RELAY_CLIENT_REGISTERED:
		assert_int_equal(vz_relay_client_register(b->c, 0), 0);
		if (stage == VZ_RELAY_CLIENT_REGISTERED)
			assert_int_equal(say(b, VZ_RELAY_REGISTERED, 1), 0);
		break;
	case VZ_RELAY_CLIENT_WAITING:
		assert_int_equal(vz_relay_client_claim(b->c, match), 0);
		break;
	case VZ_RELAY_SERVE_REGISTERING:
	case VZ_RELAY_SERVE_REGISTERED:
		assert_int_equal(say(b, VZ_RELAY_REGISTER, 1), 0);
		if (stage == VZ_RELAY_SERVE_REGISTERED)
			assert_int_equal(vz_relay_serve_registered(b->s, 5), 0);
		break;
	case VZ_RELAY_CLIENT_MAIL: assert_int_equal(vz_relay_client_collect(b->c, 0), 0); break;
	case VZ_RELAY_SERVE_WAITING: assert_int_equal(say(b, VZ_RELAY_CLAIM, 1), 0); break;
	case VZ_RELAY_SERVE_MAIL: assert_int_equal(say(b, VZ_RELAY_NEXT, 1), 0); break;
	default: break;
	}
	to_evil(b);
	b->events = 0;
}

#endif
