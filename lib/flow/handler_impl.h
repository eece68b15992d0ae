/*
 * What the parts of flow/handler share: handlers (all of them), handler (one, from its start to its
 * release), handler_end (how it ends, and when), handler_pipes (its bytes). Private to them.
 */
#ifndef VZ_FLOW_HANDLER_IMPL_H
#define VZ_FLOW_HANDLER_IMPL_H

#include "flow/handler.h"
#include "flow/held.h"

#define VZ_HANDLER_FOREVER (UINT64_MAX / 2)

struct vz_handlers {
	struct vz_loop *loop;
	struct vz_starter *starter;
	bool own; /* the starter is ours */
	size_t held;
	struct vz_handler *first;
};

enum vz_handler_phase {
	VZ_HANDLER_RUNNING,
	VZ_HANDLER_TERMED,   /* told to end */
	VZ_HANDLER_KILLED,   /* made to end */
	VZ_HANDLER_DRAINING, /* reaped; its output goes on */
	VZ_HANDLER_DONE,     /* nothing left but to tell */
	VZ_HANDLER_TOLD, /* the owner knows, or does not care; here only for a pipe that is held */
};

struct vz_handler {
	struct vz_handlers *all;
	struct vz_handler *next, **back;
	const struct vz_handler_events *events;
	void *arg;
	uint32_t id; /* the starter's */
	enum vz_handler_phase phase;
	struct vz_handler_end end;
	struct vz_watch in, out; /* fd -1 = closed, or held */
	int proof;               /* the same */
	struct vz_held held;     /* `in` of a message that was cut */
	struct vz_timer timer;   /* always set: setting it again needs no memory */
	uint64_t deadline, grace_ms, output_ms;
	bool finished; /* the message is whole */
	bool waiting;  /* the owner waits for room */
	bool paused;
	bool last;    /* its group was killed: what is in the pipe is all of its output */
	bool dropped; /* the owner wants to hear nothing more */
};

static inline bool
vz_handler_is_reaped(const struct vz_handler *h)
{
	return h->phase >= VZ_HANDLER_DRAINING;
}

/* handler: */
/* Its timer. Never fails: it is set already, or its place in the heap has just become free. */
void vz_handler_arm(struct vz_handler *h, uint64_t ms);
/* The group may hold processes when its leader is gone. */
void vz_handler_signal(const struct vz_handler *h, int signo);
/* Frees one that the owner knows of no more and that holds no pipe. */
void vz_handler_release(struct vz_handler *h);

/* handler_end: */
/* It was reaped, with this wait status. May release it. */
void vz_handler_has_ended(struct vz_handler *h, int status);
vz_timer_fn vz_handler_on_timer;

/* handler_pipes: */
vz_watch_fn vz_handler_on_room, vz_handler_on_output;
void vz_handler_close(struct vz_handler *h, struct vz_watch *w);
/* The message is not whole: nobody may read the pipe's end (law 1). */
void vz_handler_cut_input(struct vz_handler *h);
/* There is no more output; one that is drained is done. */
void vz_handler_output_over(struct vz_handler *h);
/* While it is drained and not paused: the shorter of the silence allowed and the time left. */
void vz_handler_arm_silence(struct vz_handler *h);

#endif
