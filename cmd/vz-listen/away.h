/*
 * Sessions whose connection broke, and that are waited for (DESIGN 5, --resume-window): their
 * messages, commands and replies stay, until the sender is there again over a new connection.
 */
#ifndef VZ_LISTEN_AWAY_H
#define VZ_LISTEN_AWAY_H

#include "cmd/vz-listen/visit.h"

#define AWAY_MAX         256 /* in all, */
#define AWAY_MAX_OF_PEER 64  /* and of one key: more end as if they were not waited for, */
#define AWAY_MEMORY      (64u * 1024 * 1024) /* and so do those beyond so many bytes of memory */

/* v's connection ended with err (VZ_EEXPIRED: it is too old): was that a break, and may there be
 * something to go on with? */
bool away_may_return(const struct visit *v, int err);
/* Keeps v, with its session, for as long as the window is. False: no memory, it is as it was. */
bool away_leave(struct visit *v, int err);
/*
 * v has named its stream. When that is one that is known of the same key, its visit takes v's
 * connection over, even if it has one (the newest counts), and v is gone. False holds the
 * connection: an event of before waits.
 */
bool away_returned(struct visit *v);
/* It is not waited for any more: its messages fail with this status. v is gone. */
void away_end(struct visit *v, int status, const char *text);
/*
 * v's last message has its verdict, of which nothing may get lost: where sessions are resumed v is
 * given the time to hear it. False: they are not.
 */
bool away_is_last(struct visit *v, int status);
/* Visits that are away: of v's key. */
unsigned away_count(const struct visit *v);

#endif
