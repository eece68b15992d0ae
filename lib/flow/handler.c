#include "flow/handler.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "flow/starter.h"

#define FOREVER     (UINT64_MAX / 2)
#define PATIENCE_MS 1000 /* of vz_handlers_free */

struct vz_handlers {
	struct vz_loop *loop;
	struct vz_starter *starter;
	bool own; /* the starter is ours */
	size_t held;
	struct vz_handler *first;
};

enum phase {
	RUNNING,
	TERMED,   /* told to end */
	KILLED,   /* made to end */
	DRAINING, /* reaped; its output goes on */
	DONE,     /* nothing left but to tell */
	TOLD,     /* the owner knows, or does not care; here only for a pipe that is held */
};

struct vz_handler {
	struct vz_handlers *all;
	struct vz_handler *next, **back;
	const struct vz_handler_events *events;
	void *arg;
	uint32_t id; /* the starter's */
	enum phase phase;
	struct vz_handler_end end;
	struct vz_watch in, out; /* fd -1 = closed */
	struct vz_timer timer;   /* always set: setting it again needs no memory */
	uint64_t deadline, grace_ms, output_ms;
	bool finished; /* the message is whole */
	bool waiting;  /* the owner waits for room */
	bool held;     /* `in` waits for its readers to go */
	bool paused;
	bool last;    /* its group was killed: what is in the pipe is all of its output */
	bool dropped; /* the owner wants to hear nothing more */
};

static void on_timer(struct vz_loop *l, struct vz_timer *t);

static bool
reaped(const struct vz_handler *h)
{
	return h->phase >= DRAINING;
}

/* Never fails: it is set already, or its place in the heap has just become free. */
static void
arm(struct vz_handler *h, uint64_t ms)
{
	(void)vz_timer_set(h->all->loop, &h->timer, ms);
}

static void
close_watch(struct vz_handler *h, struct vz_watch *w)
{
	if (w->fd < 0)
		return;
	vz_loop_del(h->all->loop, w);
	close(w->fd);
	w->fd = -1;
}

/* The group may hold processes when its leader is gone. */
static void
signal_group(const struct vz_handler *h, int signo)
{
	vz_starter_signal(h->all->starter, h->id, signo);
}

/* pipe(7): the writing end of a pipe that nobody has open for reading polls as an error. */
static bool
has_readers(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, 0) <= 0 || (p.revents & POLLERR) == 0;
}

static void
release(struct vz_handler *h)
{
	if (h->phase != TOLD || h->held)
		return;
	vz_timer_stop(h->all->loop, &h->timer);
	close_watch(h, &h->out);
	vz_starter_forget(h->all->starter, h->id);
	if (h->next != NULL)
		h->next->back = h->back;
	*h->back = h->next;
	free(h);
}

static void
on_readers_gone(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_handler *h = w->arg;

	(void)got;
	if (has_readers(w->fd)) {
		w->hup = true;
		vz_loop_del(l, w);
		(void)vz_loop_add(l, w, 0);
		return;
	}
	close_watch(h, w);
	h->held = false;
	h->all->held--;
	release(h);
}

/* The message is not whole: nobody may read the pipe's end (law 1). Should the watch fail, the pipe
 * stays for good. */
static void
cut_input(struct vz_handler *h)
{
	if (h->in.fd < 0 || h->held)
		return;
	vz_loop_del(h->all->loop, &h->in);
	if (!has_readers(h->in.fd)) {
		close_watch(h, &h->in);
		return;
	}
	h->held = true;
	h->all->held++;
	h->in.fn = on_readers_gone;
	h->in.hup = true;
	(void)vz_loop_add(h->all->loop, &h->in, 0);
}

static void
output_over(struct vz_handler *h)
{
	close_watch(h, &h->out);
	if (h->phase == DRAINING) {
		h->phase = DONE;
		arm(h, 0);
	}
}

