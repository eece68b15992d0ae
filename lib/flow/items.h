/*
 * Many messages in one stream of bytes (DESIGN 8: --lines, --null, --frames): where each item of
 * the input is, and what surrounds each item on the output. Pure; nothing is copied.
 */
#ifndef VZ_FLOW_ITEMS_H
#define VZ_FLOW_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum vz_items_mode {
	VZ_ITEMS_LINES,  /* ended by a newline */
	VZ_ITEMS_NULL,   /* ended by a NUL byte */
	VZ_ITEMS_FRAMES, /* u32 length, big-endian, and as many bytes */
};

#define VZ_ITEM_HEAD 4 /* the longest head */

struct vz_items {
	enum vz_items_mode mode;
	size_t max;      /* bytes of a body */
	uint64_t offset; /* in the stream: where the next item begins, and so the one at fault */
	size_t seen;     /* its own: bytes of an unfinished item that hold no delimiter */
};

struct vz_item {
	const uint8_t *body; /* in the caller's bytes, without newline, NUL or length */
	size_t len;
	size_t used;  /* bytes to take off the front before the next call */
	bool unended; /* the last line or NULL item, which the end of the input ended */
};

void vz_items_init(struct vz_items *it, enum vz_items_mode mode, size_t max);
/*
 * The next item. p holds the stream from it->offset on, len bytes of it in one piece: a caller that
 * is told to get more keeps what it has and adds behind it (what was looked at is not looked at
 * again); `eof` says that no more will come. 1 = *out is one, and it->offset is behind it; 0 = more
 * is needed or, at eof, all was told; VZ_ELIMIT = longer than max, told as soon as it is known;
 * VZ_EFORMAT = the input ends inside a frame. Errors stay, and change nothing.
 */
int vz_items_next(struct vz_items *it, const uint8_t *p, size_t len, bool eof, struct vz_item *out);

/* What goes before and behind a body, so that many items make one write. */
struct vz_item_ends {
	uint8_t head[VZ_ITEM_HEAD], tail[1];
	size_t head_len, tail_len;
};

/* VZ_ELIMIT: a frame cannot announce that many bytes. */
int vz_item_ends(enum vz_items_mode mode, size_t len, struct vz_item_ends *out);
/* Appends a whole item. VZ_ELIMIT, VZ_ENOMEM; then nothing is appended. */
int vz_item_put(struct vz_buf *b, enum vz_items_mode mode, const void *body, size_t len);
/*
 * Why a body (or a part of one) may not be written in this mode: words for its sender, NULL when it
 * may. One that holds its own delimiter would come out as two.
 */
const char *vz_item_refusal(enum vz_items_mode mode, const void *body, size_t len);

#endif
