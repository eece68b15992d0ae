/* What the parts of the store share that are the same for every engine. */
#ifndef VZ_RELAY_STORE_IMPL_H
#define VZ_RELAY_STORE_IMPL_H

#include <pthread.h>
#include "relay/store_engine.h"

struct vz_store_queue {
	struct vz_store_op *first, **last;
};

struct vz_store {
	const struct vz_store_engine *engine;
	void *e;
	atomic_uint_least64_t *next;
	struct vz_store_limits limits;
	int wake[2]; /* a pipe; holds a byte while `done` is not empty */
	/* the loop's: */
	size_t waiting;  /* requests without an answer */
	size_t deposits; /* under way */
	struct vz_store_deposit *first_deposit;
	uint64_t waiting_bytes; /* of both */
	size_t uploads;         /* of the deposits, those over VZ_STORE_CHUNK */
	bool running;           /* vz_store_run: what it leads to goes to the writer at once */
	bool started;
	struct vz_store_queue held; /* while running */
	char words[VZ_STORE_WORDS];
	/* shared, under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct vz_store_queue asked, done;
	bool closing;
	int failed; /* the error that ended the store's work, or 0 */
	char failed_words[VZ_STORE_WORDS];
	/* the writer's: */
	pthread_t thread;
	int bad; /* as `failed`, before it is told */
	char bad_words[VZ_STORE_WORDS];
	uint64_t commits, commits_us, latency[VZ_STORE_BUCKETS];
};

void vz_store_queue_init(struct vz_store_queue *q);
void vz_store_queue_put(struct vz_store_queue *q, struct vz_store_op *op);
/* The first, or NULL. */
struct vz_store_op *vz_store_queue_get(struct vz_store_queue *q);
/* Moves all of `from` to the end of `to`. */
void vz_store_queue_move(struct vz_store_queue *to, struct vz_store_queue *from);
void vz_store_queue_free(struct vz_store_queue *q);

/* VZ_EFULL when this much more may not wait. */
int vz_store_may_wait(const struct vz_store *s, uint64_t bytes);
/* A zeroed op, or NULL. */
struct vz_store_op *vz_store_op_new(enum vz_store_kind kind, vz_store_fn *fn, void *arg);
void vz_store_op_free(struct vz_store_op *op);
/* Hands it to the writer, which gives it back in `done`. */
void vz_store_submit(struct vz_store *s, struct vz_store_op *op);
/* An answer to a piece of a deposit. */
void vz_store_deposit_answered(struct vz_store_deposit *d, struct vz_store_op *op);
/* Those under way are gone. */
void vz_store_deposits_free(struct vz_store *s);
/* The writer: does `batch`, which is then as answered as it was asked. */
void vz_store_work(struct vz_store *s, struct vz_store_queue *batch);
/* The writer's main function. */
void *vz_store_writer(void *store);

#endif
