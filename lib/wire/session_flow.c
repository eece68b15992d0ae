/*
 * Bytes of messages, windows and acknowledgements. A reply flows by the same rules as the message
 * that it answers, in the other direction, so that there is one of each mechanism.
 */
#include "base/err.h"
#include "wire/resume.h"

/* Announced whenever this much of the connection's window was used. */
#define WINDOW_STEP (VZ_WINDOW_CONNECTION / 4)

struct vz_half *
vz_half_out(const struct vz_session *s, struct vz_message *m)
{
	return s->sender ? &m->up : &m->down;
}

struct vz_half *
vz_half_in(const struct vz_session *s, struct vz_message *m)
{
	return s->sender ? &m->down : &m->up;
}

/* Bytes of this message may still go out: a sender's until its END, a listener's reply until the
 * verdict. */
static bool
may_send(const struct vz_session *s, const struct vz_message *m)
{
	if (s->closing || s->closed)
		return false;
	if (s->sender)
		return m->state == VZ_MESSAGE_OPEN;
	return m->kind == VZ_KIND_ASK && !m->down.ended &&
	    (m->state == VZ_MESSAGE_OPEN || m->state == VZ_MESSAGE_ENDED);
}

/* Sending. */

size_t
vz_session_room(const struct vz_session *s, uint64_t number)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	const struct vz_half *h;
	uint64_t room;
	size_t waiting;

	if (m == NULL || !may_send(s, m) || m->silent || m->asked || m->owes ||
	    (s->sender && m->proved))
		return 0;
	vz_session_out(s, &waiting);
	if (waiting >= s->out_full)
		return 0;
	h = vz_half_out(s, m);
	room = s->out_full - waiting + VZ_DATA_MAX; /* the last record may be a whole one */
	if (h->limit - h->moved < room)
		room = h->limit - h->moved;
	if (s->out.limit - s->out.moved < room)
		room = s->out.limit - s->out.moved;
	if (h->declared - h->moved < room) /* unknown is the largest number */
		room = h->declared - h->moved;
	return room < SIZE_MAX ? (size_t)room : SIZE_MAX;
}

/* One data frame: small ones wait beside the control frames, large ones are sealed from where they
 * lie. */
static int
put_data(struct vz_session *s, uint64_t number, uint64_t offset, const uint8_t *p, size_t len)
{
	uint8_t head[VZ_DATA_HEAD];
	int r;

	if (len <= VZ_SMALL_DATA || s->observer != NULL) {
		struct vz_frame f = {.type = VZ_FRAME_DATA,
		    .number = number,
		    .offset = offset,
		    .bytes = p,
		    .bytes_len = len};

		if (len <= VZ_SMALL_DATA)
			return vz_session_put(s, &f);
		s->observer->frame(s->observer->arg, true, &f);
	}
	vz_frame_data_head(head, number, offset, len);
	if ((r = vz_buf_put(&s->control, head, sizeof(head))) < 0)
		return r;
	r = vz_channel_put(s->channel, vz_buf_ptr(&s->control), s->control.len, p, len);
	vz_buf_clear(&s->control);
	return r;
}

/* How much of len goes into the next record beside what already waits for it. */
static size_t
share(const struct vz_session *s, size_t len)
{
	size_t room = VZ_RECORD_PLAIN_MAX - s->control.len;

	if (len <= VZ_SMALL_DATA)
		return len;
	if (room <= VZ_DATA_HEAD + VZ_SMALL_DATA)
		return VZ_SMALL_DATA; /* the record is nearly full: vz_session_put seals it */
	room -= VZ_DATA_HEAD;
	return len < room ? len : room;
}

int
vz_flow_put(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len)
{
	struct vz_half *h = vz_half_out(s, m);
	size_t n;
	int r;

	for (; len > 0; p += n, len -= n) {
		n = share(s, len);
		if ((r = put_data(s, m->number, h->moved, p, n)) < 0)
			return r;
		h->moved += n;
		s->out.moved += n;
	}
	return 0;
}

long
vz_session_data(struct vz_session *s, uint64_t number, const uint8_t *p, size_t len)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	size_t room;
	int r;

	if (m == NULL || !may_send(s, m))
		return VZ_EINVAL;
	room = vz_session_room(s, number);
	if (len > room)
		len = room;
	if ((r = vz_flow_put(s, m, p, len)) < 0)
		return r;
	r = s->sender ? 0 : vz_keep_reply(s, m, p, len);
	return r < 0 ? r : (long)len;
}

bool
vz_flow_fits(const struct vz_session *s, size_t len)
{
	size_t waiting;

	if (s->detached)
		return false;
	vz_session_out(s, &waiting);
	return waiting < s->out_full && len <= s->out.limit - s->out.moved;
}

