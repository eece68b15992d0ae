/*
 * Many messages in one stream, as lines, NUL-ended items and frames: in whatever pieces it comes,
 * the items are the same, of their lengths, and put together again they are the stream.
 *
 * Aims at: lib/flow/items.c cmd/vz-send/cut.c
 *
 * An input's first bytes: the mode and whether the end comes, the longest body, the pieces, the
 * ring. Then runs, two bytes of length and one that is repeated, so that few bytes make long items;
 * a length of 0 takes the byte as it is.
 */
#include "base/err.h"
#include "cmd/vz-send/cut.h"
#include "flow/source.h"
#include "tests/fuzz/fuzz.h"
#include "wire/session.h"

#define STREAM_MAX (48 * 1024)
#define ITEMS_MAX  4096

static uint8_t stream[STREAM_MAX];
static size_t stream_len;

/* The ring of a source: the bytes lie around its end wherever `wrap` says. */
struct vz_source {
	size_t have; /* bytes read so far */
	size_t wrap; /* every so many bytes it ends */
};

struct item {
	size_t at, len;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

size_t
vz_source_peek(struct vz_source *s, uint64_t offset, const uint8_t **p)
{
	size_t at = (size_t)offset, to = (at / s->wrap + 1) * s->wrap;

	PROMISE(offset <= s->have);
	*p = stream + at;
	return (to < s->have ? to : s->have) - at;
}

uint64_t
vz_source_end(const struct vz_source *s)
{
	return s->have;
}

static void
expand(struct vz_rd *in)
{
	stream_len = 0;
	while (in->len > 0 && stream_len < STREAM_MAX) {
		size_t n = vz_rd_u16(in), left = STREAM_MAX - stream_len;
		uint8_t byte = vz_rd_u8(in);

		n = n == 0 ? 1 : n;
		n = n < left ? n : left;
		memset(stream + stream_len, byte, n);
		stream_len += n;
	}
}

/* All of the stream at once; how it ended. */
static int
whole(enum vz_items_mode mode, size_t max, bool eof, struct item *list, size_t *n)
{
	struct vz_items it;
	struct vz_item item;
	size_t at = 0;
	int r;

	vz_items_init(&it, mode, max);
	for (*n = 0; *n < ITEMS_MAX; ++*n) {
		r = vz_items_next(&it, stream + at, stream_len - at, eof, &item);
		if (r != 1)
			return r;
		PROMISE(item.len <= max && item.used >= item.len && item.used <= stream_len - at);
		PROMISE(
		    item.body >= stream + at && item.body + item.len <= stream + at + item.used);
		PROMISE(!item.unended || (eof && at + item.used == stream_len));
		list[*n] = (struct item){(size_t)(item.body - stream), item.len};
		at += item.used;
		PROMISE(it.offset == at);
	}
	return 1;
}

/* The same in pieces; what was looked at is not shown again. */
static void
pieces(enum vz_items_mode mode, size_t max, bool eof, size_t piece, const struct item *list,
    size_t n, int end)
{
	struct vz_items it;
	struct vz_item item;
	size_t at = 0, have = 0, i = 0;
	int r = 0;

	vz_items_init(&it, mode, max);
	for (;;) {
		r = vz_items_next(&it, stream + at, have - at, eof && have == stream_len, &item);
		if (r == 1) {
			PROMISE(i < n || end == 1);
			if (i == n)
				return;
			PROMISE(
			    (size_t)(item.body - stream) == list[i].at && item.len == list[i].len);
			at += item.used;
			i++;
		} else if (r < 0 || have == stream_len) {
			break;
		} else {
			have = stream_len - have < piece ? stream_len : have + piece;
		}
	}
	PROMISE(i == n && (r == end || end == 1));
}

/* Together again. The last line may have had no newline, which is put. */
static void
together(enum vz_items_mode mode, const struct item *list, size_t n)
{
	struct vz_buf out;
	size_t used = 0;

	vz_buf_init(&out, STREAM_MAX + 1);
	for (size_t i = 0; i < n; i++) {
		PROMISE(vz_item_refusal(mode, stream + list[i].at, list[i].len) == NULL);
		PROMISE(vz_item_put(&out, mode, stream + list[i].at, list[i].len) == 0);
	}
	used = out.len <= stream_len ? out.len : out.len - 1;
	PROMISE(used <= stream_len && (used == 0 || memcmp(vz_buf_ptr(&out), stream, used) == 0));
	vz_buf_free(&out);
}

/* One piece of an item that is being told: its bytes follow those before. */
static void
one_piece(const struct piece *p, const struct item *item, size_t *told)
{
	if (p->first)
		PROMISE(*told == 0 && (p->length == VZ_LENGTH_UNKNOWN || p->length == item->len));
	PROMISE(p->len <= item->len - *told && (!p->last || *told + p->len == item->len));
	if (p->len > 0)
		PROMISE(memcmp(p->p, stream + item->at + *told, p->len) == 0);
	*told += p->len;
}

/* What vz-send does: small ones whole, others piece by piece, some of a piece at a time. */
static void
cut(enum vz_items_mode mode, bool eof, size_t piece, size_t wrap, const struct item *list, size_t n,
    int end)
{
	struct vz_source s = {.wrap = wrap};
	struct piece p;
	struct cut c;
	size_t i = 0, told = 0;
	int r;

	cut_init(&c, mode);
	while (i < n || end != 1) {
		r = cut_next(&c, &s, eof && s.have == stream_len, &p);
		if (r < 0 || (r == 0 && s.have == stream_len))
			break;
		if (r == 0) {
			s.have = stream_len - s.have < piece ? stream_len : s.have + piece;
			continue;
		}
		if (i == n) /* an unfinished one */
			return;
		if (!(p.first && p.last) && p.len > piece) { /* less was taken than was there */
			p.len = piece;
			p.last = false;
			p.after = 0;
		}
		one_piece(&p, &list[i], &told);
		if (!(p.first && p.last))
			cut_took(&c, &p, p.len);
		if (p.last) {
			i++;
			told = 0;
		}
	}
	PROMISE(i == n && (told == 0 || end != 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct item list[ITEMS_MAX];
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);
	enum vz_items_mode mode = how % 3;
	size_t max = vz_rd_u16(&in), piece = vz_rd_u16(&in) + (size_t)1, wrap = vz_rd_u16(&in);
	bool eof = (how & 0x80) != 0;
	size_t n;
	int end;

	expand(&in);
	end = whole(mode, max, eof, list, &n);
	PROMISE(end == 0 || end == 1 || end == VZ_ELIMIT || end == VZ_EFORMAT);
	if (stream_len / piece < 512)
		pieces(mode, max, eof, piece, list, n, end);
	together(mode, list, n);
	/* A ring that wraps more often than a small item is long is none. */
	end = whole(mode, SIZE_MAX / 2, eof, list, &n);
	if (stream_len / piece < 512 && stream_len > 0)
		cut(mode, eof, piece, VZ_WHOLE_MAX + VZ_ITEM_HEAD + 1 + wrap, list, n, end);
	return 0;
}
