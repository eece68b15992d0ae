#include "wire/relay_link.h"
#include <string.h>
#include "base/err.h"

#define IDLE_FRAMES_MAX 16 /* PING, PONG and PADDING in a row within a second */
#define FRAME_MAX       VZ_RECORD_PLAIN_MAX

void
vz_relay_limits_default(struct vz_relay_limits *l)
{
	l->handshake_ms = 10 * 1000;
	l->request_ms = 10 * 1000;
	l->ready_ms = 15 * 1000;
	l->keepalive_ms = 15 * 1000;
	l->dead_ms = 45 * 1000;
	l->record_ms = 30 * 1000;
	l->stall_ms = 60 * 1000;
}

int
vz_relay_link_init(struct vz_relay_link *l, const struct vz_channel_config *c,
    const struct vz_relay_limits *limits, uint64_t now)
{
	struct vz_channel_config own = *c;

	own.service = VZ_SERVICE_RELAY;
	own.relayed = false;
	memset(l, 0, sizeof(*l));
	l->limits = *limits;
	l->observer = c->observer;
	l->initiator = c->initiator;
	l->stage = c->initiator ? VZ_RELAY_CLIENT_START : VZ_RELAY_SERVE_START;
	l->now = l->heard_at = l->said_at = l->out_at = now;
	l->answer_by = now + limits->handshake_ms;
	return vz_channel_new(&l->channel, &own);
}

void
vz_relay_link_free(struct vz_relay_link *l)
{
	vz_channel_free(l->channel);
	l->channel = NULL;
}

uint8_t *
vz_relay_link_space(struct vz_relay_link *l, size_t *n)
{
	*n = 0;
	return l->stage != VZ_RELAY_RAW ? vz_channel_space(l->channel, n) : NULL;
}

void
vz_relay_link_fed(struct vz_relay_link *l, size_t n, uint64_t now)
{
	l->now = now;
	if (n == 0)
		return;
	l->heard_at = now;
	if (!vz_channel_partial(l->channel))
		l->record_since = now;
	vz_channel_fed(l->channel, n);
}

void
vz_relay_link_sent(struct vz_relay_link *l, size_t n, uint64_t now)
{
	l->now = now;
	if (n > 0)
		l->said_at = l->out_at = now;
	/* Meanwhile it was not listened to: that it reads is a sign of life. */
	if (n > 0 && vz_relay_link_stuck(l))
		l->heard_at = l->record_since = now;
	vz_channel_sent(l->channel, n);
}

void
vz_relay_link_enter(struct vz_relay_link *l, enum vz_relay_stage stage)
{
	l->stage = stage;
	switch (stage) {
	case VZ_RELAY_CLIENT_REGISTERING:
	case VZ_RELAY_CLIENT_WAITING:
	case VZ_RELAY_SERVE_REGISTERING:
	case VZ_RELAY_SERVE_WAITING: l->answer_by = l->now + l->limits.ready_ms; break;
	case VZ_RELAY_SERVE_START: l->answer_by = l->now + l->limits.request_ms; break;
	default: l->answer_by = UINT64_MAX;
	}
}

int
vz_relay_link_accept(struct vz_relay_link *l)
{
	int r;

	if (l->authenticated)
		return VZ_EINVAL;
	if ((r = vz_channel_accept(l->channel)) < 0)
		return r;
	l->authenticated = true;
	vz_relay_link_enter(l, l->stage);
	return 0;
}

/* Before something is put. */
static void
note_output(struct vz_relay_link *l)
{
	size_t waiting;

	vz_channel_out(l->channel, &waiting);
	if (waiting == 0)
		l->out_at = l->now;
}

int
vz_relay_link_put(struct vz_relay_link *l, const struct vz_relay_frame *f)
{
	struct vz_buf b;
	int r;

	if (!l->authenticated || l->closing || l->stage == VZ_RELAY_RAW)
		return VZ_EINVAL;
	note_output(l);
	if (l->observer != NULL)
		l->observer->relay(l->observer->arg, true, f);
	vz_buf_init(&b, FRAME_MAX);
	if ((r = vz_relay_frame_put(&b, f)) == 0)
		r = vz_channel_put(l->channel, vz_buf_ptr(&b), b.len, NULL, 0);
	vz_buf_free(&b);
	return r;
}

