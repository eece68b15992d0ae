/*
 * Two honest hosts of which the caller means to call the called one, and how their channels are
 * configured.
 */
#ifndef VZ_TESTS_FUZZ_HOSTS_H
#define VZ_TESTS_FUZZ_HOSTS_H

#include "tests/fuzz/curves.h"
#include "tests/fuzz/fuzz.h"
#include "wire/channel.h"

static struct vz_identity *caller, *called;

static inline void
hosts_make(void)
{
	PROMISE(vz_secret_init() == 0);
	caller = fuzz_identity(1);
	called = fuzz_identity(11);
}

/* `random` is the initiator's, one more the responder's. */
static inline struct vz_channel_config
hosts_config(bool initiator, uint8_t random)
{
	struct vz_channel_config c = {
	    .initiator = initiator,
	    .service = VZ_SERVICE_MESSAGES,
	    .self = initiator ? caller : called,
	    .responder = called->bundle.identity,
	};

	memset(c.random, initiator ? random : random + 1, sizeof(c.random));
	return c;
}

#endif
