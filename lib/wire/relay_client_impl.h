/*
 * What the parts of a relay's client share: wire/relay_client is the connection, wire/
 * relay_mail_client what it asks of a mailbox. Not for others.
 */
#ifndef VZ_WIRE_RELAY_CLIENT_IMPL_H
#define VZ_WIRE_RELAY_CLIENT_IMPL_H

#include "wire/relay_client.h"

/* A request to a mailbox without its answer. */
struct vz_relay_asked {
	enum vz_relay_type type;
	uint64_t number, left; /* left: of an entry whose PIECEs come */
	struct vz_key key;
};

struct vz_relay_mail {
	struct vz_relay_asked asked[VZ_RELAY_ASKED_MAX]; /* a ring */
	unsigned first, n;
	uint64_t room;    /* bytes of PARTs that may go */
	uint64_t missing; /* of the deposit that is being sent */
	uint64_t since;   /* when the relay last did something about them */
};

struct vz_relay_client {
	struct vz_relay_link link;
	bool named;                  /* match was ours to say */
	uint8_t match[VZ_MATCH_LEN]; /* so said, or as READY says */
	struct vz_key relay;         /* as authenticated */
	struct vz_relay_mail *mail;  /* NULL until something is asked of a mailbox */
};

/* The event that an answer makes (ev has the frame's fields), or an error. */
int vz_relay_mail_answer(
    struct vz_relay_client *c, const struct vz_relay_frame *f, struct vz_relay_event *ev);
/* When the first answer is overdue, UINT64_MAX = never. */
uint64_t vz_relay_mail_overdue(const struct vz_relay_client *c);

#endif
