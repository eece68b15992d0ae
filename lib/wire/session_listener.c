/*
 * The listener's side of a session: receives messages within their windows, acknowledges what the
 * sink has taken, says the verdict.
 */
#include <string.h>
#include "base/err.h"
#include "wire/session_impl.h"

/* Announced whenever this much of the connection's window was used. */
#define WINDOW_STEP (VZ_WINDOW_CONNECTION / 4)

/* Frames. */

static int
on_stream(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_frame ready = {.type = VZ_FRAME_READY,
	    .rights = s->rights,
	    .max_size = s->max_size,
	    .limit = s->limit,
	    .window = s->message_window};
	int r;

	memcpy(s->stream, f->stream, sizeof s->stream);
	s->stage = VZ_STAGE_LISTENER_OPEN;
	if ((r = vz_session_put(s, &ready)) < 0)
		return r;
	ev->type = VZ_EVENT_STREAM;
	return 1;
}

/* Numbers are given in order, and each begins at its first byte. */
static int
on_open(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;
	int r;

	if (f->number != s->messages.next || f->offset != 0 || f->attempt != 0)
		return VZ_EPROTO;
	if ((r = vz_messages_add(&s->messages, &m)) < 0)
		return r == VZ_EFULL ? VZ_ELIMIT : r;
	m->kind = f->kind;
	m->declared = f->length;
	m->limit = s->message_window;
	ev->type = VZ_EVENT_OPEN;
	ev->number = f->number;
	ev->kind = f->kind;
	ev->flags = f->flags;
	ev->length = f->length;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

/* Notes that an ACK is owed. A full note pad is settled at once: all of it becomes due now. */
static int
owe_ack(struct vz_session *s, struct vz_message *m)
{
	int r;

	if (m->ack_due || m->state == VZ_MESSAGE_OVER || m->state == VZ_MESSAGE_REFUSED)
		return 0;
	if (s->dues == sizeof s->due / sizeof s->due[0]) {
		s->ack_by = s->now;
		if ((r = vz_listener_owed(s)) < 0)
			return r;
	}
	m->ack_due = true;
	s->due[s->dues++] = m->number;
	return 0;
}

/* Bytes that left the connection's window, to a sink or dropped. */
static void
conn_taken(struct vz_session *s, size_t n)
{
	s->taken += n;
	if (s->ack_by == UINT64_MAX)
		s->ack_by = s->now + VZ_ACK_DELAY_MS;
}

static int
on_data(struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	if (f->offset != m->moved)
		return VZ_EPROTO;
	if (f->bytes_len > m->limit - m->moved || f->bytes_len > s->limit - s->moved)
		return VZ_ELIMIT;
	if (m->declared != VZ_LENGTH_UNKNOWN && f->bytes_len > m->declared - m->moved)
		return VZ_EPROTO;
	m->moved += f->bytes_len;
	s->moved += f->bytes_len;
	if (m->state == VZ_MESSAGE_REFUSED) {
		conn_taken(s, f->bytes_len);
		return 0;
	}
	ev->type = VZ_EVENT_DATA;
	ev->number = f->number;
	ev->offset = f->offset;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

static int
on_end(struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	if (f->length != m->moved || (m->declared != VZ_LENGTH_UNKNOWN && f->length != m->declared))
		return VZ_EPROTO;
	if (m->state == VZ_MESSAGE_REFUSED) {
		m->state = VZ_MESSAGE_OVER;
		return 0;
	}
	m->state = VZ_MESSAGE_ENDED;
	ev->type = VZ_EVENT_END;
	ev->number = f->number;
	ev->length = f->length;
	return 1;
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
	if (f->number < s->messages.base || f->number > s->messages.next)
		return VZ_EPROTO;
	for (uint64_t i = s->messages.base; i < f->number; i++)
		if (vz_messages_get(&s->messages, i)->state != VZ_MESSAGE_OVER)
			return VZ_EPROTO;
	vz_messages_forget(&s->messages, f->number);
	return 0;
}

int
vz_listener_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;

	switch (f->type) {
	case VZ_FRAME_STREAM: return on_stream(s, f, ev);
	case VZ_FRAME_OPEN: return on_open(s, f, ev);
	case VZ_FRAME_FORGET: return on_forget(s, f);
	default: break;
	}
	m = vz_messages_get(&s->messages, f->number);
	if (m == NULL || !vz_legal_message(m->state, f->type))
		return VZ_EPROTO;
	switch (f->type) {
	case VZ_FRAME_DATA: return on_data(s, m, f, ev);
	case VZ_FRAME_END: return on_end(m, f, ev);
	default: return on_cancel(m, f, ev);
	}
}

/* What the program says. */

int
vz_session_taken(struct vz_session *s, uint64_t number, size_t n)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);

	if (m == NULL || n > m->moved - m->taken)
		return VZ_EINVAL;
	m->taken += n;
	conn_taken(s, n);
	return owe_ack(s, m);
}