/* While it is drained and not paused: the shorter of the silence allowed and the time left. */
static void
arm_silence(struct vz_handler *h)
{
	uint64_t now = vz_loop_now(h->all->loop), ms = h->output_ms;

	if (h->deadline <= now)
		ms = 0;
	else if (h->deadline - now < ms)
		ms = h->deadline - now;
	arm(h, h->last ? 0 : ms);
}

static bool
exited_well(const struct vz_handler_end *e)
{
	return vz_handler_status(e) != VZ_HANDLER_FAILED;
}

static void
has_ended(struct vz_handler *h, int status)
{
	bool waiting = h->waiting;

	h->end.wait = status;
	h->phase = DRAINING;
	if (!exited_well(&h->end)) /* what it left behind goes with it */
		signal_group(h, SIGKILL);
	cut_input(h);
	h->waiting = false;
	if (h->dropped) {
		h->phase = TOLD;
		release(h);
		return;
	}
	if (h->out.fd < 0)
		output_over(h);
	else if (h->paused)
		arm(h, FOREVER);
	else
		arm_silence(h);
	if (waiting) /* it takes all from now on */
		h->events->room(h->arg, h);
}

/* An id of 0: the starter is gone, and all have ended in an unknown way. */
static void
on_child(void *arg, uint32_t id, int status)
{
	struct vz_handlers *all = arg;
	struct vz_handler *h;

	do {
		h = all->first;
		while (h != NULL && (reaped(h) || (id != 0 && h->id != id)))
			h = h->next;
		if (h != NULL)
			has_ended(h, status);
	} while (h != NULL && id == 0);
}

/* What it left behind may hold its stdin without wanting it, for as long as a shell needs to put a
 * background command's stdin elsewhere; or for good, and is ended then. */
static void
tell_end(struct vz_handler *h)
{
	h->phase = TOLD;
	if (h->held)
		arm(h, h->output_ms);
	if (!h->dropped)
		h->events->ended(h->arg, h, &h->end);
	release(h);
}

/* Silence after the end, or no time left: from now on what the pipe holds is all. */
static void
end_output(struct vz_handler *h)
{
	arm(h, FOREVER);
	if (!h->last) {
		h->last = true;
		h->end.timed_out |= vz_loop_now(h->all->loop) >= h->deadline;
		signal_group(h, SIGKILL);
	}
	h->events->output(h->arg, h);
}

static void
on_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_handler *h = t->arg;

	(void)l;
	switch (h->phase) {
	case RUNNING:
		h->end.timed_out = true;
		h->phase = TERMED;
		arm(h, h->grace_ms);
		signal_group(h, SIGTERM);
		signal_group(h, SIGCONT); /* one that is stopped has to hear it */
		break;
	case TERMED:
		h->phase = KILLED;
		arm(h, FOREVER);
		signal_group(h, SIGKILL);
		break;
	case DRAINING: end_output(h); break;
	case DONE: tell_end(h); break;
	case TOLD:
		arm(h, FOREVER);
		signal_group(h, SIGKILL);
		break;
	case KILLED: break;
	}
}

static void
on_room(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_handler *h = w->arg;

	(void)got;
	(void)vz_loop_want(l, w, 0);
	h->waiting = false;
	h->events->room(h->arg, h);
}

static void
on_output(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_handler *h = w->arg;

	(void)l;
	(void)got;
	h->events->output(h->arg, h);
}

static void
link_in(struct vz_handlers *all, struct vz_handler *h)
{
	h->all = all;
	h->next = all->first;
	h->back = &all->first;
	if (h->next != NULL)
		h->next->back = &h->next;
	all->first = h;
}

/* The timer and the watches of a command that runs. */
static int
watch(struct vz_handler *h, uint64_t timeout_ms)
{
	struct vz_loop *l = h->all->loop;
	uint64_t now = vz_loop_now(l);
	int r;

	h->timer = (struct vz_timer){.fn = on_timer, .arg = h};
	h->deadline = timeout_ms == 0 || timeout_ms > FOREVER ? UINT64_MAX : now + timeout_ms;
	r = vz_timer_set(l, &h->timer, timeout_ms == 0 ? FOREVER : timeout_ms);
	if (r == 0)
		r = vz_loop_add(l, &h->in, 0);
	if (r == 0 && h->out.fd >= 0)
		r = vz_loop_add(l, &h->out, VZ_READ);
	return r;
}

