#include "wire/layout.h"
#include <string.h>
#include "base/err.h"
#include "base/text.h"

static const struct vz_layout *
layout_of(const struct vz_layouts *set, uint8_t type)
{
	return type < set->n && set->types[type].name != NULL ? &set->types[type] : NULL;
}

const char *
vz_layout_name(const struct vz_layouts *set, uint8_t type)
{
	const struct vz_layout *l = layout_of(set, type);

	return l != NULL ? l->name : "unknown";
}

size_t
vz_layout_words(const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len > VZ_TEXT_MAX)
		len = VZ_TEXT_MAX;
	while (len > 0 && !vz_utf8_ok(text, len))
		len--;
	return vz_name_ok(text, len) ? len : 0;
}

/* The bytes that end a frame: of the right length, and fit to be shown where they are words. */
static bool
tail_ok(char code, const uint8_t *p, size_t len)
{
	switch (code) {
	case 'D': return len > 0;
	case 'M':
	case 'T': return vz_name_ok(p, len);
	default: return true;
	}
}

static void
read_tail(struct vz_rd *r, char code, const uint8_t **bytes, size_t *len)
{
	*len = code == 'M' ? vz_rd_u8(r) : r->len;
	*bytes = vz_rd_bytes(r, *len);
	if (*bytes != NULL && !tail_ok(code, *bytes, *len))
		r->bad = true;
}

static void
read_field(const struct vz_layouts *set, struct vz_rd *r, char code, uint8_t *f)
{
	const struct vz_layout_field *d = &set->fields[(uint8_t)code];
	uint8_t *at = f + d->at;

	switch (d->width) {
	case 0:
		read_tail(r, code, (const uint8_t **)(void *)(f + set->bytes),
		    (size_t *)(void *)(f + set->bytes_len));
		break;
	case 1: *at = vz_rd_u8(r); break;
	case 2: *(uint16_t *)(void *)at = vz_rd_u16(r); break;
	case 4: *(uint32_t *)(void *)at = vz_rd_u32(r); break;
	case 8: *(uint64_t *)(void *)at = vz_rd_u64(r); break;
	default: vz_rd_copy(r, at, d->width);
	}
}

int
vz_layout_next(const struct vz_layouts *set, struct vz_rd *r, void *f)
{
	const struct vz_layout *l;
	const uint8_t *body;
	struct vz_rd in;
	uint8_t type;
	size_t len;

	if (r->len == 0 && !r->bad)
		return 0;
	type = vz_rd_u8(r);
	len = vz_rd_u16(r);
	body = vz_rd_bytes(r, len);
	((uint8_t *)f)[set->type] = type;
	if (r->bad || (l = layout_of(set, type)) == NULL)
		return VZ_EFORMAT;
	in = vz_rd_of(body, len);
	for (const char *code = l->codes; *code != '\0'; code++)
		read_field(set, &in, *code, f);
	return vz_rd_done(&in) ? 1 : VZ_EFORMAT;
}

/* The bytes that end a frame. */
struct tail {
	char code; /* or 0 */
	const uint8_t *bytes;
	size_t len;
};

/* Writes one field at p, which has room for it; gives the place behind it. */
static uint8_t *
put_field(
    const struct vz_layouts *set, uint8_t *p, char code, const uint8_t *f, const struct tail *t)
{
	const struct vz_layout_field *d = &set->fields[(uint8_t)code];
	const uint8_t *at = f + d->at;

	switch (d->width) {
	case 0:
		if (code == 'M')
			*p++ = (uint8_t)t->len;
		if (t->len > 0)
			memcpy(p, t->bytes, t->len);
		return p + t->len;
	case 1: *p = *at; break;
	case 2: vz_store16(p, *(const uint16_t *)(const void *)at); break;
	case 4: vz_store32(p, *(const uint32_t *)(const void *)at); break;
	case 8: vz_store64(p, *(const uint64_t *)(const void *)at); break;
	default: memcpy(p, at, d->width);
	}
	return p + d->width;
}

/* Length of the body that f will have; finds its tail. */
static size_t
body_len(const struct vz_layouts *set, const char *codes, const uint8_t *f, struct tail *t)
{
	size_t n = 0;

	*t = (struct tail){0};
	for (; *codes != '\0'; codes++) {
		n += set->fields[(uint8_t)*codes].width;
		if (set->fields[(uint8_t)*codes].width > 0)
			continue;
		t->code = *codes;
		t->bytes = *(const uint8_t *const *)(const void *)(f + set->bytes);
		t->len = *(const size_t *)(const void *)(f + set->bytes_len);
		/* What is too long for any record must not overflow the sum. */
		if (t->len > VZ_RECORD_PLAIN_MAX)
			return t->len;
		n += t->len + (*codes == 'M' ? 1 : 0);
	}
	return n;
}

int
vz_layout_put(const struct vz_layouts *set, struct vz_buf *out, const void *f)
{
	uint8_t type = ((const uint8_t *)f)[set->type];
	const struct vz_layout *l = layout_of(set, type);
	struct tail t;
	uint8_t *p;
	size_t len;
	int r;

	if (l == NULL)
		return VZ_EINVAL;
	len = body_len(set, l->codes, f, &t);
	if (len > VZ_RECORD_PLAIN_MAX - VZ_FRAME_HEAD)
		return VZ_EINVAL;
	if (t.code != '\0' && !tail_ok(t.code, t.bytes, t.len))
		return VZ_EINVAL;
	if ((r = vz_buf_reserve(out, VZ_FRAME_HEAD + len, &p)) < 0)
		return r;
	p[0] = type;
	vz_store16(p + 1, (uint16_t)len);
	p += VZ_FRAME_HEAD;
	for (const char *code = l->codes; *code != '\0'; code++)
		p = put_field(set, p, *code, f, &t);
	vz_buf_added(out, VZ_FRAME_HEAD + len);
	return 0;
}
