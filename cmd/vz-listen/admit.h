/*
 * Whether an authenticated peer may stay.
 */
#ifndef VZ_LISTEN_ADMIT_H
#define VZ_LISTEN_ADMIT_H

#include "cmd/vz-listen/visit.h"

/*
 * Judges the peer whose proof has just come, in the order of DESIGN 5: revoked, authorised, serial,
 * not-after, limits. Accepts its session, or says goodbye with a status and words; or keeps a
 * stranger waiting (ask.h), for whom this is called again.
 */
void admit(struct visit *v);
/* Says goodbye to one that is not admitted, but has proved its key, and records that. */
void admit_refuse(struct visit *v, uint8_t status, const char *words);

#endif