int
vz_session_durable(struct vz_session *s, uint64_t number, uint64_t offset)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);

	if (m == NULL || offset > m->taken || offset < m->durable)
		return VZ_EINVAL;
	m->durable = offset;
	return owe_ack(s, m);
}

int
vz_session_done(struct vz_session *s, uint64_t number, uint8_t status, const char *text)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_DONE, .number = number, .status = status};

	if (m == NULL || (m->state != VZ_MESSAGE_OPEN && m->state != VZ_MESSAGE_ENDED))
		return VZ_EINVAL;
	if (status == 0 && (m->state != VZ_MESSAGE_ENDED || m->taken != m->moved))
		return VZ_EINVAL;
	/* What was received and will not reach a sink leaves the connection's window now. */
	conn_taken(s, (size_t)(m->moved - m->taken));
	f.length = m->taken;
	m->state = m->state == VZ_MESSAGE_ENDED ? VZ_MESSAGE_OVER : VZ_MESSAGE_REFUSED;
	return vz_session_put_text(s, &f, text);
}

/* Acknowledgements. */

/* A message's window doubles with what it has moved, from 256 KiB to the connection's. */
static uint64_t
window_of(const struct vz_message *m)
{
	if (m->taken < VZ_WINDOW_MESSAGE)
		return VZ_WINDOW_MESSAGE;
	return m->taken < VZ_WINDOW_CONNECTION ? m->taken : VZ_WINDOW_CONNECTION;
}

static int
put_ack(struct vz_session *s, struct vz_message *m)
{
	struct vz_frame f = {.type = VZ_FRAME_ACK, .number = m->number};
	uint64_t limit = m->taken + window_of(m);

	if (limit > m->limit)
		m->limit = limit;
	m->acked = m->taken;
	f.taken = m->taken;
	f.durable = m->durable;
	f.limit = m->limit;
	return vz_session_put(s, &f);
}

int
vz_listener_owed(struct vz_session *s)
{
	struct vz_frame window = {.type = VZ_FRAME_WINDOW};
	struct vz_message *m;
	bool late = s->now >= s->ack_by;
	unsigned kept = 0;
	int r;

	for (unsigned i = 0; i < s->dues; i++) {
		m = vz_messages_get(&s->messages, s->due[i]);
		if (m == NULL || m->state == VZ_MESSAGE_OVER || m->state == VZ_MESSAGE_REFUSED)
			continue; /* its verdict has said it all */
		if (!late && m->taken - m->acked < VZ_ACK_BYTES) {
			s->due[kept++] = m->number;
			continue;
		}
		m->ack_due = false;
		if ((r = put_ack(s, m)) < 0)
			return r;
	}
	s->dues = kept;
	if (s->taken + VZ_WINDOW_CONNECTION - s->limit >= WINDOW_STEP) {
		s->limit = window.limit = s->taken + VZ_WINDOW_CONNECTION;
		if ((r = vz_session_put(s, &window)) < 0)
			return r;
	}
	if (late || kept == 0)
		s->ack_by = UINT64_MAX;
	return 0;
}

bool
vz_listener_owes(const struct vz_session *s)
{
	const struct vz_message *m;

	if (s->taken + VZ_WINDOW_CONNECTION - s->limit >= WINDOW_STEP)
		return true;
	for (unsigned i = 0; i < s->dues; i++) {
		m = vz_messages_get(&s->messages, s->due[i]);
		if (m != NULL && m->taken - m->acked >= VZ_ACK_BYTES)
			return true;
	}
	return s->dues > 0 && s->now >= s->ack_by;
}
