/*
 * What an engine of the store does, behind a table of functions. All of it but open, fsck and close
 * is called by the store's own thread, and nothing at the same time.
 */
#ifndef VZ_RELAY_STORE_ENGINE_H
#define VZ_RELAY_STORE_ENGINE_H

#include <stdatomic.h>
#include <stdint.h>
#include "relay/store.h"

enum vz_store_kind {
	VZ_STORE_OP_CHUNK,   /* piece number `chunk` of a message over VZ_STORE_CHUNK; 0 decides
				whether the message is wanted */
	VZ_STORE_OP_DEPOSIT, /* the last piece, or the only one: the message is there now */
	VZ_STORE_OP_ABORT,   /* forget the pieces of `body` */
	VZ_STORE_OP_LIST,
	VZ_STORE_OP_READ,
	VZ_STORE_OP_REMOVE,
	VZ_STORE_OP_SWEEP,
	VZ_STORE_OP_PUT_BUNDLE,
	VZ_STORE_OP_GET_BUNDLE,
	VZ_STORE_OP_STATS,
};

/*
 * A request. An engine reads the question and fills the answer; it may be asked the same again
 * after a rollback, with the answer cleared.
 */
struct vz_store_op {
	struct vz_store_op *next;
	enum vz_store_kind kind;
	/* the loop's thread only: */
	vz_store_fn *fn;
	void *arg;
	struct vz_store_deposit *deposit;
	/* the question: */
	struct vz_store_mail mail; /* quota filled in; recipient also of list, read, remove, and the
				      identity of a bundle; now */
	uint64_t seq, body, offset, serial;
	unsigned chunk;
	size_t max;
	uint8_t *bytes; /* malloc'd, the op's */
	size_t len;
	/* the answer: */
	struct vz_store_answer answer;
	uint8_t *found; /* malloc'd: what answer points at */
};

struct vz_store_engine {
	/*
	 * Failures of these: VZ_EFULL (no room on the disk) and VZ_ENOMEM leave the store sound;
	 * everything else, of a transaction that writes, is the end. The rest is an answer: 0, with
	 * op->answer.err.
	 */
	int (*begin)(void *e);
	int (*deposit)(void *e, struct vz_store_op *op); /* CHUNK, DEPOSIT and ABORT */
	int (*list)(void *e, struct vz_store_op *op);
	int (*read)(void *e, struct vz_store_op *op);
	int (*remove)(void *e, struct vz_store_op *op);
	int (*sweep)(void *e, struct vz_store_op *op);
	int (*put_bundle)(void *e, struct vz_store_op *op);
	int (*get_bundle)(void *e, struct vz_store_op *op);
	/* Of the counts that are not kept by the queue. */
	int (*stats)(void *e, struct vz_store_op *op, struct vz_store_stats *out);
	/* Durable when it returns 0. */
	int (*commit)(void *e);
	void (*rollback)(void *e);
	/* A transaction met a full disk: makes room for removals, and refuses deposits from here on
	 * until there is room again. */
	int (*disk_full)(void *e);
	/* After a commit and its answers: what can wait, such as checkpoints. */
	int (*rest)(void *e);
	/* In one transaction of its own. */
	int (*fsck)(
	    void *e, bool repair, vz_store_say_fn *say, void *arg, struct vz_store_check *out);
	/* Why the last failure was one; static or the engine's. */
	const char *(*words)(void *e);
	void (*close)(void *e);
};

/*
 * Makes a store of an open engine. `next` is the lowest number that was never given to a message or
 * an upload; the engine takes numbers from vz_store_number. VZ_ENOMEM, VZ_ESYSTEM: e is the
 * caller's still.
 */
int vz_store_new(const struct vz_store_engine *engine, void *e,
    const struct vz_store_limits *limits, atomic_uint_least64_t *next, struct vz_store **out);
/* Limits with their defaults filled in. */
struct vz_store_limits vz_store_limits_of(const struct vz_store_limits *given);
/* Pieces of a message of this size. */
unsigned vz_store_chunks(uint64_t size);

#endif
