/*
 * How long things may take (DESIGN 9, -w).
 */
#ifndef VZ_RELAY_CMD_LIMITS_H
#define VZ_RELAY_CMD_LIMITS_H

#include "cmd/vz-relay/relay.h"

/* Connections of a key, where its line has no max-conns=. */
#define CONNS_PER_KEY 512
/* Connections that use mailboxes, for each holds some hundred KiB: all of them, and of a key. */
#define MAIL_CONNS         256
#define MAIL_CONNS_PER_KEY 64

/* No progress in writing. */
uint64_t limits_stall_ms(const struct relay *rl);
/* Those of the protocol. */
void limits_protocol(const struct relay *rl, struct vz_relay_limits *out);

#endif
