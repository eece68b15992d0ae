/*
 * The messages of a visit that are under way, found by their numbers.
 */
#ifndef VZ_LISTEN_INCOMING_H
#define VZ_LISTEN_INCOMING_H

#include "cmd/vz-listen/visit.h"

/* Adds the message that ev (VZ_EVENT_OPEN, VZ_EVENT_WHOLE) begins. NULL: no memory. */
struct incoming *incoming_new(struct visit *v, const struct vz_event *ev);
/* NULL when it is not there. */
struct incoming *incoming_find(const struct visit *v, uint64_t number);
/* Its END has come. */
void incoming_whole(struct incoming *in);
/* Takes it out of the visit; it lives on. */
void incoming_detach(struct visit *v, struct incoming *in);
/* One that was taken out. */
void incoming_free(struct incoming *in);
/* The visit is over and has none. */
void incoming_done(struct visit *v);

#endif
