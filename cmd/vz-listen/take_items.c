/*
 * --lines, --null, --frames, --json: whole messages to standard output. Bodies are gathered in one
 * buffer, and each message is delivered when its last byte is written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/drain.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/item_json.h"
#include "cmd/vz-listen/memory.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/signed.h"
#include "flow/items.h"
#include "flow/outfd.h"

#define OPEN_MAX 16
/* While so much waits for the reader of our output, nothing is added to it. */
#define OUT_FULL (512 * 1024)
/* Messages whose verdict waits for the same byte. */
#define RUN_MAX (64 * 1024)

/* Messages with numbers that follow each other, in one piece of the output. */
struct run {
	TAILQ_ENTRY(run) list;
	struct visit *visit; /* NULL: gone */
	uint64_t first, count;
	uint64_t begin, end; /* offsets in the output */
	struct incoming *in; /* NULL: nobody wants to read of each */
};

struct items_out {
	struct server *srv;
	enum vz_items_mode mode;
	bool json, escape, broken;
	struct vz_outfd fd;
	struct vz_buf out;
	uint64_t at; /* offset of the first byte in `out` */
	TAILQ_HEAD(runs, run) runs;
};

static void
open_items(struct server *srv)
{
	const struct listen_options *o = srv->options;
	struct items_out *it = calloc(1, sizeof(*it));
	int r = it ? 0 : VZ_ENOMEM;

	errno = EBADF;
	if (r == 0)
		r = env_stdout_closed() ? VZ_ESYSTEM : vz_outfd_open(&it->fd, STDOUT_FILENO);
	if (r < 0) {
		diag_error("standard output: %s", diag_words(r));
		exit(VZ_EXIT_IOERR);
	}
	it->srv = srv;
	it->json = o->how == HOW_JSON;
	it->escape = !o->raw && !it->json && isatty(STDOUT_FILENO);
	it->mode = o->how == HOW_NULL ? VZ_ITEMS_NULL
	    : o->how == HOW_FRAMES    ? VZ_ITEMS_FRAMES
				      : VZ_ITEMS_LINES;
	/* What one message can become is six times as long at most. */
	vz_buf_init(&it->out, 2 * (OUT_FULL + 8 * (size_t)o->max_size + 4096));
	TAILQ_INIT(&it->runs);
	srv->items = it;
	srv->output_fd = it->fd.fd;
}

static void
end_run(struct items_out *it, struct run *run)
{
	TAILQ_REMOVE(&it->runs, run, list);
	it->srv->messages -= (unsigned)run->count;
	if (run->visit)
		run->visit->in_output -= run->count;
	drain_wake(it->srv);
	if (run->in)
		incoming_free(run->in);
	free(run);
}

/* All of its bytes are out. */
static void
deliver_run(struct items_out *it, struct run *run)
{
	struct visit *v = run->visit;

	if (v && !v->leaving && visit_hears(v)) {
		for (uint64_t i = 0; i < run->count; i++) {
			recall_verdict(v, run->first + i, 0);
			visit_done(v, run->first + i, 0, NULL);
		}
		visit_kick(v);
		v->delivered += run->count;
		it->srv->delivered += run->count;
		if (run->in)
			report_delivered(v, run->in);
	}
	end_run(it, run);
}

/* Nobody reads our output any more: what waits has failed, and so would all that follow. */
static void
broken(struct items_out *it, int err)
{
	struct server *srv = it->srv;
	struct run *run;
	char words[200];

	it->broken = true;
	snprintf(words, sizeof(words), "the receiver's output failed: %s", diag_words(err));
	diag_error("standard output: %s", diag_words(err));
	if (srv->status == 0)
		srv->status = VZ_EXIT_IOERR;
	while ((run = TAILQ_FIRST(&it->runs)) != NULL) {
		struct visit *v = run->visit;

		for (uint64_t i = 0; v && !v->leaving && i < run->count; i++)
			deliver_say(v, run->first + i, VZ_EXIT_TEMPFAIL, words);
		if (v && run->in)
			report_failed(v, run->in, VZ_EXIT_IOERR, words);
		if (v) {
			deliver_note(v, VZ_EXIT_IOERR);
			v->told = v->n_incoming == 0;
		}
		end_run(it, run);
	}
	vz_buf_clear(&it->out);
	server_stop(srv, VZ_EXIT_IOERR);
}

