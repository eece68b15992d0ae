/*
 * What both ends of a connection to a relay do alike (wire/relay_client, wire/relay_serve): records
 * into frames that are legal, pings answered, time limits. Not for others.
 */
#ifndef VZ_WIRE_RELAY_LINK_H
#define VZ_WIRE_RELAY_LINK_H

#include "base/buf.h"
#include "wire/relay_frame.h"

/* Output that waits before nothing more is read, by a relay; and by a client, who itself makes less
 * than that, so that the two cannot wait for each other. */
#define VZ_RELAY_OUT_STUCK        (64 * 1024)
#define VZ_RELAY_OUT_STUCK_CLIENT (256 * 1024)

struct vz_relay_limits {
	uint64_t handshake_ms; /* to the end of the handshake, from the start */
	uint64_t request_ms;   /* then to the request, on the relay */
	uint64_t ready_ms;     /* from a request to its answer */
	uint64_t keepalive_ms; /* own silence before a ping, of a registration or mailbox */
	uint64_t dead_ms;      /* the peer's silence before VZ_ETIMEOUT */
	uint64_t record_ms;    /* a record's first byte to its last */
	uint64_t stall_ms;     /* output that is not read; mail that does not go on */
};

/* DESIGN 9. */
void vz_relay_limits_default(struct vz_relay_limits *l);

struct vz_relay_link {
	struct vz_channel *channel;
	const struct vz_observer *observer; /* NULL: nobody looks on */
	struct vz_relay_limits limits;
	enum vz_relay_stage stage;
	bool initiator, authenticated;
	bool closing, closed; /* we said CLOSE; the peer did */
	int failed;           /* the error that ended reading */
	struct vz_rd record;  /* the rest of the record being read */
	bool pong_due;
	uint64_t pong_token;
	unsigned idle_frames;
	uint64_t idle_since;
	/* Times, in the caller's milliseconds. */
	uint64_t now, answer_by, heard_at, said_at, record_since;
	uint64_t out_at; /* since when output waits, or when some of it went last */
};

int vz_relay_link_init(struct vz_relay_link *l, const struct vz_channel_config *c,
    const struct vz_relay_limits *limits, uint64_t now);
void vz_relay_link_free(struct vz_relay_link *l);
uint8_t *vz_relay_link_space(struct vz_relay_link *l, size_t *n);
void vz_relay_link_fed(struct vz_relay_link *l, size_t n, uint64_t now);
void vz_relay_link_sent(struct vz_relay_link *l, size_t n, uint64_t now);

enum { VZ_RELAY_LINK_FRAME = 1, VZ_RELAY_LINK_PEER = 2 };
/* The next legal frame, without PING and PADDING; or the peer's proof; 0 = nothing; or an error,
 * which is final. */
int vz_relay_link_next(struct vz_relay_link *l, struct vz_relay_frame *f);
int vz_relay_link_accept(struct vz_relay_link *l);
/* True when so much output waits that a relay does not read, and hands out no more mail. */
bool vz_relay_link_stuck(const struct vz_relay_link *l);
/* One frame, in a record of its own. */
int vz_relay_link_put(struct vz_relay_link *l, const struct vz_relay_frame *f);
/* The same for a PART or PIECE of 1 to VZ_RELAY_CHUNK bytes, which are not copied before. */
int vz_relay_link_put_bytes(struct vz_relay_link *l, uint8_t type, const void *p, size_t n);
int vz_relay_link_close(struct vz_relay_link *l, uint8_t status, const char *text);
/* The stage changes; an answer is waited for in those that wait. */
void vz_relay_link_enter(struct vz_relay_link *l, enum vz_relay_stage stage);
/* True when bytes came that no frame was made of. */
bool vz_relay_link_unread(const struct vz_relay_link *l);
uint64_t vz_relay_link_deadline(const struct vz_relay_link *l);
int vz_relay_link_tick(struct vz_relay_link *l, uint64_t now);
int vz_relay_link_flush(struct vz_relay_link *l, uint64_t now);

#endif
