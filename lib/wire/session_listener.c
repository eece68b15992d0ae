/*
 * The listener's side of a session: hears of messages, and says the verdict on each.
 */
#include <string.h>
#include "base/err.h"
#include "wire/resume.h"

int
vz_listener_ready(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_READY,
	    .rights = s->rights,
	    .flags =
		(uint8_t)((s->durable ? VZ_READY_DURABLE : 0) | (s->keeps ? VZ_READY_RESUMES : 0)),
	    .max_size = s->max_size,
	    .limit = s->in.limit - s->in_carry,
	    .window = VZ_WINDOW_MESSAGE,
	    .number = s->messages.base};

	s->ready_due = false;
	return vz_session_put(s, &f);
}

/* Where to go on with a message that was said again and is new here. */
static int
go_on(struct vz_session *s)
{
	struct vz_message *m = vz_messages_get(&s->messages, s->reopened - 1);

	s->reopened = 0;
	return m != NULL && m->state == VZ_MESSAGE_OPEN ? vz_flow_put_ack(s, m) : 0;
}

int
vz_listener_handled(struct vz_session *s)
{
	int r = s->ready_due ? vz_listener_ready(s) : 0;

	return r == 0 && s->reopened > 0 ? go_on(s) : r;
}

static int
on_stream(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	memcpy(s->stream, f->stream, sizeof(s->stream));
	s->stage = VZ_STAGE_LISTENER_OPEN;
	s->ready_due = true; /* what is known of the stream, the caller says before */
	ev->type = VZ_EVENT_STREAM;
	return 1;
}

/* A number that comes for the first time: the next one, or one that is not known here. */
static int
first_time(struct vz_session *s, uint64_t number, struct vz_message **m)
{
	int r;

	*m = vz_messages_get(&s->messages, number);
	if (*m != NULL && (*m)->absent) {
		**m = (struct vz_message){.number = number};
		return 0;
	}
	if (number != s->messages.next)
		return VZ_EPROTO;
	r = vz_messages_add(&s->messages, m);
	return r == VZ_EFULL ? VZ_ELIMIT : r;
}

/* Known, and so said again. */
static bool
is_known(const struct vz_session *s, uint64_t number)
{
	const struct vz_message *m = vz_messages_get(&s->messages, number);

	return number < s->messages.base || (m != NULL && !m->absent);
}

/* Numbers are given in order, and each begins at its first byte; but for those that are said again.
 */
