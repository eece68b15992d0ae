/*
 * The end of a relay: listeners are told to try again, and so come back elsewhere or later; pairs
 * go on for as long as --drain has it.
 */
#ifndef VZ_RELAY_DRAIN_H
#define VZ_RELAY_DRAIN_H

#include "cmd/vz-relay/relay.h"

/* Begins, because of signo, which ends the program too when the time is over before the pairs. */
void drain_begin(struct relay *rl, int signo);
/* c had its turn: who has nothing under way is told. */
void drain_look(struct client *c);
/* Somebody is gone: that may have been the last one. */
void drain_wake(struct relay *rl);

#endif
