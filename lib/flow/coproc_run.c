/*
 * A coprocess's life: when it is started, given up, and started again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "flow/coproc_impl.h"

#define LEAVE_MS 1000 /* from closing a stream to its exit */

void
vz_coproc_condemn(struct vz_coproc *c, const char *why)
{
	if (c->h == NULL || c->condemned != NULL)
		return;
	c->condemned = why;
	vz_handler_kill(c->h);
}

void
vz_coproc_leaves(struct vz_coproc *c, const char *why)
{
	if (c->leaving != NULL || c->condemned != NULL || c->finishing)
		return;
	c->leaving = why;
	c->leave_by = vz_loop_now(c->loop) + LEAVE_MS;
	vz_coproc_arm(c, LEAVE_MS);
}

/* In the order of asking; what is asked in between finds it down. */
static void
lose(struct vz_coproc *c)
{
	struct vz_asked *oldest, was;

	while (!c->freed && (oldest = vz_asked_oldest(&c->asked)) != NULL) {
		was = vz_asked_take(&c->asked, oldest);
		if (!was.forgotten)
			c->events->answered(c->arg, was.tag, VZ_COPROC_LOST, NULL, 0);
	}
}

static void
go_down(struct vz_coproc *c, const char *words)
{
	uint64_t wait = c->delay;

	vz_buf_clear(&c->out);
	vz_buf_clear(&c->in);
	if (!c->finishing) {
		c->delay = wait < c->config.most_ms / 2 ? 2 * wait : c->config.most_ms;
		vz_coproc_arm(c, wait);
		c->events->down(c->arg, words, wait);
	}
	lose(c);
	if (c->finishing && !c->freed) {
		c->over = true;
		c->events->ended(c->arg, words);
	}
}

static void
on_ended(void *arg, struct vz_handler *h, const struct vz_handler_end *end)
{
	struct vz_coproc *c = arg;
	char words[128];

	(void)h;
	vz_coproc_enter(c);
	c->h = NULL;
	vz_coproc_answers(c);
	if (vz_loop_now(c->loop) - c->started >= c->config.most_ms)
		c->delay = c->config.first_ms;
	if (c->condemned != NULL)
		snprintf(words, sizeof(words), "%s", c->condemned);
	else
		vz_handler_words(end, words, sizeof(words));
	if (!c->freed)
		go_down(c, words);
	vz_coproc_leave(c);
}

static const struct vz_handler_events handler_events = {
    .room = vz_coproc_on_room, .output = vz_coproc_on_output, .ended = on_ended};

int
vz_coproc_start(struct vz_coproc *c)
{
	const struct vz_handler_config config = {
	    .argv = c->config.argv, .envp = c->config.envp, .reply = true};
	int r = vz_handler_start(c->all, &config, &handler_events, c, &c->h);

	if (r != 0)
		return r;
	c->condemned = c->leaving = NULL;
	c->flush_soon = c->blocked = false;
	c->started = vz_loop_now(c->loop);
	if (c->paused)
		vz_handler_pause_output(c->h, true);
	return 0;
}

static void
restart(struct vz_coproc *c)
{
	char words[128];
	int r = vz_coproc_start(c);

	if (r == 0) {
		vz_coproc_tell_room(c);
		return;
	}
	snprintf(words, sizeof(words), "could not start: %s",
	    r == VZ_ESYSTEM ? strerror(errno) : vz_strerror(r));
	go_down(c, words);
}

static void
check_leaving(struct vz_coproc *c)
{
	uint64_t now = vz_loop_now(c->loop);

	if (c->leaving == NULL)
		return;
	if (now >= c->leave_by)
		vz_coproc_condemn(c, c->leaving);
	else
		vz_coproc_arm(c, c->leave_by - now);
}

void
vz_coproc_on_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_coproc *c = t->arg;

	(void)l;
	vz_coproc_arm(c, VZ_COPROC_FOREVER);
	vz_coproc_enter(c);
	if (c->h != NULL) {
		c->flush_soon = false;
		vz_coproc_flush(c);
		check_leaving(c);
		vz_coproc_answers(c); /* those left from before a pause */
		vz_coproc_tell_room(c);
	} else if (c->finishing) {
		if (!c->over)
			go_down(c, "was not running");
	} else {
		restart(c);
	}
	vz_coproc_leave(c);
}

void
vz_coproc_on_late(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_coproc *c = t->arg;
	const struct vz_asked *oldest = vz_asked_oldest(&c->asked);
	uint64_t left = c->config.answer_ms;

	if (oldest != NULL && !c->paused) {
		uint64_t age = vz_loop_now(l) - oldest->at;

		left = age < left ? left - age : 0;
	}
	(void)vz_timer_set(l, t, left > 0 ? left : c->config.answer_ms);
	if (left == 0)
		vz_coproc_condemn(c, "did not answer in time");
}
