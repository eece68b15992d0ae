/*
 * Whether a host that proved to be the one called is still wanted.
 */
#ifndef VZ_SEND_PEER_H
#define VZ_SEND_PEER_H

#include "cmd/vz-send/link.h"

/*
 * Revoked, expired, and the memory of serials (DESIGN 4, 5), which is raised here. 0, or the exit
 * status after the reason was reported: k fails with it.
 */
int peer_check(const struct link *k, const struct vz_bundle *peer, const char *shown);

#endif
