/*
 * A lane: the messages of a run on their way to one destination, over its one connection.
 */
#ifndef VZ_SEND_LANE_H
#define VZ_SEND_LANE_H

#include "cmd/vz-send/batch.h"
#include "cmd/vz-send/input.h"
#include "cmd/vz-send/item.h"
#include "cmd/vz-send/link.h"
#include "cmd/vz-send/sign.h"

#define FILES_IN_FLIGHT 64 /* files sent whose verdict is outstanding */

struct store;

struct lane {
	struct run *run;
	size_t index;
	struct link link;
	struct item *items;  /* one for each input */
	size_t cur;          /* items before it are sent or over */
	size_t in_flight;    /* in state ENDED */
	struct store *store; /* once this lane stores (store.h) */
	struct batch *batch; /* --lines and the like: then there are no items */
	bool started, over;
	bool accelerated; /* its records are sealed as fast as can be */
	bool durable;     /* what the listener has outlives it when it is durable, not before */
	int status;
	uint64_t bytes;    /* delivered */
	bool has_previous; /* --sign: the hash of the last manifest */
	uint8_t previous[VZ_MANIFEST_HASH];
};

/* Connects, and begins to read. */
void lane_start(struct lane *l);
/* Nothing comes any more: what is not settled has failed with this status. */
void lane_over(struct lane *l, int status);
/* Something may have changed: look what can move. */
void lane_kick(struct lane *l);
/* Looks now. */
void lane_pump(struct lane *l);
/* Gives it up for a reason of our own, which was said: it lets go of all inputs at once. */
void lane_abort(struct lane *l, int status, const char *text);
/* The session itself failed: nothing can be sent any more. */
void lane_broken(struct lane *l, int err);

/* pump.c: moves what can be moved now, from the inputs into the session. */
void pump(struct lane *l);
/* Gives a message up: the other side is told, the words were said. */
void pump_cancel(struct lane *l, struct item *it, int status, const char *text);
/* The message of that number which is under way, or NULL. */
struct item *item_find(struct lane *l, uint64_t number);
/* There is another connection: what has no verdict is said again, and then goes on from `offset`.
 */
void pump_resume(struct lane *l);
void pump_go_on(struct lane *l, struct item *it, uint64_t offset);
/* Opens the first message that can be opened; false when there is none, and nothing to send. */
bool pump_prepare(struct lane *l);
/* `bytes` are there, or have been: worth the accelerator? (DESIGN 5) */
void pump_accelerate(struct lane *l, uint64_t bytes);

/* What the other side said of a message. */
struct verdict {
	uint64_t number, count;
	uint8_t status;
	const uint8_t *text;
	size_t text_len;
};

/* verdict.c: on the lane's items. */
void verdict(struct lane *l, const struct verdict *v);
/* Tells -v and --log-json that a message is sent, delivered (status 0) or failed. */
void verdict_tell(const struct lane *l, const struct item *it, const char *event, int status,
    const void *text, size_t text_len);
/* "the command there exited 3", "refused: too long": buf takes 2048 bytes. Returns buf. */
const char *verdict_words(uint8_t status, const void *text, size_t len, char buf[static 2048]);

#endif
