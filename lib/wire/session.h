/*
 * A session: one stream of numbered messages over a channel (DESIGN 5; vz-protocol(7) SESSIONS). A
 * pure state machine. Time is milliseconds of any monotonic clock, given on each call that needs
 *it.
 *
 * The caller's turn, whenever bytes came, time passed or it has something to say:
 *
 *	p = vz_session_space(s, &n); ... read ...; vz_session_fed(s, n, now);
 *	while ((r = vz_session_next(s, &ev)) > 0) handle(&ev);
 *	... vz_session_open / data / end ... as long as vz_session_room allows
 *	vz_session_flush(s, now); out = vz_session_out(s, &n); ... write ...; vz_session_sent(s, n,
 *now); set a timer for vz_session_deadline(s); then vz_session_tick(s, now)
 *
 * Not calling vz_session_next holds the peer back: nothing is queued for a slow sink.
 */
#ifndef VZ_WIRE_SESSION_H
#define VZ_WIRE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wire/channel.h"
#include "wire/frame.h"

#define VZ_EARLY_MAX         (64 * 1024)  /* bytes that a sender may send before READY */
#define VZ_WINDOW_MESSAGE    (256 * 1024) /* a message's window at its start */
#define VZ_WINDOW_CONNECTION (4 * 1024 * 1024)
#define VZ_ACK_BYTES         (256 * 1024)
#define VZ_ACK_DELAY_MS      20
#define VZ_UNFINISHED_MAX    16384       /* messages between open and forget */
#define VZ_WHOLE_MAX         (16 * 1024) /* a message or reply that goes in one frame */
#define VZ_IDLE_FRAMES_MAX   16          /* ping, pong and padding in a row */
/* What a connection may become: a dialler then makes another one, a listener ends it later. */
#ifndef VZ_RENEW_MS /* a test has programs of shorter ones */
#define VZ_RENEW_MS (60 * 60 * 1000)
#define VZ_OLD_MS   (2 * 60 * 60 * 1000)
#endif
#define VZ_RENEW_BYTES (UINT64_C(256) << 30)

struct vz_session_config {
	struct vz_channel_config channel; /* channel.initiator = the sender */
	uint8_t stream[VZ_STREAM_LEN];    /* sender: 16 random bytes */
	uint64_t handshake_ms;            /* to the end of the handshake, from now */
	uint64_t keepalive_ms;            /* own silence before a ping */
	uint64_t dead_ms;                 /* the peer's silence before VZ_ETIMEOUT */
	uint64_t record_ms;               /* a record's first byte to its last */
	uint64_t age_ms, age_bytes;       /* when a connection is old (vz_session_old); 0 = never */
	bool resumes;                     /* listener: keeps what it may have to say again */
	bool durable;                     /* listener: what it has made durable outlives it */
	uint64_t now;
};

/* DESIGN 9's times. */
void vz_session_defaults(struct vz_session_config *c);

struct vz_session;

int vz_session_new(struct vz_session **out, const struct vz_session_config *c);
void vz_session_free(struct vz_session *s);

uint8_t *vz_session_space(struct vz_session *s, size_t *n);
void vz_session_fed(struct vz_session *s, size_t n, uint64_t now);
/* Nothing while it is detached. */
const uint8_t *vz_session_out(const struct vz_session *s, size_t *n);
void vz_session_sent(struct vz_session *s, size_t n, uint64_t now);

enum vz_event_type {
	/* both sides */
	VZ_EVENT_PEER =
	    1, /* authenticated: look at vz_session_peer; then accept, or close with a status */
	VZ_EVENT_CLOSE, /* the peer ended the session: status, text. Nothing follows */
	VZ_EVENT_PONG,  /* our ping came back: token */
	/* listener */
	VZ_EVENT_STREAM, /* the sender named its stream */
	VZ_EVENT_OPEN,   /* a message begins: number, kind, flags, name (bytes), length; offset: the
			    first byte that its sender still has. Refuse it by vz_session_done */
	VZ_EVENT_DATA,   /* its next bytes, to be given to the sink, then vz_session_taken */
	VZ_EVENT_SIGNED, /* of one whose OPEN had VZ_OPEN_SIGNED, when all its bytes have come and
			    before its END: text_len bytes of manifest and then the signature, in
			    bytes. Verify them; refuse it by vz_session_done */
	VZ_EVENT_END,    /* it is whole and verified: finish the sink, then vz_session_done */
	VZ_EVENT_WHOLE,  /* a small message, whole and verified: number, kind, bytes; as if END had
			    come */
	VZ_EVENT_CANCEL, /* the sender gave it up: status, text; no vz_session_done any more */
	/* sender */
	VZ_EVENT_READY, /* rights checked: rights, flags, max_size; attempt: connections before this
			   one */
	VZ_EVENT_ROOM,  /* windows moved or bytes were freed: number, taken, durable */
	VZ_EVENT_DONE,  /* the listener's verdict: number, status (0 = delivered), text; on `count`
			   messages */
	VZ_EVENT_ANSWER, /* a small reply, whole, and the verdict: number, status, bytes */
	VZ_EVENT_GO_ON,  /* after vz_session_reopen: send from `taken` on, and the end again */
};

