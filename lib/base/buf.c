#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIRST_CAP 256

/* What an empty buffer or reader points at, so that nobody does arithmetic on NULL. */
static const uint8_t nothing[1];

void
vz_buf_init(struct vz_buf *b, size_t max)
{
	*b = (struct vz_buf){.max = max};
}

void
vz_buf_free(struct vz_buf *b)
{
	freezero(b->data, b->cap);
	vz_buf_init(b, b->max);
}

void
vz_buf_clear(struct vz_buf *b)
{
	b->off = 0;
	b->len = 0;
}

const uint8_t *
vz_buf_ptr(const struct vz_buf *b)
{
	return b->data == NULL ? nothing : b->data + b->off;
}

/*
 * Moves the bytes to storage of at least `need`, at most max. Not realloc: that would leave an
 * unwiped copy of what may be a secret behind.
 */
static int
grow(struct vz_buf *b, size_t need)
{
	size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
	uint8_t *data;

	if (cap < FIRST_CAP)
		cap = FIRST_CAP;
	if (cap < need)
		cap = need;
	if (cap > b->max)
		cap = b->max;
	data = malloc(cap > 0 ? cap : 1);
	if (data == NULL)
		return VZ_ENOMEM;
	if (b->len > 0)
		memcpy(data, b->data + b->off, b->len);
	freezero(b->data, b->cap);
	b->data = data;
	b->cap = cap;
	b->off = 0;
	return 0;
}

int
vz_buf_reserve(struct vz_buf *b, size_t n, uint8_t **p)
{
	int r;

	*p = NULL;
	if (n > b->max - b->len)
		return VZ_ELIMIT;
	if (b->data == NULL || n > b->cap - b->off - b->len) {
		/* Moving is paid for by the bytes consumed before; else only at full size. */
		if (b->data != NULL && b->len + n <= b->cap &&
		    (b->off >= b->len || b->cap == b->max)) {
			memmove(b->data, b->data + b->off, b->len);
			b->off = 0;
		} else {
			r = grow(b, b->len + n);
			if (r < 0)
				return r;
		}
	}
	*p = b->data + b->off + b->len;
	return 0;
}

void
vz_buf_added(struct vz_buf *b, size_t n)
{
	size_t room = b->cap - b->off - b->len;

	b->len += n < room ? n : room;
}

void
vz_buf_consume(struct vz_buf *b, size_t n)
{
	if (n >= b->len) {
		vz_buf_clear(b);
		return;
	}
	b->off += n;
	b->len -= n;
}

void
vz_buf_truncate(struct vz_buf *b, size_t len)
{
	if (len < b->len)
		b->len = len;
}

int
vz_buf_put(struct vz_buf *b, const void *src, size_t n)
{
	uint8_t *p;
	int r = vz_buf_reserve(b, n, &p);

	if (r < 0)
		return r;
	if (n > 0)
		memcpy(p, src, n);
	b->len += n;
	return 0;
}

int
vz_buf_u8(struct vz_buf *b, uint8_t v)
{
	return vz_buf_put(b, &v, 1);
}

int
vz_buf_u16(struct vz_buf *b, uint16_t v)
{
	uint8_t p[2];

	vz_store16(p, v);
	return vz_buf_put(b, p, sizeof p);
}

int
vz_buf_u32(struct vz_buf *b, uint32_t v)
{
	uint8_t p[4];

	vz_store32(p, v);
	return vz_buf_put(b, p, sizeof p);
}

int
vz_buf_u64(struct vz_buf *b, uint64_t v)
{
	uint8_t p[8];

	vz_store64(p, v);
	return vz_buf_put(b, p, sizeof p);
}

int
vz_buf_str(struct vz_buf *b, const char *s)
{
	return vz_buf_put(b, s, strlen(s));
}

int
vz_buf_string(struct vz_buf *b, const void *src, size_t n)
{
	uint8_t *p;
	int r;

	if (n > UINT32_MAX || n > SIZE_MAX - 4)
		return VZ_ELIMIT;
	r = vz_buf_reserve(b, 4 + n, &p);
	if (r < 0)
		return r;
	vz_store32(p, (uint32_t)n);
	if (n > 0)
		memcpy(p + 4, src, n);
	b->len += 4 + n;
	return 0;
}

struct vz_rd
vz_rd_of(const void *p, size_t len)
{
	return (struct vz_rd){.p = p == NULL ? nothing : p, .len = p == NULL ? 0 : len};
}

const uint8_t *
vz_rd_bytes(struct vz_rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->len) {
		r->bad = true;
		r->len = 0;
		return NULL;
	}
	r->p += n;
	r->len -= n;
	return p;
}

uint8_t
vz_rd_u8(struct vz_rd *r)
{
	const uint8_t *p = vz_rd_bytes(r, 1);

	return p == NULL ? 0 : *p;
}

uint16_t
vz_rd_u16(struct vz_rd *r)
{
	const uint8_t *p = vz_rd_bytes(r, 2);

	return p == NULL ? 0 : vz_load16(p);
}

uint32_t
vz_rd_u32(struct vz_rd *r)
{
	const uint8_t *p = vz_rd_bytes(r, 4);

	return p == NULL ? 0 : vz_load32(p);
}

uint64_t
vz_rd_u64(struct vz_rd *r)
{
	const uint8_t *p = vz_rd_bytes(r, 8);

	return p == NULL ? 0 : vz_load64(p);
}

void
vz_rd_copy(struct vz_rd *r, void *out, size_t n)
{
	const uint8_t *p = vz_rd_bytes(r, n);

	if (n == 0)
		return;
	if (p == NULL)
		memset(out, 0, n);
	else
		memcpy(out, p, n);
}

const uint8_t *
vz_rd_string(struct vz_rd *r, size_t *n)
{
	uint32_t len = vz_rd_u32(r);
	const uint8_t *p = vz_rd_bytes(r, len);

	*n = p == NULL ? 0 : len;
	return p;
}

bool
vz_rd_done(const struct vz_rd *r)
{
	return !r->bad && r->len == 0;
}

void
vz_store16(uint8_t p[static 2], uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
vz_store32(uint8_t p[static 4], uint32_t v)
{
	vz_store16(p, (uint16_t)(v >> 16));
	vz_store16(p + 2, (uint16_t)v);
}

void
vz_store64(uint8_t p[static 8], uint64_t v)
{
	vz_store32(p, (uint32_t)(v >> 32));
	vz_store32(p + 4, (uint32_t)v);
}

uint16_t
vz_load16(const uint8_t p[static 2])
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
vz_load32(const uint8_t p[static 4])
{
	return (uint32_t)vz_load16(p) << 16 | vz_load16(p + 2);
}

uint64_t
vz_load64(const uint8_t p[static 8])
{
	return (uint64_t)vz_load32(p) << 32 | vz_load32(p + 4);
}
