/*
 * A batch: each line, NUL-ended item or frame of the input is a message, many of them under way at
 * once. An item's number is its message's; what of the input is kept for it is again.h's.
 */
#ifndef VZ_SEND_BATCH_H
#define VZ_SEND_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "cmd/vz-send/again.h"
#include "cmd/vz-send/cut.h"

#define TOLD_MAX 10 /* failures that are told one by one without -v */

struct lane;
struct verdict;

struct batch {
	struct cut cut;
	struct again again;
	uint64_t in_flight; /* messages without a verdict, at most */
	uint64_t max_size;  /* as READY told it, 0 = any */
	uint64_t count;     /* items begun */
	bool open;          /* the last of them is a long one that is being sent */
	bool skip;          /* or one whose rest nobody wants */
	uint64_t sent;      /* of it */
	bool ended;         /* no more items come */
	uint64_t bytes, delivered, failed, told;
	uint64_t stored;       /* of those delivered: only so far */
	uint64_t first_failed; /* the item's number from 0 */
	int status;            /* and its status, 0 when none failed */
	uint64_t began_us;
};

/* One for a lane of a run with such options; NULL without memory. */
struct batch *batch_new(enum vz_items_mode mode, uint64_t in_flight);
void batch_ready(struct lane *l, const struct vz_event *ev);
/* Moves what can be moved now. */
void batch_pump(struct lane *l);
/* The other side's word on some messages. False holds the connection. */
bool batch_verdict(struct lane *l, const struct verdict *v);
/* What it has of a long one; after a break also: where that goes on. */
void batch_room(struct lane *l, const struct vz_event *ev);
/* And on one, with its reply. */
bool batch_answer(struct lane *l, const struct vz_event *ev);
/* One item failed: `number` from 0; words may be NULL when they were said. */
void batch_failed(struct lane *l, uint64_t number, int status, const char *words);
/* The connection is over: what is not settled has this status. */
void batch_over(struct lane *l, int status);
/* The sum, for -v and --log-json. */
void batch_tell(const struct lane *l);

#endif
