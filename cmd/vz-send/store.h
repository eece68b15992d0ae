/*
 * Messages for a destination that is away (DESIGN 6): each is sealed and left at the relay, over a
 * connection of the lane's own. One that breaks is made again as --retry-for allows, and what the
 * relay has not acknowledged is said again: the same bytes, which it keeps once.
 */
#ifndef VZ_SEND_STORE_H
#define VZ_SEND_STORE_H

#include "cmd/vz-send/send.h"

/* Opens the count of what is stored; before the sandbox closes. 0, or the status. */
int store_open(struct run *r);
/* The lane goes this way from now on: 0, or the status, with the words said. lane_over follows. */
int store_start(struct lane *l);
/* Input may have come: looks from the loop. */
void store_kick(struct lane *l);
/* Lets go at once, of the connection too; nothing is called any more. NULL is nothing. */
void store_free(struct store *st);

#endif
