/*
 * A session: what both sides do alike. Reading is pulled frame by frame, so that holding back needs
 * no queue; writing gathers small frames until a flush or a full record.
 */
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "wire/resume.h"

#define FORGET_STEP 64 /* messages */

void
vz_session_defaults(struct vz_session_config *c)
{
	c->handshake_ms = 10 * 1000;
	c->keepalive_ms = 15 * 1000;
	c->dead_ms = 45 * 1000;
	c->record_ms = 30 * 1000;
}

int
vz_session_new(struct vz_session **out, const struct vz_session_config *c)
{
	struct vz_session *s;
	int r;

	*out = NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return VZ_ENOMEM;
	if ((r = vz_channel_new(&s->channel, &c->channel)) < 0) {
		free(s);
		return r;
	}
	s->observer = c->channel.observer;
	s->stage = c->channel.initiator ? VZ_STAGE_SENDER_START : VZ_STAGE_LISTENER_START;
	memcpy(s->stream, c->stream, sizeof(s->stream));
	if (!c->channel.initiator)
		memset(s->stream, 0, sizeof(s->stream));
	vz_buf_init(&s->control, VZ_RECORD_PLAIN_MAX);
	s->sender = c->channel.initiator;
	s->out_full = s->sender ? VZ_OUT_FULL_SENDER : VZ_OUT_FULL_LISTENER;
	s->out.limit = s->sender ? VZ_EARLY_MAX : VZ_WINDOW_CONNECTION;
	s->in.limit = VZ_WINDOW_CONNECTION;
	s->message_window = VZ_EARLY_MAX;
	vz_buf_init(&s->answers, 2 * VZ_ANSWERS_KEPT);
	s->keeps = !s->sender && c->resumes;
	s->durable = !s->sender && c->durable;
	s->keepalive_ms = c->keepalive_ms;
	s->dead_ms = c->dead_ms;
	s->record_ms = c->record_ms;
	s->age_ms = c->age_ms;
	s->age_bytes = c->age_bytes;
	vz_session_begins(s, c->now, c->handshake_ms);
	s->ack_by = UINT64_MAX;
	*out = s;
	return 0;
}

void
vz_session_begins(struct vz_session *s, uint64_t now, uint64_t handshake_ms)
{
	s->now = s->heard_at = s->said_at = s->since = now;
	s->handshake_by = now + handshake_ms;
}

void
vz_session_free(struct vz_session *s)
{
	if (s == NULL)
		return;
	vz_channel_free(s->channel);
	vz_buf_free(&s->control);
	vz_buf_free(&s->answers);
	vz_messages_free(&s->messages);
	free(s);
}

uint8_t *
vz_session_space(struct vz_session *s, size_t *n)
{
	return vz_channel_space(s->channel, n);
}

void
vz_session_fed(struct vz_session *s, size_t n, uint64_t now)
{
	s->now = now;
	if (n == 0)
		return;
	s->heard_at = now;
	s->bytes += n;
	if (!vz_channel_partial(s->channel))
		s->record_since = now;
	vz_channel_fed(s->channel, n);
}

const uint8_t *
vz_session_out(const struct vz_session *s, size_t *n)
{
	*n = 0;
	return s->channel != NULL ? vz_channel_out(s->channel, n) : NULL;
}

void
vz_session_sent(struct vz_session *s, size_t n, uint64_t now)
{
	s->now = now;
	if (n > 0)
		s->said_at = now;
	s->bytes += n;
	vz_channel_sent(s->channel, n);
}

const struct vz_bundle *
vz_session_peer(const struct vz_session *s)
{
	return s->channel != NULL ? vz_channel_peer(s->channel) : NULL;
}

bool
vz_session_authenticated(const struct vz_session *s)
{
	return s->authenticated;
}

bool
vz_session_begun(const struct vz_session *s)
{
	return vz_channel_begun(s->channel);
}

const uint8_t *
vz_session_stream(const struct vz_session *s)
{
	return s->stream;
}

bool
vz_session_is_aes(const struct vz_session *s)
{
	return s->channel != NULL && vz_channel_is_aes(s->channel);
}

bool
vz_session_closed(const struct vz_session *s)
{
	return s->closed;
}

bool
vz_session_is_sender(const struct vz_session *s)
{
	return s->sender;
}

