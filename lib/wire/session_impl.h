/*
 * What the files of a session share: session.c (both sides), session_flow.c (bytes, windows and
 * acknowledgements, the same in both directions), session_sender.c, session_listener.c.
 */
#ifndef VZ_WIRE_SESSION_IMPL_H
#define VZ_WIRE_SESSION_IMPL_H

#include "base/buf.h"
#include "wire/legal.h"
#include "wire/messages.h"
#include "wire/session.h"

/*
 * Sealed bytes that wait for the network before no more data is sealed, and before nothing more is
 * read. A sender has one connection, and long writes pay; a listener has many, and peers that may
 * not read.
 */
#define VZ_OUT_FULL_SENDER       (512 * 1024)
#define VZ_OUT_FULL_LISTENER     (256 * 1024)
#define VZ_OUT_STUCK_BEYOND_FULL (256 * 1024)
/* A data frame up to this length is copied beside its neighbours, so that small ones share a
 * record. */
#define VZ_SMALL_DATA 4096
#define VZ_DUES_MAX   16

/* A connection's window in one direction, in bytes of all messages. */
struct vz_window {
	uint64_t moved, taken, limit;
};

struct vz_session {
	struct vz_channel *channel;
	const struct vz_observer *observer; /* NULL: nobody looks on */
	enum vz_stage stage;
	bool sender; /* the side that dialled */
	bool authenticated, closing, closed;
	bool detached;     /* no connection: channel is NULL */
	bool resumed;      /* it had another connection before this one */
	bool keeps;        /* listener: what may have to be said again */
	bool durable;      /* listener: says so in READY */
	bool ready_due;    /* listener: READY is said before anything else of the stream */
	uint64_t reopened; /* listener: one more than the number that waits for where to go on */
	uint16_t attempt;  /* connections before this one */
	size_t out_full;   /* VZ_OUT_FULL_* */
	int failed;        /* the error that ended reading */
	uint8_t stream[VZ_STREAM_LEN];
	struct vz_rd record;   /* the rest of the record being read */
	struct vz_buf control; /* frames that are not sealed yet: less than a record */
	struct vz_messages messages;

	struct vz_window out, in;
	uint64_t message_window;   /* a message's limit at its start, for what we send */
	uint64_t due[VZ_DUES_MAX]; /* numbers of messages that owe an ACK */
	unsigned dues;

	uint64_t in_carry; /* bytes of earlier connections that count against this one's window */

	/* Sender. */
	uint64_t again; /* resumed: messages below it were said again, or were skipped */
	uint64_t forgotten;
	uint64_t verdicts; /* messages below next whose verdict is outstanding */
	/* Listener. */
	uint8_t rights;
	uint64_t max_size;
	uint64_t delivered, delivered_count; /* verdicts of status 0 in a row, not said yet */
	size_t owing;                        /* messages that owe something of their reply */
	struct vz_buf answers;               /* small replies, see resume.h */
	uint64_t answers_from;               /* where the first of them is */
	uint64_t answers_said; /* and the first that was not said in this connection */

	bool pong_due;
	uint64_t pong_token;
	unsigned idle_frames;
	uint64_t idle_since;

	/* Times, in the caller's milliseconds. */
	uint64_t keepalive_ms, dead_ms, record_ms;
	uint64_t now, handshake_by, heard_at, said_at, record_since, ack_by;
	uint64_t age_ms, age_bytes; /* of a connection, and since when and what it has moved: */
	uint64_t since, bytes;
};

/* Puts a frame among the control frames, sealing what is there when the record is full. */
int vz_session_put(struct vz_session *s, const struct vz_frame *f);
/* A frame with words, cut to what a frame may hold. */
int vz_session_put_text(struct vz_session *s, struct vz_frame *f, const char *text);

/* One legal frame: 1 when it made an event, 0 when not, or an error. */
int vz_sender_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev);
int vz_listener_frame(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev);
/* The same for DATA, ACK and WINDOW, whoever sent them. m is NULL for WINDOW. */
int vz_flow_data(
    struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev);
int vz_flow_end(
    struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev);
int vz_flow_ack(
    struct vz_session *s, struct vz_message *m, const struct vz_frame *f, struct vz_event *ev);
int vz_flow_window(struct vz_session *s, const struct vz_frame *f, struct vz_event *ev);

/* The half of a message that we send, and the one that we receive. */
struct vz_half *vz_half_out(const struct vz_session *s, struct vz_message *m);
struct vz_half *vz_half_in(const struct vz_session *s, struct vz_message *m);
/* n received bytes left the connection's window, to a sink or dropped. */
void vz_flow_left(struct vz_session *s, uint64_t n);
/* n bytes came that nobody wants any more: through the window and out of it. VZ_ELIMIT. */
int vz_flow_dropped(struct vz_session *s, size_t n);
/* Acknowledgements and windows that are due now, as frames; and whether any is. */
int vz_flow_owed(struct vz_session *s);
bool vz_flow_owes(const struct vz_session *s);

/* The listener's gathered verdicts, as one frame. */
int vz_listener_owed(struct vz_session *s);
/* Takes a small message's or reply's bytes into the windows. VZ_ELIMIT. */
int vz_flow_whole(struct vz_session *s, struct vz_half *h, size_t len);
/* True when len bytes in one frame fit into the windows and the output now. */
bool vz_flow_fits(const struct vz_session *s, size_t len);

/* len bytes of ours as data frames, for which there is room. */
int vz_flow_put(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len);
int vz_flow_put_ack(struct vz_session *s, struct vz_message *m);

/* The sender's first frame, once authenticated; and the FORGET that it owes. */
int vz_sender_hello(struct vz_session *s);
int vz_sender_owed(struct vz_session *s);
/* READY of a connection that is not the first: the listener remembers messages from `first` on. */
int vz_sender_resumes(struct vz_session *s, uint64_t first);
/* Says at once, not with the next message, which ones are over. */
int vz_sender_skips(struct vz_session *s);
/* Makes all below `number` known there. VZ_EINVAL: not all of that was said again. */
int vz_sender_skip(struct vz_session *s, uint64_t number);
/* READY, which waits for what the caller may know of the stream. */
int vz_listener_ready(struct vz_session *s);
/* The event of before was handled: what waited for that is said. */
int vz_listener_handled(struct vz_session *s);

#endif
