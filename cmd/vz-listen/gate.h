/*
 * The listening sockets: who comes in, and who has to go for it.
 */
#ifndef VZ_LISTEN_GATE_H
#define VZ_LISTEN_GATE_H

#include "cmd/vz-listen/server.h"

/* Begins to accept. VZ_ESYSTEM, VZ_ENOMEM. */
int gate_open(struct server *srv);
/*
 * Leaves the sockets that somebody else may accept on to them, with nothing lost of what has come
 * for us; false when there are none. The others stay open.
 */
bool gate_hand_over(struct server *srv);
/* True while that goes on. */
bool gate_is_open_for_others(const struct server *srv);
/* Closes the sockets; those on disk that are ours go away. */
void gate_close(struct server *srv);

#endif
