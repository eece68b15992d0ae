#include "wire/relay_serve_impl.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

int
vz_relay_serve_new(struct vz_relay_serve **out, const struct vz_channel_config *config,
    const struct vz_relay_limits *limits, uint64_t now)
{
	struct vz_relay_serve *s;
	int r;

	*out = NULL;
	if (config->initiator)
		return VZ_EINVAL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return VZ_ENOMEM;
	if ((r = vz_relay_link_init(&s->link, config, limits, now)) < 0) {
		free(s);
		return r;
	}
	*out = s;
	return 0;
}

void
vz_relay_serve_free(struct vz_relay_serve *s)
{
	if (s == NULL)
		return;
	vz_relay_link_free(&s->link);
	free(s->mail);
	free(s);
}

uint8_t *
vz_relay_serve_space(struct vz_relay_serve *s, size_t *n)
{
	return vz_relay_link_space(&s->link, n);
}

void
vz_relay_serve_fed(struct vz_relay_serve *s, size_t n, uint64_t now)
{
	vz_relay_link_fed(&s->link, n, now);
}

const uint8_t *
vz_relay_serve_out(const struct vz_relay_serve *s, size_t *n)
{
	return vz_channel_out(s->link.channel, n);
}

void
vz_relay_serve_sent(struct vz_relay_serve *s, size_t n, uint64_t now)
{
	vz_relay_link_sent(&s->link, n, now);
}

const struct vz_bundle *
vz_relay_serve_peer(const struct vz_relay_serve *s)
{
	return vz_channel_peer(s->link.channel);
}

bool
vz_relay_serve_begun(const struct vz_relay_serve *s)
{
	return vz_channel_begun(s->link.channel);
}

int
vz_relay_serve_accept(struct vz_relay_serve *s, unsigned may)
{
	int r = vz_relay_link_accept(&s->link);

	if (r == 0)
		s->may = may;
	return r;
}

int
vz_relay_serve_permitted(struct vz_relay_serve *s, unsigned right, const char *otherwise)
{
	if ((s->may & right) != 0)
		return 0;
	vz_relay_link_close(&s->link, 77, otherwise);
	return s->link.failed = VZ_EDENIED;
}

static int
may_register(struct vz_relay_serve *s)
{
	return vz_relay_serve_permitted(s, VZ_RELAY_MAY_REGISTER, "this key may not register here");
}

static void
name(struct vz_relay_serve *s, const uint8_t *match)
{
	s->named = true;
	memcpy(s->match, match, VZ_MATCH_LEN);
}

/* The event that a frame makes, 0, or an error. */
static int
on_frame(struct vz_relay_serve *s, const struct vz_relay_frame *f)
{
	int r;

	switch (f->type) {
	case VZ_RELAY_REGISTER:
		if ((r = may_register(s)) < 0)
			return r;
		vz_relay_link_enter(&s->link, VZ_RELAY_SERVE_REGISTERING);
		return VZ_RELAY_EVENT_REGISTER;
	case VZ_RELAY_CONNECT:
		r = vz_relay_serve_permitted(
		    s, VZ_RELAY_MAY_CONNECT, "this key may not connect here");
		if (r < 0)
			return r;
		vz_relay_link_enter(&s->link, VZ_RELAY_SERVE_WAITING);
		if (f->bytes_len > 0)
			name(s, f->bytes);
		return VZ_RELAY_EVENT_CONNECT;
	case VZ_RELAY_CLAIM:
		if ((r = may_register(s)) < 0)
			return r;
		vz_relay_link_enter(&s->link, VZ_RELAY_SERVE_WAITING);
		name(s, f->match);
		return VZ_RELAY_EVENT_CLAIM;
	case VZ_RELAY_CLOSE: return VZ_RELAY_EVENT_CLOSE;
	case VZ_RELAY_PONG: return 0;
	default: return vz_relay_mail_request(s, f);
	}
}