int
vz_handler_start(struct vz_handlers *all, const struct vz_handler_config *config,
    const struct vz_handler_events *events, void *arg, struct vz_handler **out)
{
	struct vz_handler *h;
	int err;

	*out = NULL;
	if (all->held >= VZ_HANDLER_HELD)
		return VZ_EFULL;
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return VZ_ENOMEM;
	h->events = events;
	h->arg = arg;
	h->grace_ms = config->grace_ms ? config->grace_ms : VZ_HANDLER_GRACE_MS;
	h->output_ms = config->output_ms ? config->output_ms : VZ_HANDLER_OUTPUT_MS;
	h->in = (struct vz_watch){.fn = on_room, .arg = h};
	h->out = (struct vz_watch){.fn = on_output, .arg = h};
	err = vz_starter_start(
	    all->starter, config->argv, config->envp, config->reply, &h->id, &h->in.fd, &h->out.fd);
	if (err != 0) {
		free(h);
		return err;
	}
	link_in(all, h);
	if ((err = watch(h, config->timeout_ms)) != 0) {
		int saved = errno;

		signal_group(h, SIGKILL);
		close_watch(h, &h->in); /* nothing was written: no message is cut */
		h->phase = TOLD;
		release(h);
		errno = saved;
		return err;
	}
	*out = h;
	return 0;
}

ssize_t
vz_handler_write(struct vz_handler *h, const void *p, size_t n)
{
	ssize_t put;

	if (h->finished)
		return VZ_EINVAL;
	if (h->in.fd < 0 || reaped(h) || h->end.killed)
		return (ssize_t)n;
	do
		put = write(h->in.fd, p, n);
	while (put < 0 && errno == EINTR);
	if (put < 0 && errno == EPIPE) {
		close_watch(h, &h->in); /* nobody is there who could see it end */
		return (ssize_t)n;
	}
	if (put < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return VZ_ESYSTEM;
		put = 0;
	}
	if ((size_t)put < n) {
		if (vz_loop_want(h->all->loop, &h->in, VZ_WRITE) != 0)
			return VZ_ESYSTEM;
		h->waiting = true;
	}
	return put;
}

void
vz_handler_finish_input(struct vz_handler *h)
{
	/* One that has not taken all of it may not see it end. */
	if (h->finished || reaped(h) || h->end.killed)
		return;
	h->finished = true;
	vz_starter_finish(h->all->starter, h->id);
	close_watch(h, &h->in);
}

bool
vz_handler_input_gone(const struct vz_handler *h)
{
	return h->in.fd < 0 || reaped(h) || h->end.killed;
}

ssize_t
vz_handler_read(struct vz_handler *h, void *buf, size_t cap)
{
	ssize_t got;

	if (h->out.fd < 0)
		return VZ_ECLOSED;
	do
		got = read(h->out.fd, buf, cap);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		if (!h->last)
			return 0;
	} else if (got < 0) {
		/* What it wrote cannot be had: it did not end well, whatever it says itself. */
		vz_handler_kill(h);
		return VZ_ECLOSED;
	}
	if (got <= 0) {
		output_over(h);
		return VZ_ECLOSED;
	}
	if (h->phase == DRAINING && !h->paused)
		arm_silence(h);
	return got;
}

void
vz_handler_pause_output(struct vz_handler *h, bool pause)
{
	if (h->paused == pause || h->out.fd < 0)
		return;
	h->paused = pause;
	(void)vz_loop_want(h->all->loop, &h->out, pause ? 0 : VZ_READ);
	if (h->phase != DRAINING)
		return;
	if (pause)
		arm(h, FOREVER);
	else
		arm_silence(h);
}

