#include "flow/coproc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

#define MAX_BODY   (1024 * 1024)
#define UNANSWERED 1024
#define QUEUED     (4 * 1024 * 1024)
#define READ_SIZE  (256 * 1024)
#define READS      4            /* a turn, so that others have theirs */
#define FLUSH_AT   (256 * 1024) /* written at once, so that the queue stays short */
#define FIELD_MAX  255
#define NUMBER_AT  4    /* in a message's frame */
#define LEAVE_MS   1000 /* from closing a stream to its exit */
#define FOREVER    (UINT64_MAX / 2)
#define NONE       UINT32_MAX

/* A message that it has, or a place for one; in one of two lists. */
struct slot {
	uint64_t number; /* number % max_unanswered is its place */
	uint64_t asked;  /* loop time */
	uint64_t known;  /* of `written`: from then on it can know the number */
	void *tag;
	uint32_t prev, next;
	bool live, wanted, forgotten;
};

struct list {
	uint32_t first, last;
};

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
	struct slot *slots;
	struct list live, idle; /* both oldest first */
	uint32_t n_live;
	unsigned busy; /* callbacks under way */
	bool freed;
};

static void
list_add(struct vz_coproc *c, struct list *l, uint32_t i)
{
	struct slot *s = &c->slots[i];

	s->prev = l->last;
	s->next = NONE;
	if (l->last == NONE)
		l->first = i;
	else
		c->slots[l->last].next = i;
	l->last = i;
}

static void
list_del(struct vz_coproc *c, struct list *l, uint32_t i)
{
	const struct slot *s = &c->slots[i];

	if (s->prev == NONE)
		l->first = s->next;
	else
		c->slots[s->prev].next = s->next;
	if (s->next == NONE)
		l->last = s->prev;
	else
		c->slots[s->next].prev = s->prev;
}

/* Numbers are used once: the place's next one is its last plus the number of places. */
static struct slot
take(struct vz_coproc *c, uint32_t i)
{
	struct slot *s = &c->slots[i], was = *s;

	list_del(c, &c->live, i);
	list_add(c, &c->idle, i);
	c->n_live--;
	s->live = false;
	s->number += c->config.max_unanswered;
	return was;
}

static struct slot *
slot_of(struct vz_coproc *c, uint64_t number)
{
	struct slot *s = &c->slots[number % c->config.max_unanswered];

	return s->live && s->number == number ? s : NULL;
}

static void
destroy(struct vz_coproc *c)
{
	vz_timer_stop(c->loop, &c->timer);
	vz_timer_stop(c->loop, &c->late);
	vz_buf_free(&c->out);
	vz_buf_free(&c->in);
	free(c->slots);
	free(c);
}

/* Around everything that calls the owner: it may free c there. */
static void
enter(struct vz_coproc *c)
{
	c->busy++;
}

static void
leave(struct vz_coproc *c)
{
	if (--c->busy == 0 && c->freed)
		destroy(c);
}

/* Never fails: see vz_coproc_new, and handler.c's. */
static void
arm(struct vz_coproc *c, uint64_t ms)
{
	(void)vz_timer_set(c->loop, &c->timer, ms);
}

/* Law 1: its input may stand in the middle of a frame, so that it is killed, never just closed. */
static void
condemn(struct vz_coproc *c, const char *why)
{
	if (c->h == NULL || c->condemned != NULL)
		return;
	c->condemned = why;
	vz_handler_kill(c->h);
}

/* It has most likely ended, and what it had answered is to be read first; one that lives on does
 * not serve. */
static void
leaves(struct vz_coproc *c, const char *why)
{
	if (c->leaving != NULL || c->condemned != NULL || c->finishing)
		return;
	c->leaving = why;
	c->leave_by = vz_loop_now(c->loop) + LEAVE_MS;
	arm(c, LEAVE_MS);
}

static bool
may_take(const struct vz_coproc *c)
{
	return c->h != NULL && c->condemned == NULL && c->leaving == NULL && !c->finishing &&
	    c->n_live < c->config.max_unanswered;
}

/* A frame of so many bytes: one is always taken. */
static bool
fits(const struct vz_coproc *c, size_t n)
{
	return c->out.len == 0 || c->out.len + n <= c->config.max_queued;
}

static void
tell_room(struct vz_coproc *c)
{
	if (!c->full || c->freed || !may_take(c) || !fits(c, c->refused))
		return;
	c->full = false;
	if (c->events->room != NULL)
		c->events->room(c->arg);
}

