/*
 * Frames. One table says what each body holds; encoder and decoder both walk it, so they cannot
 * drift.
 */
#include "wire/frame.h"
#include <string.h>
#include "base/err.h"
#include "base/text.h"

/*
 * Field codes, in the order of the bytes on the wire:
 *	s stream   N number   K kind    F flags    A attempt  O offset   L length
 *	S status   R rights   X max_size C limit   W window   t taken    d durable  k token
 *	c count
 * and one of these last, if any:
 *	M u8 length and a name   D bytes, at least one   T text to the end   B any bytes to the end
 */
static const struct layout {
	const char *name, *codes;
} layouts[VZ_FRAME_TYPES] = {
    [VZ_FRAME_STREAM] = {"stream", "s"},
    [VZ_FRAME_OPEN] = {"open", "NKFAOLM"},
    [VZ_FRAME_DATA] = {"data", "NOD"},
    [VZ_FRAME_END] = {"end", "NL"},
    [VZ_FRAME_CANCEL] = {"cancel", "NST"},
    [VZ_FRAME_FORGET] = {"forget", "N"},
    [VZ_FRAME_READY] = {"ready", "RFXCWN"},
    [VZ_FRAME_ACK] = {"ack", "NtdC"},
    [VZ_FRAME_WINDOW] = {"window", "C"},
    [VZ_FRAME_DONE] = {"done", "NSLT"},
    [VZ_FRAME_PING] = {"ping", "k"},
    [VZ_FRAME_PONG] = {"pong", "k"},
    [VZ_FRAME_CLOSE] = {"close", "ST"},
    [VZ_FRAME_PADDING] = {"padding", "B"},
    [VZ_FRAME_WHOLE] = {"whole", "NKB"},
    [VZ_FRAME_ANSWER] = {"answer", "NSB"},
    [VZ_FRAME_DELIVERED] = {"delivered", "Nc"},
};

static const struct layout *
layout_of(uint8_t type)
{
	return type < VZ_FRAME_TYPES && layouts[type].name != NULL ? &layouts[type] : NULL;
}

const char *
vz_frame_name(uint8_t type)
{
	const struct layout *l = layout_of(type);

	return l != NULL ? l->name : "unknown";
}

/* Where a code's value is kept, and how many bytes it has on the wire; 0 = the bytes that end a
 * frame. */
static const struct field {
	uint8_t width;
	uint8_t at;
} fields[128] = {
    ['N'] = {8, offsetof(struct vz_frame, number)},
    ['O'] = {8, offsetof(struct vz_frame, offset)},
    ['L'] = {8, offsetof(struct vz_frame, length)},
    ['X'] = {8, offsetof(struct vz_frame, max_size)},
    ['C'] = {8, offsetof(struct vz_frame, limit)},
    ['t'] = {8, offsetof(struct vz_frame, taken)},
    ['d'] = {8, offsetof(struct vz_frame, durable)},
    ['k'] = {8, offsetof(struct vz_frame, token)},
    ['W'] = {4, offsetof(struct vz_frame, window)},
    ['c'] = {4, offsetof(struct vz_frame, count)},
    ['A'] = {2, offsetof(struct vz_frame, attempt)},
    ['K'] = {1, offsetof(struct vz_frame, kind)},
    ['F'] = {1, offsetof(struct vz_frame, flags)},
    ['S'] = {1, offsetof(struct vz_frame, status)},
    ['R'] = {1, offsetof(struct vz_frame, rights)},
    ['s'] = {VZ_STREAM_LEN, offsetof(struct vz_frame, stream)},
};

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

static bool
values_ok(const struct vz_frame *f)
{
	uint8_t known =
	    f->type == VZ_FRAME_READY ? VZ_READY_DURABLE | VZ_READY_RESUMES : VZ_OPEN_ONE_PASS;

	return f->kind <= VZ_KIND_ASK && (f->flags & ~known) == 0;
}

