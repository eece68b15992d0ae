/*
 * COMMAND: each message is the input of a run of its own, whose exit status is the verdict
 * (DESIGN 8; flow/handler.h). Bytes are taken as the command reads them, and its output goes back
 * as the sender takes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/facts.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/queue.h"
#include "cmd/vz-listen/share.h"
#include "flow/handler.h"

#define READ_SIZE (64 * 1024)

static int
start_all(struct server *srv)
{
	return vz_handlers_new_with(srv->loop, srv->starter, &srv->handlers);
}

static void
close_all(struct server *srv)
{
	vz_handlers_free(srv->handlers);
}

static void
stop_running(struct incoming *in)
{
	in->own = NULL; /* moved, or gone */
	in->visit->running--;
	in->visit->srv->running--;
}

static void
wait_for_reply_room(struct incoming *in, bool wait)
{
	struct visit *v = in->visit;

	if (in->replying == wait)
		return;
	in->replying = wait;
	if (wait)
		TAILQ_INSERT_TAIL(&v->answers, in, answers);
	else
		TAILQ_REMOVE(&v->answers, in, answers);
	if (in->own)
		vz_handler_pause_output(in->own, wait);
}

static struct vz_session *
session_of(const struct incoming *in)
{
	return visit_session(in->visit);
}

/* Gives the command what waits for it, and the end when that has come. */
static void
feed(struct incoming *in)
{
	struct visit *v = in->visit;
	ssize_t n;

	if (in->body.len > 0) {
		n = vz_handler_write(in->own, vz_buf_ptr(&in->body), in->body.len);
		if (n < 0) {
			deliver_output_failed(v, in, (int)n, VZ_EXIT_IOERR);
			return;
		}
		vz_buf_consume(&in->body, (size_t)n);
		visit_taken(in->visit, in->number, (size_t)n);
		visit_kick(v);
	}
	if (in->body.len == 0 && in->whole)
		vz_handler_finish_input(in->own);
}

static void
on_room(void *arg, struct vz_handler *h)
{
	(void)h;
	feed(arg);
}

static void
end_reply(struct incoming *in)
{
	if (in->said)
		return;
	in->said = true;
	(void)vz_session_end(session_of(in), in->number);
	visit_kick(in->visit);
}

