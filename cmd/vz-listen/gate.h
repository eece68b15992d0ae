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
/* v failed before it proved a key: that is its source's (guard/penalty.h). */
void gate_failed(const struct visit *v);
/* out, a stranger, makes room for one of source `by` (NULL: for nobody). */
void gate_push_out(struct visit *out, const struct vz_source *by);
/* Closes the sockets; those on disk that are ours go away. */
void gate_close(struct server *srv);

#endif
