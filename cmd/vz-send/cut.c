#include "cmd/vz-send/cut.h"

#include <string.h>
#include "base/err.h"
#include "wire/frame.h"

void
cut_init(struct cut *c, enum vz_items_mode mode)
{
	vz_items_init(&c->items, mode, VZ_WHOLE_MAX);
	c->inside = false;
}

uint64_t
cut_offset(const struct cut *c)
{
	return c->items.offset;
}

uint64_t
cut_item(const struct cut *c)
{
	return c->inside ? c->begun : c->items.offset;
}

/* The bytes around the ring's end, in one piece: all that a small item can need. */
static size_t
gather(struct cut *c, struct vz_source *s)
{
	size_t have = 0, n;
	const uint8_t *p;

	while (
	    have < sizeof(c->scratch) && (n = vz_source_peek(s, c->items.offset + have, &p)) > 0) {
		if (n > sizeof(c->scratch) - have)
			n = sizeof(c->scratch) - have;
		memcpy(c->scratch + have, p, n);
		have += n;
	}
	return have;
}

/* A long one begins: announced without bytes; a frame's length is behind us then. */
static int
begin(struct cut *c, const uint8_t *p, struct piece *out)
{
	*out = (struct piece){.first = true, .length = VZ_LENGTH_UNKNOWN};
	c->begun = c->items.offset;
	if (c->items.mode == VZ_ITEMS_FRAMES) {
		c->left = out->length = vz_load32(p);
		c->items.offset += VZ_ITEM_HEAD;
	}
	c->items.seen = 0;
	c->inside = true;
	out->begin = c->begun;
	return 1;
}

static int
outside(struct cut *c, struct vz_source *s, bool eof, struct piece *out)
{
	struct vz_item item;
	const uint8_t *p;
	size_t n = vz_source_peek(s, c->items.offset, &p);
	uint64_t held = vz_source_end(s) - c->items.offset;
	int r;

	c->was = c->items;
	r = vz_items_next(&c->items, p, n, eof && n == held, &item);
	if (r == 0 && n < held) {
		n = gather(c, s);
		p = c->scratch;
		r = vz_items_next(&c->items, p, n, eof && n == held, &item);
	}
	if (r == VZ_ELIMIT)
		return begin(c, p, out);
	if (r == 1)
		*out = (struct piece){.p = item.body,
		    .len = item.len,
		    .first = true,
		    .last = true,
		    .length = item.len,
		    .begin = c->was.offset};
	return r;
}

static int
inside_frame(struct cut *c, bool eof, struct piece *out)
{
	if (out->len == 0)
		return eof ? VZ_EFORMAT : 0;
	if (out->len >= c->left) {
		out->len = (size_t)c->left;
		out->last = true;
	}
	return 1;
}

static int
inside_line(const struct cut *c, bool eof, struct piece *out)
{
	int end = c->items.mode == VZ_ITEMS_LINES ? '\n' : '\0';
	const uint8_t *at = out->len > 0 ? memchr(out->p, end, out->len) : NULL;

	if (at) {
		out->len = (size_t)(at - out->p);
		out->after = 1;
	}
	out->last = at || (out->len == 0 && eof);
	return out->len > 0 || out->last;
}

int
cut_next(struct cut *c, struct vz_source *s, bool eof, struct piece *out)
{
	if (!c->inside)
		return outside(c, s, eof, out);
	*out = (struct piece){0};
	out->len = vz_source_peek(s, c->items.offset, &out->p);
	return c->items.mode == VZ_ITEMS_FRAMES ? inside_frame(c, eof, out)
						: inside_line(c, eof, out);
}

void
cut_back(struct cut *c)
{
	c->items = c->was;
	c->inside = false;
}

void
cut_seek(struct cut *c, uint64_t offset)
{
	c->items.offset = offset;
	c->items.seen = 0;
	c->inside = false;
}

void
cut_rewind(struct cut *c, uint64_t at)
{
	bool frames = c->items.mode == VZ_ITEMS_FRAMES;
	uint64_t offset = c->begun + (frames ? VZ_ITEM_HEAD : 0) + at;

	c->left += frames ? c->items.offset - offset : 0;
	c->items.offset = offset;
}

void
cut_took(struct cut *c, const struct piece *p, size_t n)
{
	c->items.offset += n;
	c->left -= c->items.mode == VZ_ITEMS_FRAMES ? n : 0;
	if (n < p->len || !p->last)
		return;
	c->items.offset += p->after;
	c->inside = false;
}
