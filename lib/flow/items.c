#include "flow/items.h"

#include <string.h>

#include "base/err.h"

static int
delimiter(enum vz_items_mode mode)
{
	return mode == VZ_ITEMS_LINES ? '\n' : '\0';
}

void
vz_items_init(struct vz_items *it, enum vz_items_mode mode, size_t max)
{
	*it = (struct vz_items){.mode = mode, .max = max};
}

static int
found(struct vz_items *it, struct vz_item *out, const uint8_t *body, size_t len, size_t used)
{
	*out = (struct vz_item){.body = body, .len = len, .used = used};
	it->offset += used;
	it->seen = 0;
	return 1;
}

static int
next_frame(struct vz_items *it, const uint8_t *p, size_t len, bool eof, struct vz_item *out)
{
	size_t size;

	if (len < VZ_ITEM_HEAD)
		return eof && len > 0 ? VZ_EFORMAT : 0;
	size = vz_load32(p);
	if (size > it->max)
		return VZ_ELIMIT;
	if (len - VZ_ITEM_HEAD < size)
		return eof ? VZ_EFORMAT : 0;
	return found(it, out, p + VZ_ITEM_HEAD, size, VZ_ITEM_HEAD + size);
}

static int
next_delimited(struct vz_items *it, const uint8_t *p, size_t len, bool eof, struct vz_item *out)
{
	/* One more than max may be looked at, where the delimiter of the longest body is. */
	size_t end = len > it->max ? it->max + 1 : len;
	const uint8_t *at = NULL;

	if (it->seen < end)
		at = memchr(p + it->seen, delimiter(it->mode), end - it->seen);
	if (at != NULL)
		return found(it, out, p, (size_t)(at - p), (size_t)(at - p) + 1);
	if (len > it->max)
		return VZ_ELIMIT;
	if (!eof || len == 0) {
		it->seen = len;
		return 0;
	}
	found(it, out, p, len, len);
	out->unended = true;
	return 1;
}

int
vz_items_next(struct vz_items *it, const uint8_t *p, size_t len, bool eof, struct vz_item *out)
{
	if (it->mode == VZ_ITEMS_FRAMES)
		return next_frame(it, p, len, eof, out);
	return next_delimited(it, p, len, eof, out);
}

int
vz_item_ends(enum vz_items_mode mode, size_t len, struct vz_item_ends *out)
{
	*out = (struct vz_item_ends){0};
	if (mode != VZ_ITEMS_FRAMES) {
		out->tail[0] = (uint8_t)delimiter(mode);
		out->tail_len = 1;
		return 0;
	}
	if (len > UINT32_MAX)
		return VZ_ELIMIT;
	vz_store32(out->head, (uint32_t)len);
	out->head_len = VZ_ITEM_HEAD;
	return 0;
}

int
vz_item_put(struct vz_buf *b, enum vz_items_mode mode, const void *body, size_t len)
{
	struct vz_item_ends ends;
	uint8_t *p;
	int r = vz_item_ends(mode, len, &ends);

	if (r != 0)
		return r;
	if (len > SIZE_MAX - sizeof(ends))
		return VZ_ELIMIT;
	r = vz_buf_reserve(b, ends.head_len + len + ends.tail_len, &p);
	if (r != 0)
		return r;
	memcpy(p, ends.head, ends.head_len);
	if (len > 0)
		memcpy(p + ends.head_len, body, len);
	memcpy(p + ends.head_len + len, ends.tail, ends.tail_len);
	vz_buf_added(b, ends.head_len + len + ends.tail_len);
	return 0;
}

const char *
vz_item_refusal(enum vz_items_mode mode, const void *body, size_t len)
{
	if (mode == VZ_ITEMS_FRAMES || len == 0 || memchr(body, delimiter(mode), len) == NULL)
		return NULL;
	return mode == VZ_ITEMS_LINES
	    ? "the message contains a newline, and is taken as a line here"
	    : "the message contains a NUL byte, which ends a message here";
}
