/*
 * Messages that wait to be handled: the sessions take turns, and each has its own in order.
 */
#ifndef VZ_LISTEN_QUEUE_H
#define VZ_LISTEN_QUEUE_H

#include "cmd/vz-listen/visit.h"

#define QUEUE_MAX 64

/*
 * As taker.may_begin: when QUEUE_MAX wait, a session that has its part in that waits with the rest
 * at its sender. Not one that has messages in work: its replies need what it sends about windows,
 * so that only its windows bound what waits here.
 */
uint8_t queue_may_begin(const struct visit *v);
void queue_add(struct incoming *in);
/* No matter whether it is there. */
void queue_remove(struct incoming *in);
/* Whose turn it is, NULL when nothing waits: the first of its messages is the next one. */
struct visit *queue_first(const struct server *srv);
/* It is the others' turn. */
void queue_rotate(struct visit *v);

#endif