void
vz_handler_kill(struct vz_handler *h)
{
	if (h->phase >= DONE || h->end.killed)
		return;
	h->end.killed = true;
	signal_group(h, SIGKILL);
	/* A pipe that it is to read from stays: on_child closes it, or holds it. */
	if (h->in.fd >= 0 && !h->held)
		(void)vz_loop_want(h->all->loop, &h->in, 0);
	h->waiting = false;
	if (!reaped(h)) {
		h->phase = KILLED;
		arm(h, FOREVER);
	}
	output_over(h);
}

void
vz_handler_drop(struct vz_handler *h)
{
	if (h == NULL || h->phase == TOLD)
		return;
	h->dropped = true;
	vz_handler_kill(h);
	if (reaped(h)) {
		h->phase = TOLD;
		release(h);
	}
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int
vz_handlers_new_with(struct vz_loop *l, struct vz_starter *starter, struct vz_handlers **out)
{
	struct vz_handlers *all = calloc(1, sizeof(*all));
	int err;

	*out = NULL;
	if (all == NULL)
		return VZ_ENOMEM;
	all->loop = l;
	all->starter = starter;
	err = vz_starter_watch(starter, l, on_child, all);
	if (err != 0) {
		free(all);
		return err;
	}
	*out = all;
	return 0;
}

int
vz_handlers_new(struct vz_loop *l, struct vz_handlers **out)
{
	struct vz_starter *starter;
	int err;

	*out = NULL;
	err = vz_starter_split(NULL, &starter);
	if (err == 0)
		err = vz_handlers_new_with(l, starter, out);
	if (err != 0)
		vz_starter_free(starter);
	else
		(*out)->own = true;
	return err;
}

static bool
any_runs(const struct vz_handlers *all)
{
	const struct vz_handler *h = all->first;

	while (h != NULL && reaped(h))
		h = h->next;
	return h != NULL;
}

/* All are killed when we wait, so that this takes as long as the kernel needs; unless one sits in a
 * system call that cannot be broken off. */
void
vz_handlers_free(struct vz_handlers *all)
{
	uint64_t until;
	struct vz_handler *h;

	if (all == NULL)
		return;
	for (h = all->first; h != NULL; h = h->next) {
		signal_group(h, SIGKILL);
		h->dropped = true;
		h->waiting = false;
	}
	until = now_ms() + PATIENCE_MS;
	while (any_runs(all) && now_ms() < until)
		if (!vz_starter_wait(all->starter, (int)(until - now_ms())))
			break;
	while ((h = all->first) != NULL) {
		close_watch(h, &h->in);
		h->held = false;
		h->phase = TOLD;
		release(h);
	}
	vz_starter_ignore(all->starter);
	if (all->own)
		vz_starter_free(all->starter);
	free(all);
}

struct vz_loop *
vz_handlers_loop(const struct vz_handlers *all)
{
	return all->loop;
}

size_t
vz_handlers_held(const struct vz_handlers *all)
{
	return all->held;
}

int
vz_handler_status(const struct vz_handler_end *end)
{
	if (end->timed_out || end->killed || end->wait == -1 || !WIFEXITED(end->wait) ||
	    WEXITSTATUS(end->wait) > 63)
		return VZ_HANDLER_FAILED;
	return WEXITSTATUS(end->wait);
}

const char *
vz_handler_words(const struct vz_handler_end *end, char *buf, size_t cap)
{
	if (end->timed_out)
		snprintf(buf, cap, "timed out");
	else if (end->killed)
		snprintf(buf, cap, "was killed because its message was given up");
	else if (end->wait != -1 && WIFEXITED(end->wait))
		snprintf(buf, cap, "exited %d%s", WEXITSTATUS(end->wait),
		    WEXITSTATUS(end->wait) > 63 ? ", above 63" : "");
	else if (end->wait != -1 && WIFSIGNALED(end->wait))
		snprintf(buf, cap, "was killed by signal %d (%s)", WTERMSIG(end->wait),
		    strsignal(WTERMSIG(end->wait)));
	else
		snprintf(buf, cap, "ended in an unknown way");
	return buf;
}