static int
on_open(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;
	int r;

	if (f->attempt > 0 && is_known(s, f->number))
		return vz_listener_again(s, f);
	if (f->offset != 0 && f->attempt == 0)
		return VZ_EPROTO;
	if ((r = first_time(s, f->number, &m)) < 0)
		return r;
	m->kind = f->kind;
	m->is_signed = (f->flags & VZ_OPEN_SIGNED) != 0;
	m->live = (f->flags & VZ_OPEN_LIVE) != 0;
	m->up.declared = f->length;
	m->up.limit = VZ_WINDOW_MESSAGE;
	m->down.declared = VZ_LENGTH_UNKNOWN;
	m->down.limit = VZ_WINDOW_MESSAGE;
	if (f->attempt > 0) {
		m->again = true;
		s->reopened = f->number + 1;
	}
	ev->type = VZ_EVENT_OPEN;
	ev->number = f->number;
	ev->kind = f->kind;
	ev->flags = f->flags;
	ev->attempt = f->attempt;
	ev->offset = f->offset;
	ev->length = f->length;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

/* Open, data and end in one. */
static int
on_whole(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;
	int r;

	if (s->resumed && is_known(s, f->number))
		return vz_listener_again(s, f);
	if ((r = first_time(s, f->number, &m)) < 0)
		return r;
	if ((r = vz_flow_whole(s, &m->up, f->bytes_len)) < 0)
		return r;
	m->kind = f->kind;
	m->state = VZ_MESSAGE_ENDED;
	m->up.declared = f->bytes_len;
	m->down.declared = VZ_LENGTH_UNKNOWN;
	m->down.limit = VZ_WINDOW_MESSAGE;
	ev->type = VZ_EVENT_WHOLE;
	ev->number = f->number;
	ev->kind = f->kind;
	ev->length = f->bytes_len;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

/* The manifest is of all the bytes: none may follow it, and none may be missing. */
static int
on_signed(struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	if (!m->is_signed || m->proved ||
	    (m->up.declared != VZ_LENGTH_UNKNOWN && m->up.declared != m->up.moved))
		return VZ_EPROTO;
	m->proved = true;
	if (m->state == VZ_MESSAGE_REFUSED)
		return 0;
	ev->type = VZ_EVENT_SIGNED;
	ev->number = f->number;
	ev->text_len = f->text_len;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

static int
on_end(struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	bool refused = m->state == VZ_MESSAGE_REFUSED;
	int r = m->is_signed && !m->proved ? VZ_EPROTO : vz_flow_end(s, m, f, ev);

	if (r < 0)
		return r;
	m->state = refused ? VZ_MESSAGE_OVER : VZ_MESSAGE_ENDED;
	return refused ? 0 : r;
}

/* A number that is not to come. */
static int
on_skip(struct vz_session *s)
{
	struct vz_message *m;
	int r = vz_messages_add(&s->messages, &m);

	if (r < 0)
		return r == VZ_EFULL ? VZ_ELIMIT : r;
	m->state = VZ_MESSAGE_OVER;
	m->cancelled = true;
	return 0;
}

static int
on_cancel(struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	bool refused = m->state == VZ_MESSAGE_REFUSED;

	m->state = VZ_MESSAGE_OVER;
	m->cancelled = true;
	if (refused)
		return 0;
	ev->type = VZ_EVENT_CANCEL;
	ev->number = f->number;
	ev->status = f->status;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

static int
on_forget(struct vz_session *s, const struct vz_frame *f)
{
	if (s->messages.next == 0 && f->number > 0) { /* a stream that another listener knew */
		vz_messages_skip(&s->messages, f->number);
		return 0;
	}
	if (f->number < s->messages.base || f->number > s->messages.next)
		return VZ_EPROTO;
	/* Nobody has heard a verdict that is still to be said. */
	if (s->delivered_count > 0 && f->number > s->delivered)
		return VZ_EPROTO;
	for (uint64_t i = s->messages.base; i < f->number; i++)
		if (vz_messages_get(&s->messages, i)->state != VZ_MESSAGE_OVER)
			return VZ_EPROTO;
	vz_messages_forget(&s->messages, f->number);
	return 0;
}

/* What a sender says because it cannot know that it was heard. */
static bool
repeated(const struct vz_session *s, const struct vz_message *m, const struct vz_frame *f)
{
	if (m->state != VZ_MESSAGE_ENDED && m->state != VZ_MESSAGE_OVER)
		return false;
	if (f->type == VZ_FRAME_CANCEL)
		return m->state == VZ_MESSAGE_OVER && (m->again || s->resumed);
	return m->again &&
	    (f->type == VZ_FRAME_DATA || f->type == VZ_FRAME_SIGNED || f->type == VZ_FRAME_END);
}

static int
drop_repeated(struct vz_session *s, struct vz_message *m, const struct vz_frame *f)
{
	if (f->type == VZ_FRAME_DATA)
		return vz_flow_dropped(s, f->bytes_len);
	if (f->type ==
	    VZ_FRAME_CANCEL) { /* it has heard the verdict: nothing is to be said again */
		m->silent = false;
		m->answer = 0;
	}
	return 0;
}

int
vz_listener_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;

	switch (f->type) {
	case VZ_FRAME_STREAM: return on_stream(s, f, ev);
	case VZ_FRAME_OPEN: return on_open(s, f, ev);
	case VZ_FRAME_WHOLE: return on_whole(s, f, ev);
	case VZ_FRAME_FORGET: return on_forget(s, f);
	case VZ_FRAME_WINDOW: return vz_flow_window(s, f, ev);
	default: break;
	}
	m = vz_messages_get(&s->messages, f->number);
	if (f->type == VZ_FRAME_CANCEL && f->number == s->messages.next)
		return on_skip(s);
	if (m != NULL && repeated(s, m, f))
		return drop_repeated(s, m, f);
	if (m == NULL || (m->silent && f->type != VZ_FRAME_CANCEL) ||
	    !vz_legal_message(s->stage, m->state, m->kind == VZ_KIND_ASK, f->type))
		return VZ_EPROTO;
	switch (f->type) {
	case VZ_FRAME_DATA: return m->proved ? VZ_EPROTO : vz_flow_data(s, m, f, ev);
	case VZ_FRAME_SIGNED: return on_signed(m, f, ev);
	case VZ_FRAME_END: return on_end(s, m, f, ev);
	case VZ_FRAME_ACK: return vz_flow_ack(s, m, f, ev);
	default: return on_cancel(m, f, ev);
	}
}

/* Whether status 0 would be true of it. Of a conversation nobody may want what waits to be taken.
 */
static bool
may_be_delivered(const struct vz_message *m)
{
	if (m->kind == VZ_KIND_ASK && !m->down.ended)
		return false;
	return m->live || (m->state == VZ_MESSAGE_ENDED && m->up.taken == m->up.moved);
}

/*
 * Verdicts of status 0 that follow each other are gathered until the flush: one frame for all of
 * them. A single one says the length too.
 */
int
vz_listener_owed(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_DELIVERED, .number = s->delivered};
	const struct vz_message *m;

	if (s->delivered_count == 0)
		return 0;
	f.count = (uint32_t)s->delivered_count;
	if (f.count == 1) {
		m = vz_messages_get(&s->messages, s->delivered);
		f.type = VZ_FRAME_DONE;
		f.length = m->up.taken;
	}
	s->delivered_count = 0;
	return vz_session_put(s, &f);
}

static int
gather(struct vz_session *s, struct vz_message *m)
{
	int r = 0;

	m->state = VZ_MESSAGE_OVER;
	m->status = 0;
	if (m->silent)
		return 0;
	if (s->delivered_count > 0 && m->number != s->delivered + s->delivered_count)
		r = vz_listener_owed(s);
	if (s->delivered_count == 0)
		s->delivered = m->number;
	s->delivered_count++;
	return r;
}

int
vz_session_done(struct vz_session *s, uint64_t number, uint8_t status, const char *text)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_DONE, .number = number, .status = status};
	int r;

	if (m == NULL || (m->state != VZ_MESSAGE_OPEN && m->state != VZ_MESSAGE_ENDED))
		return VZ_EINVAL;
	if (status == 0 && !may_be_delivered(m))
		return VZ_EINVAL;
	if (status == 0 && m->kind == VZ_KIND_SEND && (text == NULL || *text == '\0'))
		return gather(s, m);
	/* What was received and will not reach a sink leaves the connection's window now. */
	vz_flow_left(s, m->up.moved - m->up.taken);
	f.length = m->up.taken;
	if ((r = vz_keep_verdict(s, m, status, text)) < 0)
		return r;
	/* Of one that waits for where to go on, nothing is under way. */
	m->state = m->state == VZ_MESSAGE_ENDED || m->silent || s->reopened == number + 1
	    ? VZ_MESSAGE_OVER
	    : VZ_MESSAGE_REFUSED;
	return m->silent || m->owes ? 0 : vz_session_put_text(s, &f, text);
}

