#include "flow/coproc.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "flow/coproc_impl.h"

#define MAX_BODY   (1024 * 1024)
#define UNANSWERED 1024
#define QUEUED     (4 * 1024 * 1024)
#define FLUSH_AT   (256 * 1024) /* written at once, so that the queue stays short */

static void
destroy(struct vz_coproc *c)
{
	vz_timer_stop(c->loop, &c->timer);
	vz_timer_stop(c->loop, &c->late);
	vz_buf_free(&c->out);
	vz_buf_free(&c->in);
	vz_asked_free(&c->asked);
	free(c);
}

void
vz_coproc_enter(struct vz_coproc *c)
{
	c->busy++;
}

void
vz_coproc_leave(struct vz_coproc *c)
{
	if (--c->busy == 0 && c->freed)
		destroy(c);
}

void
vz_coproc_arm(struct vz_coproc *c, uint64_t ms)
{
	(void)vz_timer_set(c->loop, &c->timer, ms);
}

bool
vz_coproc_may_take(const struct vz_coproc *c)
{
	return c->h != NULL && c->condemned == NULL && c->leaving == NULL && !c->finishing &&
	    c->asked.live < c->asked.places;
}

bool
vz_coproc_fits(const struct vz_coproc *c, size_t n)
{
	return c->out.len == 0 || c->out.len + n <= c->config.max_queued;
}

void
vz_coproc_tell_room(struct vz_coproc *c)
{
	if (!c->full || c->freed || !vz_coproc_may_take(c) || !vz_coproc_fits(c, c->refused))
		return;
	c->full = false;
	if (c->events->room != NULL)
		c->events->room(c->arg);
}

int
vz_coproc_ask(struct vz_coproc *c, const struct vz_coproc_message *m, void *tag, uint64_t *number)
{
	size_t rest = vz_coproc_measure(c, m);
	uint64_t known = vz_coproc_known(c);
	struct vz_asked *a;
	int r;

	if (c->finishing)
		return VZ_ECLOSED;
	if (rest == 0)
		return VZ_ELIMIT;
	if (!vz_coproc_may_take(c) || !vz_coproc_fits(c, 4 + rest)) {
		c->full = true;
		c->refused = 4 + rest;
		return VZ_EFULL;
	}
	if ((r = vz_coproc_put(c, m, vz_asked_next(&c->asked), rest)) != 0)
		return r;
	a = vz_asked_add(&c->asked);
	a->tag = tag;
	a->wanted = m->wanted;
	a->at = vz_loop_now(c->loop);
	a->known = known;
	if (number != NULL)
		*number = a->number;
	if (!c->flush_soon) {
		c->flush_soon = true;
		vz_coproc_arm(c, 0);
	}
	if (c->out.len >= FLUSH_AT)
		vz_coproc_flush(c);
	return 0;
}

void
vz_coproc_forget(struct vz_coproc *c, uint64_t number)
{
	struct vz_asked *a = vz_asked_of(&c->asked, number);

	if (a != NULL)
		a->forgotten = true;
}

void
vz_coproc_pause(struct vz_coproc *c, bool pause)
{
	if (c->paused == pause)
		return;
	c->paused = pause;
	if (c->h == NULL)
		return;
	vz_handler_pause_output(c->h, pause);
	if (!pause)
		vz_coproc_arm(c, 0);
}

void
vz_coproc_finish(struct vz_coproc *c)
{
	if (c->finishing)
		return;
	c->finishing = true;
	vz_coproc_arm(c, 0);
}

size_t
vz_coproc_unanswered(const struct vz_coproc *c)
{
	return c->asked.live;
}

bool
vz_coproc_is_down(const struct vz_coproc *c)
{
	return c->h == NULL || c->condemned != NULL || c->leaving != NULL;
}

static void
with_defaults(struct vz_coproc_config *c)
{
	if (c->max_body == 0)
		c->max_body = MAX_BODY;
	if (c->max_reply == 0)
		c->max_reply = MAX_BODY;
	/* Both are announced in 32 bits, with what goes before them. */
	if (c->max_body > UINT32_MAX / 2)
		c->max_body = UINT32_MAX / 2;
	if (c->max_reply > UINT32_MAX / 2)
		c->max_reply = UINT32_MAX / 2;
	if (c->max_unanswered == 0)
		c->max_unanswered = UNANSWERED;
	if (c->max_queued == 0)
		c->max_queued = QUEUED;
	if (c->first_ms == 0)
		c->first_ms = VZ_COPROC_FIRST_MS;
	if (c->most_ms == 0)
		c->most_ms = VZ_COPROC_MOST_MS;
}

int
vz_coproc_new(struct vz_handlers *all, const struct vz_coproc_config *config,
    const struct vz_coproc_events *events, void *arg, struct vz_coproc **out)
{
	struct vz_coproc *c = calloc(1, sizeof(*c));
	int r, saved;

	*out = NULL;
	if (c == NULL)
		return VZ_ENOMEM;
	c->all = all;
	c->loop = vz_handlers_loop(all);
	c->config = *config;
	with_defaults(&c->config);
	c->events = events;
	c->arg = arg;
	c->delay = c->config.first_ms;
	c->timer = (struct vz_timer){.fn = vz_coproc_on_timer, .arg = c};
	c->late = (struct vz_timer){.fn = vz_coproc_on_late, .arg = c};
	/* Twice what may be in them: making room moves bytes that were paid for. */
	vz_buf_init(&c->out, 2 * (c->config.max_queued + c->config.max_body + 1024));
	vz_buf_init(&c->in, 2 * (c->config.max_reply + VZ_COPROC_ANSWER + VZ_COPROC_READ));
	r = vz_asked_init(&c->asked, c->config.max_unanswered);
	if (r == 0)
		r = vz_timer_set(c->loop, &c->timer, VZ_COPROC_FOREVER);
	if (r == 0 && c->config.answer_ms > 0)
		r = vz_timer_set(c->loop, &c->late, c->config.answer_ms);
	if (r == 0)
		r = vz_coproc_start(c);
	if (r != 0) {
		saved = errno;
		destroy(c);
		errno = saved;
		return r;
	}
	*out = c;
	return 0;
}

void
vz_coproc_free(struct vz_coproc *c)
{
	if (c == NULL || c->freed)
		return;
	vz_handler_drop(c->h);
	c->h = NULL;
	c->freed = true;
	vz_coproc_enter(c);
	vz_coproc_leave(c);
}