int
vz_session_end(struct vz_session *s, uint64_t number)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_END, .number = number};
	struct vz_half *h;

	if (m == NULL || !may_send(s, m) || (s->sender && (m->silent || m->asked)) ||
	    (s->sender && m->is_signed && !m->proved))
		return VZ_EINVAL;
	h = vz_half_out(s, m);
	if (!s->sender && (m->silent || m->owes)) { /* said with the rest of the reply */
		h->ended = true;
		return 0;
	}
	if (h->declared != VZ_LENGTH_UNKNOWN && h->declared != h->moved)
		return VZ_EINVAL;
	f.length = h->declared = h->moved;
	h->ended = true;
	if (s->sender)
		m->state = VZ_MESSAGE_ENDED;
	return vz_session_put(s, &f);
}

/* The answer to a message that was said again: from here on. Its end has to be said anew. */
static void
go_on(struct vz_message *m, struct vz_event *ev)
{
	m->asked = m->proved = false;
	if (m->up.acked < m->up.moved)
		m->up.acked = m->up.moved;
	m->up.moved = m->up.taken;
	m->state = VZ_MESSAGE_OPEN;
	ev->type = VZ_EVENT_GO_ON;
}

int
vz_flow_ack(
    struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_half *h = vz_half_out(s, m);
	uint64_t end = m->owes ? vz_kept_end(m) : h->moved;
	bool ahead = s->sender && f->taken > h->moved; /* of what is sent again */

	if (m->again && s->sender && h->acked > end)
		end = h->acked;
	if ((m->state == VZ_MESSAGE_OVER && !m->owes) || m->state == VZ_MESSAGE_REFUSED ||
	    m->silent)
		return 0; /* it crossed the verdict */
	if (f->taken < h->taken || f->taken > end || f->durable < h->durable ||
	    f->durable > f->taken || (f->limit < h->limit && !m->asked) || f->limit < f->taken)
		return VZ_EPROTO;
	if (!s->sender)
		vz_kept_taken(m, f->taken - h->taken);
	if (h->moved < f->taken)
		h->moved = f->taken;
	h->taken = f->taken;
	h->durable = f->durable;
	h->limit = f->limit;
	ev->type = VZ_EVENT_ROOM;
	ev->number = m->number;
	ev->taken = f->taken;
	ev->durable = f->durable;
	if (m->asked || ahead)
		go_on(m, ev);
	return m->state != VZ_MESSAGE_OVER;
}

int
vz_flow_window(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	if (f->limit < s->out.limit)
		return VZ_EPROTO;
	s->out.limit = f->limit;
	ev->type = VZ_EVENT_ROOM;
	ev->number = VZ_LENGTH_UNKNOWN; /* no single message's */
	return 1;
}

/* Receiving. */

void
vz_flow_left(struct vz_session *s, uint64_t n)
{
	s->in.taken += n;
	if (s->ack_by == UINT64_MAX)
		s->ack_by = s->now + VZ_ACK_DELAY_MS;
}

int
vz_flow_dropped(struct vz_session *s, size_t n)
{
	if (n > s->in.limit - s->in.moved)
		return VZ_ELIMIT;
	s->in.moved += n;
	vz_flow_left(s, n);
	return 0;
}

int
vz_flow_data(
    struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_half *h = vz_half_in(s, m);
	struct vz_frame rest = *f;
	int r;

	if (m->again && f->offset < h->moved) { /* it came before the break */
		uint64_t n = h->moved - f->offset;

		if (n > f->bytes_len)
			n = f->bytes_len;
		if ((r = vz_flow_dropped(s, (size_t)n)) < 0 || n == f->bytes_len)
			return r;
		rest.offset += n;
		rest.bytes += n;
		rest.bytes_len -= (size_t)n;
		f = &rest;
	}
	if (h->ended || f->offset != h->moved)
		return VZ_EPROTO;
	if (f->bytes_len > h->limit - h->moved || f->bytes_len > s->in.limit - s->in.moved)
		return VZ_ELIMIT;
	if (h->declared != VZ_LENGTH_UNKNOWN && f->bytes_len > h->declared - h->moved)
		return VZ_EPROTO;
	h->moved += f->bytes_len;
	s->in.moved += f->bytes_len;
	if (m->state == VZ_MESSAGE_REFUSED) {
		vz_flow_left(s, f->bytes_len);
		return 0;
	}
	ev->type = VZ_EVENT_DATA;
	ev->number = f->number;
	ev->offset = f->offset;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	return 1;
}

int
vz_flow_end(
    struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_half *h = vz_half_in(s, m);

	if (m->again && h->ended && f->length == h->moved)
		return 0;
	if (h->ended || f->length != h->moved ||
	    (h->declared != VZ_LENGTH_UNKNOWN && f->length != h->declared))
		return VZ_EPROTO;
	h->ended = true;
	ev->type = VZ_EVENT_END;
	ev->number = f->number;
	ev->length = f->length;
	return 1;
}

