#include "relay/live.h"
#include <string.h>
#include "base/err.h"

/* Statuses of DESIGN 8. */
#define UNAVAILABLE 69
#define TRY_AGAIN   75
#define PROTOCOL    76
#define NOT_ALLOWED 77

static void
refuse(struct vz_live *l, struct vz_live_client *c, uint8_t status, const char *text)
{
	c->role = VZ_LIVE_NOTHING;
	c->refused = status;
	c->words = text;
	/* Who cannot be told is hung up on. */
	if (vz_relay_serve_close(c->serve, status, text) < 0)
		c->hang_up = true;
	l->touched(l->ctx, c);
}

static const char displaced_words[] = "a newer listener with this identity has registered here";

/* Those who wait for it already are offered to whoever is the listener now. */
static int
welcome(struct vz_live *l, struct vz_live_client *c, const struct vz_key *who, uint64_t number)
{
	const uint8_t *match;
	int r = vz_relay_serve_registered(c->serve, number);

	for (size_t i = 0; r == 0 && (match = vz_match_waiting(l->matches, who, i)) != NULL; i++)
		r = vz_relay_serve_offer(c->serve, match);
	return r;
}

static void
on_register(struct vz_live *l, struct vz_live_client *c, uint64_t number, uint64_t unix_ms)
{
	const struct vz_key *who = &vz_relay_serve_peer(c->serve)->identity;
	uint64_t given;
	void *displaced;
	int r = vz_match_register(l->matches, who, c, number, unix_ms, &given, &displaced);

	if (r == VZ_EROLLBACK) {
		refuse(l, c, NOT_ALLOWED, displaced_words);
		return;
	}
	if (r < 0) {
		refuse(l, c, TRY_AGAIN, "too many listeners are registered here");
		return;
	}
	if (displaced != NULL)
		refuse(l, displaced, NOT_ALLOWED, displaced_words);
	c->role = VZ_LIVE_LISTENER;
	if (welcome(l, c, who, given) < 0) {
		vz_match_gone(l->matches, who, c);
		refuse(l, c, TRY_AGAIN, "no room");
		return;
	}
	l->touched(l->ctx, c);
}

/* Who opens names the match. */
static const uint8_t *
opening(struct vz_live_client *c, const struct vz_relay_event *ev, const uint8_t *random)
{
	if (ev->bytes_len == 0)
		return random;
	memcpy(c->first, ev->bytes, ev->bytes_len);
	c->first_len = (uint8_t)ev->bytes_len;
	return ev->match;
}

static void
on_connect(struct vz_live *l, struct vz_live_client *c, const struct vz_relay_event *ev,
    uint64_t now, const uint8_t random[static VZ_MATCH_LEN])
{
	const struct vz_key *to = &ev->key;
	const uint8_t *id = opening(c, ev, random);
	const struct vz_key *who = &vz_relay_serve_peer(c->serve)->identity;
	struct vz_live_client *listener;
	void *found;
	int r = vz_match_ask(l->matches, who, c, to, id, now, &found);

	if (r < 0) {
		if (r == VZ_ENOTFOUND)
			refuse(l, c, UNAVAILABLE, "no such listener is registered here");
		else
			refuse(l, c, TRY_AGAIN, "too many wait for this listener, or of this key");
		return;
	}
	listener = found;
	if (vz_relay_serve_offer(listener->serve, id) < 0) {
		vz_match_withdraw(l->matches, to, id);
		refuse(l, c, TRY_AGAIN, "the listener cannot be told");
		return;
	}
	c->role = VZ_LIVE_WAITING;
	c->to = *to;
	memcpy(c->match, id, VZ_MATCH_LEN);
	l->touched(l->ctx, listener);
}

static const char early_words[] = "said something before it was ready";

/* a has asked, and b claims. */
static void
join(struct vz_live *l, struct vz_live_client *a, struct vz_live_client *b,
    const uint8_t id[static VZ_MATCH_LEN])
{
	a->role = b->role = VZ_LIVE_JOINED;
	if (vz_relay_serve_ready(a->serve, id) < 0 || vz_relay_serve_ready(b->serve, id) < 0 ||
	    vz_relay_serve_follow(b->serve, a->first, a->first_len) < 0) {
		a->hang_up = b->hang_up = true; /* no memory */
	} else {
		a->other = b;
		b->other = a;
	}
	l->touched(l->ctx, a);
	l->touched(l->ctx, b);
}

/* READY on both sides, or on none: who said something meanwhile has broken the rules. */
static void
on_claim(struct vz_live *l, struct vz_live_client *c, const uint8_t id[static VZ_MATCH_LEN],
    uint64_t now)
{
	const struct vz_key *who = &vz_relay_serve_peer(c->serve)->identity;
	struct vz_live_client *sender;
	void *found;

	if (!vz_relay_serve_silent(c->serve)) {
		refuse(l, c, PROTOCOL, early_words);
		return;
	}
	if (vz_match_claim(l->matches, who, id, now, &found) < 0) {
		refuse(l, c, UNAVAILABLE, "nobody waits in this match");
		return;
	}
	sender = found;
	if (vz_relay_serve_silent(sender->serve)) {
		join(l, sender, c, id);
		return;
	}
	refuse(l, sender, PROTOCOL, early_words);
	refuse(l, c, UNAVAILABLE, "nobody waits in this match");
}

void
vz_live_request(struct vz_live *l, struct vz_live_client *c, const struct vz_relay_event *ev,
    uint64_t now, uint64_t unix_ms, const uint8_t random[static VZ_MATCH_LEN])
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_REGISTER: on_register(l, c, ev->number, unix_ms); break;
	case VZ_RELAY_EVENT_CONNECT: on_connect(l, c, ev, now, random); break;
	case VZ_RELAY_EVENT_CLAIM: on_claim(l, c, ev->match, now); break;
	default: break;
	}
	vz_live_tick(l, now);
}

void
vz_live_gone(struct vz_live *l, struct vz_live_client *c, uint64_t now)
{
	if (c->role == VZ_LIVE_LISTENER)
		vz_match_gone(l->matches, &vz_relay_serve_peer(c->serve)->identity, c);
	if (c->role == VZ_LIVE_WAITING)
		vz_match_withdraw(l->matches, &c->to, c->match);
	if (c->other != NULL) {
		c->other->other = NULL;
		l->touched(l->ctx, c->other);
	}
	c->role = VZ_LIVE_NOTHING;
	c->other = NULL;
	vz_live_tick(l, now);
}

void
vz_live_tick(struct vz_live *l, uint64_t now)
{
	struct vz_live_client *c;

	while ((c = vz_match_ended(l->matches, now)) != NULL)
		refuse(l, c, TRY_AGAIN, "the listener did not answer");
}
