/* How long either end of a connection to a relay waits, and how it says that it lives. */
#include "base/err.h"
#include "wire/relay_link.h"

/* It lives as long as both sides say so. */
static bool
pinged(const struct vz_relay_link *l)
{
	switch (l->stage) {
	case VZ_RELAY_CLIENT_REGISTERED:
	case VZ_RELAY_CLIENT_MAIL:
	case VZ_RELAY_SERVE_REGISTERED:
	case VZ_RELAY_SERVE_MAIL: return true;
	default: return false;
	}
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the record that comes in, or the output that waits, is overdue. */
static uint64_t
stall_by(const struct vz_relay_link *l)
{
	uint64_t t = UINT64_MAX;
	size_t waiting;

	if (!l->authenticated)
		return t;
	if (vz_channel_partial(l->channel) && !vz_relay_link_stuck(l))
		t = l->record_since + l->limits.record_ms;
	vz_channel_out(l->channel, &waiting);
	return waiting > 0 ? earlier(t, l->out_at + l->limits.stall_ms) : t;
}

/* Whom we do not listen to is not silent; that it reads is looked at instead. */
static uint64_t
silent_by(const struct vz_relay_link *l)
{
	return vz_relay_link_stuck(l) ? UINT64_MAX : l->heard_at + l->limits.dead_ms;
}

uint64_t
vz_relay_link_deadline(const struct vz_relay_link *l)
{
	uint64_t t;

	if (l->stage == VZ_RELAY_RAW)
		return UINT64_MAX;
	t = earlier(l->answer_by, stall_by(l));
	if (!pinged(l))
		return t;
	t = earlier(t, silent_by(l));
	return l->closing ? t : earlier(t, l->said_at + l->limits.keepalive_ms);
}

static int
keep_alive(struct vz_relay_link *l)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_PING, .token = l->now};

	if (l->now >= silent_by(l))
		return VZ_ETIMEOUT;
	if (l->closing || l->now < l->said_at + l->limits.keepalive_ms)
		return 0;
	l->said_at = l->now;
	if (l->record.len == 0)
		vz_channel_trim(l->channel);
	return vz_relay_link_put(l, &f);
}

int
vz_relay_link_tick(struct vz_relay_link *l, uint64_t now)
{
	int r;

	l->now = now;
	if (l->stage == VZ_RELAY_RAW)
		return 0;
	if (now >= l->answer_by || now >= stall_by(l))
		return VZ_ETIMEOUT;
	if (pinged(l) && (r = keep_alive(l)) < 0)
		return r;
	return vz_relay_link_flush(l, now);
}