int
vz_session_accept(struct vz_session *s, uint8_t rights, uint64_t max_size)
{
	int r;

	if (s->authenticated)
		return VZ_EINVAL;
	if ((r = vz_channel_accept(s->channel)) < 0)
		return r;
	s->authenticated = true;
	s->rights = rights;
	s->max_size = max_size;
	return s->sender ? vz_sender_hello(s) : 0;
}

/* Writing. */

static int
seal(struct vz_session *s)
{
	int r;

	if (s->control.len == 0)
		return 0;
	r = vz_channel_put(s->channel, vz_buf_ptr(&s->control), s->control.len, NULL, 0);
	if (r == 0)
		vz_buf_clear(&s->control);
	return r;
}

int
vz_session_put(struct vz_session *s, const struct vz_frame *f)
{
	int r;

	if (!s->authenticated || s->closing)
		return VZ_EINVAL;
	if (s->observer != NULL)
		s->observer->frame(s->observer->arg, true, f);
	if ((r = vz_frame_put(&s->control, f)) != VZ_ELIMIT)
		return r;
	if ((r = seal(s)) < 0)
		return r;
	return vz_frame_put(&s->control, f);
}

int
vz_session_put_text(struct vz_session *s, struct vz_frame *f, const char *text)
{
	f->bytes = (const uint8_t *)text;
	f->bytes_len = vz_layout_words(text); /* words that may not travel are left out */
	return vz_session_put(s, f);
}

int
vz_session_close(struct vz_session *s, uint8_t status, const char *text)
{
	struct vz_frame f = {.type = VZ_FRAME_CLOSE, .status = status};
	int r;

	/* Whoever refuses has only seen the peer's proof: encryption opens just for this goodbye.
	 */
	if (!s->authenticated && !s->sender && vz_session_peer(s) != NULL)
		vz_session_accept(s, 0, 0);
	if (s->authenticated && !s->closing &&
	    (r = s->sender ? vz_sender_owed(s) : vz_listener_owed(s)) < 0)
		return r;
	r = vz_session_put_text(s, &f, text);
	s->closing = true;
	return r;
}

int
vz_session_ping(struct vz_session *s, uint64_t token)
{
	struct vz_frame f = {.type = VZ_FRAME_PING, .token = token};

	return vz_session_put(s, &f);
}

/* A sender's FORGET is worth a record of its own only for many; else it shares the next one. */
static bool
forgets(const struct vz_session *s)
{
	return s->sender && s->messages.base - s->forgotten >= FORGET_STEP;
}

/* Turns what is owed as state into frames. */
static int
put_owed(struct vz_session *s)
{
	struct vz_frame pong = {.type = VZ_FRAME_PONG, .token = s->pong_token};
	int r;

	if (s->closing)
		return 0;
	if (s->pong_due && (r = vz_session_put(s, &pong)) < 0)
		return r;
	s->pong_due = false;
	if (s->ready_due && (r = vz_listener_ready(s)) < 0)
		return r;
	if (s->sender ? (r = vz_sender_skips(s)) < 0
		      : (r = vz_listener_owed(s)) < 0 || (r = vz_listener_pay(s)) < 0)
		return r;
	if ((r = vz_flow_owed(s)) < 0)
		return r;
	return forgets(s) || (s->sender && s->control.len > 0) ? vz_sender_owed(s) : 0;
}

int
vz_session_flush(struct vz_session *s, uint64_t now)
{
	int r;

	s->now = now;
	if (!s->authenticated)
		return 0;
	if ((r = put_owed(s)) < 0)
		return r;
	return seal(s);
}

bool
vz_session_pending(const struct vz_session *s)
{
	if (!s->authenticated)
		return false;
	return s->control.len > 0 ||
	    (!s->closing &&
		(s->pong_due || s->ready_due || vz_flow_owes(s) || s->delivered_count > 0 ||
		    forgets(s)));
}

/* Reading. */

/* A second's worth of frames that carry nothing is bounded (DESIGN 5); keepalives never come near
 * it. */
static int
count_idle(struct vz_session *s, uint8_t type)
{
	bool idle = type == VZ_FRAME_PING || type == VZ_FRAME_PONG || type == VZ_FRAME_PADDING;

	if (!idle || s->now - s->idle_since >= 1000) {
		s->idle_frames = 0;
		s->idle_since = s->now;
	}
	if (idle && ++s->idle_frames >= VZ_IDLE_FRAMES_MAX)
		return VZ_EPROTO;
	return 0;
}

