/*
 * The way to a destination through a relay (DESIGN 6): it is dialled, proves its key, and is asked
 * for the destination; when that has come, the connection is as one that leads there.
 */
#ifndef VZ_SEND_VIA_H
#define VZ_SEND_VIA_H

#include <stdbool.h>
#include <stdint.h>
#include "net/dial.h"
#include "net/rlink.h"

struct link;

enum via_step {
	VIA_NONE,
	VIA_DIALLING,
	VIA_HANDSHAKE, /* connected; the relay has proved nothing yet */
	VIA_MATCH,     /* asked for the destination */
};

/* Where it stands, and once it has failed: how far it came. */
struct via {
	struct vz_rlink *rlink;
	struct vz_session *begun; /* its first bytes went with what the relay was asked */
	enum via_step step;
	uint8_t status;  /* of the relay's refusal, */
	char text[1024]; /* its words, escaped */
};

/*
 * Begins; link_reached or link_not_reached follows, the latter with VZ_ECLOSED when the relay has
 * refused. An error of vz_rlink_new.
 */
int via_dial(struct link *k);
/* A connection to the relay, for whatever is to be asked of it: all but handler and arg. Borrows l,
 * which it sets, until vz_rlink_new. */
void via_config(const struct link *k, struct vz_relay_limits *l, struct vz_rlink_config *c);
/* Gives up; nothing is called any more. */
void via_drop(struct link *k);
/* Nobody is there to take it now: the destination is not registered, or did not come. */
bool via_is_away(const struct link *k, int err);
/* That refusal may be over soon: who is not registered, or did not come, may be next time. */
bool via_passes(const struct link *k, int err);

/* Says why there was no way once the relay was connected to, and returns the exit status, never 0.
 */
int via_words_failed(const struct link *k, int err);
/* The relay refuses us: says so, and which right its operator would have to give. Returns the exit
 * status. */
int via_words_refused(const struct link *k, const char *right);
/* The same in short, for what is tried again: static, or the link's. NULL: nothing special. */
const char *via_words_why(const struct link *k, int err);

#endif
