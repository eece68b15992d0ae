/*
 * The sender's side of a session: opens, cancels and forgets messages; hears what is allowed and
 * the verdicts.
 */
#include <string.h>
#include "base/err.h"
#include "base/text.h"
#include "wire/session_impl.h"

int
vz_sender_hello(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_STREAM};

	memcpy(f.stream, s->stream, sizeof(f.stream));
	return vz_session_put(s, &f);
}

/* A place for the next message. The other side's table is as large as ours: what it may forget is
 * said before a number that it has no place for. */
static int
add(struct vz_session *s, struct vz_message **m)
{
	int r = vz_sender_skip(s, s->messages.next);

	if (r == 0 && s->messages.next - s->forgotten >= VZ_UNFINISHED_MAX)
		r = vz_sender_owed(s);
	if (r == 0 && (r = vz_messages_add(&s->messages, m)) == 0)
		s->again = s->messages.next;
	return r == VZ_EINVAL ? VZ_EFULL : r;
}

int
vz_session_open(struct vz_session *s, uint8_t kind, uint8_t flags, const char *name,
    uint64_t length, uint64_t *number)
{
	struct vz_frame f = {.type = VZ_FRAME_OPEN, .kind = kind, .flags = flags, .length = length};
	struct vz_message *m;
	size_t waiting;
	int r;

	f.bytes = (const uint8_t *)name;
	f.bytes_len = name != NULL ? strlen(name) : 0;
	f.number = s->messages.next;
	if (!vz_name_ok(f.bytes, f.bytes_len))
		return VZ_EINVAL;
	if (s->closing || s->closed)
		return VZ_ECLOSED;
	if (s->detached || (s->resumed && s->stage != VZ_STAGE_SENDER_OPEN))
		return VZ_EFULL;
	vz_session_out(s, &waiting);
	if (waiting >= s->out_full)
		return VZ_EFULL;
	if ((r = add(s, &m)) < 0)
		return r;
	if ((r = vz_session_put(s, &f)) < 0) {
		s->messages.next--; /* nobody heard of it */
		return r;
	}
	m->kind = kind;
	m->is_signed = (flags & VZ_OPEN_SIGNED) != 0;
	m->live = (flags & VZ_OPEN_LIVE) != 0;
	m->up.declared = length;
	m->up.limit = s->message_window;
	m->down.declared = VZ_LENGTH_UNKNOWN;
	m->down.limit = VZ_WINDOW_MESSAGE;
	s->verdicts++;
	*number = f.number;
	return 0;
}

int
vz_session_sign(
    struct vz_session *s, uint64_t number, const uint8_t *p, size_t text_len, size_t len)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {
	    .type = VZ_FRAME_SIGNED, .number = number, .bytes = p, .bytes_len = len};
	int r;

	if (m == NULL || !m->is_signed || m->proved || m->state != VZ_MESSAGE_OPEN || m->silent ||
	    m->asked || text_len > VZ_SIGNED_TEXT ||
	    (m->up.declared != VZ_LENGTH_UNKNOWN && m->up.declared != m->up.moved))
		return VZ_EINVAL;
	f.text_len = (uint16_t)text_len;
	if ((r = vz_session_put(s, &f)) < 0)
		return r;
	m->proved = true;
	return 0;
}

int
vz_session_whole(struct vz_session *s, uint8_t kind, const uint8_t *p, size_t len, uint64_t *number)
{
	struct vz_frame f = {.type = VZ_FRAME_WHOLE, .kind = kind, .bytes = p, .bytes_len = len};
	struct vz_message *m;
	int r;

	if (len > VZ_WHOLE_MAX || s->closing || s->closed)
		return len > VZ_WHOLE_MAX ? VZ_EINVAL : VZ_ECLOSED;
	if (!vz_flow_fits(s, len) || (s->resumed && s->stage != VZ_STAGE_SENDER_OPEN))
		return VZ_EFULL;
	if ((r = add(s, &m)) < 0)
		return r;
	f.number = m->number;
	if ((r = vz_session_put(s, &f)) < 0) {
		s->messages.next--; /* nobody heard of it */
		return r;
	}
	m->kind = kind;
	m->state = VZ_MESSAGE_ENDED;
	m->up.declared = m->up.moved = len;
	m->up.ended = true;
	m->down.declared = VZ_LENGTH_UNKNOWN;
	m->down.limit = VZ_WINDOW_MESSAGE;
	s->out.moved += len;
	s->verdicts++;
	*number = f.number;
	return 0;
}

/* A verdict or a cancel: the message is over, and once all before it are, so is their memory. */
static void
over(struct vz_session *s, struct vz_message *m)
{
	m->state = VZ_MESSAGE_OVER;
	s->verdicts--;
	while ((m = vz_messages_get(&s->messages, s->messages.base)) != NULL &&
	    m->state == VZ_MESSAGE_OVER)
		vz_messages_forget(&s->messages, s->messages.base + 1);
}

int
vz_session_cancel(struct vz_session *s, uint64_t number, uint8_t status, const char *text)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_CANCEL, .number = number, .status = status};
	bool silent;

	if (m == NULL || m->state != VZ_MESSAGE_OPEN || m->up.ended)
		return VZ_EINVAL;
	silent = m->silent;
	m->cancelled = true;
	over(s, m);
	return silent ? 0 : vz_session_put_text(s, &f, text); /* else it is skipped, later */
}

uint64_t
vz_session_unfinished(const struct vz_session *s)
{
	return s->verdicts;
}

