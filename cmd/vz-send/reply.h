/*
 * The reply to the one message of a run: to standard output while it comes.
 */
#ifndef VZ_SEND_REPLY_H
#define VZ_SEND_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wire/session.h"

struct run;

struct reply {
	uint64_t number;
	uint64_t bytes; /* that have come */
	size_t untaken; /* bytes that wait for standard output: the other side is held back */
};

/* Some of it, or all of a small one with the verdict. False holds the connection. */
bool reply_data(struct run *r, const struct vz_event *ev);
bool reply_answer(struct run *r, const struct vz_event *ev);
/* Standard output takes more again, or failed. */
void reply_freed(struct run *r);

#endif
