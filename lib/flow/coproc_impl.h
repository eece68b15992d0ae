/*
 * What the parts of flow/coproc share: coproc (what its owner asks), coproc_frames (its bytes), and
 * coproc_run (when it is started and ended). Private to them.
 */
#ifndef VZ_FLOW_COPROC_IMPL_H
#define VZ_FLOW_COPROC_IMPL_H

#include "base/buf.h"
#include "flow/asked.h"
#include "flow/coproc.h"

#define VZ_COPROC_READ    (256 * 1024) /* bytes at a time */
#define VZ_COPROC_FOREVER (UINT64_MAX / 2)

struct vz_coproc {
	struct vz_handlers *all;
	struct vz_loop *loop;
	struct vz_coproc_config config;
	const struct vz_coproc_events *events;
	void *arg;
	struct vz_handler *h;  /* NULL = down */
	const char *condemned; /* killed for this */
	const char *leaving;   /* it closed this, and should end soon */
	uint64_t leave_by;
	struct vz_timer timer; /* up: the flush; down: the restart. Always set. */
	struct vz_timer late;  /* the oldest's answer. Always set with answer_ms. */
	bool flush_soon, blocked, full, paused, finishing, over;
	uint64_t started, delay;
	size_t refused;   /* the size of what was told VZ_EFULL last */
	uint64_t written; /* bytes, to all that ran */
	struct vz_buf out, in;
	struct vz_asked_table asked;
	unsigned busy; /* callbacks under way */
	bool freed;
};

/* coproc: */
/* Around everything that calls the owner: it may free c there. */
void vz_coproc_enter(struct vz_coproc *c);
void vz_coproc_leave(struct vz_coproc *c);
/* Its timer. Never fails: see vz_coproc_new, and vz_handler_arm. */
void vz_coproc_arm(struct vz_coproc *c, uint64_t ms);
bool vz_coproc_may_take(const struct vz_coproc *c);
/* A frame of so many bytes: one is always taken. */
bool vz_coproc_fits(const struct vz_coproc *c, size_t n);
void vz_coproc_tell_room(struct vz_coproc *c);

/* coproc_frames: */
/* What follows the length in m's frame; 0 = over a limit. */
size_t vz_coproc_measure(const struct vz_coproc *c, const struct vz_coproc_message *m);
/* The count of written bytes from which on it can know the number of the frame put next. */
uint64_t vz_coproc_known(const struct vz_coproc *c);
int
vz_coproc_put(struct vz_coproc *c, const struct vz_coproc_message *m, uint64_t number, size_t rest);
void vz_coproc_flush(struct vz_coproc *c);
/* Tells the whole answers that are there. */
void vz_coproc_answers(struct vz_coproc *c);
void vz_coproc_on_room(void *arg, struct vz_handler *h);
void vz_coproc_on_output(void *arg, struct vz_handler *h);

/* coproc_run: */
int vz_coproc_start(struct vz_coproc *c);
/* Law 1: its input may stand in the middle of a frame, so that it is killed, never just closed. */
void vz_coproc_condemn(struct vz_coproc *c, const char *why);
/* It has most likely ended, and what it had answered is to be read first; one that lives on does
 * not serve. */
void vz_coproc_leaves(struct vz_coproc *c, const char *why);
vz_timer_fn vz_coproc_on_timer, vz_coproc_on_late;

#endif
