/*
 * --echo: each question is answered with itself, and other messages are dropped. Bytes are taken as
 * they go back, so that what a session can have waiting here is bounded by its own windows.
 */
#include <stdlib.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/reply.h"

/* Output of one connection that waits for the network before its questions do. */
#define OUT_FULL (256 * 1024)

static void
begin(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	(void)v;
	(void)ev;
	in->mirrors = true;
}

/* True when it was put among what waits. */
static bool
keep(struct visit *v, struct incoming *in, const uint8_t *p, size_t len)
{
	if (reply_put(in, p, len) == 0)
		return true;
	deliver_output_failed(v, in, VZ_ENOMEM, VZ_EXIT_OSERR);
	return false;
}

static bool
data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	struct vz_session *s = visit_session(v);
	long n = (long)ev->bytes_len;

	if (in->kind == VZ_KIND_ASK)
		n = in->reply.len > 0 ? 0
				      : vz_session_data(s, in->number, ev->bytes, ev->bytes_len);
	if (n < 0)
		n = 0;
	in->bytes += ev->bytes_len;
	visit_taken(v, in->number, (size_t)n);
	if ((size_t)n < ev->bytes_len)
		(void)keep(v, in, ev->bytes + n, ev->bytes_len - (size_t)n);
	ev->bytes_len = 0;
	return true;
}

static bool
end(struct visit *v, struct incoming *in)
{
	if (in->kind == VZ_KIND_ASK)
		reply_over(in, 0);
	else
		deliver_done(v, in);
	return true;
}

/* Its windows are full: with the others of its session it waits for the WINDOW or ACK to come. */
static void
wait_for_room(struct visit *v, const struct vz_event *ev)
{
	struct incoming *in = incoming_new(v, ev);

	if (!in) {
		deliver_refuse(v, ev, VZ_EXIT_TEMPFAIL, "out of memory");
		return;
	}
	incoming_whole(in);
	in->mirrors = true;
	in->bytes = ev->bytes_len;
	if (keep(v, in, ev->bytes, ev->bytes_len))
		reply_over(in, 0);
}

static bool
whole(struct visit *v, const struct vz_event *ev)
{
	struct vz_session *s = visit_session(v);
	size_t waiting;

	if (ev->kind == VZ_KIND_ASK) {
		vz_session_out(s, &waiting);
		if (waiting >= OUT_FULL)
			return false;
		if (!vz_session_answer_fits(s, ev->number, ev->bytes_len)) {
			wait_for_room(v, ev);
			return true;
		}
	}
	v->delivered++;
	v->srv->delivered++;
	visit_taken(v, ev->number, ev->bytes_len);
	recall_verdict(v, ev->number, 0);
	if (ev->kind != VZ_KIND_ASK)
		visit_done(v, ev->number, 0, NULL);
	else if (vz_session_answer(s, ev->number, 0, ev->bytes, ev->bytes_len) < 0)
		(void)vz_session_done(s, ev->number, VZ_EXIT_TEMPFAIL, "out of memory");
	return true;
}

static void
drop(struct visit *v, struct incoming *in)
{
	(void)v;
	reply_drop(in);
}

static void
turn(struct server *srv, struct visit *v)
{
	/* Nothing here is waited for by all of them. */
	if (!v)
		return;
	reply_push(v);
	/* It waits for its output to drain, which it may have. */
	if (v->waiting)
		server_wake(srv);
}

const struct taker taker_echo = {
    .answers = true,
    .begin = begin,
    .data = data,
    .end = end,
    .whole = whole,
    .drop = drop,
    .turn = turn,
};
