/*
 * Two connections that became one: their bytes are moved (flow/mover.h) until both directions have
 * ended.
 */
#ifndef VZ_RELAY_PAIR_H
#define VZ_RELAY_PAIR_H

#include "cmd/vz-relay/client.h"

/* c is one end of a match and has sent all of its READY: when the other has, too, they are joined,
 * and their protocol is over. False when memory is short: both are to be dropped. */
bool pair_begin(struct client *c);
/* Ends it at once, with both clients. */
void pair_drop(struct pair *p);
/* Whether anything is read from c, which is in a pair. */
void pair_pause(struct client *c, bool pause);

#endif