/* bytes: borrowed until the next vz_session_next or vz_session_space. */
struct vz_event {
	enum vz_event_type type;
	uint64_t number, count, offset, length, taken, durable, max_size, token;
	uint8_t kind, status, rights;
	uint16_t attempt;
	uint8_t flags;
	const uint8_t *bytes;
	size_t bytes_len, text_len;
};

/*
 * The next event: 1, 0 when there is none, or an error, which is final: VZ_EAUTH, VZ_EFORMAT,
 * VZ_EMISMATCH (see channel), VZ_EPROTO (illegal in this state), VZ_ELIMIT (window or count
 * overrun), VZ_ENOMEM. After an error of an authenticated session vz_session_close still works, so
 * that the peer is told.
 */
int vz_session_next(struct vz_session *s, struct vz_event *ev);
/* The peer, from VZ_EVENT_PEER on; NULL before. */
const struct vz_bundle *vz_session_peer(const struct vz_session *s);
/* True on the side that dialled. */
bool vz_session_is_sender(const struct vz_session *s);
/* True from vz_session_accept on: both sides are authenticated and encryption is on. */
bool vz_session_authenticated(const struct vz_session *s);
/* Responder: message 1 was verified, so the peer knows whom it calls. Initiator: message 2 was. */
bool vz_session_begun(const struct vz_session *s);
/* A sender whose first bytes were on their way to somebody who was not there yet: now the
 * connection is, and all times begin. */
void vz_session_begins(struct vz_session *s, uint64_t now, uint64_t handshake_ms);
/* The stream's VZ_STREAM_LEN bytes; a listener knows them from VZ_EVENT_STREAM on (zeros before).
 */
const uint8_t *vz_session_stream(const struct vz_session *s);
/* True when records are AES-256-GCM. */
bool vz_session_is_aes(const struct vz_session *s);

/*
 * Answers VZ_EVENT_PEER. A listener says what the peer may do (rights as in guard/acl.h) and how
 * long a message may be (0 = any); the sender passes zeros.
 */
int vz_session_accept(struct vz_session *s, uint8_t rights, uint64_t max_size);
/* Says goodbye with a status (DESIGN 8) and words (cut at VZ_TEXT_MAX); nothing can be said after
 * it. */
int vz_session_close(struct vz_session *s, uint8_t status, const char *text);
/* Asks for a pong. */
int vz_session_ping(struct vz_session *s, uint64_t token);
/* The status and text of the peer's close once VZ_EVENT_CLOSE has come: see the event. */
bool vz_session_closed(const struct vz_session *s);

/* Sender. */

/*
 * Begins a message; *number is its number. length VZ_LENGTH_UNKNOWN when it is. VZ_EINVAL (name),
 * VZ_EFULL (VZ_UNFINISHED_MAX, or too much output waits: after the next turn there is room).
 */
int vz_session_open(struct vz_session *s, uint8_t kind, uint8_t flags, const char *name,
    uint64_t length, uint64_t *number);
/* Bytes of this message that may be sent now, and will be taken by one vz_session_data: windows,
 * early limit and output room considered. */
size_t vz_session_room(const struct vz_session *s, uint64_t number);
/* Sends up to len bytes straight from p; returns how many were taken (at most the room), or an
 * error. */
long vz_session_data(struct vz_session *s, uint64_t number, const uint8_t *p, size_t len);
/*
 * All bytes of a message opened with VZ_OPEN_SIGNED are sent: text_len of the len bytes at p are
 * its manifest, the rest the signature of that. Needed before its end, once, and again after
 * VZ_EVENT_GO_ON. VZ_EINVAL also for more than VZ_SIGNED_TEXT and VZ_SIGNED_SIG, or an empty one.
 */
int vz_session_sign(
    struct vz_session *s, uint64_t number, const uint8_t *p, size_t text_len, size_t len);
/* All bytes are sent: ends it. The listener's verdict comes as VZ_EVENT_DONE. */
int vz_session_end(struct vz_session *s, uint64_t number);
/*
 * Sends a whole message of at most VZ_WHOLE_MAX bytes in one frame, copied: opened and ended at
 * once. VZ_EFULL when there is no room for it now (windows, output, VZ_UNFINISHED_MAX): wait for an
 * event or a turn.
 */
int vz_session_whole(
    struct vz_session *s, uint8_t kind, const uint8_t *p, size_t len, uint64_t *number);
/* Gives it up; no VZ_EVENT_DONE follows for it. */
int vz_session_cancel(struct vz_session *s, uint64_t number, uint8_t status, const char *text);
/* Messages opened whose verdict has not come. */
uint64_t vz_session_unfinished(const struct vz_session *s);
/* The first of them, or the next number to be given. */
uint64_t vz_session_oldest(const struct vz_session *s);

/* Listener. */

/* The sink has n more bytes of this message (durable: fsynced too). */
int vz_session_taken(struct vz_session *s, uint64_t number, size_t n);
int vz_session_durable(struct vz_session *s, uint64_t number, uint64_t offset);
/* The verdict; status 0 only after VZ_EVENT_END, or of one whose OPEN had VZ_OPEN_LIVE after the
 * reply's end. That, and a refusal, may come earlier: the rest is then dropped. */