static void
flush(struct vz_coproc *c)
{
	while (c->out.len > 0 && c->condemned == NULL && !c->blocked) {
		size_t n = c->out.len;
		ssize_t put = vz_handler_write(c->h, vz_buf_ptr(&c->out), n);

		if (put < 0) {
			condemn(c, "could not be written to");
			return;
		}
		vz_buf_consume(&c->out, (size_t)put);
		c->written += (size_t)put;
		if ((size_t)put < n) {
			c->blocked = true; /* until on_room */
			return;
		}
	}
	if (c->condemned != NULL || c->blocked)
		return;
	if (c->finishing)
		vz_handler_finish_input(c->h);
	else if (vz_handler_input_gone(c->h))
		leaves(c, "closed its standard input");
}

static void
on_room(void *arg, struct vz_handler *h)
{
	struct vz_coproc *c = arg;

	(void)h;
	enter(c);
	c->blocked = false;
	flush(c);
	tell_room(c);
	leave(c);
}

/* One whole answer. False: it is none. */
static bool
answer(struct vz_coproc *c, const uint8_t *p, size_t len)
{
	struct slot *s = slot_of(c, vz_load64(p)), was;
	int status = p[8];

	/* Numbers can be guessed: one that it was not given yet does not wait either. */
	if (s == NULL || c->written < s->known) {
		condemn(c, "answered a message that does not wait for an answer");
		return false;
	}
	was = take(c, (uint32_t)(s - c->slots));
	if (status > 63)
		status = VZ_HANDLER_FAILED;
	if (!was.forgotten)
		c->events->answered(
		    c->arg, was.tag, status, p + 9, was.wanted ? len - 9 : (size_t)0);
	return true;
}

static void
answers(struct vz_coproc *c)
{
	while (c->in.len >= 4 && !c->paused && !c->freed && c->condemned == NULL) {
		const uint8_t *p = vz_buf_ptr(&c->in);
		size_t len = vz_load32(p);

		if (len < 9 || len - 9 > c->config.max_reply) {
			condemn(c,
			    len < 9 ? "answered with a malformed frame"
				    : "answered with a frame over the limit");
			return;
		}
		if (c->in.len - 4 < len)
			return;
		/* The bytes stay where they are until the next reserve. */
		vz_buf_consume(&c->in, 4 + len);
		if (!answer(c, p + 4, len))
			return;
	}
}

static void
on_output(void *arg, struct vz_handler *h)
{
	struct vz_coproc *c = arg;
	ssize_t got = READ_SIZE;
	uint8_t *p;

	enter(c);
	for (int i = 0; i < READS && got == READ_SIZE && !c->paused && !c->freed; i++) {
		if (vz_buf_reserve(&c->in, READ_SIZE, &p) != 0) {
			condemn(c, "answered more than there is memory for");
			break;
		}
		got = vz_handler_read(h, p, READ_SIZE);
		if (got <= 0)
			break;
		vz_buf_added(&c->in, (size_t)got);
		answers(c);
	}
	if (got < 0 && !c->freed)
		leaves(c, "closed its standard output");
	tell_room(c);
	leave(c);
}

static void on_ended(void *arg, struct vz_handler *h, const struct vz_handler_end *end);

static const struct vz_handler_events handler_events = {
    .room = on_room, .output = on_output, .ended = on_ended};

static int
start(struct vz_coproc *c)
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

