#include "cmd/vz-send/reply.h"

#include "cmd/vz-send/send.h"

/* Nobody can read it: the question is not worth its answer any more. */
static void
output_gone(struct run *r)
{
	lane_abort(&r->lanes[0], r->out.status, "the sender's output failed");
}

bool
reply_data(struct run *r, const struct vz_event *ev)
{
	r->reply.bytes += ev->bytes_len;
	outlet_write(&r->out, ev->bytes, ev->bytes_len);
	if (r->out.status) {
		output_gone(r);
		return true;
	}
	if (outlet_waits(&r->out)) {
		r->reply.number = ev->number;
		r->reply.untaken += ev->bytes_len;
		return false;
	}
	(void)vz_session_taken(link_session(&r->lanes[0].link), ev->number, ev->bytes_len);
	return true;
}

bool
reply_answer(struct run *r, const struct vz_event *ev)
{
	struct verdict v = {.number = ev->number, .count = 1, .status = ev->status};

	r->reply.bytes += ev->bytes_len;
	outlet_write(&r->out, ev->bytes, ev->bytes_len);
	if (r->out.status)
		output_gone(r);
	else
		verdict(&r->lanes[0], &v);
	return true;
}

void
reply_freed(struct run *r)
{
	struct vz_session *s = link_session(&r->lanes[0].link);

	if (r->out.status) {
		output_gone(r);
		return;
	}
	if (s && r->reply.untaken)
		(void)vz_session_taken(s, r->reply.number, r->reply.untaken);
	r->reply.untaken = 0;
	link_resume(&r->lanes[0].link);
}
