/*
 * What of a batch has no verdict yet: where in the input each message begins. So the input is kept
 * from the first of them on, and after a break they are said again, in the order of their numbers:
 * none is whole there before those in front of it are.
 */
#ifndef VZ_SEND_AGAIN_H
#define VZ_SEND_AGAIN_H

#include <stdbool.h>
#include <stdint.h>
#include "cmd/vz-send/cut.h"
#include "flow/ring.h"

/* All but the first lie whole in the ring. */
#define AGAIN_LONG_MAX (VZ_RING_MAX / VZ_WHOLE_MAX + 2)

struct lane;

/* After a break, of a long one: */
enum long_state {
	LONG_QUIET,  /* nothing is to be done, or all was */
	LONG_ASKED,  /* it was said again: where does it go on? */
	LONG_BEHIND, /* there */
};

/* A message that goes in pieces. `body` is an offset in the input, the others are its own. */
struct long_item {
	enum long_state state;
	uint64_t number, body;
	uint64_t length; /* once its end was sent */
	uint64_t taken;  /* bytes that are not needed any more */
	uint64_t sent;   /* LONG_BEHIND */
};

struct again {
	uint64_t begin[VZ_UNFINISHED_MAX]; /* by number: where it begins, head and all */
	struct long_item
	    many[AGAIN_LONG_MAX]; /* in the order of numbers, from `first` on, a ring */
	size_t first, n;
	size_t late;       /* how many are not LONG_QUIET */
	uint64_t held;     /* bytes of the input before it were let go */
	uint64_t next, to; /* after a break: numbers from next up to it are to be said again */
	struct cut cut;
};

void again_init(struct again *a, enum vz_items_mode mode);

/* Message `number`, which is the next one, begins at that offset of the input. */
void again_began(struct again *a, uint64_t number, uint64_t begin);
/* True while no long one can be added: one has to get its verdict first. */
bool again_full(struct lane *l);
/* It is a long one, whose bytes begin at `body`; and all of it was sent. */
void again_long(struct again *a, uint64_t number, uint64_t body);
void again_ended(struct again *a, uint64_t number, uint64_t length);
/* The verdict on that many is here. */
void again_settled(struct again *a, uint64_t number, uint64_t count);
/* Where in the input the bytes begin that are still needed. */
uint64_t again_held(struct lane *l);

/* Where in the input the first byte is that the other side has not yet: for people. */
uint64_t again_reached(const struct lane *l);

/* There is another connection. */
void again_resume(struct lane *l);
/*
 * VZ_EVENT_ROOM and VZ_EVENT_GO_ON, which matter for long ones. True when it is the one being cut
 * that is to go on somewhere, which is the cutter's to do.
 */
bool again_room(struct lane *l, const struct vz_event *ev);
/* Says again what has to be. True when all was, and what is new may follow. */
bool again_pump(struct lane *l);

#endif