static int
common_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	switch (f->type) {
	case VZ_FRAME_PING:
		s->pong_due = true;
		s->pong_token = f->token;
		return 0;
	case VZ_FRAME_PONG:
		ev->type = VZ_EVENT_PONG;
		ev->token = f->token;
		return 1;
	case VZ_FRAME_CLOSE:
		s->closed = true;
		ev->type = VZ_EVENT_CLOSE;
		ev->status = f->status;
		ev->bytes = f->bytes;
		ev->bytes_len = f->bytes_len;
		return 1;
	default: return 0; /* padding */
	}
}

static int
handle_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev)
{
	int r;

	if (s->observer != NULL)
		s->observer->frame(s->observer->arg, false, f);
	if (!vz_legal_frame(s->stage, f->type))
		return VZ_EPROTO;
	if ((r = count_idle(s, f->type)) < 0)
		return r;
	if (f->type >= VZ_FRAME_PING)
		return common_frame(s, f, ev);
	return s->sender ? vz_sender_frame(s, f, ev) : vz_listener_frame(s, f, ev);
}

bool
vz_session_stuck(const struct vz_session *s)
{
	size_t out;

	if (s->detached)
		return false;
	vz_session_out(s, &out);
	return out >= s->out_full + VZ_OUT_STUCK_BEYOND_FULL;
}

/* The next record or the peer's proof: 1 with an event, 0 = more bytes are needed, 2 = a record is
 * there. */
static int
refill(struct vz_session *s, struct vz_event *ev)
{
	const uint8_t *plain;
	size_t len;
	int r;

	if (vz_session_stuck(s)) /* a peer that does not read is not listened to */
		return 0;
	r = vz_channel_next(s->channel, &plain, &len);
	if (r == VZ_CHANNEL_PEER) {
		ev->type = VZ_EVENT_PEER;
		return 1;
	}
	if (r != VZ_CHANNEL_RECORD)
		return r;
	s->record = vz_rd_of(plain, len);
	s->record_since = s->now;
	return 2;
}

int
vz_session_next(struct vz_session *s, struct vz_event *ev)
{
	struct vz_frame f;
	int r;

	memset(ev, 0, sizeof(*ev));
	if (s->failed < 0)
		return s->failed;
	if (!s->detached && !s->closing && (s->ready_due || s->reopened > 0) &&
	    (r = vz_listener_handled(s)) < 0)
		return s->failed = r;
	for (;;) {
		if (s->closed || s->closing || s->detached)
			return 0;
		if ((r = vz_frame_next(&s->record, &f)) == 1)
			r = handle_frame(s, &f, ev);
		else if (r == 0 && (r = refill(s, ev)) == 0)
			return 0;
		if (r == 1)
			return 1;
		if (r < 0)
			return s->failed = r;
	}
}

/* Time. */

static uint64_t
sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool
vz_session_old(const struct vz_session *s)
{
	return !s->detached &&
	    ((s->age_ms != 0 && s->now - s->since >= s->age_ms) ||
		(s->age_bytes != 0 && s->bytes >= s->age_bytes));
}

uint64_t
vz_session_deadline(const struct vz_session *s)
{
	uint64_t t;

	if (s->detached)
		return UINT64_MAX;
	if (!s->authenticated)
		return s->handshake_by;
	t = sooner(s->heard_at + s->dead_ms, s->said_at + s->keepalive_ms);
	if (vz_channel_partial(s->channel))
		t = sooner(t, s->record_since + s->record_ms);
	if (s->age_ms != 0 && !vz_session_old(s))
		t = sooner(t, s->since + s->age_ms);
	/* Nothing is acknowledged after goodbye. */
	return s->closing ? t : sooner(t, s->ack_by);
}

int
vz_session_tick(struct vz_session *s, uint64_t now, bool reading)
{
	int r = 0;

	s->now = now;
	if (s->detached)
		return 0;
	if (!s->authenticated)
		return now >= s->handshake_by ? VZ_ETIMEOUT : 0;
	if (!reading)
		s->heard_at = s->record_since = now;
	if (now >= s->heard_at + s->dead_ms)
		return VZ_ETIMEOUT;
	if (vz_channel_partial(s->channel) && now >= s->record_since + s->record_ms)
		return VZ_ETIMEOUT;
	if (now >= s->said_at + s->keepalive_ms) {
		s->said_at = now;
		/* A held event's bytes lie in the channel's buffer: only a reader may lose it. */
		if (reading && s->record.len == 0)
			vz_channel_trim(s->channel);
		if (!s->closing)
			r = vz_session_ping(s, now);
	}
	return r < 0 ? r : vz_session_flush(s, now);
}
