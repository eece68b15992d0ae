/*
 * A session between two connections: what is left of the old one, and how the new one takes up its
 * messages (session.h; DESIGN 5).
 */
#include <string.h>
#include "base/err.h"
#include "wire/resume.h"

static void
leave_message(struct vz_session *s, struct vz_message *m)
{
	const struct vz_half *in = vz_half_in(s, m);

	m->ack_due = m->asked = m->owes = false;
	m->silent = true;
	if (m->state == VZ_MESSAGE_REFUSED) /* nothing more of it comes unless it is said again */
		m->state = VZ_MESSAGE_OVER;
	if (m->state != VZ_MESSAGE_OVER)
		s->in_carry += in->moved - in->taken;
}

void
vz_session_detach(struct vz_session *s)
{
	vz_channel_free(s->channel);
	s->channel = NULL;
	s->detached = true;
	s->authenticated = s->closing = s->closed = s->pong_due = s->ready_due = false;
	s->reopened = 0;
	s->failed = 0;
	s->record = (struct vz_rd){0};
	vz_buf_clear(&s->control);
	s->delivered_count = s->owing = s->dues = 0;
	s->answers_said = s->answers_from;
	s->ack_by = UINT64_MAX;
	s->in_carry = 0;
	for (uint64_t i = s->messages.base; i < s->messages.next; i++)
		leave_message(s, vz_messages_get(&s->messages, i));
	s->out = (struct vz_window){0};
	s->in = (struct vz_window){.moved = s->in_carry};
	/* A sender's windows are as in a first connection: it has chosen whom it trusts. */
	s->in.limit = VZ_WINDOW_CONNECTION;
	if (s->sender)
		s->in.limit += s->in_carry;
	else if (s->in.limit < s->in_carry)
		s->in.limit = s->in_carry;
}

bool
vz_session_detached(const struct vz_session *s)
{
	return s->detached;
}

bool
vz_session_remembers(const struct vz_session *s)
{
	return s->messages.base < s->messages.next;
}

size_t
vz_session_memory(const struct vz_session *s)
{
	size_t n = sizeof(*s) + s->messages.cap * sizeof(*s->messages.slot) + s->answers.cap +
	    s->control.cap;
	const struct vz_message *m;

	for (uint64_t i = s->messages.base; i < s->messages.next; i++) {
		m = vz_messages_get(&s->messages, i);
		if (m->late != NULL)
			n += sizeof(*m->late) + m->late->reply.cap;
	}
	return n;
}

uint16_t
vz_session_attempt(const struct vz_session *s)
{
	return s->attempt;
}

static void
attach(struct vz_session *s, struct vz_channel *ch, uint64_t now)
{
	s->channel = ch;
	s->detached = false;
	s->resumed = true;
	if (s->attempt < UINT16_MAX)
		s->attempt++;
	s->now = s->heard_at = s->said_at = s->record_since = s->since = now;
	s->idle_frames = 0;
	s->bytes = 0;
}

/* The sender. */

int
vz_session_redial(struct vz_session *s, const struct vz_session_config *c)
{
	struct vz_channel *ch;
	int r;

	if (!s->sender || !s->detached)
		return VZ_EINVAL;
	if ((r = vz_channel_new(&ch, &c->channel)) < 0)
		return r;
	attach(s, ch, c->now);
	s->age_ms = c->age_ms;
	s->age_bytes = c->age_bytes;
	s->observer = c->channel.observer;
	s->stage = VZ_STAGE_SENDER_START;
	s->handshake_by = c->now + c->handshake_ms;
	return 0;
}

/* For a number that is said again, as for a new one. */
static int
make_place(struct vz_session *s, uint64_t number)
{
	return number - s->forgotten < VZ_UNFINISHED_MAX ? 0 : vz_sender_owed(s);
}

/* Messages below `number` that are over here may be unknown there, or under way: said in the order
 * of numbers, up to one that is not. */
static int
skip_over(struct vz_session *s, uint64_t number)
{
	struct vz_frame f = {.type = VZ_FRAME_CANCEL};
	const struct vz_message *m;
	int r;

	for (; s->again < number; s->again++) {
		m = vz_messages_get(&s->messages, s->again);
		if (m != NULL && m->state != VZ_MESSAGE_OVER)
			return 0;
		f.number = s->again;
		if ((r = make_place(s, f.number)) < 0 || (r = vz_session_put(s, &f)) < 0)
			return r;
	}
	return 0;
}

static int
skip(struct vz_session *s, uint64_t number)
{
	int r = skip_over(s, number);

	return r == 0 && s->again < number ? VZ_EINVAL : r;
}

/* All before it were said: it may be. */
static int
come_to(struct vz_session *s, uint64_t number)
{
	int r = skip(s, number);

	return r == 0 ? make_place(s, number) : r;
}

int
vz_sender_skips(struct vz_session *s)
{
	return s->resumed && s->stage == VZ_STAGE_SENDER_OPEN ? skip_over(s, s->messages.next) : 0;
}

int
vz_sender_skip(struct vz_session *s, uint64_t number)
{
	return s->resumed ? skip(s, number) : 0;
}

