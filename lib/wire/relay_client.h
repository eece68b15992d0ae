/*
 * A client of a relay (DESIGN 6; vz-protocol(7) RELAYS): one connection, one request. Pure: bytes
 * in, events and bytes out, milliseconds of any monotonic clock passed in. The turn is that of
 * wire/session.h.
 *
 *	a listener	vz_relay_client_register; then VZ_RELAY_EVENT_OFFER for each that wants in
 *	for each offer	another connection, vz_relay_client_claim, VZ_RELAY_EVENT_READY
 *	a sender	vz_relay_client_connect, VZ_RELAY_EVENT_READY
 *
 * After READY the connection is the other host's: a session begins there, whose channel is told by
 * vz_relay_client_path through whom it goes, and whose first bytes may be here already
 * (vz_relay_client_rest).
 */
#ifndef VZ_WIRE_RELAY_CLIENT_H
#define VZ_WIRE_RELAY_CLIENT_H

#include "wire/relay_link.h"

struct vz_relay_client;

enum vz_relay_event_type {
	VZ_RELAY_EVENT_PEER = 1, /* authenticated: look at the peer; then accept, or give up */
	VZ_RELAY_EVENT_CLOSE,    /* refused or ended: status, text. Nothing follows */
	/* client */
	VZ_RELAY_EVENT_REGISTERED, /* number: to go on with after a break */
	VZ_RELAY_EVENT_OFFER,      /* match: somebody waits; claim it in another connection */
	VZ_RELAY_EVENT_READY,      /* match: the connection is the other host's */
	VZ_RELAY_EVENT_PONG,       /* our ping came back: token */
	/* relay: the request, to be answered */
	VZ_RELAY_EVENT_REGISTER, /* number */
	VZ_RELAY_EVENT_CONNECT,  /* key */
	VZ_RELAY_EVENT_CLAIM,    /* match */
};

/* bytes: borrowed until the next call for events or room. */
struct vz_relay_event {
	enum vz_relay_event_type type;
	uint8_t status;
	uint64_t number, token;
	struct vz_key key;
	uint8_t match[VZ_MATCH_LEN];
	const uint8_t *bytes;
	size_t bytes_len;
};

/*
 * c->initiator is set; c's service and path are not looked at; c->responder is the relay.
 * VZ_EINVAL, VZ_ENOMEM. The caller owns *out.
 */
int vz_relay_client_new(struct vz_relay_client **out, const struct vz_channel_config *c,
    const struct vz_relay_limits *limits, uint64_t now);
void vz_relay_client_free(struct vz_relay_client *c);

/* Room to read into, for at most *n bytes. NULL: no memory, or after READY. */
uint8_t *vz_relay_client_space(struct vz_relay_client *c, size_t *n);
void vz_relay_client_fed(struct vz_relay_client *c, size_t n, uint64_t now);
const uint8_t *vz_relay_client_out(const struct vz_relay_client *c, size_t *n);
void vz_relay_client_sent(struct vz_relay_client *c, size_t n, uint64_t now);

/*
 * The next event: 1, 0 when there is none, or an error, which is final: VZ_EAUTH, VZ_EFORMAT,
 * VZ_EMISMATCH (another relay than the one called), VZ_EPROTO (illegal here, or READY for another
 * match than the one claimed), VZ_ENOMEM.
 */
int vz_relay_client_next(struct vz_relay_client *c, struct vz_relay_event *ev);
/* The relay, from VZ_RELAY_EVENT_PEER on; NULL before. */
const struct vz_bundle *vz_relay_client_peer(const struct vz_relay_client *c);
/* Answers VZ_RELAY_EVENT_PEER. */
int vz_relay_client_accept(struct vz_relay_client *c);

/* The one request, at any time after that. VZ_EINVAL: not now. */
/*
 * number: 0 to begin, and so to displace whoever is registered with this identity; or the number of
 * this registration before a break, which is refused with 77 when a newer one has taken its place.
 * Whoever is told 77 does not come back by itself.
 */
int vz_relay_client_register(struct vz_relay_client *c, uint64_t number);
int vz_relay_client_connect(struct vz_relay_client *c, const struct vz_key *listener);
int vz_relay_client_claim(struct vz_relay_client *c, const uint8_t match[static VZ_MATCH_LEN]);

/* Of a registration, or before the request: asks for a pong; says goodbye. In other states
 * VZ_EINVAL: there one only hangs up. */
int vz_relay_client_ping(struct vz_relay_client *c, uint64_t token);
int vz_relay_client_close(struct vz_relay_client *c, uint8_t status, const char *text);

/* After READY: says in the channel's config of the session that begins through which relay and in
 * which match it goes. VZ_EINVAL before. */
int vz_relay_client_path(const struct vz_relay_client *c, struct vz_channel_config *inner);
/* After READY: bytes of the other host that came with it, for the session. NULL and 0 before. */
const uint8_t *vz_relay_client_rest(const struct vz_relay_client *c, size_t *n);

/* Puts the pong that is owed, if one is, into the output. */
int vz_relay_client_flush(struct vz_relay_client *c, uint64_t now);
/* When vz_relay_client_tick wants to be called; UINT64_MAX = never. */
uint64_t vz_relay_client_deadline(const struct vz_relay_client *c);
/* Time passed: may queue a ping. VZ_ETIMEOUT: handshake, answer, record or relay overdue. */
int vz_relay_client_tick(struct vz_relay_client *c, uint64_t now);

#endif
