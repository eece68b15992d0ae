/*
 * Items cut from the bytes of a source where they lie: small ones whole, long ones piece by piece.
 */
#ifndef VZ_SEND_CUT_H
#define VZ_SEND_CUT_H

#include "flow/items.h"
#include "flow/source.h"
#include "wire/session.h"

#define CUT_SCRATCH (VZ_WHOLE_MAX + VZ_ITEM_HEAD + 1)

struct cut {
	struct vz_items items, was;
	bool inside;                  /* a long item, */
	uint64_t begun;               /* which began here, */
	uint64_t left;                /* and of a frame has this much to come */
	uint8_t scratch[CUT_SCRATCH]; /* an item that lies around the ring's end */
};

struct piece {
	const uint8_t *p;
	size_t len;
	bool first, last; /* of its item; both: a small one, whole */
	uint64_t length;  /* of the whole item with `first`, or VZ_LENGTH_UNKNOWN */
	uint64_t begin;   /* with `first`: where it begins in the stream */
	size_t after;     /* bytes behind it that belong to nothing: the delimiter */
};

void cut_init(struct cut *c, enum vz_items_mode mode);
/* Where in the stream the next bytes to be cut are. */
uint64_t cut_offset(const struct cut *c);
/* Where the item being cut, or the next one, begins. */
uint64_t cut_item(const struct cut *c);
/*
 * The next piece: 1; 0 = more is needed, or at `eof` all was told; VZ_EFORMAT = the input ends
 * inside a frame. A first piece that is not the last has no bytes. A whole item is taken by this
 * call, and given back by cut_back; of a long one, cut_took says how many bytes were.
 */
int cut_next(struct cut *c, struct vz_source *s, bool eof, struct piece *out);
void cut_back(struct cut *c);
/* The next item to be cut begins at that offset. */
void cut_seek(struct cut *c, uint64_t offset);
/* Of the long item that is being cut the bytes from its `at`th on are wanted next. */
void cut_rewind(struct cut *c, uint64_t at);
void cut_took(struct cut *c, const struct piece *p, size_t n);

#endif
