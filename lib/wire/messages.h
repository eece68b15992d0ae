/*
 * The table of a stream's unfinished messages: numbers base .. next-1, at most VZ_UNFINISHED_MAX of
 * them. Both sides of a session keep one.
 */
#ifndef VZ_WIRE_MESSAGES_H
#define VZ_WIRE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wire/legal.h"

/* One direction of a message: the message itself, or its reply. Counted in bytes. */
struct vz_half {
	uint64_t declared; /* length said in OPEN, or VZ_LENGTH_UNKNOWN */
	uint64_t moved;    /* sent, or received */
	uint64_t taken, durable, limit;
	uint64_t acked; /* receiving: taken as last announced */
	bool ended;
};

struct vz_message {
	uint64_t number;
	uint8_t state; /* enum vz_message_state */
	uint8_t kind;
	bool cancelled; /* by the sender */
	bool ack_due;   /* bytes were taken since the last ACK; listed in the session */
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

#endif
