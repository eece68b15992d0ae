/*
 * A channel: the Noise handshake with bundles, then records (DESIGN 5; vz-protocol(7) HANDSHAKE,
 * RECORDS). Bytes in, bytes out: no descriptor, no clock, no environment.
 */
#ifndef VZ_WIRE_CHANNEL_H
#define VZ_WIRE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "id/identity.h"
#include "id/key.h"
#include "wire/observer.h"

enum vz_service { VZ_SERVICE_MESSAGES = 1, VZ_SERVICE_RELAY = 2 };

#define VZ_MATCH_LEN    16
#define VZ_CHANNEL_PSKS 2

struct vz_channel_config {
	bool initiator;
	enum vz_service service;
	const struct vz_identity *self; /* borrowed until the handshake is over */
	struct vz_key responder;        /* initiator: whom it calls; responder: itself */
	const uint8_t *
	    psk[VZ_CHANNEL_PSKS]; /* 32 bytes each; all NULL = none. The initiator uses the first */
	bool aes;                 /* this side can do AES-256-GCM */
	bool relayed;             /* path 1: relay and match count */
	struct vz_key relay;
	uint8_t match[VZ_MATCH_LEN];
	uint8_t random[32];                 /* fresh randomness for the ephemeral key */
	const struct vz_observer *observer; /* looks on; NULL = nobody. Borrowed as long as the
					       channel's session or relay's link */
};

struct vz_channel;

/* VZ_ENOMEM, VZ_EINVAL. The caller owns *out. An initiator has bytes to send at once. */
int vz_channel_new(struct vz_channel **out, const struct vz_channel_config *c);
void vz_channel_free(struct vz_channel *ch);

/* Room to read into: *n >= 1 bytes at the result, until the next call. Grows with the traffic.
 * NULL: no memory. */
uint8_t *vz_channel_space(struct vz_channel *ch, size_t *n);
/* n bytes arrived there. */
void vz_channel_fed(struct vz_channel *ch, size_t n);

enum vz_channel_got {
	VZ_CHANNEL_MORE = 0, /* nothing until more bytes come */
	VZ_CHANNEL_PEER = 1, /* the peer is authenticated: see vz_channel_peer; accept or give up */
	VZ_CHANNEL_RECORD = 2, /* one record's plaintext */
};
/*
 * The next thing in the bytes that came. After VZ_CHANNEL_PEER nothing more comes until
 * vz_channel_accept. *plain is valid until the next vz_channel_space or vz_channel_next. Errors are
 * final: VZ_EFORMAT (length), VZ_EAUTH (tag, bundle, point), VZ_EMISMATCH (another identity than
 * the one called), VZ_ENOMEM.
 */
int vz_channel_next(struct vz_channel *ch, const uint8_t **plain, size_t *len);
/* The authenticated peer's bundle, from VZ_CHANNEL_PEER on; NULL before. */
const struct vz_bundle *vz_channel_peer(const struct vz_channel *ch);
/* The initiator writes message 3, the responder opens for records. VZ_EINVAL at another time. */
int vz_channel_accept(struct vz_channel *ch);
/* True once records may be put. */
bool vz_channel_open(const struct vz_channel *ch);
/* True once the peer's first handshake message has been verified. */
bool vz_channel_begun(const struct vz_channel *ch);
/* True when bytes of an unfinished record or handshake message are waiting for the rest. */
bool vz_channel_partial(const struct vz_channel *ch);
/* The bytes that came behind the last thing taken, and their number: they stay the channel's. */
const uint8_t *vz_channel_rest(const struct vz_channel *ch, size_t *n);
/* True when records are AES-256-GCM. */
bool vz_channel_is_aes(const struct vz_channel *ch);

/* Seals head || body (1 .. VZ_RECORD_PLAIN_MAX bytes) as one record into the output. VZ_ENOMEM,
 * VZ_EINVAL. */
int vz_channel_put(
    struct vz_channel *ch, const void *head, size_t head_len, const void *body, size_t body_len);
/* Bytes as they are behind what is to be sent already: no record comes after them. VZ_ENOMEM. */
int vz_channel_append(struct vz_channel *ch, const uint8_t *p, size_t n);
/* What is to be sent, and its length. */
const uint8_t *vz_channel_out(const struct vz_channel *ch, size_t *n);
/* n bytes of it were. */
void vz_channel_sent(struct vz_channel *ch, size_t n);
/* Gives back the memory of empty buffers: for idle channels. */
void vz_channel_trim(struct vz_channel *ch);

#endif
