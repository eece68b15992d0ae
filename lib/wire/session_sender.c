/*
 * The sender's side of a session: opens, fills and ends messages; hears acknowledgements and
 * verdicts.
 */
#include <string.h>
#include "base/err.h"
#include "base/text.h"
#include "wire/session_impl.h"

int
vz_sender_hello(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_STREAM};

	memcpy(f.stream, s->stream, sizeof f.stream);
	return vz_session_put(s, &f);
}

int
vz_session_open(struct vz_session *s, uint8_t kind, uint8_t flags, const char *name,
    uint64_t length, uint64_t *number)
{
	struct vz_frame f = {.type = VZ_FRAME_OPEN, .kind = kind, .flags = flags, .length = length};
	struct vz_message *m;
	int r;

	f.bytes = (const uint8_t *)name;
	f.bytes_len = name != NULL ? strlen(name) : 0;
	f.number = s->messages.next;
	if (!vz_name_ok(f.bytes, f.bytes_len))
		return VZ_EINVAL;
	if (s->closing || s->closed)
		return VZ_ECLOSED;
	if ((r = vz_messages_add(&s->messages, &m)) < 0)
		return r;
	if ((r = vz_session_put(s, &f)) < 0) {
		s->messages.next--; /* nobody heard of it */
		return r;
	}
	m->kind = kind;
	m->declared = length;
	m->limit = s->message_window;
	s->verdicts++;
	*number = f.number;
	return 0;
}

size_t
vz_session_room(const struct vz_session *s, uint64_t number)
{
	const struct vz_message *m = vz_messages_get(&s->messages, number);
	uint64_t room;
	size_t out;

	if (m == NULL || m->state != VZ_MESSAGE_OPEN || s->closing || s->closed)
		return 0;
	vz_session_out(s, &out);
	if (out >= VZ_OUT_FULL)
		return 0;
	room = m->limit - m->moved;
	if (s->limit - s->moved < room)
		room = s->limit - s->moved;
	if (m->declared - m->moved < room) /* unknown is the largest number */
		room = m->declared - m->moved;
	return room < SIZE_MAX ? (size_t)room : SIZE_MAX;
}

/* One data frame: small ones wait beside the control frames, large ones are sealed from where they
 * lie. */
static int
put_data(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len)
{
	uint8_t head[VZ_DATA_HEAD];
	int r;

	if (len <= VZ_SMALL_DATA) {
		struct vz_frame f = {.type = VZ_FRAME_DATA,
		    .number = m->number,
		    .offset = m->moved,
		    .bytes = p,
		    .bytes_len = len};

		return vz_session_put(s, &f);
	}
	vz_frame_data_head(head, m->number, m->moved, len);
	if ((r = vz_buf_put(&s->control, head, sizeof head)) < 0)
		return r;
	r = vz_channel_put(s->channel, vz_buf_ptr(&s->control), s->control.len, p, len);
	vz_buf_clear(&s->control);
	return r;
}

/* How much of len goes into the next record beside what already waits for it. */
static size_t
share(struct vz_session *s, size_t len)
{
	size_t free_bytes = VZ_RECORD_PLAIN_MAX - s->control.len;

	if (len <= VZ_SMALL_DATA)
		return len;
	if (free_bytes <= VZ_DATA_HEAD + VZ_SMALL_DATA)
		return VZ_SMALL_DATA; /* the record is nearly full: vz_session_put seals it */
	free_bytes -= VZ_DATA_HEAD;
	return len < free_bytes ? len : free_bytes;
}

long
vz_session_data(struct vz_session *s, uint64_t number, const uint8_t *p, size_t len)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	size_t done = 0, room, n;
	int r;

	if (m == NULL || m->state != VZ_MESSAGE_OPEN)
		return VZ_EINVAL;
	while (done < len && (room = vz_session_room(s, number)) > 0) {
		n = share(s, len - done < room ? len - done : room);
		if ((r = put_data(s, m, p + done, n)) < 0)
			return r;
		done += n;
		m->moved += n;
		s->moved += n;
	}
	return (long)done;
}

