/*
 * Frames as tables say them: u8 type, u16 length, body. One table tells what each body holds, and
 * encoder and decoder both walk it, so they cannot drift. Messages (wire/frame.h) and the relay's
 * own service (wire/relay_frame.h) each have theirs.
 *
 * A body is a row of codes, each a field of the caller's struct, in the order of the bytes on the
 * wire. The last one may be
 *	M u8 length and a name   D bytes, at least one   T text to the end   B any bytes to the end
 */
#ifndef VZ_WIRE_LAYOUT_H
#define VZ_WIRE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define VZ_RECORD_MAX       65535                /* AEAD bytes of a record */
#define VZ_RECORD_PLAIN_MAX (VZ_RECORD_MAX - 16) /* its plaintext */
#define VZ_FRAME_HEAD       3
#define VZ_TEXT_MAX         255

struct vz_layout {
	const char *name, *codes;
};

/* Where a code's value is kept, and how many bytes it has on the wire: numbers of 1, 2, 4 or 8,
 * more are bytes as they are; 0 = the bytes that end a frame. */
struct vz_layout_field {
	uint8_t width, at;
	const char *word; /* what it is called where a frame is described */
};

struct vz_layouts {
	const struct vz_layout *types;
	size_t n;                             /* one more than the highest type */
	const struct vz_layout_field *fields; /* 128, by code */
	uint8_t type, bytes, bytes_len;       /* where a struct keeps these */
};

/*
 * Takes the next frame off r into *f, which the caller has zeroed: 1, 0 at the end of the record,
 * VZ_EFORMAT (unknown type, wrong length, name or text malformed).
 */
int vz_layout_next(const struct vz_layouts *set, struct vz_rd *r, void *f);
/* Appends one frame. VZ_EINVAL (unknown type, too long, words malformed), VZ_ELIMIT, VZ_ENOMEM. */
int vz_layout_put(const struct vz_layouts *set, struct vz_buf *out, const void *f);
/*
 * A frame in words, for logs: its type, and WORD=VALUE for each field; of names and words the text,
 * escaped, of other bytes at the end only how many, and of matches and hashes the beginning. With
 * `stream`, a number that comes first is STREAM.NUMBER. Always a NUL in out; what has no room is
 * left out.
 */
void vz_layout_describe(
    const struct vz_layouts *set, const void *f, const char *stream, char *out, size_t cap);
/* The field's name of a type, for logs. Static; "unknown" otherwise. */
const char *vz_layout_name(const struct vz_layouts *set, uint8_t type);
/*
 * How many bytes of these words may travel: at most VZ_TEXT_MAX, not cut within a character; 0 when
 * they may not at all, or are NULL.
 */
size_t vz_layout_words(const char *text);

#endif
