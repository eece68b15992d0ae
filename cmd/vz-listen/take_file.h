/*
 * What take_sink.c does where a sink makes files: what has come of a message outlives us, and whole
 * messages get their places together.
 */
#ifndef VZ_LISTEN_TAKE_FILE_H
#define VZ_LISTEN_TAKE_FILE_H

#include "cmd/vz-listen/visit.h"

/* The message failed as err says, with this status of ours; where no message can succeed any more,
 * that is the end. */
void take_sink_failed(struct visit *v, struct incoming *in, int err, int own);

/*
 * More of `in` has been written, or a second is over: where it is time it is made durable, so that
 * its sender may let go of it. False: that failed, and so has the message.
 */
bool take_file_moved(struct visit *v, struct incoming *in);
/* What has come of it stays, for another process to go on with. False: it cannot. */
bool take_file_leave(struct visit *v, struct incoming *in);

/* It is whole: it gets its place at the next settling. */
void take_file_whole(struct visit *v, struct incoming *in);
/*
 * Those that are whole get their places, all of them with the disk waited for as often as for one,
 * are known to be there (recall.h), and then told of, as far as our output is read.
 */
void take_file_settle(struct server *srv);
/* True when a message of v is whole and not told of yet. */
bool take_file_unsaid(const struct visit *v);
/* It is over before that. */
void take_file_drop(struct visit *v, struct incoming *in);

#endif