static void
on_output(void *arg, struct vz_handler *h)
{
	static uint8_t buf[READ_SIZE];
	struct incoming *in = arg;
	size_t room = vz_session_room(session_of(in), in->number);
	ssize_t n;

	if (room == 0) {
		wait_for_reply_room(in, true);
		return;
	}
	n = vz_handler_read(h, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (n == VZ_ECLOSED && in->live)
		end_reply(in);
	if (n <= 0)
		return;
	(void)vz_session_data(session_of(in), in->number, buf, (size_t)n);
	in->moved_at = vz_loop_now(in->visit->srv->loop);
	visit_kick(in->visit);
}

static void run_next(struct server *srv);

/* It has ended well: that is the verdict, as soon as the message is whole or at once. */
static void
ended_well(struct incoming *in)
{
	struct visit *v = in->visit;

	/* What it did not care to read was its to leave. */
	visit_taken(in->visit, in->number, in->body.len);
	vz_buf_free(&in->body);
	if (in->kind == VZ_KIND_ASK)
		end_reply(in);
	visit_kick(v);
	in->over = true;
	if (in->whole || in->live)
		deliver_done(v, in);
}

static void
on_ended(void *arg, struct vz_handler *h, const struct vz_handler_end *end)
{
	struct incoming *in = arg;
	struct server *srv = in->visit->srv;
	int status = vz_handler_status(end);
	char how[100], words[128];

	(void)h;
	stop_running(in);
	wait_for_reply_room(in, false);
	if (status == 0) {
		ended_well(in);
	} else {
		snprintf(words, sizeof(words), "the command %s",
		    vz_handler_words(end, how, sizeof(how)));
		deliver_failed(in->visit, in, status, words, (uint8_t)status,
		    status == VZ_EXIT_HANDLER ? words : "");
	}
	run_next(srv);
	server_wake(srv);
}

static const struct vz_handler_events events = {
    .room = on_room, .output = on_output, .ended = on_ended};
static const struct vz_handler_events events_no_reply = {.room = on_room, .ended = on_ended};

static void
cannot_start(struct incoming *in, int err)
{
	char words[200];
	/* Too many runs of before cannot be ended yet; or the command is to blame. */
	uint8_t status = err == VZ_EFULL ? VZ_EXIT_TEMPFAIL : VZ_EXIT_HANDLER;

	snprintf(words, sizeof(words), "the command could not start: %s", diag_words(err));
	deliver_failed(in->visit, in, status, words, status, words);
}

static void
run(struct incoming *in)
{
	struct visit *v = in->visit;
	struct server *srv = v->srv;
	bool reply = in->kind == VZ_KIND_ASK;
	char *const *command = limits_command(v);
	struct vz_handler_config config = {.argv = command ? command : srv->options->command,
	    .reply = reply,
	    .proof = in->proof != NULL,
	    .timeout_ms = srv->options->handler_ms};
	struct vz_handler *h = NULL;
	char **env;
	int r = facts_env(in, &env);

	config.envp = env;
	if (r == 0)
		r = vz_handler_start(
		    srv->handlers, &config, reply ? &events : &events_no_reply, in, &h);
	free(env);
	if (r < 0) {
		cannot_start(in, r);
		return;
	}
	in->own = h;
	in->moved_at = vz_loop_now(srv->loop);
	v->running++;
	srv->running++;
	if (in->reply.len > 0) /* its manifest has come already */
		(void)vz_handler_prove(h, vz_buf_ptr(&in->reply), in->reply.len);
	vz_buf_clear(&in->reply);
	feed(in);
}

static void
run_next(struct server *srv)
{
	struct visit *v;

	while (!srv->stopping && srv->running < srv->options->max_handlers &&
	    (v = queue_first(srv)) != NULL) {
		struct incoming *in = TAILQ_FIRST(&v->queue);

		queue_rotate(v);
		queue_remove(in);
		run(in);
	}
	if (!srv->stopping && queue_first(srv) != NULL)
		share_give_way(srv);
}

static uint8_t
may_begin(struct visit *v, const struct vz_event *ev, const char **words)
{
	(void)ev;
	(void)words;
	return queue_may_begin(v);
}

static void
begin(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	in->live = ev->type == VZ_EVENT_OPEN && (ev->flags & VZ_OPEN_LIVE) != 0;
	queue_add(in);
	run_next(v->srv);
}

/* All is kept that the command does not take now: the windows bound it, and the events that follow,
 * of other messages and about windows, are not held up. */
static bool
data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	ssize_t n = in->over ? (ssize_t)ev->bytes_len : 0;

	if (in->own && in->body.len == 0)
		n = vz_handler_write(in->own, ev->bytes, ev->bytes_len);
	if (n >= 0 && (size_t)n < ev->bytes_len &&
	    vz_buf_put(&in->body, ev->bytes + n, ev->bytes_len - (size_t)n) < 0)
		n = VZ_ENOMEM;
	if (n < 0) {
		deliver_output_failed(v, in, (int)n, VZ_EXIT_IOERR);
		return true;
	}
	in->bytes += ev->bytes_len;
	ev->bytes_len = 0;
	visit_taken(in->visit, in->number, (size_t)n);
	return true;
}

static bool
end(struct visit *v, struct incoming *in)
{
	if (in->over)
		deliver_done(v, in);
	else if (in->own)
		feed(in);
	return true;
}

/* One that waits in the queue has it when it is started. */
static int
prove(struct incoming *in, const uint8_t *p, size_t text_len, size_t len)
{
	(void)text_len; /* the signature says itself where it begins */
	if (in->own || in->over)
		return in->own ? vz_handler_prove(in->own, p, len) : 0;
	vz_buf_clear(&in->reply);
	return vz_buf_put(&in->reply, p, len);
}

static void
drop(struct visit *v, struct incoming *in)
{
	queue_remove(in);
	wait_for_reply_room(in, false);
	if (!in->own)
		return;
	vz_handler_drop(in->own);
	stop_running(in);
	server_wake(v->srv);
}

static void
turn(struct server *srv, struct visit *v)
{
	struct incoming *in, *next;

	if (!v) {
		run_next(srv);
		return;
	}
	TAILQ_FOREACH_SAFE(in, &v->answers, answers, next)
	if (vz_session_room(visit_session(v), in->number) > 0)
		wait_for_reply_room(in, false);
}

const struct taker taker_command = {
    .answers = true,
    .start = start_all,
    .close = close_all,
    .may_begin = may_begin,
    .begin = begin,
    .data = data,
    .end = end,
    .prove = prove,
    .drop = drop,
    .turn = turn,
};
