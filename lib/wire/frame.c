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
 * and one of these last, if any:
 *	M u8 length and a name   D bytes, at least one   T text to the end   P anything to the end
 */
static const struct layout {
	const char *name, *fields;
} layouts[VZ_FRAME_TYPES] = {
    [VZ_FRAME_STREAM] = {"stream", "s"},
    [VZ_FRAME_OPEN] = {"open", "NKFAOLM"},
    [VZ_FRAME_DATA] = {"data", "NOD"},
    [VZ_FRAME_END] = {"end", "NL"},
    [VZ_FRAME_CANCEL] = {"cancel", "NST"},
    [VZ_FRAME_FORGET] = {"forget", "N"},
    [VZ_FRAME_READY] = {"ready", "RXCWN"},
    [VZ_FRAME_ACK] = {"ack", "NtdC"},
    [VZ_FRAME_WINDOW] = {"window", "C"},
    [VZ_FRAME_DONE] = {"done", "NSLT"},
    [VZ_FRAME_PING] = {"ping", "k"},
    [VZ_FRAME_PONG] = {"pong", "k"},
    [VZ_FRAME_CLOSE] = {"close", "ST"},
    [VZ_FRAME_PADDING] = {"padding", "P"},
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

/* The field that a code of eight bytes stands for. */
static uint64_t *
wide(struct vz_frame *f, char code)
{
	switch (code) {
	case 'N': return &f->number;
	case 'O': return &f->offset;
	case 'L': return &f->length;
	case 'X': return &f->max_size;
	case 'C': return &f->limit;
	case 't': return &f->taken;
	case 'd': return &f->durable;
	case 'k': return &f->token;
	default: return NULL;
	}
}

static uint8_t *
narrow(struct vz_frame *f, char code)
{
	switch (code) {
	case 'K': return &f->kind;
	case 'F': return &f->flags;
	case 'S': return &f->status;
	case 'R': return &f->rights;
	default: return NULL;
	}
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

static bool
values_ok(const struct vz_frame *f)
{
	if (f->type == VZ_FRAME_OPEN)
		return f->kind <= VZ_KIND_ASK && (f->flags & ~VZ_OPEN_ONE_PASS) == 0;
	return true;
}

static void
read_field(struct vz_rd *r, char code, struct vz_frame *f)
{
	uint64_t *w = wide(f, code);
	uint8_t *n = narrow(f, code);

	if (w != NULL) {
		*w = vz_rd_u64(r);
	} else if (n != NULL) {
		*n = vz_rd_u8(r);
	} else if (code == 's') {
		vz_rd_copy(r, f->stream, sizeof f->stream);
	} else if (code == 'A') {
		f->attempt = vz_rd_u16(r);
	} else if (code == 'W') {
		f->window = vz_rd_u32(r);
	} else {
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

	memset(f, 0, sizeof *f);
	if (r->len == 0 && !r->bad)
		return 0;
	f->type = vz_rd_u8(r);
	len = vz_rd_u16(r);
	body = vz_rd_bytes(r, len);
	if (r->bad || (l = layout_of(f->type)) == NULL)
		return VZ_EFORMAT;
	in = vz_rd_of(body, len);
	for (const char *code = l->fields; *code != '\0'; code++)
		read_field(&in, *code, f);
	return vz_rd_done(&in) && values_ok(f) ? 1 : VZ_EFORMAT;
}

static int
put_field(struct vz_buf *out, char code, const struct vz_frame *f)
{
	struct vz_frame copy = *f;
	uint64_t *w = wide(&copy, code);
	uint8_t *n = narrow(&copy, code);
	int r;

	if (w != NULL)
		return vz_buf_u64(out, *w);
	if (n != NULL)
		return vz_buf_u8(out, *n);
	if (code == 's')
		return vz_buf_put(out, f->stream, sizeof f->stream);
	if (code == 'A')
		return vz_buf_u16(out, f->attempt);
	if (code == 'W')
		return vz_buf_u32(out, f->window);
	if (code == 'M' && (r = vz_buf_u8(out, (uint8_t)f->bytes_len)) < 0)
		return r;
	return vz_buf_put(out, f->bytes, f->bytes_len);
}

/* Length of the body that f will have. */
static size_t
body_len(const char *fields, const struct vz_frame *f)
{
	struct vz_frame any;
	size_t n = 0;

	for (; *fields != '\0'; fields++) {
		if (wide(&any, *fields) != NULL)
			n += 8;
		else if (narrow(&any, *fields) != NULL)
			n += 1;
		else if (*fields == 's')
			n += VZ_STREAM_LEN;
		else if (*fields == 'A' || *fields == 'W')
			n += *fields == 'A' ? 2 : 4;
		else
			n += f->bytes_len + (*fields == 'M' ? 1 : 0);
	}
	return n;
}

int
vz_frame_put(struct vz_buf *out, const struct vz_frame *f)
{
	const struct layout *l = layout_of(f->type);
	uint8_t *room;
	size_t len;
	char last;
	int r;

	if (l == NULL || !values_ok(f))
		return VZ_EINVAL;
	last = l->fields[strlen(l->fields) - 1];
	len = body_len(l->fields, f);
	if (len > VZ_RECORD_PLAIN_MAX - VZ_FRAME_HEAD)
		return VZ_EINVAL;
	if (strchr("MDTP", last) != NULL && !tail_ok(last, f->bytes, f->bytes_len))
		return VZ_EINVAL;
	/* All or nothing: with the room made, the puts below cannot fail. */
	if ((r = vz_buf_reserve(out, VZ_FRAME_HEAD + len, &room)) < 0)
		return r;
	r = vz_buf_u8(out, f->type);
	r |= vz_buf_u16(out, (uint16_t)len);
	for (const char *code = l->fields; *code != '\0'; code++)
		r |= put_field(out, *code, f);
	return r;
}

void
vz_frame_data_head(uint8_t head[static VZ_DATA_HEAD], uint64_t number, uint64_t offset, size_t len)
{
	head[0] = VZ_FRAME_DATA;
	vz_store16(head + 1, (uint16_t)(VZ_DATA_HEAD - VZ_FRAME_HEAD + len));
	vz_store64(head + 3, number);
	vz_store64(head + 11, offset);
}
