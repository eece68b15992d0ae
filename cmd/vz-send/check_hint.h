/*
 * What to do where a step of --check failed, beside what is said of it anywhere.
 */
#ifndef VZ_SEND_CHECK_HINT_H
#define VZ_SEND_CHECK_HINT_H

#include "cmd/vz-send/link.h"

enum check_step {
	CHECK_RESOLVE,
	CHECK_CONNECT,
	CHECK_RELAY, /* it proves its key */
	CHECK_MATCH, /* it knows whom we want, who comes there */
	CHECK_HANDSHAKE,
	CHECK_IDENTITY, /* of the relay too: whether we want who answered */
	CHECK_RIGHTS,
	CHECK_ROUND_TRIP,
};

const char *check_step_name(enum check_step step);
/* For where to look, and at what; status is what the step ended with. */
void check_hint(enum check_step step, const struct link *k, int status);

#endif
