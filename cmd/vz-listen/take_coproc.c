/*
 * --coproc: one long-lived COMMAND for all messages (flow/coproc.h). Messages are gathered whole,
 * and replies are kept until their senders take them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/memory.h"
#include "cmd/vz-listen/queue.h"
#include "cmd/vz-listen/reply.h"
#include "cmd/vz-listen/signed.h"
#include "flow/coproc.h"
#include "flow/handler_env.h"

/* Bytes of replies that a session leaves waiting: before nothing more is asked for it, and before
 * the answers that come still are lost to it. */
#define REPLY_GATE (1024 * 1024)
#define REPLY_MAX  (8 * 1024 * 1024)

static void ask_next(struct server *srv);

static void
lost(struct incoming *in, const char *words)
{
	deliver_failed(in->visit, in, VZ_EXIT_TEMPFAIL, words, VZ_EXIT_TEMPFAIL, words);
}

static void
on_answered(void *arg, void *tag, int status, const void *reply, size_t len)
{
	struct incoming *in = tag;
	struct visit *v = in->visit;
	char words[64];

	(void)arg;
	in->asked = false;
	v->running--;
	if (status == VZ_COPROC_LOST) {
		lost(in, "the command ended before it answered");
	} else if (in->kind == VZ_KIND_ASK) {
		/* A single one is let through, whatever its length. */
		if (v->reply_bytes > 0 && v->reply_bytes + len > REPLY_MAX)
			lost(in, "too many replies wait to be taken");
		else if (reply_whole(in, (uint8_t)status, reply, len) < 0)
			lost(in, "out of memory");
	} else if (status == 0) {
		deliver_done(v, in);
	} else {
		snprintf(words, sizeof(words), "the command answered with status %d", status);
		deliver_failed(v, in, status, words, (uint8_t)status, "");
	}
}

static void
on_room(void *arg)
{
	ask_next(arg);
}

static void
on_down(void *arg, const char *words, uint64_t wait_ms)
{
	(void)arg;
	diag_error("the command %s; it is started again in %llu.%03llu s", words,
	    (unsigned long long)(wait_ms / 1000), (unsigned long long)(wait_ms % 1000));
}

static void
on_finished(void *arg, const char *words)
{
	diag_verbose(1, "the command %s", words);
	server_over(arg);
}

static const struct vz_coproc_events events = {
    .answered = on_answered, .room = on_room, .down = on_down, .ended = on_finished};

static int
start_it(struct server *srv)
{
	const struct listen_options *o = srv->options;
	struct vz_coproc_config config = {.argv = o->command,
	    .max_body = (size_t)o->max_size,
	    .max_reply = (size_t)o->max_size,
	    .answer_ms = o->handler_ms};
	int r = vz_handlers_new_with(srv->loop, srv->starter, &srv->handlers);

	if (r == 0)
		r = vz_handler_env(environ, NULL, &srv->coproc_env);
	config.envp = srv->coproc_env;
	if (r == 0)
		r = vz_coproc_new(srv->handlers, &config, &events, srv, &srv->coproc);
	if (r == VZ_ESYSTEM) {
		char shown[256];

		diag_error("%s: the command could not start: %s",
		    diag_escape(shown, sizeof(shown), o->command[0], strlen(o->command[0])),
		    diag_words(r));
		vz_listen_close(srv->sockets.listeners, srv->sockets.n_listeners);
		exit(VZ_EXIT_HANDLER);
	}
	return r;
}

static void
close_it(struct server *srv)
{
	vz_coproc_free(srv->coproc);
	vz_handlers_free(srv->handlers);
	free(srv->coproc_env);
}

/* 0, or VZ_EFULL: later. */
static int
ask(struct incoming *in)
{
	struct visit *v = in->visit;
	const struct vz_coproc_message m = {.peer = v->who.key_text,
	    .id = in->id,
	    .name = in->name,
	    .name_len = in->name_len,
	    .body = vz_buf_ptr(&in->body),
	    .len = in->body.len,
	    .wanted = in->kind == VZ_KIND_ASK,
	    .is_signed = signed_is(in)};
	int r = vz_coproc_ask(v->srv->coproc, &m, in, &in->ticket);

	if (r == VZ_EFULL)
		return r;
	queue_remove(in);
	vz_buf_free(&in->body);
	memory_release(in);
	if (r < 0) {
		lost(in, r == VZ_ECLOSED ? "this listener is stopping" : diag_words(r));
		return 0;
	}
	in->asked = true;
	v->running++;
	return 0;
}

/* The sessions take turns; who does not take replies is passed over. */
static void
ask_next(struct server *srv)
{
	struct visit *v, *passed = NULL;

	while ((v = queue_first(srv)) != NULL && v != passed) {
		if (v->reply_bytes > REPLY_GATE) {
			if (!passed)
				passed = v;
		} else if (ask(TAILQ_FIRST(&v->queue)) < 0) {
			return;
		} else {
			passed = NULL;
		}
		queue_rotate(v);
	}
}

static void
begin(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	memory_reserve(v, in, ev);
}

static bool
data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	if (vz_buf_put(&in->body, ev->bytes, ev->bytes_len) < 0) {
		lost(in, "out of memory");
		return true;
	}
	in->bytes += ev->bytes_len;
	visit_taken(v, in->number, ev->bytes_len);
	ev->bytes_len = 0;
	return true;
}

static bool
end(struct visit *v, struct incoming *in)
{
	queue_add(in);
	ask_next(v->srv);
	return true;
}

static void
drop(struct visit *v, struct incoming *in)
{
	queue_remove(in);
	if (in->asked) {
		vz_coproc_forget(v->srv->coproc, in->ticket);
		v->running--;
	}
	memory_release(in);
	reply_drop(in);
}

static void
turn(struct server *srv, struct visit *v)
{
	size_t before;

	if (!v) {
		ask_next(srv);
		return;
	}
	before = v->reply_bytes;
	reply_push(v);
	if (before > REPLY_GATE && v->reply_bytes <= REPLY_GATE)
		ask_next(srv);
}

static bool
finish(struct server *srv)
{
	vz_coproc_finish(srv->coproc);
	return false;
}

const struct taker taker_coproc = {
    .answers = true,
    .start = start_it,
    .close = close_it,
    .may_begin = memory_may_begin,
    .begin = begin,
    .data = data,
    .end = end,
    .drop = drop,
    .turn = turn,
    .finish = finish,
};
