/*
 * Signed messages: hashed as they come, and held against their manifest before they are whole
 * (vz-protocol(7) Signed messages; mail/proof.h).
 */
#ifndef VZ_LISTEN_SIGNED_H
#define VZ_LISTEN_SIGNED_H

#include "cmd/vz-listen/visit.h"

/* As deliver_data, of a message whose in->proof is there. */
bool signed_data(struct visit *v, struct incoming *in, struct vz_event *ev);
/* VZ_EVENT_SIGNED has come: what is wrong with it ends the message. False: wait, the same again. */
bool signed_proof(struct visit *v, struct incoming *in, const struct vz_event *ev);
/* True of what is delivered only if it is its sender's word: a signed message, or mail. */
bool signed_is(const struct incoming *in);
/* True when its END may be taken for the end. */
bool signed_is_proved(const struct incoming *in);

#endif
