/*
 * Who gets in, and what it may ask for.
 */
#ifndef VZ_RELAY_ADMIT_H
#define VZ_RELAY_ADMIT_H

#include "cmd/vz-relay/client.h"

/* c has proved who it is: it is admitted, or refused with words. */
void admit(struct client *c);
/* A request of c, which is answered in any case. */
void admit_request(struct client *c, const struct vz_relay_event *ev);
/* Reads the rights again; ends what is not granted any more. */
void admit_renew(struct relay *rl);
/* Ends the connections whose right has expired. */
void admit_expire(struct relay *rl);

#endif