static void
read_field(struct vz_rd *r, char code, struct vz_frame *f)
{
	const struct field *d = &fields[(uint8_t)code];
	uint8_t *at = (uint8_t *)f + d->at;

	switch (d->width) {
	case 1: *at = vz_rd_u8(r); break;
	case 2: f->attempt = vz_rd_u16(r); break;
	case 4: *(uint32_t *)(void *)at = vz_rd_u32(r); break;
	case 8: *(uint64_t *)(void *)at = vz_rd_u64(r); break;
	case VZ_STREAM_LEN: vz_rd_copy(r, at, VZ_STREAM_LEN); break;
	default:
		f->bytes_len = code == 'M' ? vz_rd_u8(r) : r->len;
		f->bytes = vz_rd_bytes(r, f->bytes_len);
		if (f->bytes != NULL && !tail_ok(code, f->bytes, f->bytes_len))
			r->bad = true;
	}
}

int
vz_frame_next(struct vz_rd *r, struct vz_frame *f)
{
	const struct layout *l;
	const uint8_t *body;
	struct vz_rd in;
	size_t len;

	memset(f, 0, sizeof(*f));
	if (r->len == 0 && !r->bad)
		return 0;
	f->type = vz_rd_u8(r);
	len = vz_rd_u16(r);
	body = vz_rd_bytes(r, len);
	if (r->bad || (l = layout_of(f->type)) == NULL)
		return VZ_EFORMAT;
	in = vz_rd_of(body, len);
	for (const char *code = l->codes; *code != '\0'; code++)
		read_field(&in, *code, f);
	return vz_rd_done(&in) && values_ok(f) ? 1 : VZ_EFORMAT;
}

/* Writes one field at p, which has room for it; gives the place behind it. */
static uint8_t *
put_field(uint8_t *p, char code, const struct vz_frame *f)
{
	const struct field *d = &fields[(uint8_t)code];
	const uint8_t *at = (const uint8_t *)f + d->at;

	switch (d->width) {
	case 1: *p = *at; break;
	case 2: vz_store16(p, f->attempt); break;
	case 4: vz_store32(p, *(const uint32_t *)(const void *)at); break;
	case 8: vz_store64(p, *(const uint64_t *)(const void *)at); break;
	case VZ_STREAM_LEN: memcpy(p, at, VZ_STREAM_LEN); break;
	default:
		if (code == 'M')
			*p++ = (uint8_t)f->bytes_len;
		if (f->bytes_len > 0)
			memcpy(p, f->bytes, f->bytes_len);
		return p + f->bytes_len;
	}
	return p + d->width;
}

/* Length of the body that f will have; *last is its last code. */
static size_t
body_len(const char *codes, const struct vz_frame *f, char *last)
{
	size_t n = 0;

	for (; *codes != '\0'; codes++) {
		*last = *codes;
		n += fields[(uint8_t)*codes].width;
	}
	if (fields[(uint8_t)*last].width == 0)
		n += f->bytes_len + (*last == 'M' ? 1 : 0);
	return n;
}

int
vz_frame_put(struct vz_buf *out, const struct vz_frame *f)
{
	const struct layout *l = layout_of(f->type);
	uint8_t *p;
	char last = '\0';
	size_t len;
	int r;

	if (l == NULL || !values_ok(f) || f->bytes_len > VZ_RECORD_PLAIN_MAX)
		return VZ_EINVAL;
	len = body_len(l->codes, f, &last);
	if (len > VZ_RECORD_PLAIN_MAX - VZ_FRAME_HEAD)
		return VZ_EINVAL;
	if (fields[(uint8_t)last].width == 0 && !tail_ok(last, f->bytes, f->bytes_len))
		return VZ_EINVAL;
	if ((r = vz_buf_reserve(out, VZ_FRAME_HEAD + len, &p)) < 0)
		return r;
	p[0] = f->type;
	vz_store16(p + 1, (uint16_t)len);
	p += VZ_FRAME_HEAD;
	for (const char *code = l->codes; *code != '\0'; code++)
		p = put_field(p, *code, f);
	vz_buf_added(out, VZ_FRAME_HEAD + len);
	return 0;
}

void
vz_frame_data_head(uint8_t head[static VZ_DATA_HEAD], uint64_t number, uint64_t offset, size_t len)
{
	head[0] = VZ_FRAME_DATA;
	vz_store16(head + 1, (uint16_t)(VZ_DATA_HEAD - VZ_FRAME_HEAD + len));
	vz_store64(head + 3, number);
	vz_store64(head + 11, offset);
}
