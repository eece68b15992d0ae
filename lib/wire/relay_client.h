/*
 * A client of a relay (DESIGN 6; vz-protocol(7) RELAYS): one connection, one request, or any number
 * of a mailbox. Pure: bytes in, events and bytes out, milliseconds of any monotonic clock passed
 *in. The turn is that of wire/session.h.
 *
 *	a listener	vz_relay_client_register; then VZ_RELAY_EVENT_OFFER for each that wants in
 *	for each offer	another connection, vz_relay_client_claim, VZ_RELAY_EVENT_READY
 *	a sender	vz_relay_client_connect, VZ_RELAY_EVENT_READY
 *	a depositor	vz_relay_client_bundle, vz_relay_client_deposit and _part
 *	a collector	vz_relay_client_collect, vz_relay_client_taken
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
	VZ_RELAY_EVENT_CLOSE,    /* refused or ended: status, text. Nothing follows. A client
				    hears only statuses that are a relay's, 76 for all others */
	/* client */
	VZ_RELAY_EVENT_REGISTERED, /* number: to go on with after a break */
	VZ_RELAY_EVENT_OFFER,      /* match: somebody waits; claim it in another connection */
	VZ_RELAY_EVENT_READY,      /* match: the connection is the other host's */
	VZ_RELAY_EVENT_PONG,       /* our ping came back: token */
	VZ_RELAY_EVENT_MAIL,       /* of a registration: messages wait in the mailbox */
	/* client of a mailbox: answers, in the order of the requests */
	VZ_RELAY_EVENT_BUNDLE,    /* key, bytes: verified, of that identity */
	VZ_RELAY_EVENT_DEPOSITED, /* key, number, duplicate: durable there */
	VZ_RELAY_EVENT_ENTRY, /* number, key of the depositor, content, size, deposited, expires */
	VZ_RELAY_EVENT_PIECE, /* number, bytes: the next ones of that entry, up to size */
	VZ_RELAY_EVENT_NOTHING, /* no message above number */
	VZ_RELAY_EVENT_REMOVED, /* number */
	VZ_RELAY_EVENT_REFUSED, /* status, bytes = text; of, and the request's key and number */
	VZ_RELAY_EVENT_ROOM,    /* vz_relay_client_part takes bytes again */
	/* relay: the request, to be answered */
	VZ_RELAY_EVENT_REGISTER, /* number */
	VZ_RELAY_EVENT_CONNECT,  /* key; with an opening match, and bytes for the listener */
	VZ_RELAY_EVENT_CLAIM,    /* match */
	/* relay: those of a mailbox, each to be answered, in their order */
	VZ_RELAY_EVENT_BUNDLE_WANTED, /* key */
	VZ_RELAY_EVENT_DEPOSIT,       /* key, content, size, expires (0: as usual) */
	VZ_RELAY_EVENT_PART,          /* bytes of it: no request */
	VZ_RELAY_EVENT_NEXT,          /* number */
	VZ_RELAY_EVENT_TAKEN,         /* number */
};

/* bytes: borrowed until the next call for events or room. */
struct vz_relay_event {
	enum vz_relay_event_type type;
	uint8_t status;
	bool duplicate;
	enum vz_relay_type of; /* REFUSED: the request */
	uint64_t number, token, size, deposited, expires;
	struct vz_key key;
	uint8_t content[VZ_RELAY_CONTENT];
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
 * The next event: 1, 0 when there is none, or an error, which is final: VZ_EAUTH (or a bundle that
 * does not verify), VZ_EFORMAT, VZ_EMISMATCH (another relay than the one called, another bundle
 * than the one wanted), VZ_EPROTO (illegal here, READY for another match than the one claimed, an
 * answer to something else), VZ_ENOMEM.
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
/*
 * The same, a round trip earlier: the sender makes the match's id itself, of fresh randomness, and
 * gives the first 1 to VZ_RELAY_FIRST_MAX bytes of its session, which the listener has with READY.
 */
int vz_relay_client_open(struct vz_relay_client *c, const struct vz_key *listener,
    const uint8_t match[static VZ_MATCH_LEN], const uint8_t *first, size_t n);
int vz_relay_client_claim(struct vz_relay_client *c, const uint8_t match[static VZ_MATCH_LEN]);

/*
 * Requests to a mailbox, instead: as many as one likes, VZ_RELAY_ASKED_MAX under way; answers come
 * in their order, and what is refused ends nothing else. VZ_EINVAL: not now, or in the middle of a
 * deposit. VZ_EFULL: too many under way. VZ_ENOMEM.
 */
/* The bundle of an identity, which certifies itself; whether it is an old one, the caller knows. */
int vz_relay_client_bundle(struct vz_relay_client *c, const struct vz_key *who);
/*
 * To keep `size` sealed bytes (1 to VZ_RELAY_MAIL_MAX), whose BLAKE2b-256 hash is `content`, for a
 * recipient until `expires` (Unix seconds by the relay's clock; 0: as long as the relay does).
 * DEPOSITED or REFUSED may come before all of it has been sent: then no more is.
 */
int vz_relay_client_deposit(struct vz_relay_client *c, const struct vz_key *recipient,
    const uint8_t content[static VZ_RELAY_CONTENT], uint64_t size, uint64_t expires);
/* Bytes of the deposit: how many it took, fewer while the relay or the network has no room
 * (VZ_RELAY_EVENT_ROOM, or output that went). VZ_EINVAL: more than are missing. */
int64_t vz_relay_client_part(struct vz_relay_client *c, const uint8_t *p, size_t n);
/* How many bytes of a deposit are missing; 0 when none is being made. */
uint64_t vz_relay_client_missing(const struct vz_relay_client *c);
/* The oldest message of one's own mailbox above number `after`: ENTRY and its PIECEs, or NOTHING.
 */
int vz_relay_client_collect(struct vz_relay_client *c, uint64_t after);
/* That message is durable here, and can go there. REFUSED with 69: it has gone already. */
int vz_relay_client_taken(struct vz_relay_client *c, uint64_t number);
/* How many requests wait for their answer. */
unsigned vz_relay_client_asked(const struct vz_relay_client *c);

/* Of a registration or mailbox, or before the request: asks for a pong; says goodbye. In other
 * states VZ_EINVAL: there one only hangs up. */
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
/* Time passed: may queue a ping. VZ_ETIMEOUT: handshake, answer, record or relay overdue, or our
 * own output not read. */
int vz_relay_client_tick(struct vz_relay_client *c, uint64_t now);

#endif
