/*
 * What the tests have in common that play two sessions against an adversary, on a virtual clock:
 * chance by a seed, which a failure prints, and bytes on the wire that it holds up.
 */
#ifndef VZ_TESTS_ADVERSARY_H
#define VZ_TESTS_ADVERSARY_H

#include "virtual_wire.h"

#define SIZE_MOST 700000
#define STEPS     400000
#define QUEUE     (8 * 1024 * 1024)

static uint64_t seed, state;

static inline uint64_t
rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below == 0 ? 0 : (state * UINT64_C(0x2545f4914f6cdd1d) >> 20) % below;
}

#define HOLDS(x)                                                                       \
	do {                                                                           \
		if (!(x))                                                              \
			fail_msg("seed %llu, step %llu: %s", (unsigned long long)seed, \
			    (unsigned long long)steps, #x);                            \
	} while (0)

static uint8_t *to_listener, *to_sender; /* bytes on the wire */
static size_t to_listener_len, to_sender_len;
static uint64_t steps, now;

static inline void
config(struct vz_session_config *c, bool initiator, bool durable)
{
	memset(c, 0, sizeof(*c));
	vz_session_defaults(c);
	c->channel.initiator = initiator;
	c->channel.service = VZ_SERVICE_MESSAGES;
	c->channel.self = wire_ids[initiator ? 0 : 1];
	c->channel.responder = wire_ids[1]->bundle.identity;
	c->channel.aes = true;
	for (size_t i = 0; i < sizeof c->channel.random; i++)
		c->channel.random[i] = (uint8_t)rnd(256);
	memset(c->stream, 0x33, sizeof c->stream);
	c->resumes = true;
	c->durable = durable;
	c->now = now;
}

static inline void
carry(struct vz_session *from, uint8_t *queue, size_t *len)
{
	const uint8_t *p;
	size_t n;

	HOLDS(vz_session_flush(from, now) == 0);
	p = vz_session_out(from, &n);
	n = (size_t)rnd(n + 1);
	if (n > QUEUE - *len)
		n = QUEUE - *len;
	memcpy(queue + *len, p, n);
	*len += n;
	vz_session_sent(from, n, now);
}

static inline int
set_up(void **unused)
{
	(void)unused;
	wire_setup();
	to_listener = malloc(QUEUE);
	to_sender = malloc(QUEUE);
	return to_listener != NULL && to_sender != NULL ? 0 : -1;
}

static inline int
tear_down(void **unused)
{
	(void)unused;
	free(to_listener);
	free(to_sender);
	wire_teardown();
	return 0;
}

#endif