int
vz_relay_link_put_bytes(struct vz_relay_link *l, uint8_t type, const void *p, size_t n)
{
	const struct vz_relay_frame f = {.type = type, .bytes = p, .bytes_len = n};
	uint8_t head[VZ_FRAME_HEAD] = {type};

	if (!l->authenticated || l->closing || l->stage == VZ_RELAY_RAW || n > VZ_RELAY_CHUNK)
		return VZ_EINVAL;
	note_output(l);
	if (l->observer != NULL)
		l->observer->relay(l->observer->arg, true, &f);
	vz_store16(head + 1, (uint16_t)n);
	return vz_channel_put(l->channel, head, sizeof(head), p, n);
}

int
vz_relay_link_close(struct vz_relay_link *l, uint8_t status, const char *text)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_CLOSE,
	    .status = status,
	    .bytes = (const uint8_t *)text,
	    .bytes_len = vz_layout_words(text)};
	int r;

	/* Whoever refuses has only seen the client's proof: encryption opens just for this. */
	if (!l->authenticated && !l->initiator && vz_channel_peer(l->channel) != NULL)
		vz_relay_link_accept(l);
	r = vz_relay_link_put(l, &f);
	l->closing = true;
	return r;
}

bool
vz_relay_link_unread(const struct vz_relay_link *l)
{
	return l->record.len > 0 || vz_channel_partial(l->channel);
}

static int
count_idle(struct vz_relay_link *l, uint8_t type)
{
	bool idle = type == VZ_RELAY_PING || type == VZ_RELAY_PONG || type == VZ_RELAY_PADDING;

	if (!idle || l->now - l->idle_since >= 1000) {
		l->idle_frames = 0;
		l->idle_since = l->now;
	}
	return idle && ++l->idle_frames >= IDLE_FRAMES_MAX ? VZ_EPROTO : 0;
}

static int
handle_frame(struct vz_relay_link *l, const struct vz_relay_frame *f)
{
	int r;

	if (l->observer != NULL)
		l->observer->relay(l->observer->arg, false, f);
	if (!vz_relay_legal(l->stage, f->type))
		return VZ_EPROTO;
	if ((r = count_idle(l, f->type)) < 0)
		return r;
	switch (f->type) {
	case VZ_RELAY_PING:
		l->pong_due = true;
		l->pong_token = f->token;
		return 0;
	case VZ_RELAY_PADDING: return 0;
	case VZ_RELAY_CLOSE: l->closed = true; return VZ_RELAY_LINK_FRAME;
	default: return VZ_RELAY_LINK_FRAME;
	}
}

bool
vz_relay_link_stuck(const struct vz_relay_link *l)
{
	size_t waiting;

	vz_channel_out(l->channel, &waiting);
	return waiting >= (l->initiator ? VZ_RELAY_OUT_STUCK_CLIENT : VZ_RELAY_OUT_STUCK);
}

/* The next record, if there is one whole, or the peer's proof. */
static int
refill(struct vz_relay_link *l)
{
	const uint8_t *plain;
	size_t len;
	int r;

	if (vz_relay_link_stuck(l)) /* a peer that does not read is not listened to */
		return 0;
	if ((r = vz_channel_next(l->channel, &plain, &len)) != VZ_CHANNEL_RECORD)
		return r == VZ_CHANNEL_PEER ? VZ_RELAY_LINK_PEER : r;
	l->record = vz_rd_of(plain, len);
	l->record_since = l->now;
	return 0;
}

static bool
over(const struct vz_relay_link *l)
{
	return l->closed || l->closing || l->stage == VZ_RELAY_RAW;
}

int
vz_relay_link_next(struct vz_relay_link *l, struct vz_relay_frame *f)
{
	int r = 0;

	while (l->failed == 0 && !over(l)) {
		/* Not even the first byte of what may not come is waited on. */
		if (l->stage == VZ_RELAY_SERVE_WAITING && vz_relay_link_unread(l))
			return l->failed = VZ_EPROTO;
		if ((r = vz_relay_frame_next(&l->record, f)) == 1)
			r = handle_frame(l, f);
		else if (r == 0 && (r = refill(l)) == 0 && l->record.len == 0)
			return 0;
		if (r > 0)
			return r;
		if (r < 0)
			l->failed = r;
	}
	return l->failed;
}

/* A pong is owed once, however often it was asked for: a client makes no output grow. */
int
vz_relay_link_flush(struct vz_relay_link *l, uint64_t now)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_PONG, .token = l->pong_token};

	l->now = now;
	if (!l->pong_due || over(l))
		return 0;
	l->pong_due = false;
	return vz_relay_link_put(l, &f);
}
