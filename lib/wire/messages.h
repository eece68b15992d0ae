/*
 * The table of a stream's unfinished messages: numbers base .. next-1, at most VZ_UNFINISHED_MAX of
 * them. Both sides of a session keep one.
 */
#ifndef VZ_WIRE_MESSAGES_H
#define VZ_WIRE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "wire/legal.h"

/* One direction of a message: the message itself, or its reply. Counted in bytes. */
struct vz_half {
	uint64_t declared; /* length said in OPEN, or VZ_LENGTH_UNKNOWN */
	uint64_t moved;    /* sent, or received */
	uint64_t taken, durable, limit;
	uint64_t
	    acked;  /* receiving: taken as last announced; sending: moved before the last break */
	bool ended; /* and declared is its length */
};

/* What a listener keeps to say it again after a break, when there is more than a status. */
struct vz_late {
	struct vz_buf reply; /* its bytes from down.taken on */
	char *text;          /* of the verdict, NULL = none */
};

struct vz_message {
	uint64_t number;
	uint8_t state; /* enum vz_message_state */
	uint8_t kind;
	bool cancelled; /* by the sender */
	bool ack_due;   /* bytes were taken since the last ACK; listed in the session */
	bool
	    silent; /* known from before a break, and not said again since: nothing is said of it */
	bool again; /* said again after a break: what comes may have come before */
	bool asked; /* sender: said again, and not told yet where to go on */
	bool owes;  /* listener: after a break, of the reply and the verdict */
	bool is_signed;  /* so OPEN said: */
	bool proved;     /* all is said but END: SIGNED was */
	bool live;       /* its verdict may come before its END */
	bool absent;     /* listener: not known here, but later ones are; its state is OVER */
	uint8_t status;  /* listener: the verdict */
	uint64_t answer; /* listener: one more than where a small reply is kept (resume.h), or 0 */
	struct vz_late *late; /* NULL = nothing */
	struct vz_half up, down;
};

struct vz_messages {
	struct vz_message *slot;
	size_t cap; /* a power of two, or 0 */
	uint64_t base, next;
};

void vz_messages_free(struct vz_messages *t);
/* Adds number `next`. VZ_EFULL, VZ_ENOMEM. Pointers into the table move. */
int vz_messages_add(struct vz_messages *t, struct vz_message **out);
/* The message, or NULL when it is forgotten or was never opened. */
struct vz_message *vz_messages_get(const struct vz_messages *t, uint64_t number);
/* Forgets all below `number` (base <= number <= next). */
void vz_messages_forget(struct vz_messages *t, uint64_t number);
/* An empty table goes on at `number`, which is not below next. */
void vz_messages_skip(struct vz_messages *t, uint64_t number);
/* m->late, made when it is not there. NULL without memory. */
struct vz_late *vz_message_late(struct vz_message *m);

#endif
