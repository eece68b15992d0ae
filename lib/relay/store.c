/* The asking side: requests, their answers, and the life of a store. */
#include "relay/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "relay/store_impl.h"

#define DAY (24 * 60 * 60)

static uint64_t or (uint64_t given, uint64_t otherwise)
{
	return given != 0 ? given : otherwise;
}

struct vz_store_limits
vz_store_limits_of(const struct vz_store_limits *given)
{
	struct vz_store_limits l = {0};

	if (given != NULL)
		l = *given;
	l.each.mailbox_messages = or (l.each.mailbox_messages, 1000);
	l.each.mailbox_bytes = or (l.each.mailbox_bytes, 64 << 20);
	l.each.depositor_bytes = or (l.each.depositor_bytes, 256 << 20);
	l.each.depositor_entries = or (l.each.depositor_entries, 100000);
	l.disk_bytes = or (l.disk_bytes, UINT64_C(4) << 30);
	l.reserve_bytes = or (l.reserve_bytes, 16 << 20);
	l.ttl_max = or (l.ttl_max, 30 * DAY);
	l.bundles = or (l.bundles, 65536);
	return l;
}

int
vz_store_new(const struct vz_store_engine *engine, void *e, const struct vz_store_limits *limits,
    atomic_uint_least64_t *next, struct vz_store **out)
{
	struct vz_store *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return VZ_ENOMEM;
	if (pipe2(s->wake, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(s);
		return VZ_ESYSTEM;
	}
	s->engine = engine;
	s->e = e;
	s->next = next;
	s->limits = *limits;
	vz_store_queue_init(&s->held);
	vz_store_queue_init(&s->asked);
	vz_store_queue_init(&s->done);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	*out = s;
	return 0;
}

int
vz_store_start(struct vz_store *s)
{
	sigset_t all, old;
	int err;

	if (s->started)
		return VZ_EINVAL;
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, vz_store_writer, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0) {
		errno = err;
		return VZ_ESYSTEM;
	}
	s->started = true;
	return 0;
}

void
vz_store_close(struct vz_store *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	if (s->started)
		pthread_join(s->thread, NULL);
	s->engine->close(s->e);
	vz_store_deposits_free(s);
	vz_store_queue_free(&s->asked);
	vz_store_queue_free(&s->done);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
	close(s->wake[0]);
	close(s->wake[1]);
	free(s);
}

int
vz_store_fd(const struct vz_store *s)
{
	return s->wake[0];
}

int
vz_store_may_wait(const struct vz_store *s, uint64_t bytes)
{
	return s->waiting + s->deposits >= VZ_STORE_QUEUE_MAX ||
		s->waiting_bytes + bytes > VZ_STORE_QUEUE_BYTES
	    ? VZ_EFULL
	    : 0;
}

struct vz_store_op *
vz_store_op_new(enum vz_store_kind kind, vz_store_fn *fn, void *arg)
{
	struct vz_store_op *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return NULL;
	op->kind = kind;
	op->fn = fn;
	op->arg = arg;
	return op;
}

void
vz_store_op_free(struct vz_store_op *op)
{
	if (op == NULL)
		return;
	free(op->bytes);
	free(op->found);
	free(op);
}

/* Hands queued ones over. */
static void
hand_over(struct vz_store *s, struct vz_store_queue *q)
{
	pthread_mutex_lock(&s->lock);
	vz_store_queue_move(&s->asked, q);
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

void
vz_store_submit(struct vz_store *s, struct vz_store_op *op)
{
	s->waiting++;
	s->waiting_bytes += op->len;
	vz_store_queue_put(&s->held, op);
	/* What one round of answers leads to is one batch. */
	if (!s->running)
		hand_over(s, &s->held);
}

static void
answered(struct vz_store *s, struct vz_store_op *op)
{
	s->waiting--;
	s->waiting_bytes -= op->len;
	if (op->deposit != NULL)
		vz_store_deposit_answered(op->deposit, op);
	else if (op->fn != NULL)
		op->fn(op->arg, &op->answer);
	vz_store_op_free(op);
}

int
vz_store_run(struct vz_store *s)
{
	struct vz_store_queue done;
	struct vz_store_op *op;
	char bytes[16];
	int failed;

	vz_store_queue_init(&done);
	pthread_mutex_lock(&s->lock);
	while (read(s->wake[0], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		continue;
	vz_store_queue_move(&done, &s->done);
	failed = s->failed;
	pthread_mutex_unlock(&s->lock);
	s->running = true;
	while ((op = vz_store_queue_get(&done)) != NULL)
		answered(s, op);
	s->running = false;
	hand_over(s, &s->held);
	return failed ? VZ_ESYSTEM : 0;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
vz_store_wait(struct vz_store *s, int ms)
{
	struct pollfd p = {.fd = s->wake[0], .events = POLLIN};
	int64_t end = now_ms() + ms, left;
	int r = vz_store_run(s);

	while (r == 0 && s->waiting > 0) {
		if ((left = end - now_ms()) <= 0)
			return VZ_ETIMEOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return VZ_ESYSTEM;
		r = vz_store_run(s);
	}
	return r;
}

int
vz_store_fsck(
    struct vz_store *s, bool repair, vz_store_say_fn *say, void *arg, struct vz_store_check *out)
{
	memset(out, 0, sizeof(*out));
	return s->started ? VZ_EINVAL : s->engine->fsck(s->e, repair, say, arg, out);
}

const char *
vz_store_words(struct vz_store *s)
{
	pthread_mutex_lock(&s->lock);
	memcpy(s->words, s->failed ? s->failed_words : "", s->failed ? VZ_STORE_WORDS : 1);
	pthread_mutex_unlock(&s->lock);
	return s->words;
}