int
vz_session_end(struct vz_session *s, uint64_t number)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_END, .number = number};

	if (m == NULL || m->state != VZ_MESSAGE_OPEN)
		return VZ_EINVAL;
	if (m->declared != VZ_LENGTH_UNKNOWN && m->declared != m->moved)
		return VZ_EINVAL;
	f.length = m->moved;
	m->state = VZ_MESSAGE_ENDED;
	return vz_session_put(s, &f);
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

	if (m == NULL || m->state != VZ_MESSAGE_OPEN)
		return VZ_EINVAL;
	m->cancelled = true;
	over(s, m);
	return vz_session_put_text(s, &f, text);
}

uint64_t
vz_session_unfinished(const struct vz_session *s)
{
	return s->verdicts;
}

/* FORGET is cumulative: one frame for all that became forgettable since the last (DESIGN 5). */
int
vz_sender_owed(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_FORGET, .number = s->messages.base};

	if (s->messages.base == s->forgotten || s->closed)
		return 0;
	s->forgotten = s->messages.base;
	return vz_session_put(s, &f);
}

/* Frames. */

static int
on_ready(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;

	if (f->limit < s->limit || f->window < s->message_window || f->number != 0)
		return VZ_EPROTO;
	s->stage = VZ_STAGE_SENDER_OPEN;
	s->limit = f->limit;
	s->message_window = f->window;
	for (uint64_t i = s->messages.base; i < s->messages.next; i++)
		if ((m = vz_messages_get(&s->messages, i)) != NULL)
			m->limit = f->window;
	ev->type = VZ_EVENT_READY;
	ev->rights = f->rights;
	ev->max_size = f->max_size;
	return 1;
}

static int
on_ack(struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	if (f->taken < m->taken || f->taken > m->moved || f->durable < m->durable ||
	    f->durable > f->taken || f->limit < m->limit)
		return VZ_EPROTO;
	m->taken = f->taken;
	m->durable = f->durable;
	m->limit = f->limit;
	ev->type = VZ_EVENT_ROOM;
	ev->number = m->number;
	ev->taken = f->taken;
	ev->durable = f->durable;
	return 1;
}

static int
on_done(struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_frame stop = {.type = VZ_FRAME_CANCEL, .number = f->number, .status = f->status};
	int r;

	/* Delivered is said only of the whole: END passed, and the same length (law 1). */
	if (f->status == 0 && (m->state != VZ_MESSAGE_ENDED || f->length != m->moved))
		return VZ_EPROTO;
	/* A refusal before the end: our data frames end with a cancel, so the listener knows the
	 * last. */
	if (m->state == VZ_MESSAGE_OPEN && (r = vz_session_put(s, &stop)) < 0)
		return r;
	ev->type = VZ_EVENT_DONE;
	ev->number = f->number;
	ev->status = f->status;
	ev->length = f->length;
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
	over(s, m);
	return 1;
}

static int
on_window(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	if (f->limit < s->limit)
		return VZ_EPROTO;
	s->limit = f->limit;
	ev->type = VZ_EVENT_ROOM;
	return 1;
}

int
vz_sender_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	struct vz_message *m;

	if (f->type == VZ_FRAME_READY)
		return on_ready(s, f, ev);
	if (f->type == VZ_FRAME_WINDOW)
		return on_window(s, f, ev);
	m = vz_messages_get(&s->messages, f->number);
	/* What crossed our cancel on its way speaks of a message that is over here: no effect. */
	if (f->number < s->messages.base || (m != NULL && m->cancelled))
		return 0;
	if (m == NULL || !vz_legal_message(m->state, f->type))
		return VZ_EPROTO;
	return f->type == VZ_FRAME_ACK ? on_ack(m, f, ev) : on_done(s, m, f, ev);
}