int
vz_relay_serve_next(struct vz_relay_serve *s, struct vz_relay_event *ev)
{
	struct vz_relay_frame f;
	int r;

	memset(ev, 0, sizeof(*ev));
	do {
		if ((r = vz_relay_link_next(&s->link, &f)) <= 0)
			return r;
		if (r == VZ_RELAY_LINK_PEER) {
			ev->type = VZ_RELAY_EVENT_PEER;
			return 1;
		}
	} while ((r = on_frame(s, &f)) == 0);
	if (r < 0)
		return s->link.failed = r;
	ev->type = (enum vz_relay_event_type)r;
	ev->status = f.status;
	ev->number = f.number;
	ev->size = f.size;
	ev->expires = f.expires;
	ev->key = f.key;
	memcpy(ev->content, f.content, sizeof(ev->content));
	memcpy(ev->match, f.match, VZ_MATCH_LEN);
	ev->bytes = f.bytes;
	ev->bytes_len = f.bytes_len;
	if (ev->type == VZ_RELAY_EVENT_CONNECT && f.bytes_len > 0) {
		memcpy(ev->match, f.bytes, VZ_MATCH_LEN);
		ev->bytes += VZ_MATCH_LEN;
		ev->bytes_len -= VZ_MATCH_LEN;
	}
	return 1;
}

int
vz_relay_serve_registered(struct vz_relay_serve *s, uint64_t number)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_REGISTERED, .number = number};
	int r;

	if (s->link.stage != VZ_RELAY_SERVE_REGISTERING)
		return VZ_EINVAL;
	if ((r = vz_relay_link_put(&s->link, &f)) == 0)
		vz_relay_link_enter(&s->link, VZ_RELAY_SERVE_REGISTERED);
	return r;
}

int
vz_relay_serve_offer(struct vz_relay_serve *s, const uint8_t match[static VZ_MATCH_LEN])
{
	struct vz_relay_frame f = {.type = VZ_RELAY_OFFER};

	if (s->link.stage != VZ_RELAY_SERVE_REGISTERED)
		return VZ_EINVAL;
	memcpy(f.match, match, VZ_MATCH_LEN);
	return vz_relay_link_put(&s->link, &f);
}

bool
vz_relay_serve_silent(const struct vz_relay_serve *s)
{
	return s->link.stage == VZ_RELAY_SERVE_WAITING && !s->link.closing && s->link.failed == 0 &&
	    !vz_relay_link_unread(&s->link);
}

int
vz_relay_serve_ready(struct vz_relay_serve *s, const uint8_t match[static VZ_MATCH_LEN])
{
	struct vz_relay_frame f = {.type = VZ_RELAY_READY};
	int r;

	if (s->link.stage != VZ_RELAY_SERVE_WAITING || s->link.closing ||
	    (s->named && memcmp(s->match, match, VZ_MATCH_LEN) != 0))
		return VZ_EINVAL;
	if (!vz_relay_serve_silent(s))
		return s->link.failed = VZ_EPROTO;
	memcpy(f.match, match, VZ_MATCH_LEN);
	if ((r = vz_relay_link_put(&s->link, &f)) == 0)
		vz_relay_link_enter(&s->link, VZ_RELAY_RAW);
	return r;
}

int
vz_relay_serve_follow(struct vz_relay_serve *s, const uint8_t *p, size_t n)
{
	return s->link.stage == VZ_RELAY_RAW ? vz_channel_append(s->link.channel, p, n) : VZ_EINVAL;
}

int
vz_relay_serve_close(struct vz_relay_serve *s, uint8_t status, const char *text)
{
	return vz_relay_link_close(&s->link, status, text);
}

bool
vz_relay_serve_raw(const struct vz_relay_serve *s)
{
	return s->link.stage == VZ_RELAY_RAW;
}

int
vz_relay_serve_flush(struct vz_relay_serve *s, uint64_t now)
{
	int r = vz_relay_link_flush(&s->link, now);

	return r == 0 ? vz_relay_mail_flush(s) : r;
}

uint64_t
vz_relay_serve_deadline(const struct vz_relay_serve *s)
{
	uint64_t link = vz_relay_link_deadline(&s->link), mail = vz_relay_mail_deadline(s);

	return link < mail ? link : mail;
}

int
vz_relay_serve_tick(struct vz_relay_serve *s, uint64_t now)
{
	int r = vz_relay_link_tick(&s->link, now);

	return r == 0 ? vz_relay_mail_tick(s) : r;
}
