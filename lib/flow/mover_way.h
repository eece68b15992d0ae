/*
 * One direction of a mover: from one socket into another. Not for others than flow/mover.
 */
#ifndef VZ_FLOW_MOVER_WAY_H
#define VZ_FLOW_MOVER_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "flow/pipes.h"

enum vz_way_state {
	VZ_WAY_OPEN,
	VZ_WAY_DROPPING, /* nobody takes it any more: read and dropped */
	VZ_WAY_OVER,
};

/* What is held is in the pipe or in `bytes`, never in both. */
struct vz_way {
	enum vz_way_state state;
	bool paused;
	bool copies; /* its sockets know no splice(2) */
	struct vz_pipe *pipe;
	uint8_t *bytes;
	size_t off, len;
	uint64_t moved;
	uint64_t at; /* the owner's: of the last byte in or out */
};

enum vz_way_result {
	VZ_WAY_MORE,        /* something went, and there may be more */
	VZ_WAY_EMPTY,       /* nothing more has come */
	VZ_WAY_FULL,        /* nothing more goes out: something is held */
	VZ_WAY_END,         /* all is out, and the end was passed on */
	VZ_WAY_READ_FAILED, /* errno; the end was passed on */
	VZ_WAY_WRITE_FAILED,
	VZ_WAY_NO_MEMORY, /* bytes are lost */
};

/* Bytes that are there already. VZ_ENOMEM. */
int vz_way_first(struct vz_way *w, const void *p, size_t n);
/* One go: puts out what is held, then takes once and puts that out. */
enum vz_way_result vz_way_move(struct vz_way *w, int from, int to, struct vz_pipes *pipes);
/* Nothing goes out any more. What is held is dropped. */
void vz_way_drop(struct vz_way *w, enum vz_way_state then, struct vz_pipes *pipes);
size_t vz_way_held(const struct vz_way *w);

#endif
