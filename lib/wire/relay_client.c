#include "wire/relay_client_impl.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

int
vz_relay_client_new(struct vz_relay_client **out, const struct vz_channel_config *config,
    const struct vz_relay_limits *limits, uint64_t now)
{
	struct vz_relay_client *c;
	int r;

	*out = NULL;
	if (!config->initiator)
		return VZ_EINVAL;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return VZ_ENOMEM;
	if ((r = vz_relay_link_init(&c->link, config, limits, now)) < 0) {
		free(c);
		return r;
	}
	*out = c;
	return 0;
}

void
vz_relay_client_free(struct vz_relay_client *c)
{
	if (c == NULL)
		return;
	vz_relay_link_free(&c->link);
	free(c->mail);
	free(c);
}

uint8_t *
vz_relay_client_space(struct vz_relay_client *c, size_t *n)
{
	return vz_relay_link_space(&c->link, n);
}

void
vz_relay_client_fed(struct vz_relay_client *c, size_t n, uint64_t now)
{
	vz_relay_link_fed(&c->link, n, now);
}

const uint8_t *
vz_relay_client_out(const struct vz_relay_client *c, size_t *n)
{
	return vz_channel_out(c->link.channel, n);
}

void
vz_relay_client_sent(struct vz_relay_client *c, size_t n, uint64_t now)
{
	vz_relay_link_sent(&c->link, n, now);
}

const struct vz_bundle *
vz_relay_client_peer(const struct vz_relay_client *c)
{
	return vz_channel_peer(c->link.channel);
}

int
vz_relay_client_accept(struct vz_relay_client *c)
{
	int r;

	if (!c->link.authenticated && vz_relay_client_peer(c) == NULL)
		return VZ_EINVAL;
	if ((r = vz_relay_link_accept(&c->link)) == 0)
		c->relay = vz_relay_client_peer(c)->identity;
	return r;
}

static int
request(struct vz_relay_client *c, const struct vz_relay_frame *f, enum vz_relay_stage then)
{
	int r;

	if (c->link.stage != VZ_RELAY_CLIENT_START || c->link.closed)
		return VZ_EINVAL;
	/* From here on it is silent: what it owes goes before. */
	if (c->link.authenticated && (r = vz_relay_link_flush(&c->link, c->link.now)) < 0)
		return r;
	if ((r = vz_relay_link_put(&c->link, f)) == 0)
		vz_relay_link_enter(&c->link, then);
	return r;
}

int
vz_relay_client_register(struct vz_relay_client *c, uint64_t number)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_REGISTER, .number = number};

	return request(c, &f, VZ_RELAY_CLIENT_REGISTERING);
}

int
vz_relay_client_connect(struct vz_relay_client *c, const struct vz_key *listener)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_CONNECT, .key = *listener};

	return request(c, &f, VZ_RELAY_CLIENT_WAITING);
}

int
vz_relay_client_open(struct vz_relay_client *c, const struct vz_key *listener,
    const uint8_t match[static VZ_MATCH_LEN], const uint8_t *first, size_t n)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_CONNECT, .key = *listener};
	uint8_t opening[VZ_MATCH_LEN + VZ_RELAY_FIRST_MAX];
	int r;

	if (n == 0 || n > VZ_RELAY_FIRST_MAX)
		return VZ_EINVAL;
	memcpy(opening, match, VZ_MATCH_LEN);
	memcpy(opening + VZ_MATCH_LEN, first, n);
	f.bytes = opening;
	f.bytes_len = VZ_MATCH_LEN + n;
	if ((r = request(c, &f, VZ_RELAY_CLIENT_WAITING)) == 0) {
		memcpy(c->match, match, VZ_MATCH_LEN);
		c->named = true;
	}
	return r;
}

int
vz_relay_client_claim(struct vz_relay_client *c, const uint8_t match[static VZ_MATCH_LEN])
{
	struct vz_relay_frame f = {.type = VZ_RELAY_CLAIM};
	int r;

	memcpy(f.match, match, VZ_MATCH_LEN);
	if ((r = request(c, &f, VZ_RELAY_CLIENT_WAITING)) == 0) {
		memcpy(c->match, match, VZ_MATCH_LEN);
		c->named = true;
	}
	return r;
}

/* It has sent a request after which nothing may come. */
static bool
silent(const struct vz_relay_client *c)
{
	return c->link.stage == VZ_RELAY_CLIENT_WAITING || c->link.stage == VZ_RELAY_RAW;
}

int
vz_relay_client_ping(struct vz_relay_client *c, uint64_t token)
{
	struct vz_relay_frame f = {.type = VZ_RELAY_PING, .token = token};

	return silent(c) ? VZ_EINVAL : vz_relay_link_put(&c->link, &f);
}

