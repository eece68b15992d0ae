/*
 * -vv: the conversation with a peer, a line for each handshake message and frame:
 *
 *	vz-send: 127.0.0.1:4433: 0.812 ms < ready rights=3 flags=2 max_size=0 ...
 *
 * > went out, < came in; milliseconds since the conversation began. Frames of contents, and of the
 * room for them, are summed up: a line when something else is said, or a second later. Beyond
 * TALK_RATE lines a second and TALK_BURST at once, the rest is counted. Contents are never shown.
 */
#ifndef VZ_CMD_TALK_H
#define VZ_CMD_TALK_H

#include "wire/observer.h"

#define TALK_RATE  100
#define TALK_BURST 500

struct talk;

/*
 * With whom: borrowed, for as long as it is there; of what is before an @ nothing is said. NULL
 * when -vv is not given, which every function here takes, or without memory.
 */
struct talk *talk_new(const char *with);
/* For vz_channel_config: NULL of NULL. */
const struct vz_observer *talk_observer(const struct talk *t);
/* Another conversation with the same: times begin anew. */
void talk_again(struct talk *t);
/* Says what was not said yet. */
void talk_free(struct talk *t);

#endif
