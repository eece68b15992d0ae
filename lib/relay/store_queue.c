/* The writer's side: batches, their commits, and what happens when one fails. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "relay/store_impl.h"

#define BATCH_OPS   256
#define BATCH_BYTES (8 * 1024 * 1024)

const uint64_t vz_store_bucket_us[VZ_STORE_BUCKETS - 1] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 1000000};

void
vz_store_queue_init(struct vz_store_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void
vz_store_queue_put(struct vz_store_queue *q, struct vz_store_op *op)
{
	op->next = NULL;
	*q->last = op;
	q->last = &op->next;
}

struct vz_store_op *
vz_store_queue_get(struct vz_store_queue *q)
{
	struct vz_store_op *op = q->first;

	if (op != NULL && (q->first = op->next) == NULL)
		q->last = &q->first;
	return op;
}

void
vz_store_queue_move(struct vz_store_queue *to, struct vz_store_queue *from)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	vz_store_queue_init(from);
}

void
vz_store_queue_free(struct vz_store_queue *q)
{
	struct vz_store_op *op;

	while ((op = vz_store_queue_get(q)) != NULL)
		vz_store_op_free(op);
}

static bool
writes(const struct vz_store_op *op)
{
	switch (op->kind) {
	case VZ_STORE_OP_LIST:
	case VZ_STORE_OP_READ:
	case VZ_STORE_OP_GET_BUNDLE:
	case VZ_STORE_OP_STATS: return false;
	default: return true;
	}
}

static int
stats(struct vz_store *s, struct vz_store_op *op)
{
	struct vz_store_stats *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return VZ_ENOMEM;
	op->found = (uint8_t *)st;
	op->answer.stats = st;
	st->commits = s->commits;
	st->commits_us = s->commits_us;
	memcpy(st->latency, s->latency, sizeof(st->latency));
	return s->engine->stats(s->e, op, st);
}

static int
perform(struct vz_store *s, struct vz_store_op *op)
{
	const struct vz_store_engine *e = s->engine;

	/* It may be the second time, after a rollback. */
	free(op->found);
	op->found = NULL;
	memset(&op->answer, 0, sizeof(op->answer));
	switch (op->kind) {
	case VZ_STORE_OP_CHUNK:
	case VZ_STORE_OP_DEPOSIT:
	case VZ_STORE_OP_ABORT: return e->deposit(s->e, op);
	case VZ_STORE_OP_LIST: return e->list(s->e, op);
	case VZ_STORE_OP_READ: return e->read(s->e, op);
	case VZ_STORE_OP_REMOVE: return e->remove(s->e, op);
	case VZ_STORE_OP_SWEEP: return e->sweep(s->e, op);
	case VZ_STORE_OP_PUT_BUNDLE: return e->put_bundle(s->e, op);
	case VZ_STORE_OP_GET_BUNDLE: return e->get_bundle(s->e, op);
	case VZ_STORE_OP_STATS: return stats(s, op);
	}
	return VZ_EINVAL;
}

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int
commit(struct vz_store *s)
{
	uint64_t began = now_us(), took;
	int r = s->engine->commit(s->e), i = 0;

	if (r != 0)
		return r;
	took = now_us() - began;
	while (i < VZ_STORE_BUCKETS - 1 && took > vz_store_bucket_us[i])
		i++;
	s->latency[i]++;
	s->commits++;
	s->commits_us += took;
	return 0;
}

/* Under the lock. */
static void
wake(struct vz_store *s)
{
	ssize_t n = write(s->wake[1], "", 1);

	(void)n; /* a full pipe is readable too */
}

/* From here on nothing is acknowledged. */
static void
fail(struct vz_store *s, int err)
{
	s->bad = err;
	snprintf(s->bad_words, sizeof(s->bad_words), "%s", s->engine->words(s->e));
}

/* Tells the loop, together with the answers that came of it. Under the lock. */
static void
tell_failure(struct vz_store *s)
{
	if (!s->bad || s->failed)
		return;
	s->failed = s->bad;
	memcpy(s->failed_words, s->bad_words, sizeof(s->failed_words));
	wake(s);
}

/* One transaction for these; 0, or why it was rolled back. */
static int
transaction(
    struct vz_store *s, struct vz_store_op *first, const struct vz_store_op *end, bool *fatal)
{
	bool writing = false;
	int r = 0;

	*fatal = false;
	for (const struct vz_store_op *op = first; op != end; op = op->next)
		writing |= writes(op);
	if (writing)
		r = s->engine->begin(s->e);
	for (struct vz_store_op *op = first; r == 0 && op != end; op = op->next)
		r = perform(s, op);
	if (!writing)
		return r;
	*fatal = r != 0 && r != VZ_EFULL && r != VZ_ENOMEM && r != VZ_EFORMAT;
	if (r == 0) {
		r = commit(s);
		*fatal = r != 0 && r != VZ_EFULL;
	}
	if (r != 0)
		s->engine->rollback(s->e);
	return r;
}

/* What became of one request that failed by itself. */
static void
refuse(struct vz_store *s, struct vz_store_op *op, int err)
{
	memset(&op->answer, 0, sizeof(op->answer));
	op->answer.err = err;
	if (err == VZ_EFULL)
		op->answer.full = VZ_STORE_FULL_DISK;
	else if (err != VZ_ENOMEM && writes(op))
		fail(s, err);
}

void
vz_store_work(struct vz_store *s, struct vz_store_queue *batch)
{
	bool fatal;
	int r = s->bad ? VZ_ESYSTEM : transaction(s, batch->first, NULL, &fatal);

	if (r == 0)
		return;
	if (!s->bad && r == VZ_EFULL && (r = s->engine->disk_full(s->e)) != 0)
		fatal = true;
	if (!s->bad && fatal)
		fail(s, r);
	/* One of them may be to blame: each for itself. */
	for (struct vz_store_op *op = batch->first; op != NULL; op = op->next) {
		r = s->bad ? VZ_ESYSTEM : transaction(s, op, op->next, &fatal);
		if (s->bad || fatal) {
			if (!s->bad)
				fail(s, r);
			memset(&op->answer, 0, sizeof(op->answer));
			op->answer.err = VZ_ESYSTEM;
		} else if (r != 0) {
			refuse(s, op, r);
		}
	}
}

/* Takes what is queued, up to the bounds; false at the end. Waits. */
static bool
take(struct vz_store *s, struct vz_store_queue *batch)
{
	size_t bytes = 0;

	pthread_mutex_lock(&s->lock);
	while (s->asked.first == NULL && !s->closing)
		pthread_cond_wait(&s->more, &s->lock);
	for (size_t n = 0; s->asked.first != NULL && n < BATCH_OPS; n++) {
		bytes += s->asked.first->len;
		if (n > 0 && bytes > BATCH_BYTES)
			break;
		vz_store_queue_put(batch, vz_store_queue_get(&s->asked));
	}
	pthread_mutex_unlock(&s->lock);
	return batch->first != NULL;
}

void *
vz_store_writer(void *store)
{
	struct vz_store *s = store;
	struct vz_store_queue batch;
	int r;

	vz_store_queue_init(&batch);
	while (take(s, &batch)) {
		vz_store_work(s, &batch);
		pthread_mutex_lock(&s->lock);
		if (s->done.first == NULL)
			wake(s);
		vz_store_queue_move(&s->done, &batch);
		tell_failure(s);
		pthread_mutex_unlock(&s->lock);
		if (s->bad || (r = s->engine->rest(s->e)) == 0)
			continue;
		fail(s, r);
		pthread_mutex_lock(&s->lock);
		tell_failure(s);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}
