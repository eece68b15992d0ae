/* Room for deposits, notices of mail, and how long is waited for a depositor. */
#include "base/err.h"
#include "wire/relay_serve_impl.h"

#define MAIL_EVERY_MS 100 /* notices to a listener into whose mailbox much comes */

static bool
alive(const struct vz_relay_serve *s)
{
	return !s->link.closing && !s->link.closed && s->link.failed == 0;
}

int
vz_relay_serve_took(struct vz_relay_serve *s, size_t n)
{
	struct vz_relay_box *m = s->mail;

	if (m == NULL || n > VZ_RELAY_ROOM_MAX - m->room - m->owed)
		return VZ_EINVAL;
	m->owed += n;
	return 0;
}

int
vz_relay_serve_mail(struct vz_relay_serve *s)
{
	if (s->link.stage != VZ_RELAY_SERVE_REGISTERED || s->link.closing)
		return VZ_EINVAL;
	s->mail_due = true;
	return 0;
}

/* In quarters: what is left is enough to go on with meanwhile. */
static int
put_room(struct vz_relay_serve *s)
{
	struct vz_relay_box *m = s->mail;
	struct vz_relay_frame f = {.type = VZ_RELAY_ROOM, .number = m->owed};
	int r;

	if (m->owed < VZ_RELAY_ROOM_MAX / 4)
		return 0;
	if ((r = vz_relay_link_put(&s->link, &f)) < 0)
		return r;
	/* What was waited for us is not the client's time. */
	if (m->room == 0 && m->part_left > 0) {
		m->part_by += s->link.now - m->part_at;
		m->part_at = s->link.now;
	}
	m->room += m->owed;
	m->owed = 0;
	return 0;
}

/* When a notice may go: one at a time, and not too often. */
static uint64_t
notice_at(const struct vz_relay_serve *s)
{
	size_t waiting;

	vz_channel_out(s->link.channel, &waiting);
	return s->mail_due && waiting == 0 && alive(s) ? s->mail_next : UINT64_MAX;
}

static int
put_notice(struct vz_relay_serve *s)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_MAIL};
	if (notice_at(s) > s->link.now)
		return 0;
	s->mail_due = false;
	s->mail_next = s->link.now + MAIL_EVERY_MS;
	return vz_relay_link_put(&s->link, &f);
}

int
vz_relay_mail_flush(struct vz_relay_serve *s)
{
	if (s->mail_due)
		return put_notice(s);
	return s->mail != NULL && alive(s) ? put_room(s) : 0;
}

/* When the deposit that comes in is overdue. */
static uint64_t
deposit_by(const struct vz_relay_serve *s)
{
	const struct vz_relay_box *m = s->mail;
	uint64_t stall;

	if (m == NULL || m->part_left == 0 || vz_relay_mail_idle(m) || m->room == 0)
		return UINT64_MAX;
	stall = m->part_at + s->link.limits.stall_ms;
	return stall < m->part_by ? stall : m->part_by;
}

uint64_t
vz_relay_mail_deadline(const struct vz_relay_serve *s)
{
	return s->mail_due ? notice_at(s) : deposit_by(s);
}

int
vz_relay_mail_tick(struct vz_relay_serve *s)
{
	if (s->link.now >= deposit_by(s))
		return VZ_ETIMEOUT;
	return vz_relay_mail_flush(s);
}
