/*
 * Between recall.c, what an earlier process knew, and recall_note.c, what a later one will.
 */
#ifndef VZ_LISTEN_RECALL_IMPL_H
#define VZ_LISTEN_RECALL_IMPL_H

#include "cmd/vz-listen/recall.h"

/* Seconds since 1970. */
uint64_t recall_now(void);
/* v's stream, as it is now. */
struct vz_ledger_stream recall_who(const struct visit *v);
/* Words for what went wrong with the ledger. */
void recall_complain(const struct server *srv, int err);

#endif