/* In the order of asking; what is asked in between finds it down. */
static void
lose(struct vz_coproc *c)
{
	while (c->live.first != NONE && !c->freed) {
		struct slot s = take(c, c->live.first);

		if (!s.forgotten)
			c->events->answered(c->arg, s.tag, VZ_COPROC_LOST, NULL, 0);
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
		arm(c, wait);
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
	enter(c);
	c->h = NULL;
	answers(c);
	if (vz_loop_now(c->loop) - c->started >= c->config.most_ms)
		c->delay = c->config.first_ms;
	if (c->condemned != NULL)
		snprintf(words, sizeof(words), "%s", c->condemned);
	else
		vz_handler_words(end, words, sizeof(words));
	if (!c->freed)
		go_down(c, words);
	leave(c);
}

static void
restart(struct vz_coproc *c)
{
	char words[128];
	int r = start(c);

	if (r == 0) {
		tell_room(c);
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
		condemn(c, c->leaving);
	else
		arm(c, c->leave_by - now);
}

static void
on_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_coproc *c = t->arg;

	(void)l;
	arm(c, FOREVER);
	enter(c);
	if (c->h != NULL) {
		c->flush_soon = false;
		flush(c);
		check_leaving(c);
		answers(c); /* those left from before a pause */
		tell_room(c);
	} else if (c->finishing) {
		if (!c->over)
			go_down(c, "was not running");
	} else {
		restart(c);
	}
	leave(c);
}

static void
on_late(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_coproc *c = t->arg;
	uint64_t left = c->config.answer_ms;

	if (c->live.first != NONE && !c->paused) {
		uint64_t age = vz_loop_now(l) - c->slots[c->live.first].asked;

		left = age < left ? left - age : 0;
	}
	(void)vz_timer_set(l, t, left > 0 ? left : c->config.answer_ms);
	if (left == 0)
		condemn(c, "did not answer in time");
}

static int
put_frame(struct vz_coproc *c, const struct vz_coproc_message *m, uint64_t number, size_t rest)
{
	size_t peer = strlen(m->peer), id = strlen(m->id);
	uint8_t *p;
	int r = vz_buf_reserve(&c->out, 4 + rest, &p);

	if (r != 0)
		return r;
	vz_store32(p, (uint32_t)rest);
	vz_store64(p + NUMBER_AT, number);
	p[12] = m->wanted ? VZ_COPROC_WANTED : 0;
	p[13] = (uint8_t)peer;
	p[14] = (uint8_t)id;
	p[15] = (uint8_t)m->name_len;
	p += VZ_COPROC_HEAD;
	memcpy(p, m->peer, peer);
	memcpy(p + peer, m->id, id);
	if (m->name_len > 0)
		memcpy(p + peer + id, m->name, m->name_len);
	if (m->len > 0)
		memcpy(p + peer + id + m->name_len, m->body, m->len);
	vz_buf_added(&c->out, 4 + rest);
	return 0;
}

/* What follows the length; 0 = over a limit. */
static size_t
frame_rest(const struct vz_coproc *c, const struct vz_coproc_message *m)
{
	size_t peer = strlen(m->peer), id = strlen(m->id);

	if (peer > FIELD_MAX || id > FIELD_MAX || m->name_len > FIELD_MAX ||
	    m->len > c->config.max_body)
		return 0;
	return VZ_COPROC_HEAD - 4 + peer + id + m->name_len + m->len;
}

int
vz_coproc_ask(struct vz_coproc *c, const struct vz_coproc_message *m, void *tag, uint64_t *number)
{
	size_t rest = frame_rest(c, m);
	uint32_t i = c->idle.first;
	uint64_t known = c->written + c->out.len + NUMBER_AT + sizeof(uint64_t);
	struct slot *s;
	int r;

	if (c->finishing)
		return VZ_ECLOSED;
	if (rest == 0)
		return VZ_ELIMIT;
	if (!may_take(c) || !fits(c, 4 + rest)) {
		c->full = true;
		c->refused = 4 + rest;
		return VZ_EFULL;
	}
	s = &c->slots[i];
	if ((r = put_frame(c, m, s->number, rest)) != 0)
		return r;
	list_del(c, &c->idle, i);
	list_add(c, &c->live, i);
	c->n_live++;
	s->live = true;
	s->tag = tag;
	s->wanted = m->wanted;
	s->forgotten = false;
	s->asked = vz_loop_now(c->loop);
	s->known = known;
	if (number != NULL)
		*number = s->number;
	if (!c->flush_soon) {
		c->flush_soon = true;
		arm(c, 0);
	}
	if (c->out.len >= FLUSH_AT)
		flush(c);
	return 0;
}

void
vz_coproc_forget(struct vz_coproc *c, uint64_t number)
{
	struct slot *s = slot_of(c, number);

	if (s != NULL)
		s->forgotten = true;
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
		arm(c, 0);
}

void
vz_coproc_finish(struct vz_coproc *c)
{
	if (c->finishing)
		return;
	c->finishing = true;
	arm(c, 0);
}

size_t
vz_coproc_unanswered(const struct vz_coproc *c)
{
	return c->n_live;
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

static int
make_slots(struct vz_coproc *c)
{
	c->live = c->idle = (struct list){NONE, NONE};
	c->slots = calloc(c->config.max_unanswered, sizeof(*c->slots));
	if (c->slots == NULL)
		return VZ_ENOMEM;
	for (uint32_t i = 0; i < c->config.max_unanswered; i++) {
		c->slots[i].number = i;
		list_add(c, &c->idle, i);
	}
	return 0;
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
	c->timer = (struct vz_timer){.fn = on_timer, .arg = c};
	c->late = (struct vz_timer){.fn = on_late, .arg = c};
	/* Twice what may be in them: making room moves bytes that were paid for. */
	vz_buf_init(&c->out, 2 * (c->config.max_queued + c->config.max_body + 1024));
	vz_buf_init(&c->in, 2 * (c->config.max_reply + VZ_COPROC_ANSWER + READ_SIZE));
	r = make_slots(c);
	if (r == 0)
		r = vz_timer_set(c->loop, &c->timer, FOREVER);
	if (r == 0 && c->config.answer_ms > 0)
		r = vz_timer_set(c->loop, &c->late, c->config.answer_ms);
	if (r == 0)
		r = start(c);
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
	enter(c);
	leave(c);
}
