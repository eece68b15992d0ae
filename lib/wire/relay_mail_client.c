/* What a client asks of a mailbox, and that each answer is one to the request at the head. */
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "wire/relay_client_impl.h"

/* Asks: the request is at the end of those under way. */
static int
ask(struct vz_relay_client *c, const struct vz_relay_frame *f)
{
	struct vz_relay_mail *m = c->mail;
	int r;

	if ((c->link.stage != VZ_RELAY_CLIENT_START && c->link.stage != VZ_RELAY_CLIENT_MAIL) ||
	    c->link.closed || (m != NULL && m->missing > 0))
		return VZ_EINVAL;
	if (m == NULL) {
		if ((m = calloc(1, sizeof(*m))) == NULL)
			return VZ_ENOMEM;
		m->room = VZ_RELAY_ROOM_MAX;
		c->mail = m;
	}
	if (m->n == VZ_RELAY_ASKED_MAX)
		return VZ_EFULL;
	if ((r = vz_relay_link_put(&c->link, f)) < 0)
		return r;
	if (c->link.stage == VZ_RELAY_CLIENT_START)
		vz_relay_link_enter(&c->link, VZ_RELAY_CLIENT_MAIL);
	if (m->n == 0)
		m->since = c->link.now;
	m->asked[(m->first + m->n++) % VZ_RELAY_ASKED_MAX] = (struct vz_relay_asked){
	    .type = (enum vz_relay_type)f->type, .number = f->number, .key = f->key};
	return 0;
}

int
vz_relay_client_bundle(struct vz_relay_client *c, const struct vz_key *who)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_BUNDLE_WANTED, .key = *who};

	return ask(c, &f);
}

int
vz_relay_client_deposit(struct vz_relay_client *c, const struct vz_key *recipient,
    const uint8_t content[static VZ_RELAY_CONTENT], uint64_t size, uint64_t expires)
{
	struct vz_relay_frame f = {
	    .type = VZ_RELAY_DEPOSIT, .key = *recipient, .size = size, .expires = expires};
	int r;

	if (size > VZ_RELAY_MAIL_MAX)
		return VZ_EINVAL;
	memcpy(f.content, content, sizeof(f.content));
	if ((r = ask(c, &f)) == 0)
		c->mail->missing = size;
	return r;
}

int
vz_relay_client_collect(struct vz_relay_client *c, uint64_t after)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_NEXT, .number = after};

	return ask(c, &f);
}

int
vz_relay_client_taken(struct vz_relay_client *c, uint64_t number)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_TAKEN, .number = number};

	return ask(c, &f);
}

/* How much of n bytes may go in one PART now. */
static size_t
part_of(const struct vz_relay_client *c, size_t n)
{
	size_t waiting;

	vz_channel_out(c->link.channel, &waiting);
	if (waiting >= VZ_RELAY_OUT_STUCK)
		return 0;
	if (n > VZ_RELAY_CHUNK)
		n = VZ_RELAY_CHUNK;
	return n < c->mail->room ? n : (size_t)c->mail->room;
}

int64_t
vz_relay_client_part(struct vz_relay_client *c, const uint8_t *p, size_t n)
{
	size_t took = 0, part;
	int r;

	if (n > vz_relay_client_missing(c))
		return VZ_EINVAL;
	while (took < n && (part = part_of(c, n - took)) > 0) {
		if ((r = vz_relay_link_put_bytes(&c->link, VZ_RELAY_PART, p + took, part)) < 0)
			return r;
		c->mail->room -= part;
		c->mail->missing -= part;
		took += part;
		/* It is the relay's turn from the last one on. */
		c->mail->since = c->link.now;
	}
	return (int64_t)took;
}

uint64_t
vz_relay_client_missing(const struct vz_relay_client *c)
{
	return c->mail != NULL ? c->mail->missing : 0;
}

unsigned
vz_relay_client_asked(const struct vz_relay_client *c)
{
	return c->mail != NULL ? c->mail->n : 0;
}

uint64_t
vz_relay_mail_overdue(const struct vz_relay_client *c)
{
	const struct vz_relay_mail *m = c->mail;

	/* In the middle of a deposit with room it is we who are slow. */
	if (m == NULL || m->n == 0 || (m->n == 1 && m->missing > 0 && m->room > 0))
		return UINT64_MAX;
	return m->since + c->link.limits.stall_ms;
}

/* Answers. */

