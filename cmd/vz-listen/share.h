/*
 * Runs of COMMAND among the keys whose messages want one: who holds more than its share gives way,
 * by runs that wait for their sender, when somebody with less has none to get.
 */
#ifndef VZ_LISTEN_SHARE_H
#define VZ_LISTEN_SHARE_H

#include "cmd/vz-listen/visit.h"

/* A run gives way after it has waited so long for its sender: for bytes, or to take the reply. */
#define SHARE_STALL_MS 10000

/*
 * With all of --max-handlers running and messages waiting: fails the run that has stood still for
 * longest, if there is one to give way, with 75 for its sender. Looks once a second at most, and
 * has server_wake called for the next look. A share is --max-handlers divided by the keys that run
 * or wait, at least 1: sessions of one key count together.
 */
void share_give_way(struct server *srv);

#endif
