/*
 * The frames between a client and a relay (vz-protocol(7) RELAYS), in records as those of messages
 * are. Encoding and decoding, and which frame is legal where; what follows from them is wire/
 * relay_client's and wire/relay_serve's.
 */
#ifndef VZ_WIRE_RELAY_FRAME_H
#define VZ_WIRE_RELAY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "id/key.h"
#include "wire/channel.h"
#include "wire/layout.h"

enum vz_relay_type {
	/* client to relay: the one request of a connection */
	VZ_RELAY_REGISTER = 1, /* number: 0, or that of the registration that goes on */
	VZ_RELAY_CONNECT = 2,  /* key of the listener that is wanted; bytes: none, or an opening,
				  that  is the match and the first bytes of what follows READY */
	VZ_RELAY_CLAIM = 3,    /* match */
	/* or those of a mailbox, of which a connection has as many as it likes */
	VZ_RELAY_BUNDLE_WANTED = 8, /* key */
	VZ_RELAY_DEPOSIT = 9,       /* key of the recipient, content, size, expires (0: as usual) */
	VZ_RELAY_PART = 10,         /* bytes of the deposit said last */
	VZ_RELAY_NEXT = 11,         /* number above which the next message is wanted */
	VZ_RELAY_TAKEN = 12,        /* number of the message */
	/* relay to client */
	VZ_RELAY_REGISTERED = 16, /* number of the registration */
	VZ_RELAY_OFFER = 17,      /* match that somebody waits in */
	VZ_RELAY_READY = 18,      /* match: what follows is the other end's */
	VZ_RELAY_MAIL = 19,       /* of a registration: messages wait */
	/* each to the first request that is unanswered */
	VZ_RELAY_BUNDLE = 24,    /* bytes */
	VZ_RELAY_ROOM = 25,      /* number of bytes more that PARTs may have: no answer */
	VZ_RELAY_DEPOSITED = 26, /* number, duplicate */
	VZ_RELAY_REFUSED = 27,   /* status, bytes = text */
	VZ_RELAY_ENTRY = 28,   /* number, key of the depositor, content, size, deposited, expires */
	VZ_RELAY_PIECE = 29,   /* bytes of that entry */
	VZ_RELAY_NOTHING = 30, /* no message above that number */
	VZ_RELAY_REMOVED = 31, /* number */
	/* either way, as in messages */
	VZ_RELAY_PING = 32,    /* token */
	VZ_RELAY_PONG = 33,    /* token */
	VZ_RELAY_CLOSE = 34,   /* status, bytes = text */
	VZ_RELAY_PADDING = 35, /* bytes, ignored */
};

#define VZ_RELAY_TYPES 36 /* one more than the highest type */

/* Registrations are numbered below this, in milliseconds of Unix time or more. */
#define VZ_RELAY_NUMBER_MAX (UINT64_C(1) << 63)

#define VZ_RELAY_CONTENT   32                 /* bytes of BLAKE2b-256 of a sealed message */
#define VZ_RELAY_MAIL_MAX  (16 * 1024 * 1024) /* bytes of a sealed message */
#define VZ_RELAY_ROOM_MAX  (256 * 1024)       /* bytes of PARTs that the relay has not dealt with */
#define VZ_RELAY_ASKED_MAX 64                 /* requests under way */
#define VZ_RELAY_CHUNK     32768              /* bytes of a PART or PIECE as they are sent */
/* Bytes a second that a depositor has to be able to send. */
#define VZ_RELAY_PART_RATE 8192

/* First bytes in an opening, at most: a handshake's message 1 has 50. */
#define VZ_RELAY_FIRST_MAX 64

/* One frame; which fields count is said beside the types. Unused ones are zero after decoding. */
struct vz_relay_frame {
	uint8_t type, status, duplicate;
	uint64_t number, token, size, deposited, expires;
	struct vz_key key;
	uint8_t content[VZ_RELAY_CONTENT];
	uint8_t match[VZ_MATCH_LEN];
	const uint8_t *bytes; /* borrowed from the record */
	size_t bytes_len;
};

/* As vz_frame_next, vz_frame_put and vz_frame_name. */
int vz_relay_frame_next(struct vz_rd *r, struct vz_relay_frame *f);
int vz_relay_frame_put(struct vz_buf *out, const struct vz_relay_frame *f);
const char *vz_relay_frame_name(uint8_t type);
/* A frame in words (vz_layout_describe). */
void vz_relay_frame_describe(const struct vz_relay_frame *f, char *out, size_t cap);

/* Where a connection stands, by side. What is legal is what comes. */
enum vz_relay_stage {
	VZ_RELAY_CLIENT_START,       /* authenticated; nothing was requested */
	VZ_RELAY_CLIENT_REGISTERING, /* waits for REGISTERED */
	VZ_RELAY_CLIENT_REGISTERED,
	VZ_RELAY_CLIENT_WAITING,    /* for READY */
	VZ_RELAY_CLIENT_MAIL,       /* has asked for something of a mailbox */
	VZ_RELAY_SERVE_START,       /* authenticated; the request has not come */
	VZ_RELAY_SERVE_REGISTERING, /* REGISTER came and has to be answered */
	VZ_RELAY_SERVE_REGISTERED,
	VZ_RELAY_SERVE_WAITING, /* CONNECT or CLAIM came: the client is silent until READY */
	VZ_RELAY_SERVE_MAIL,    /* its client has asked for something of a mailbox */
	VZ_RELAY_RAW,           /* READY has passed: no records any more */
};

bool vz_relay_legal(enum vz_relay_stage stage, uint8_t type);

#endif