static void
answered(struct vz_relay_mail *m)
{
	m->first = (m->first + 1) % VZ_RELAY_ASKED_MAX;
	m->n--;
	/* A deposit that is being sent is the last request: it was answered before its end. */
	if (m->n == 0)
		m->missing = 0;
}

static int
on_room(struct vz_relay_mail *m, uint64_t more)
{
	if (more > VZ_RELAY_ROOM_MAX - m->room)
		return VZ_EPROTO;
	m->room += more;
	return VZ_RELAY_EVENT_ROOM;
}

static int
on_bundle(struct vz_relay_mail *m, const struct vz_relay_asked *a, struct vz_relay_event *ev)
{
	struct vz_bundle b;
	int r;

	if (a->type != VZ_RELAY_BUNDLE_WANTED)
		return VZ_EPROTO;
	if ((r = vz_bundle_decode(ev->bytes, ev->bytes_len, &b)) < 0)
		return r;
	if (!vz_key_equal(&b.identity, &a->key))
		return VZ_EMISMATCH;
	ev->key = a->key;
	answered(m);
	return VZ_RELAY_EVENT_BUNDLE;
}

static int
on_deposited(struct vz_relay_mail *m, const struct vz_relay_asked *a, struct vz_relay_event *ev)
{
	/* That all of it is there, nobody can know before it was sent, unless it was there. */
	if (a->type != VZ_RELAY_DEPOSIT || (m->n == 1 && m->missing > 0 && !ev->duplicate))
		return VZ_EPROTO;
	ev->key = a->key;
	answered(m);
	return VZ_RELAY_EVENT_DEPOSITED;
}

static int
on_entry(struct vz_relay_asked *a, const struct vz_relay_event *ev)
{
	if (a->type != VZ_RELAY_NEXT || a->left > 0 || ev->number <= a->number ||
	    ev->size > VZ_RELAY_MAIL_MAX)
		return VZ_EPROTO;
	a->number = ev->number;
	a->left = ev->size;
	return VZ_RELAY_EVENT_ENTRY;
}

static int
on_piece(struct vz_relay_mail *m, struct vz_relay_asked *a, struct vz_relay_event *ev)
{
	if (ev->bytes_len > a->left)
		return VZ_EPROTO;
	ev->number = a->number;
	a->left -= ev->bytes_len;
	if (a->left == 0)
		answered(m);
	return VZ_RELAY_EVENT_PIECE;
}

static int
on_nothing(struct vz_relay_mail *m, const struct vz_relay_asked *a, struct vz_relay_event *ev)
{
	if (a->type != VZ_RELAY_NEXT || a->left > 0)
		return VZ_EPROTO;
	ev->number = a->number;
	answered(m);
	return VZ_RELAY_EVENT_NOTHING;
}

static int
on_removed(struct vz_relay_mail *m, const struct vz_relay_asked *a, const struct vz_relay_event *ev)
{
	if (a->type != VZ_RELAY_TAKEN || ev->number != a->number)
		return VZ_EPROTO;
	answered(m);
	return VZ_RELAY_EVENT_REMOVED;
}

/* Also in the middle of an entry, which then is none. */
static int
on_refused(struct vz_relay_mail *m, const struct vz_relay_asked *a, struct vz_relay_event *ev)
{
	ev->of = a->type;
	ev->number = a->number;
	ev->key = a->key;
	answered(m);
	return VZ_RELAY_EVENT_REFUSED;
}

int
vz_relay_mail_answer(
    struct vz_relay_client *c, const struct vz_relay_frame *f, struct vz_relay_event *ev)
{
	struct vz_relay_mail *m = c->mail;
	struct vz_relay_asked *a = &m->asked[m->first];

	m->since = c->link.now;
	if (f->type == VZ_RELAY_ROOM)
		return on_room(m, f->number);
	if (m->n == 0)
		return VZ_EPROTO;
	switch (f->type) {
	case VZ_RELAY_BUNDLE: return on_bundle(m, a, ev);
	case VZ_RELAY_DEPOSITED: return on_deposited(m, a, ev);
	case VZ_RELAY_ENTRY: return on_entry(a, ev);
	case VZ_RELAY_PIECE: return on_piece(m, a, ev);
	case VZ_RELAY_NOTHING: return on_nothing(m, a, ev);
	case VZ_RELAY_REMOVED: return on_removed(m, a, ev);
	default: return on_refused(m, a, ev);
	}
}
