/* What is asked of a mailbox, with its flow control, and that each answer is one to the request
 * that came first. */
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "wire/relay_serve_impl.h"

static int
permitted(struct vz_relay_serve *s, uint8_t type)
{
	switch (type) {
	case VZ_RELAY_BUNDLE_WANTED:
		return vz_relay_serve_permitted(s, VZ_RELAY_MAY_CONNECT | VZ_RELAY_MAY_DEPOSIT,
		    "this key may have no bundles here");
	case VZ_RELAY_DEPOSIT:
		return vz_relay_serve_permitted(
		    s, VZ_RELAY_MAY_DEPOSIT, "this key may not deposit here");
	default:
		return vz_relay_serve_permitted(
		    s, VZ_RELAY_MAY_REGISTER, "this key has no mailbox here");
	}
}

static int
begin(struct vz_relay_serve *s)
{
	if (s->mail == NULL && (s->mail = calloc(1, sizeof(*s->mail))) == NULL)
		return VZ_ENOMEM;
	if (s->link.stage == VZ_RELAY_SERVE_START) {
		s->mail->room = VZ_RELAY_ROOM_MAX;
		vz_relay_link_enter(&s->link, VZ_RELAY_SERVE_MAIL);
	}
	return 0;
}

static void
expect_parts(struct vz_relay_serve *s, uint64_t size)
{
	struct vz_relay_box *m = s->mail;
	uint64_t most = size < VZ_RELAY_MAIL_MAX ? size : VZ_RELAY_MAIL_MAX;

	m->part_left = size;
	m->part_at = s->link.now;
	m->part_by = s->link.now + s->link.limits.stall_ms + most * 1000 / VZ_RELAY_PART_RATE;
}

static int
on_request(struct vz_relay_serve *s, const struct vz_relay_frame *f)
{
	struct vz_relay_box *m;
	int r = permitted(s, f->type);

	if (r < 0 || (r = begin(s)) < 0)
		return r;
	m = s->mail;
	if (m->n == VZ_RELAY_ASKED_MAX || (m->part_left > 0 && !vz_relay_mail_idle(m)))
		return VZ_EPROTO;
	m->part_left = 0;
	m->asked[(m->first + m->n++) % VZ_RELAY_ASKED_MAX] = f->type;
	switch (f->type) {
	case VZ_RELAY_BUNDLE_WANTED: return VZ_RELAY_EVENT_BUNDLE_WANTED;
	case VZ_RELAY_DEPOSIT: expect_parts(s, f->size); return VZ_RELAY_EVENT_DEPOSIT;
	case VZ_RELAY_NEXT: return VZ_RELAY_EVENT_NEXT;
	default: return VZ_RELAY_EVENT_TAKEN;
	}
}

static int
on_part(struct vz_relay_serve *s, size_t n)
{
	struct vz_relay_box *m = s->mail;

	if (n > m->room || n > m->part_left)
		return VZ_EPROTO;
	m->room -= n;
	m->part_left -= n;
	m->part_at = s->link.now;
	if (!vz_relay_mail_idle(m))
		return VZ_RELAY_EVENT_PART;
	m->owed += n; /* it crossed the answer */
	return 0;
}

int
vz_relay_mail_request(struct vz_relay_serve *s, const struct vz_relay_frame *f)
{
	return f->type == VZ_RELAY_PART ? on_part(s, f->bytes_len) : on_request(s, f);
}

/* Answers. */

/* The request at the head, 0 when there is none. */
static uint8_t
head(const struct vz_relay_serve *s)
{
	const struct vz_relay_box *m = s->mail;

	return m != NULL && m->n > 0 ? m->asked[m->first] : 0;
}

/* One frame that answers it, if it asked for that. */
static int
answer(struct vz_relay_serve *s, uint8_t request, const struct vz_relay_frame *f)
{
	struct vz_relay_box *m = s->mail;
	int r;

	if (head(s) != request || m->piece_left > 0)
		return VZ_EINVAL;
	if ((r = vz_relay_link_put(&s->link, f)) < 0)
		return r;
	m->first = (m->first + 1) % VZ_RELAY_ASKED_MAX;
	m->n--;
	return 0;
}

int
vz_relay_serve_bundle(struct vz_relay_serve *s, const uint8_t *p, size_t n)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_BUNDLE, .bytes = p, .bytes_len = n};

	return answer(s, VZ_RELAY_BUNDLE_WANTED, &f);
}

int
vz_relay_serve_deposited(struct vz_relay_serve *s, uint64_t number, bool duplicate)
{
	struct vz_relay_frame f = {
	    .type = VZ_RELAY_DEPOSITED, .number = number, .duplicate = duplicate};

	return answer(s, VZ_RELAY_DEPOSIT, &f);
}

int
vz_relay_serve_nothing(struct vz_relay_serve *s)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_NOTHING};

	return answer(s, VZ_RELAY_NEXT, &f);
}

int
vz_relay_serve_removed(struct vz_relay_serve *s, uint64_t number)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_REMOVED, .number = number};

	return answer(s, VZ_RELAY_TAKEN, &f);
}

int
vz_relay_serve_refused(struct vz_relay_serve *s, uint8_t status, const char *text)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_REFUSED,
	    .status = status,
	    .bytes = (const uint8_t *)text,
	    .bytes_len = vz_layout_words(text)};

	if (head(s) == 0)
		return VZ_EINVAL;
	s->mail->piece_left = 0;
	return answer(s, head(s), &f);
}

int
vz_relay_serve_entry(struct vz_relay_serve *s, const struct vz_relay_event *e)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_ENTRY,
	    .number = e->number,
	    .key = e->key,
	    .size = e->size,
	    .deposited = e->deposited,
	    .expires = e->expires};
	int r;

	if (head(s) != VZ_RELAY_NEXT || s->mail->piece_left > 0)
		return VZ_EINVAL;
	memcpy(f.content, e->content, sizeof(f.content));
	if ((r = vz_relay_link_put(&s->link, &f)) == 0)
		s->mail->piece_left = e->size;
	return r;
}

int
vz_relay_serve_piece(struct vz_relay_serve *s, const uint8_t *p, size_t n)
{
	struct vz_relay_box *m = s->mail;
	int r;

	if (m == NULL || n == 0 || n > m->piece_left)
		return VZ_EINVAL;
	if ((r = vz_relay_link_put_bytes(&s->link, VZ_RELAY_PIECE, p, n)) < 0)
		return r;
	m->piece_left -= n;
	if (m->piece_left == 0) {
		m->first = (m->first + 1) % VZ_RELAY_ASKED_MAX;
		m->n--;
	}
	return 0;
}

bool
vz_relay_serve_stuck(const struct vz_relay_serve *s)
{
	return vz_relay_link_stuck(&s->link);
}

unsigned
vz_relay_serve_asked(const struct vz_relay_serve *s)
{
	return s->mail != NULL ? s->mail->n : 0;
}