int
vz_sender_resumes(struct vz_session *s, uint64_t first)
{
	if (first > s->messages.base)
		return VZ_EPROTO; /* it forgot what we have not */
	s->again = s->forgotten = first;
	if (s->messages.base - first <= VZ_UNFINISHED_MAX)
		return 0;
	s->again = s->messages.base; /* it knows none of them */
	return vz_sender_owed(s);
}

/* Speaks of m again: what the other side may say of it, it may have said before. */
static int
said_again(struct vz_session *s, struct vz_message *m)
{
	m->silent = false;
	m->again = true;
	s->again = m->number + 1;
	return m->down.moved > 0 ? vz_flow_put_ack(s, m) : 0;
}

int
vz_session_reopen(
    struct vz_session *s, uint64_t number, uint8_t flags, const char *name, uint64_t offset)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {.type = VZ_FRAME_OPEN, .number = number, .flags = flags};
	int r;

	if (m == NULL || !m->silent || m->state == VZ_MESSAGE_OVER || offset > m->up.taken ||
	    m->is_signed != ((flags & VZ_OPEN_SIGNED) != 0) ||
	    m->live != ((flags & VZ_OPEN_LIVE) != 0) || s->stage != VZ_STAGE_SENDER_OPEN ||
	    s->closing || s->closed)
		return VZ_EINVAL;
	if ((r = come_to(s, number)) < 0)
		return r;
	/* From there on all is held, and another listener may have had less of it than the last. */
	m->up.taken = offset;
	m->up.durable = 0;
	m->proved = false;
	f.kind = m->kind;
	f.attempt = s->attempt;
	f.offset = offset;
	f.length = m->up.declared;
	f.bytes = (const uint8_t *)name;
	f.bytes_len = name != NULL ? strlen(name) : 0;
	if ((r = vz_session_put(s, &f)) < 0)
		return r;
	m->asked = true;
	return said_again(s, m);
}

int
vz_session_rewhole(struct vz_session *s, uint64_t number, const uint8_t *p, size_t len)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);
	struct vz_frame f = {
	    .type = VZ_FRAME_WHOLE, .number = number, .bytes = p, .bytes_len = len};
	int r;

	if (m == NULL || !m->silent || m->state != VZ_MESSAGE_ENDED || len != m->up.declared ||
	    len > VZ_WHOLE_MAX || s->stage != VZ_STAGE_SENDER_OPEN || s->closing || s->closed)
		return VZ_EINVAL;
	if (!vz_flow_fits(s, len))
		return VZ_EFULL;
	f.kind = m->kind;
	if ((r = come_to(s, number)) < 0 || (r = vz_session_put(s, &f)) < 0)
		return r;
	s->out.moved += len;
	/* All of it is held, and another listener may have had less of it: see vz_session_reopen.
	 */
	m->up.taken = m->up.durable = m->up.limit = 0;
	return said_again(s, m);
}

bool
vz_session_silent(const struct vz_session *s, uint64_t number)
{
	const struct vz_message *m = vz_messages_get(&s->messages, number);

	return m != NULL && m->silent && m->state != VZ_MESSAGE_OVER;
}

bool
vz_session_waits(const struct vz_session *s, uint64_t number)
{
	const struct vz_message *m = vz_messages_get(&s->messages, number);

	return m != NULL && (m->silent || m->asked) && m->state != VZ_MESSAGE_OVER;
}

/* The listener. */

int
vz_session_adopt(struct vz_session *s, struct vz_session *fresh)
{
	if (s->sender || !s->detached || fresh->sender || fresh->messages.next != 0 ||
	    fresh->stage != VZ_STAGE_LISTENER_OPEN)
		return VZ_EINVAL;
	attach(s, fresh->channel, fresh->now);
	s->since = fresh->since;
	s->bytes = fresh->bytes;
	s->record = fresh->record;
	s->rights = fresh->rights;
	s->max_size = fresh->max_size;
	s->authenticated = true;
	s->stage = VZ_STAGE_LISTENER_OPEN;
	s->out.limit = VZ_WINDOW_CONNECTION;
	fresh->channel = NULL; /* moved; its READY was not sealed */
	vz_session_free(fresh);
	s->ready_due = true;
	return 0;
}

int
vz_session_restore(struct vz_session *s, uint64_t first)
{
	if (s->sender || !s->ready_due || s->messages.next != 0)
		return VZ_EINVAL;
	s->resumed = true;
	vz_messages_skip(&s->messages, first);
	return 0;
}

int
vz_session_restore_over(
    struct vz_session *s, uint64_t number, uint8_t kind, uint8_t status, uint64_t length)
{
	struct vz_message *m;
	int r;

	if (!s->ready_due || !s->resumed || number < s->messages.next)
		return VZ_EINVAL;
	if (number - s->messages.base >= VZ_UNFINISHED_MAX)
		return VZ_EFULL;
	do {
		if ((r = vz_messages_add(&s->messages, &m)) < 0)
			return r;
		m->state = VZ_MESSAGE_OVER;
		m->absent = true;
	} while (m->number < number);
	m->absent = false;
	m->silent = true;
	m->kind = kind;
	m->status = status;
	m->up.moved = m->up.taken = m->up.durable = length;
	m->up.declared = length;
	m->up.ended = true;
	if (kind == VZ_KIND_ASK) { /* its reply is one that was pushed out: resume.h */
		m->answer = 1;
		if (s->answers_from == 0)
			s->answers_from = s->answers_said = 1;
	}
	return 0;
}

