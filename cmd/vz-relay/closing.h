/*
 * The end of the start: another user, and the sandbox.
 */
#ifndef VZ_RELAY_CLOSING_H
#define VZ_RELAY_CLOSING_H

#include "cmd/vz-relay/relay.h"

/* 0, or the exit status, and that was said. */
int closing(struct relay *rl);

#endif
