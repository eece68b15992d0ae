#include "cmd/vz-listen/reply.h"

#include <stdio.h>

#include "base/err.h"
#include "cmd/vz-listen/deliver.h"

static void
queue(struct incoming *in)
{
	struct visit *v = in->visit;

	if (in->replying)
		return;
	/* A session that waited to be read may not wait any more: its windows are needed. */
	if (TAILQ_EMPTY(&v->answers))
		server_wake(v->srv);
	in->replying = true;
	TAILQ_INSERT_TAIL(&v->answers, in, answers);
}

int
reply_put(struct incoming *in, const void *p, size_t len)
{
	int r = vz_buf_put(&in->reply, p, len);

	if (r < 0)
		return r;
	in->visit->reply_bytes += len;
	queue(in);
	return 0;
}

void
reply_over(struct incoming *in, uint8_t status)
{
	in->over = true;
	in->status = status;
	queue(in);
	visit_kick(in->visit);
}

void
reply_drop(struct incoming *in)
{
	struct visit *v = in->visit;

	if (!in->replying)
		return;
	v->reply_bytes -= in->reply.len;
	TAILQ_REMOVE(&v->answers, in, answers);
	in->replying = false;
}

static void
moved(struct vz_session *s, struct incoming *in, size_t n)
{
	vz_buf_consume(&in->reply, n);
	in->visit->reply_bytes -= n;
	if (in->mirrors)
		(void)vz_session_taken(s, in->number, n);
}

/* The sender has it all, or is told now. */
static void
finish(struct visit *v, struct incoming *in, bool told)
{
	char words[64];

	if (in->status == 0) {
		if (told)
			deliver_told(v, in);
		else
			deliver_done(v, in);
		return;
	}
	snprintf(words, sizeof(words), "the command answered with status %u", in->status);
	deliver_failed(v, in, in->status, words, told ? 0 : in->status, "");
}

/* Small and complete: all in one frame. False: not so. */
static bool
answer(struct visit *v, struct incoming *in)
{
	struct vz_session *s = visit_session(v);
	size_t len = in->reply.len;

	if (!in->over || len > VZ_WHOLE_MAX || (in->mirrors && len != in->bytes) ||
	    !vz_session_answer_fits(s, in->number, len))
		return false;
	if (in->mirrors)
		(void)vz_session_taken(s, in->number, len);
	in->mirrors = false;
	if (vz_session_answer(s, in->number, in->status, vz_buf_ptr(&in->reply), len) < 0)
		return false; /* part of it is out already; the rest follows it */
	finish(v, in, true);
	return true;
}

int
reply_whole(struct incoming *in, uint8_t status, const void *p, size_t len)
{
	struct visit *v = in->visit;
	struct vz_session *s = visit_session(v);
	int r;

	if (vz_session_answer_fits(s, in->number, len) &&
	    vz_session_answer(s, in->number, status, p, len) == 0) {
		in->status = status;
		visit_kick(v);
		finish(v, in, true);
		return 0;
	}
	r = reply_put(in, p, len);
	if (r == 0)
		reply_over(in, status);
	return r;
}

void
reply_push(struct visit *v)
{
	struct vz_session *s = visit_session(v);
	struct incoming *in, *next;
	long n;

	TAILQ_FOREACH_SAFE(in, &v->answers, answers, next)
	{
		if (answer(v, in))
			continue;
		n = 0;
		if (in->reply.len > 0)
			n = vz_session_data(s, in->number, vz_buf_ptr(&in->reply), in->reply.len);
		if (n > 0)
			moved(s, in, (size_t)n);
		if (in->reply.len == 0 && in->over) {
			(void)vz_session_end(s, in->number);
			finish(v, in, false);
		} else if (in->reply.len == 0) {
			reply_drop(in);
		}
	}
}