uint64_t
vz_session_oldest(const struct vz_session *s)
{
	return s->messages.base;
}

/* FORGET is cumulative: one frame for all that became forgettable since the last (DESIGN 5). */
int
vz_sender_owed(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_FORGET, .number = s->messages.base};

	int r;

	if (s->messages.base == s->forgotten || s->closed ||
	    (s->resumed && s->stage != VZ_STAGE_SENDER_OPEN))
		return 0;
	if ((r = vz_sender_skip(s, s->messages.base)) < 0)
		return r;
	s->forgotten = s->messages.base;
	return vz_session_put(s, &f);
}

/* Frames. */

static int
on_ready(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;

	int r;

	if (f->limit < s->out.limit || f->window < s->message_window ||
	    (f->number != 0 && !s->resumed))
		return VZ_EPROTO;
	s->stage = VZ_STAGE_SENDER_OPEN;
	s->out.limit = f->limit;
	s->message_window = f->window;
	if (s->resumed && (r = vz_sender_resumes(s, f->number)) < 0)
		return r;
	for (uint64_t i = s->messages.base; !s->resumed && i < s->messages.next; i++)
		if ((m = vz_messages_get(&s->messages, i)) != NULL)
			m->up.limit = f->window;
	ev->attempt = s->attempt;
	ev->type = VZ_EVENT_READY;
	ev->rights = f->rights;
	ev->flags = f->flags;
	ev->max_size = f->max_size;
	return 1;
}

/* Delivered is said only of the whole: END passed, the same length, and the reply ended (law 1);
 * or, of a question that was asked so, of as much as whoever answered wanted of it. */
static bool
verdict_ok(const struct vz_message *m, const struct vz_frame *f)
{
	if (f->status != 0)
		return true;
	if (m->kind == VZ_KIND_ASK && !m->down.ended)
		return false;
	return m->live || (m->up.ended && f->length == m->up.declared);
}

static int
on_done(struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_frame stop = {.type = VZ_FRAME_CANCEL, .number = f->number, .status = f->status};
	int r;

	if (!verdict_ok(m, f))
		return VZ_EPROTO;
	/* A refusal before the end was said, or said again after a break: our data frames end with
	 * a cancel, so the listener knows the last. */
	if (m->state == VZ_MESSAGE_OPEN && (r = vz_session_put(s, &stop)) < 0)
		return r;
	vz_flow_left(s, m->down.moved - m->down.taken);
	ev->type = VZ_EVENT_DONE;
	ev->number = f->number;
	ev->count = 1;
	ev->status = f->status;
	ev->length = f->length;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	over(s, m);
	return 1;
}

/* A whole reply: its bytes leave the window with the event, for whoever holds back does not pull
 * it. */
static int
on_answer(struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	int r;

	if (m->down.moved != 0 || m->down.ended)
		return VZ_EPROTO;
	if ((r = vz_flow_whole(s, &m->down, f->bytes_len)) < 0)
		return r;
	vz_flow_left(s, f->bytes_len);
	ev->type = VZ_EVENT_ANSWER;
	ev->number = f->number;
	ev->status = f->status;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	over(s, m);
	return 1;
}

/* After a break the end is said anew: until then it is known that it was. */
static enum vz_message_state
state_of(const struct vz_message *m)
{
	return m->state == VZ_MESSAGE_OPEN && m->up.ended ? VZ_MESSAGE_ENDED : m->state;
}

/* Every one of them has ended and wants no reply, or none is believed. */
static int
on_delivered(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	const struct vz_message *m;

	if (f->count == 0 || f->number < s->messages.base || f->number >= s->messages.next ||
	    f->count > s->messages.next - f->number)
		return VZ_EPROTO;
	for (uint64_t i = 0; i < f->count; i++) {
		m = vz_messages_get(&s->messages, f->number + i);
		if (m->kind == VZ_KIND_ASK ||
		    !vz_legal_message(s->stage, state_of(m), false, VZ_FRAME_DELIVERED))
			return VZ_EPROTO;
	}
	for (uint64_t i = 0; i < f->count; i++)
		over(s, vz_messages_get(&s->messages, f->number + i));
	ev->type = VZ_EVENT_DONE;
	ev->number = f->number;
	ev->count = f->count;
	return 1;
}

int
vz_sender_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;

	if (f->type == VZ_FRAME_READY)
		return on_ready(s, f, ev);
	if (f->type == VZ_FRAME_WINDOW)
		return vz_flow_window(s, f, ev);
	if (f->type == VZ_FRAME_DELIVERED)
		return on_delivered(s, f, ev);
	m = vz_messages_get(&s->messages, f->number);
	/* What crossed our cancel on its way speaks of a message that is over here: no effect. */
	if (f->number < s->messages.base || (m != NULL && m->cancelled)) {
		if (f->type == VZ_FRAME_DATA || f->type == VZ_FRAME_ANSWER)
			return vz_flow_dropped(s, f->bytes_len);
		return 0;
	}
	if (m == NULL || m->silent ||
	    !vz_legal_message(s->stage, state_of(m), m->kind == VZ_KIND_ASK, f->type))
		return VZ_EPROTO;
	switch (f->type) {
	case VZ_FRAME_DATA: return vz_flow_data(s, m, f, ev);
	case VZ_FRAME_END: return vz_flow_end(s, m, f, ev);
	case VZ_FRAME_ACK: return vz_flow_ack(s, m, f, ev);
	case VZ_FRAME_ANSWER: return on_answer(s, m, f, ev);
	default: return on_done(s, m, f, ev);
	}
}
