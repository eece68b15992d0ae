/*
 * Whether an authenticated peer may stay.
 */
#ifndef VZ_LISTEN_ADMIT_H
#define VZ_LISTEN_ADMIT_H

#include "cmd/vz-listen/visit.h"

/*
 * Judges the peer whose proof has just come, in the order of DESIGN 5: revoked, authorised, serial,
 * not-after, limits. Accepts its session, or says goodbye with a status and words.
 */
void admit(struct visit *v);

#endif