bool
vz_session_answer_fits(const struct vz_session *s, uint64_t number, size_t len)
{
	const struct vz_message *m = vz_messages_get(&s->messages, number);

	return m != NULL && !m->silent && len <= VZ_WHOLE_MAX && vz_flow_fits(s, len) &&
	    !vz_answers_wait(s);
}

int
vz_session_answer(
    struct vz_session *s, uint64_t number, uint8_t status, const uint8_t *p, size_t len)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_ANSWER,
	    .number = number,
	    .status = status,
	    .bytes = p,
	    .bytes_len = len};
	int r;

	if (m == NULL || m->state != VZ_MESSAGE_ENDED || m->kind != VZ_KIND_ASK ||
	    m->down.moved != 0 || m->down.ended || len > VZ_WHOLE_MAX ||
	    (status == 0 && m->up.taken != m->up.moved))
		return VZ_EINVAL;
	if (m->owes) { /* of which nothing was said: there is nothing to repeat */
		m->owes = false;
		s->owing--;
	}
	if (!m->silent && !vz_session_answer_fits(s, number, len))
		return VZ_EFULL;
	if ((r = vz_keep_answer(s, m, p, len)) < 0)
		return r;
	if (!m->silent && (r = vz_session_put(s, &f)) < 0)
		return r;
	m->status = status;
	vz_flow_left(s, m->up.moved - m->up.taken);
	m->down.moved = len;
	m->down.ended = true;
	m->state = VZ_MESSAGE_OVER;
	if (!m->silent)
		s->out.moved += len;
	return 0;
}

int
vz_session_message(const struct vz_session *s, uint64_t number, uint8_t *kind, uint64_t *taken)
{
	const struct vz_message *m = vz_messages_get(&s->messages, number);

	if (m == NULL)
		return VZ_ENOTFOUND;
	*kind = m->kind;
	*taken = m->up.taken;
	return 0;
}
