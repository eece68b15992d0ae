/*
 * Frames: what records carry (vz-protocol(7) FRAMES). A frame is u8 type, u16 length, body; it
 * never crosses a record. Encoding and decoding only: which frame is legal when is wire/session's
 * table.
 */
#ifndef VZ_WIRE_FRAME_H
#define VZ_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "wire/layout.h"

#define VZ_DATA_HEAD      (VZ_FRAME_HEAD + 16)                 /* frame head, number, offset */
#define VZ_DATA_MAX       (VZ_RECORD_PLAIN_MAX - VZ_DATA_HEAD) /* bytes of a message in one record */
#define VZ_STREAM_LEN     16
#define VZ_NAME_MAX       255
#define VZ_SIGNED_TEXT    2048 /* bytes of a manifest, */
#define VZ_SIGNED_SIG     1024 /* and of its signature */
#define VZ_SIGNED_MAX     (VZ_SIGNED_TEXT + VZ_SIGNED_SIG)
#define VZ_LENGTH_UNKNOWN UINT64_MAX

enum vz_frame_type {
	/* sender to listener */
	VZ_FRAME_STREAM = 1, /* stream */
	VZ_FRAME_OPEN = 2,   /* number, kind, flags, attempt, offset, length, bytes = name */
	VZ_FRAME_DATA = 3,   /* number, offset, bytes */
	VZ_FRAME_END = 4,    /* number, length */
	VZ_FRAME_FORGET = 6, /* number: all below it are forgotten */
	VZ_FRAME_WHOLE = 7,  /* number, kind, bytes: open, data and end of a small message in one */
	VZ_FRAME_SIGNED = 8, /* number, text_len, bytes = manifest and its signature */
	/* listener to sender */
	VZ_FRAME_READY =
	    16, /* rights, flags, max_size, limit (connection), window (message), number (next) */
	VZ_FRAME_ACK = 17,    /* number, taken, durable, limit */
	VZ_FRAME_WINDOW = 18, /* limit (connection) */
	VZ_FRAME_DONE = 19,   /* number, status, length, bytes = text */
	VZ_FRAME_ANSWER = 20, /* number, status, bytes: data and end of a small reply, and done */
	VZ_FRAME_DELIVERED =
	    21, /* number, count: done with status 0 for that many from number on */
	/* either way */
	VZ_FRAME_CANCEL = 5,   /* number, status, bytes = text */
	VZ_FRAME_PING = 32,    /* token */
	VZ_FRAME_PONG = 33,    /* token */
	VZ_FRAME_CLOSE = 34,   /* status, bytes = text */
	VZ_FRAME_PADDING = 35, /* bytes, ignored */
};

#define VZ_FRAME_TYPES 36 /* one more than the highest type */

enum vz_message_kind {
	VZ_KIND_SEND = 0, /* no reply is wanted */
	VZ_KIND_ASK = 1,  /* a reply is wanted */
};

/* OPEN's flags. */
#define VZ_OPEN_ONE_PASS 1u /* the source cannot be read again: make durable early */
#define VZ_OPEN_SIGNED   2u /* SIGNED comes before END */
#define VZ_OPEN_LIVE     4u /* of a question: its verdict may come before its END, also status 0 */

/* READY's flags. */
#define VZ_READY_DURABLE 1u /* what is durable outlives the listener: hold what is not */
#define VZ_READY_RESUMES 2u /* the stream may go on over another connection */

/* One frame; which fields count is said beside the types. Unused ones are zero after decoding. */
struct vz_frame {
	uint8_t type;
	uint8_t kind, flags, status, rights;
	uint16_t attempt, text_len;
	uint32_t window, count;
	uint64_t number, offset, length, taken, durable, limit, max_size, token;
	uint8_t stream[VZ_STREAM_LEN];
	const uint8_t *bytes; /* borrowed from the record */
	size_t bytes_len;
};

/*
 * Takes the next frame off r: 1 and *f, 0 at the end of the record, VZ_EFORMAT (unknown type, wrong
 * length, name or text malformed).
 */
int vz_frame_next(struct vz_rd *r, struct vz_frame *f);
/* Appends one frame. VZ_EINVAL (a field out of its range), VZ_ELIMIT, VZ_ENOMEM. */
int vz_frame_put(struct vz_buf *out, const struct vz_frame *f);
/* The head of a DATA frame with len bytes (at most VZ_DATA_MAX), which follow it in the record. */
void
vz_frame_data_head(uint8_t head[static VZ_DATA_HEAD], uint64_t number, uint64_t offset, size_t len);
/* The field's name of a type, for logs: "open". Static; "unknown" otherwise. */
const char *vz_frame_name(uint8_t type);
/* A frame in words (vz_layout_describe). */
void vz_frame_describe(const struct vz_frame *f, const char *stream, char *out, size_t cap);

#endif