/* Writes what can be written, and says the verdicts on it. */
static void
flush(struct items_out *it)
{
	struct run *run;

	while (it->out.len > 0 && !it->broken) {
		ssize_t n = vz_outfd_write(&it->fd, vz_buf_ptr(&it->out), it->out.len);

		if (n < 0) {
			broken(it, (int)n);
			return;
		}
		if (n == 0) {
			server_watch_output(it->srv);
			break;
		}
		vz_buf_consume(&it->out, (size_t)n);
		it->at += (uint64_t)n;
	}
	while ((run = TAILQ_FIRST(&it->runs)) != NULL && run->end <= it->at)
		deliver_run(it, run);
}

static bool
is_full(struct items_out *it)
{
	if (it->out.len >= OUT_FULL)
		flush(it);
	if (it->out.len < OUT_FULL)
		return false;
	server_watch_output(it->srv);
	return true;
}

/* Escaped by pieces of the buffer's own room. */
static int
put_escaped(struct items_out *it, const uint8_t *p, size_t len)
{
	char text[4096];

	while (len > 0) {
		size_t taken = vz_escape(VZ_ESCAPE_BODY, text, sizeof(text), p, len);
		int r;

		/* A character that never ends: its bytes are shown as they are. */
		if (taken == 0)
			taken = vz_escape(VZ_ESCAPE_LINE, text, sizeof(text), p, len);
		if ((r = vz_buf_str(&it->out, text)) < 0)
			return r;
		p += taken;
		len -= taken;
	}
	return 0;
}

static int
put(struct items_out *it, const struct item_json *m)
{
	size_t before = it->out.len;
	int r;

	if (it->json)
		return item_json_put(&it->out, m);
	if (!it->escape)
		return vz_item_put(&it->out, it->mode, m->body, m->len);
	r = put_escaped(it, m->body, m->len);
	if (r == 0)
		r = vz_buf_u8(&it->out, '\n');
	if (r < 0)
		vz_buf_truncate(&it->out, before);
	return r;
}

/* The run that number goes on with, or a new one. NULL: no memory. */
static struct run *
run_for(struct items_out *it, struct visit *v, uint64_t number, bool alone)
{
	struct run *run = TAILQ_LAST(&it->runs, runs);

	if (run && !alone && !run->in && run->visit == v && run->first + run->count == number &&
	    run->end - run->begin < RUN_MAX)
		return run;
	run = calloc(1, sizeof(*run));
	if (!run)
		return NULL;
	run->visit = v;
	run->first = number;
	run->begin = it->at + it->out.len;
	run->end = run->begin;
	TAILQ_INSERT_TAIL(&it->runs, run, list);
	return run;
}

/* Puts a message out. VZ_ENOMEM, VZ_ELIMIT: nothing was put. */
static int
add(struct items_out *it, struct visit *v, uint64_t number, const struct item_json *m,
    struct run **out)
{
	bool alone = report_wants_each(it->srv);
	struct run *run = run_for(it, v, number, alone);
	int r = run ? put(it, m) : VZ_ENOMEM;

	*out = run;
	if (r < 0) {
		if (run && run->count == 0)
			end_run(it, run);
		return r;
	}
	run->count++;
	v->in_output++;
	run->end = it->at + it->out.len;
	it->srv->messages++;
	return 0;
}

static const char *
refusal_of(const struct items_out *it, const uint8_t *p, size_t len)
{
	return it->json ? NULL : vz_item_refusal(it->mode, p, len);
}

