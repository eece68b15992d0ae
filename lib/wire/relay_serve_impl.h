/*
 * What the parts of a relay's end share: wire/relay_serve is the connection, wire/relay_mail_serve
 * and wire/relay_mail_flow what is asked of a mailbox. Not for others.
 */
#ifndef VZ_WIRE_RELAY_SERVE_IMPL_H
#define VZ_WIRE_RELAY_SERVE_IMPL_H

#include "wire/relay_serve.h"

struct vz_relay_box {
	uint8_t asked[VZ_RELAY_ASKED_MAX]; /* types of the requests without an answer, a ring */
	unsigned first, n;
	uint64_t piece_left; /* of the entry that is being answered with */
	uint64_t part_left;  /* of the deposit that came last; the client may leave it at that once
				it is answered */
	uint64_t room, owed; /* for PARTs: the client's, and what it is to be told of */
	uint64_t part_by;    /* when the deposit has to be whole */
	uint64_t part_at;    /* when something of it came last, or room was given to one without */
};

struct vz_relay_serve {
	struct vz_relay_link link;
	unsigned may;
	bool named;                  /* by the client: */
	uint8_t match[VZ_MATCH_LEN]; /* claimed, or its opening's */
	bool mail_due;               /* of a registration */
	uint64_t mail_next;          /* not before */
	struct vz_relay_box *mail;   /* NULL until something is asked of a mailbox */
};

/* A request needs its right before anybody hears of it: 0, or VZ_EDENIED, and it is told. */
int vz_relay_serve_permitted(struct vz_relay_serve *s, unsigned right, const char *otherwise);

/* No request is without its answer, so the deposit that came last has one, too. */
static inline bool
vz_relay_mail_idle(const struct vz_relay_box *m)
{
	return m->n == 0;
}

/* The event that a request or PART makes, 0 = none, or an error. */
int vz_relay_mail_request(struct vz_relay_serve *s, const struct vz_relay_frame *f);
/* Puts what is owed: ROOM, MAIL. */
int vz_relay_mail_flush(struct vz_relay_serve *s);
uint64_t vz_relay_mail_deadline(const struct vz_relay_serve *s);
int vz_relay_mail_tick(struct vz_relay_serve *s);

#endif
