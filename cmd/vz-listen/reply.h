/*
 * Replies that are in memory and wait for their sender's windows.
 */
#ifndef VZ_LISTEN_REPLY_H
#define VZ_LISTEN_REPLY_H

#include "cmd/vz-listen/visit.h"

/* Adds bytes to the reply. VZ_ENOMEM. */
int reply_put(struct incoming *in, const void *p, size_t len);
/* That was all of it: with the last byte goes the verdict, after which `in` is gone (deliver_done
 * or deliver_failed). */
void reply_over(struct incoming *in, uint8_t status);
/* A whole reply and its verdict: sent, or kept as by the two above. VZ_ENOMEM. */
int reply_whole(struct incoming *in, uint8_t status, const void *p, size_t len);
/* Sends as much of v's replies as there is room for. */
void reply_push(struct visit *v);
/* The message is over: nothing of its reply is sent any more. */
void reply_drop(struct incoming *in);

#endif
