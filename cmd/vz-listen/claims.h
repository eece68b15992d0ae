/*
 * Who comes through a relay: each offer is claimed in a connection of its own, which becomes the
 * sender's (DESIGN 6).
 */
#ifndef VZ_LISTEN_CLAIMS_H
#define VZ_LISTEN_CLAIMS_H

#include "cmd/vz-listen/posts.h"

/*
 * At a relay, under way: as many as one source has places before authentication (guard/pool.h). A
 * relay that offers more is not waited for; who is not claimed is told to try again, by the relay.
 */
#define CLAIMS_MAX VZ_POOL_PER_SOURCE

/* Somebody waits in this match. */
void claims_offer(struct post *p, const uint8_t match[static VZ_MATCH_LEN]);
/* Drops those under way. */
void claims_free(struct post *p);

#endif
