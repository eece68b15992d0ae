/*
 * The relay's live service (DESIGN 6): what a client asks for is answered out of the table of
 * relay/match.h, to it and to those whom it concerns. Pure: no sockets, time and randomness passed
 * in.
 *
 * For each connection the caller has a struct vz_live_client beside its vz_relay_serve, and gives
 * it every event from REGISTER on. When `touched` is called for a client, it has output to send, or
 * is to be looked at: vz_relay_serve_raw says that its bytes go to and come from `other` from now
 * on, hang_up that it is to be ended.
 */
#ifndef VZ_RELAY_LIVE_H
#define VZ_RELAY_LIVE_H

#include <stdbool.h>
#include "relay/match.h"
#include "wire/relay_serve.h"

enum vz_live_role {
	VZ_LIVE_NOTHING,  /* no request yet, refused, or over */
	VZ_LIVE_LISTENER, /* registered */
	VZ_LIVE_WAITING,  /* a sender in a match */
	VZ_LIVE_JOINED,   /* READY was said */
};

struct vz_live_client {
	struct vz_relay_serve *serve; /* set by the caller, who owns it; the rest zero */
	enum vz_live_role role;
	bool hang_up;
	uint8_t refused;              /* it was, with this status; 0 = not */
	const char *words;            /* ... and these; static */
	struct vz_live_client *other; /* JOINED: the other end; NULL once it is gone */
	struct vz_key to;             /* WAITING */
	uint8_t match[VZ_MATCH_LEN];
	uint8_t first[VZ_RELAY_FIRST_MAX]; /* WAITING: what it opens with, */
	uint8_t first_len;                 /* if it does */
};

struct vz_live {
	struct vz_matches *matches; /* set by the caller, who owns it */
	void (*touched)(void *ctx, struct vz_live_client *c);
	void *ctx;
};

/*
 * A request of c. unix_ms: the time of day; random: fresh, the id of a
 * match whose sender has none. What went wrong
 * is answered, too.
 */
void vz_live_request(struct vz_live *l, struct vz_live_client *c, const struct vz_relay_event *ev,
    uint64_t now, uint64_t unix_ms, const uint8_t random[static VZ_MATCH_LEN]);
/* c's connection is gone, or is to go; c may be freed afterwards. */
void vz_live_gone(struct vz_live *l, struct vz_live_client *c, uint64_t now);
/* Tells those whose matches are over. When: vz_match_deadline. */
void vz_live_tick(struct vz_live *l, uint64_t now);

#endif
