/*
 * The relay's side of a client's connection (DESIGN 6; vz-protocol(7) RELAYS). Pure, as
 * wire/relay_client.h, whose events it shares; who waits for whom is relay/match.h's.
 *
 * VZ_RELAY_EVENT_REGISTER is answered by vz_relay_serve_registered, CONNECT and CLAIM by
 * vz_relay_serve_ready, all by vz_relay_serve_close with a status: 69 no such listener, 77 not
 * allowed or displaced, 75 try again.
 *
 * Requests of a mailbox are many, at most VZ_RELAY_ASKED_MAX unanswered; each is answered in its
 * turn by one of the calls below, and who has not the right for one is refused by CLOSE. Of PARTs
 * at most VZ_RELAY_ROOM_MAX bytes come before vz_relay_serve_took says that they are dealt with.
 */
#ifndef VZ_WIRE_RELAY_SERVE_H
#define VZ_WIRE_RELAY_SERVE_H

#include "wire/relay_client.h"

/* What a client may do. */
#define VZ_RELAY_MAY_REGISTER 1u /* and claim, and collect */
#define VZ_RELAY_MAY_CONNECT  2u /* and have bundles */
#define VZ_RELAY_MAY_DEPOSIT  4u /* and have bundles */

struct vz_relay_serve;

/* c->initiator is not set; c's service and path are not looked at. VZ_EINVAL, VZ_ENOMEM. */
int vz_relay_serve_new(struct vz_relay_serve **out, const struct vz_channel_config *c,
    const struct vz_relay_limits *limits, uint64_t now);
void vz_relay_serve_free(struct vz_relay_serve *s);

/* As of a client. While vz_relay_serve_stuck nothing is to be read. */
uint8_t *vz_relay_serve_space(struct vz_relay_serve *s, size_t *n);
void vz_relay_serve_fed(struct vz_relay_serve *s, size_t n, uint64_t now);
const uint8_t *vz_relay_serve_out(const struct vz_relay_serve *s, size_t *n);
void vz_relay_serve_sent(struct vz_relay_serve *s, size_t n, uint64_t now);

/*
 * The next event: 1, 0 when there is none, or an error, which is final: those of
 * vz_relay_client_next, and VZ_EDENIED: a request without the right, which is refused already.
 * After an error of an authenticated client vz_relay_serve_close still works.
 */
int vz_relay_serve_next(struct vz_relay_serve *s, struct vz_relay_event *ev);
/* The client, from VZ_RELAY_EVENT_PEER on; NULL before. */
const struct vz_bundle *vz_relay_serve_peer(const struct vz_relay_serve *s);
/* The client's first message was verified: it knows whom it calls. */
bool vz_relay_serve_begun(const struct vz_relay_serve *s);
/* Answers VZ_RELAY_EVENT_PEER: VZ_RELAY_MAY_*, 0 = nothing. */
int vz_relay_serve_accept(struct vz_relay_serve *s, unsigned may);

/* The answers. VZ_EINVAL: nothing of the kind was asked. */
int vz_relay_serve_registered(struct vz_relay_serve *s, uint64_t number);
/* True when the client waits for READY and has sent nothing since its request. */
bool vz_relay_serve_silent(const struct vz_relay_serve *s);
/*
 * The last record; what follows in both directions is not looked at any more. VZ_EPROTO: the client
 * has sent something since its request.
 */
int vz_relay_serve_ready(struct vz_relay_serve *s, const uint8_t match[static VZ_MATCH_LEN]);
/* After it: what the other end has opened with goes right behind. VZ_EINVAL, VZ_ENOMEM. */
int vz_relay_serve_follow(struct vz_relay_serve *s, const uint8_t *p, size_t n);
/* A registered listener is told that somebody waits. VZ_EINVAL. */
int vz_relay_serve_offer(struct vz_relay_serve *s, const uint8_t match[static VZ_MATCH_LEN]);
/* The same is told that messages wait; once, however often it is said before it goes out. */
int vz_relay_serve_mail(struct vz_relay_serve *s);

/* The answers to the first request of a mailbox that has none. VZ_EINVAL: it asked for something
 * else. VZ_ENOMEM. */
int vz_relay_serve_bundle(struct vz_relay_serve *s, const uint8_t *p, size_t n);
int vz_relay_serve_deposited(struct vz_relay_serve *s, uint64_t number, bool duplicate);
/* e's number, key, content, size, deposited and expires; then size bytes in pieces of 1 to
 * VZ_RELAY_CHUNK, with which it is answered. Or vz_relay_serve_refused, also after some of them. */
int vz_relay_serve_entry(struct vz_relay_serve *s, const struct vz_relay_event *e);
int vz_relay_serve_piece(struct vz_relay_serve *s, const uint8_t *p, size_t n);
int vz_relay_serve_nothing(struct vz_relay_serve *s);
int vz_relay_serve_removed(struct vz_relay_serve *s, uint64_t number);
/* The connection goes on. */
int vz_relay_serve_refused(struct vz_relay_serve *s, uint8_t status, const char *text);
/* n bytes of PARTs need no room any more. Those of a deposit that was answered before its end do
 * not come, and need none. */
int vz_relay_serve_took(struct vz_relay_serve *s, size_t n);
/* So much output waits that no piece is to be added. */
bool vz_relay_serve_stuck(const struct vz_relay_serve *s);
/* How many requests of a mailbox have no answer. */
unsigned vz_relay_serve_asked(const struct vz_relay_serve *s);

/* Refuses or ends, with words; nothing can be said after it. */
int vz_relay_serve_close(struct vz_relay_serve *s, uint8_t status, const char *text);
/* True after READY: once the output is sent, bytes are moved to and from the other end. */
bool vz_relay_serve_raw(const struct vz_relay_serve *s);

int vz_relay_serve_flush(struct vz_relay_serve *s, uint64_t now);
uint64_t vz_relay_serve_deadline(const struct vz_relay_serve *s);
/* VZ_ETIMEOUT: handshake, request, our own answer, a record, a deposit or the client overdue, or
 * our output not read. */
int vz_relay_serve_tick(struct vz_relay_serve *s, uint64_t now);

#endif