int
vz_relay_client_close(struct vz_relay_client *c, uint8_t status, const char *text)
{
	return silent(c) ? VZ_EINVAL : vz_relay_link_close(&c->link, status, text);
}

/* READY ends its record, too: what is behind it is the other host's. */
static int
on_ready(struct vz_relay_client *c, const struct vz_relay_frame *f)
{
	if (c->link.record.len > 0 || (c->named && memcmp(c->match, f->match, VZ_MATCH_LEN) != 0))
		return c->link.failed = VZ_EPROTO;
	memcpy(c->match, f->match, VZ_MATCH_LEN);
	vz_relay_link_enter(&c->link, VZ_RELAY_RAW);
	return VZ_RELAY_EVENT_READY;
}

/* The event that a frame makes, or an error. */
static int
on_frame(struct vz_relay_client *c, const struct vz_relay_frame *f, struct vz_relay_event *ev)
{
	switch (f->type) {
	case VZ_RELAY_REGISTERED:
		vz_relay_link_enter(&c->link, VZ_RELAY_CLIENT_REGISTERED);
		return VZ_RELAY_EVENT_REGISTERED;
	case VZ_RELAY_OFFER: return VZ_RELAY_EVENT_OFFER;
	case VZ_RELAY_READY: return on_ready(c, f);
	case VZ_RELAY_PONG: return VZ_RELAY_EVENT_PONG;
	case VZ_RELAY_MAIL: return VZ_RELAY_EVENT_MAIL;
	case VZ_RELAY_CLOSE: return VZ_RELAY_EVENT_CLOSE;
	default: return vz_relay_mail_answer(c, f, ev);
	}
}

/* What becomes an exit status may not say more than a relay can know, such as that a message was
 * stored or that a command failed: what is none of a relay's statuses is no valid answer. */
static uint8_t
status_of(const struct vz_relay_frame *f)
{
	if (f->type != VZ_RELAY_CLOSE && f->type != VZ_RELAY_REFUSED)
		return 0;
	switch (f->status) {
	case 65:
	case 69:
	case 71:
	case 75:
	case 76:
	case 77: return f->status;
	case 0: return f->type == VZ_RELAY_CLOSE ? 0 : 76; /* goodbye */
	default: return 76;
	}
}

static void
fill(struct vz_relay_event *ev, const struct vz_relay_frame *f)
{
	ev->status = status_of(f);
	ev->duplicate = f->duplicate != 0;
	ev->number = f->number;
	ev->token = f->token;
	ev->size = f->size;
	ev->deposited = f->deposited;
	ev->expires = f->expires;
	ev->key = f->key;
	memcpy(ev->content, f->content, sizeof(ev->content));
	memcpy(ev->match, f->match, VZ_MATCH_LEN);
	ev->bytes = f->bytes;
	ev->bytes_len = f->bytes_len;
}

int
vz_relay_client_next(struct vz_relay_client *c, struct vz_relay_event *ev)
{
	struct vz_relay_frame f;
	int r = vz_relay_link_next(&c->link, &f);

	memset(ev, 0, sizeof(*ev));
	if (r == VZ_RELAY_LINK_PEER)
		r = VZ_RELAY_EVENT_PEER;
	else if (r == VZ_RELAY_LINK_FRAME) {
		fill(ev, &f);
		if ((r = on_frame(c, &f, ev)) < 0)
			c->link.failed = r;
	}
	if (r <= 0)
		return r;
	ev->type = (enum vz_relay_event_type)r;
	return 1;
}

int
vz_relay_client_path(const struct vz_relay_client *c, struct vz_channel_config *inner)
{
	if (c->link.stage != VZ_RELAY_RAW)
		return VZ_EINVAL;
	inner->relayed = true;
	inner->relay = c->relay;
	memcpy(inner->match, c->match, VZ_MATCH_LEN);
	return 0;
}

const uint8_t *
vz_relay_client_rest(const struct vz_relay_client *c, size_t *n)
{
	*n = 0;
	return c->link.stage == VZ_RELAY_RAW ? vz_channel_rest(c->link.channel, n) : NULL;
}

int
vz_relay_client_flush(struct vz_relay_client *c, uint64_t now)
{
	return vz_relay_link_flush(&c->link, now);
}

uint64_t
vz_relay_client_deadline(const struct vz_relay_client *c)
{
	uint64_t link = vz_relay_link_deadline(&c->link), mail = vz_relay_mail_overdue(c);

	return link < mail ? link : mail;
}

int
vz_relay_client_tick(struct vz_relay_client *c, uint64_t now)
{
	int r = vz_relay_link_tick(&c->link, now);

	return r == 0 && now >= vz_relay_mail_overdue(c) ? VZ_ETIMEOUT : r;
}
