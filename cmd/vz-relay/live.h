/*
 * The live service over the connections (relay/live.h).
 */
#ifndef VZ_RELAY_CMD_LIVE_H
#define VZ_RELAY_CMD_LIVE_H

#include "cmd/vz-relay/client.h"

/* VZ_ENOMEM. */
int live_open(struct relay *rl);
/* When every client is gone. */
void live_close(struct relay *rl);
/* A request of c, which may make it. */
void live_request(struct client *c, const struct vz_relay_event *ev);
/* c takes no part any more. May be said again. */
void live_gone(struct client *c);

#endif