static uint8_t
may_begin(struct visit *v, const struct vz_event *ev, const char **words)
{
	return ev->type == VZ_EVENT_OPEN ? memory_may_begin(v, ev, words) : 0;
}

static void
begin(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	memory_reserve(v, in, ev);
}

static bool
data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	const char *words = refusal_of(v->srv->items, ev->bytes, ev->bytes_len);

	if (words) {
		deliver_failed(v, in, VZ_EXIT_REFUSED, words, VZ_EXIT_REFUSED, words);
		return true;
	}
	if (vz_buf_put(&in->body, ev->bytes, ev->bytes_len) < 0) {
		deliver_output_failed(v, in, VZ_ENOMEM, VZ_EXIT_OSERR);
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
	struct items_out *it = v->srv->items;
	const struct item_json m = {.peer = v->who.key_text,
	    .peer_name = v->who.grant.name,
	    .id = in->id,
	    .name = in->name,
	    .name_len = in->name_len,
	    .body = vz_buf_ptr(&in->body),
	    .len = in->body.len,
	    .is_signed = signed_is(in)};
	struct run *run;
	int r;

	if (is_full(it))
		return false;
	if (it->broken)
		return true; /* and everybody was told */
	r = add(it, v, in->number, &m, &run);
	if (r < 0) {
		deliver_output_failed(v, in, r, VZ_EXIT_OSERR);
		return true;
	}
	/* From here on it is the output's. */
	memory_release(in);
	vz_buf_free(&in->body);
	incoming_detach(v, in);
	if (report_wants_each(v->srv))
		run->in = in; /* moved */
	else
		incoming_free(in);
	return true;
}

static bool
whole(struct visit *v, const struct vz_event *ev)
{
	struct items_out *it = v->srv->items;
	const char *words = refusal_of(it, ev->bytes, ev->bytes_len);
	struct item_json m = {.peer = v->who.key_text,
	    .peer_name = v->who.grant.name,
	    .body = ev->bytes,
	    .len = ev->bytes_len};
	char id[VZ_MESSAGE_ID_TEXT];
	struct run *run;

	if (words) {
		deliver_refuse(v, ev, VZ_EXIT_REFUSED, words);
		return true;
	}
	if (is_full(it))
		return false;
	if (it->broken)
		return true;
	if (it->json) {
		vz_message_id(v->stream, ev->number, id);
		m.id = id;
	}
	if (add(it, v, ev->number, &m, &run) < 0) {
		deliver_refuse(v, ev, VZ_EXIT_TEMPFAIL, "out of memory");
		return true;
	}
	visit_taken(v, ev->number, ev->bytes_len);
	return true;
}

static void
drop(struct visit *v, struct incoming *in)
{
	(void)v;
	memory_release(in);
}

static void
turn(struct server *srv, struct visit *v)
{
	(void)v;
	flush(srv->items);
}

/* What it sent whole is still written. */
static void
left(struct visit *v)
{
	struct run *run;

	TAILQ_FOREACH(run, &v->srv->items->runs, list)
	if (run->visit == v)
		run->visit = NULL;
}

static void
close_items(struct server *srv)
{
	struct items_out *it = srv->items;
	struct run *run;

	if (!it->broken)
		flush(it);
	run = TAILQ_FIRST(&it->runs);
	/* Part of an item, and nothing will follow: no status but this one. */
	if (run && it->at > run->begin && srv->status == 0) {
		diag_error("standard output ends in the middle of a message");
		srv->status = VZ_EXIT_DATA;
	}
	while ((run = TAILQ_FIRST(&it->runs)) != NULL)
		end_run(it, run);
	vz_buf_free(&it->out);
	vz_outfd_close(&it->fd);
	free(it);
}

const struct taker taker_items = {
    .open_max = OPEN_MAX,
    .open = open_items,
    .close = close_items,
    .may_begin = may_begin,
    .begin = begin,
    .data = data,
    .end = end,
    .whole = whole,
    .drop = drop,
    .turn = turn,
    .left = left,
};
