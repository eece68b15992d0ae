/*
 * Memory for messages that are gathered whole: one budget for all sessions, and a share that one
 * session may have of it. What a message may need is reserved before it begins.
 */
#ifndef VZ_LISTEN_MEMORY_H
#define VZ_LISTEN_MEMORY_H

#include "cmd/vz-listen/visit.h"

#define MEMORY_BUDGET (64 * 1024 * 1024) /* or one message, where that may be longer */
#define MEMORY_SHARE  (8 * 1024 * 1024)
/* A message that is half here, and has not moved for so long, gives way to one that waits. */
#define MEMORY_STALL_MS 10000

/*
 * As taker.may_begin. A session waits only while nothing else of it needs its connection to be
 * read: no message is half here and no reply waits; else a message for which there is no memory is
 * refused.
 */
uint8_t memory_may_begin(struct visit *v, const struct vz_event *ev, const char **words);
/* Reserves for `in`, which ev begins; all may go on with less than that. */
void memory_reserve(struct visit *v, struct incoming *in, const struct vz_event *ev);
/* Gives it back; again is nothing. */
void memory_release(struct incoming *in);

#endif