int
vz_flow_whole(struct vz_session *s, struct vz_half *h, size_t len)
{
	if (len > VZ_WHOLE_MAX || len > s->in.limit - s->in.moved)
		return VZ_ELIMIT;
	h->moved = len;
	h->ended = true;
	s->in.moved += len;
	return 0;
}

/* A message's window grows with what it has moved, from 256 KiB to the connection's. */
static uint64_t
window_of(const struct vz_half *h)
{
	if (h->taken < VZ_WINDOW_MESSAGE)
		return VZ_WINDOW_MESSAGE;
	return h->taken < VZ_WINDOW_CONNECTION ? h->taken : VZ_WINDOW_CONNECTION;
}

/* True when enough was taken to say so at once: 256 KiB, or half of what the window was. */
static bool
ack_now(const struct vz_half *h)
{
	return h->taken - h->acked >= VZ_ACK_BYTES || h->limit - h->taken < VZ_WINDOW_MESSAGE / 2;
}

/* Nothing is owed for a message whose verdict was said: it has said it all. */
static bool
ack_matters(const struct vz_session *s, struct vz_message *m)
{
	return m != NULL && m->state != VZ_MESSAGE_OVER && m->state != VZ_MESSAGE_REFUSED &&
	    !(vz_half_in(s, m)->ended && vz_half_in(s, m)->taken == vz_half_in(s, m)->moved &&
		vz_half_in(s, m)->durable == 0);
}

/* Notes that an ACK is owed. A full note pad is settled at once: all of it becomes due now. */
static int
owe_ack(struct vz_session *s, struct vz_message *m)
{
	int r;

	if (m->ack_due || m->silent || !ack_matters(s, m))
		return 0;
	if (s->dues == VZ_DUES_MAX) {
		s->ack_by = s->now;
		if ((r = vz_flow_owed(s)) < 0)
			return r;
	}
	m->ack_due = true;
	s->due[s->dues++] = m->number;
	return 0;
}

int
vz_session_taken(struct vz_session *s, uint64_t number, size_t n)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_half *h;

	if (m == NULL)
		return VZ_EINVAL;
	h = vz_half_in(s, m);
	if (n > h->moved - h->taken)
		return VZ_EINVAL;
	h->taken += n;
	vz_flow_left(s, n);
	return owe_ack(s, m);
}

int
vz_session_durable(struct vz_session *s, uint64_t number, uint64_t offset)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_half *h;

	if (m == NULL)
		return VZ_EINVAL;
	h = vz_half_in(s, m);
	if (offset > h->taken || offset < h->durable)
		return VZ_EINVAL;
	h->durable = offset;
	return owe_ack(s, m);
}

int
vz_flow_put_ack(struct vz_session *s, struct vz_message *m)
{
	struct vz_frame f = {.type = VZ_FRAME_ACK, .number = m->number};
	struct vz_half *h = vz_half_in(s, m);
	uint64_t limit = h->taken + window_of(h);

	if (limit > h->limit)
		h->limit = limit;
	h->acked = h->taken;
	f.taken = h->taken;
	f.durable = h->durable;
	f.limit = h->limit;
	return vz_session_put(s, &f);
}

static bool
window_due(const struct vz_session *s)
{
	return s->in.taken + VZ_WINDOW_CONNECTION >= s->in.limit + WINDOW_STEP;
}

int
vz_flow_owed(struct vz_session *s)
{
	struct vz_frame window = {.type = VZ_FRAME_WINDOW};
	struct vz_message *m;
	bool late = s->now >= s->ack_by;
	unsigned kept = 0;
	int r;

	for (unsigned i = 0; i < s->dues; i++) {
		m = vz_messages_get(&s->messages, s->due[i]);
		if (!ack_matters(s, m))
			continue;
		if (!late && !ack_now(vz_half_in(s, m))) {
			s->due[kept++] = m->number;
			continue;
		}
		m->ack_due = false;
		if ((r = vz_flow_put_ack(s, m)) < 0)
			return r;
	}
	s->dues = kept;
	if (window_due(s)) {
		s->in.limit = s->in.taken + VZ_WINDOW_CONNECTION;
		window.limit = s->in.limit - s->in_carry;
		if ((r = vz_session_put(s, &window)) < 0)
			return r;
	}
	if (late || kept == 0)
		s->ack_by = UINT64_MAX;
	return 0;
}

bool
vz_flow_owes(const struct vz_session *s)
{
	struct vz_message *m;

	if (window_due(s) || (s->dues > 0 && s->now >= s->ack_by))
		return true;
	for (unsigned i = 0; i < s->dues; i++) {
		m = vz_messages_get(&s->messages, s->due[i]);
		if (m != NULL && ack_now(vz_half_in(s, m)))
			return true;
	}
	return false;
}