int vz_session_done(struct vz_session *s, uint64_t number, uint8_t status, const char *text);

/* The kind of a message that is not forgotten, and the bytes of it that were taken. VZ_ENOTFOUND.
 */
int vz_session_message(const struct vz_session *s, uint64_t number, uint8_t *kind, uint64_t *taken);

/*
 * A whole reply of at most VZ_WHOLE_MAX bytes and the verdict in one frame, copied; of a question
 * that has ended and of whose reply nothing was sent. VZ_EFULL when there is no room for it now
 * (window, output, or replies that have to be said again first).
 */
int vz_session_answer(
    struct vz_session *s, uint64_t number, uint8_t status, const uint8_t *p, size_t len);
/* True when there is room for an answer of so many bytes. */
bool vz_session_answer_fits(const struct vz_session *s, uint64_t number, size_t len);

/*
 * Resume (DESIGN 5). A session is one stream, which may need more than one connection. Only the end
 * of a connection and timeouts are breaks; an error of vz_session_next is final.
 */

/*
 * The connection is gone: what was under way in it is dropped, stream and messages stay. Until
 * there is another one nothing can be sent (vz_session_room is 0), and what a listener says of
 * messages is noted, to be said when the sender asks. An event that is held must not need its bytes
 * any more.
 */
void vz_session_detach(struct vz_session *s);
bool vz_session_detached(const struct vz_session *s);
/* True when it knows messages that the sender has not said to be forgotten. */
bool vz_session_remembers(const struct vz_session *s);
/* Bytes of memory that it holds while it has no connection. */
size_t vz_session_memory(const struct vz_session *s);
/* Connections before this one. */
uint16_t vz_session_attempt(const struct vz_session *s);
/* Sender: another connection, another handshake; c->stream is not looked at. VZ_EINVAL, VZ_ENOMEM.
 */
int vz_session_redial(struct vz_session *s, const struct vz_session_config *c);
/*
 * Sender: after VZ_EVENT_READY every message that has no verdict is said again, in the order of
 * numbers, before a new one is opened. By reopen, with the first byte that is still held (at most
 * what was taken): VZ_EVENT_GO_ON says where to go on, or the verdict comes. By rewhole what
 * vz_session_whole sent, with all its bytes; VZ_EFULL: later.
 */
int vz_session_reopen(
    struct vz_session *s, uint64_t number, uint8_t flags, const char *name, uint64_t offset);
int vz_session_rewhole(struct vz_session *s, uint64_t number, const uint8_t *p, size_t len);
/* True of a message without a verdict that was not said again yet. */
bool vz_session_silent(const struct vz_session *s, uint64_t number);
/* The same, or it was and the answer has not come: it can be neither sent on nor ended. */
bool vz_session_waits(const struct vz_session *s, uint64_t number);
/*
 * Listener: `fresh` has just given VZ_EVENT_STREAM with the stream of s, of the same identity. s,
 * which is detached, takes its connection over; fresh is freed. VZ_EINVAL, VZ_ENOMEM.
 */
int vz_session_adopt(struct vz_session *s, struct vz_session *fresh);
/*
 * Listener: s has just given VZ_EVENT_STREAM, and its stream is one of before this listener was
 * started: all numbers below `first` are forgotten. Then, upwards, each message that has its
 * verdict; the ones between them the sender will speak of again. VZ_EINVAL, VZ_EFULL, VZ_ENOMEM.
 */
int vz_session_restore(struct vz_session *s, uint64_t first);
int vz_session_restore_over(
    struct vz_session *s, uint64_t number, uint8_t kind, uint8_t status, uint64_t length);
/*
 * Listener: of the message whose VZ_EVENT_OPEN is being handled the first `length` bytes are here
 * and durable. The sender goes on from there. VZ_EINVAL: it began just now, or something of it has
 * come.
 */
int vz_session_have(struct vz_session *s, uint64_t number, uint64_t length);

/*
 * True once the connection has lasted as long, or has moved as many sealed bytes both ways, as its
 * config says. It goes on; what is to be done about it is the caller's (detach and redial).
 */
bool vz_session_old(const struct vz_session *s);

/* Puts waiting control frames (acknowledgements, pongs, verdicts) into the output. */
int vz_session_flush(struct vz_session *s, uint64_t now);
/* True when so much output waits that nothing more is read until it drains. */
bool vz_session_stuck(const struct vz_session *s);
/* True when a flush would put something. */
bool vz_session_pending(const struct vz_session *s);
/* When vz_session_tick wants to be called; UINT64_MAX = never. */
uint64_t vz_session_deadline(const struct vz_session *s);
/*
 * Time passed: may queue a ping or an acknowledgement. VZ_ETIMEOUT: handshake, record or peer
 * overdue. `reading` says that the caller is not holding the peer back now (a paused reader cannot
 * tell a dead peer from a waiting one).
 */
int vz_session_tick(struct vz_session *s, uint64_t now, bool reading);

#endif
