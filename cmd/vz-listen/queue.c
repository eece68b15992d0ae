#include "cmd/vz-listen/queue.h"

#include "cmd/vz-listen/taker.h"

uint8_t
queue_may_begin(const struct visit *v)
{
	if (v->srv->queued < QUEUE_MAX || v->queued == 0 || v->running > 0)
		return 0;
	return TAKER_WAIT;
}

void
queue_add(struct incoming *in)
{
	struct visit *v = in->visit;

	in->queued = true;
	TAILQ_INSERT_TAIL(&v->queue, in, queue);
	v->queued++;
	v->srv->queued++;
	if (!v->has_queue)
		TAILQ_INSERT_TAIL(&v->srv->in_queue, v, in_queue);
	v->has_queue = true;
}

void
queue_remove(struct incoming *in)
{
	struct visit *v = in->visit;

	if (!in->queued)
		return;
	in->queued = false;
	TAILQ_REMOVE(&v->queue, in, queue);
	v->queued--;
	v->srv->queued--;
	if (v->queued > 0)
		return;
	TAILQ_REMOVE(&v->srv->in_queue, v, in_queue);
	v->has_queue = false;
}

struct visit *
queue_first(const struct server *srv)
{
	return TAILQ_FIRST(&srv->in_queue);
}

void
queue_rotate(struct visit *v)
{
	if (!v->has_queue)
		return;
	TAILQ_REMOVE(&v->srv->in_queue, v, in_queue);
	TAILQ_INSERT_TAIL(&v->srv->in_queue, v, in_queue);
}