int
vz_session_have(struct vz_session *s, uint64_t number, uint64_t length)
{
	struct vz_message *m = vz_messages_get(&s->messages, number);

	if (m == NULL || s->reopened != number + 1 || m->state != VZ_MESSAGE_OPEN ||
	    m->up.moved != 0 || length > m->up.declared)
		return VZ_EINVAL;
	m->up.moved = m->up.taken = m->up.durable = m->up.acked = length;
	return 0;
}

/* What came of a message that is over is said again, but for small replies (vz_answers_pay). */
static int
repeat_verdict(struct vz_session *s, struct vz_message *m)
{
	struct vz_frame f = {.type = VZ_FRAME_DONE, .number = m->number, .status = m->status};

	f.length = m->up.taken;
	if (m->answer == 0)
		return vz_session_put_text(s, &f, m->late != NULL ? m->late->text : NULL);
	if (f.status == 0)
		f.status = 75;
	return vz_session_put_text(s, &f, "the reply was lost with the connection");
}

static int
open_again(struct vz_session *s, struct vz_message *m, const struct vz_frame *f)
{
	if (f->length != m->up.declared && f->length != VZ_LENGTH_UNKNOWN &&
	    m->up.declared != VZ_LENGTH_UNKNOWN)
		return VZ_EPROTO;
	/* It let go of no more than what we said that we have. */
	if (f->offset > m->up.taken)
		return VZ_EPROTO;
	if (m->state == VZ_MESSAGE_OVER)
		return 0;
	if (m->is_signed != ((f->flags & VZ_OPEN_SIGNED) != 0) ||
	    m->live != ((f->flags & VZ_OPEN_LIVE) != 0))
		return VZ_EPROTO;
	m->proved = m->state == VZ_MESSAGE_ENDED; /* else it is said anew, as the end is */
	return vz_flow_put_ack(s, m);
}

int
vz_listener_again(struct vz_session *s, const struct vz_frame *f)
{
	struct vz_message *m = vz_messages_get(&s->messages, f->number);
	size_t len;
	int r;

	if (m == NULL || !m->silent || m->cancelled || f->kind != m->kind)
		return VZ_EPROTO;
	m->silent = false;
	m->again = true;
	if (f->type == VZ_FRAME_OPEN)
		r = open_again(s, m, f);
	else
		r = vz_flow_dropped(s, f->bytes_len);
	if (r < 0)
		return r;
	if (m->kind == VZ_KIND_ASK && m->answer == 0) {
		m->down.moved = m->down.taken;
		m->owes = true;
		s->owing++;
		return 0;
	}
	if (m->state != VZ_MESSAGE_OVER || vz_kept_answer(s, m, &len) != NULL)
		return 0;
	return repeat_verdict(s, m);
}

/* Bytes of m's reply that may go out now. */
static size_t
room(const struct vz_session *s, const struct vz_message *m)
{
	uint64_t n;
	size_t waiting;

	vz_session_out(s, &waiting);
	if (waiting >= s->out_full)
		return 0;
	n = s->out_full - waiting;
	if (m->down.limit - m->down.moved < n)
		n = m->down.limit - m->down.moved;
	if (s->out.limit - s->out.moved < n)
		n = s->out.limit - s->out.moved;
	return n < SIZE_MAX ? (size_t)n : SIZE_MAX;
}

/* 1 when all is said, 0 when there is no room for the rest. */
static int
pay(struct vz_session *s, struct vz_message *m)
{
	struct vz_frame end = {.type = VZ_FRAME_END, .number = m->number};
	uint64_t left;
	size_t n;
	int r;

	while ((left = vz_kept_end(m) - m->down.moved) > 0) {
		if ((n = room(s, m)) == 0)
			return 0;
		if (n > left)
			n = (size_t)left;
		r = vz_flow_put(
		    s, m, vz_buf_ptr(&m->late->reply) + (m->down.moved - m->down.taken), n);
		if (r < 0)
			return r;
	}
	end.length = m->down.moved;
	if (m->down.ended && (r = vz_session_put(s, &end)) < 0)
		return r;
	if (m->state == VZ_MESSAGE_OVER && (r = repeat_verdict(s, m)) < 0)
		return r;
	return 1;
}

int
vz_listener_pay(struct vz_session *s)
{
	struct vz_message *m;
	int r;

	if ((r = vz_answers_pay(s)) < 0)
		return r;
	for (uint64_t i = s->messages.base; s->owing > 0 && i < s->messages.next; i++) {
		m = vz_messages_get(&s->messages, i);
		if (!m->owes)
			continue;
		if ((r = pay(s, m)) < 0)
			return r;
		if (r == 1) {
			m->owes = false;
			s->owing--;
		}
	}
	return 0;
}
