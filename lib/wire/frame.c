/*
 * The frames of messages: their table, for wire/layout.
 */
#include "wire/frame.h"
#include <string.h>
#include "base/err.h"

/*
 * Field codes, in the order of the bytes on the wire:
 *	s stream   N number   K kind    F flags    A attempt  O offset   L length
 *	S status   R rights   X max_size C limit   W window   t taken    d durable  k token
 *	c count  m text_len
 * and the tails of wire/layout.h
 */
static const struct vz_layout types[VZ_FRAME_TYPES] = {
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
    [VZ_FRAME_SIGNED] = {"signed", "NmB"},
    [VZ_FRAME_ANSWER] = {"answer", "NSB"},
    [VZ_FRAME_DELIVERED] = {"delivered", "Nc"},
};

static const struct vz_layout_field fields[128] = {
    ['N'] = {8, offsetof(struct vz_frame, number), "number"},
    ['O'] = {8, offsetof(struct vz_frame, offset), "offset"},
    ['L'] = {8, offsetof(struct vz_frame, length), "length"},
    ['X'] = {8, offsetof(struct vz_frame, max_size), "max_size"},
    ['C'] = {8, offsetof(struct vz_frame, limit), "limit"},
    ['t'] = {8, offsetof(struct vz_frame, taken), "taken"},
    ['d'] = {8, offsetof(struct vz_frame, durable), "durable"},
    ['k'] = {8, offsetof(struct vz_frame, token), "token"},
    ['W'] = {4, offsetof(struct vz_frame, window), "window"},
    ['c'] = {4, offsetof(struct vz_frame, count), "count"},
    ['A'] = {2, offsetof(struct vz_frame, attempt), "attempt"},
    ['m'] = {2, offsetof(struct vz_frame, text_len), "manifest"},
    ['K'] = {1, offsetof(struct vz_frame, kind), "kind"},
    ['F'] = {1, offsetof(struct vz_frame, flags), "flags"},
    ['S'] = {1, offsetof(struct vz_frame, status), "status"},
    ['R'] = {1, offsetof(struct vz_frame, rights), "rights"},
    ['s'] = {VZ_STREAM_LEN, offsetof(struct vz_frame, stream), "stream"},
};

static const struct vz_layouts layouts = {
    .types = types,
    .n = VZ_FRAME_TYPES,
    .fields = fields,
    .type = offsetof(struct vz_frame, type),
    .bytes = offsetof(struct vz_frame, bytes),
    .bytes_len = offsetof(struct vz_frame, bytes_len),
};

const char *
vz_frame_name(uint8_t type)
{
	return vz_layout_name(&layouts, type);
}

void
vz_frame_describe(const struct vz_frame *f, const char *stream, char *out, size_t cap)
{
	vz_layout_describe(&layouts, f, stream, out, cap);
}

/* Neither is empty. */
static bool
signed_ok(const struct vz_frame *f)
{
	return f->text_len > 0 && f->text_len <= VZ_SIGNED_TEXT && f->bytes_len > f->text_len &&
	    f->bytes_len - f->text_len <= VZ_SIGNED_SIG;
}

/* Of what is signed, or has a length from the start, all is wanted. */
static bool
live_ok(const struct vz_frame *f)
{
	return f->kind == VZ_KIND_ASK && (f->flags & VZ_OPEN_SIGNED) == 0 &&
	    (f->length == VZ_LENGTH_UNKNOWN || f->attempt > 0);
}

static bool
values_ok(const struct vz_frame *f)
{
	uint8_t known = f->type == VZ_FRAME_READY
	    ? VZ_READY_DURABLE | VZ_READY_RESUMES
	    : VZ_OPEN_ONE_PASS | VZ_OPEN_SIGNED | VZ_OPEN_LIVE;

	if (f->type == VZ_FRAME_SIGNED && !signed_ok(f))
		return false;
	if (f->type == VZ_FRAME_OPEN && (f->flags & VZ_OPEN_LIVE) != 0 && !live_ok(f))
		return false;
	return f->kind <= VZ_KIND_ASK && (f->flags & ~known) == 0;
}

int
vz_frame_next(struct vz_rd *r, struct vz_frame *f)
{
	int got;

	memset(f, 0, sizeof(*f));
	got = vz_layout_next(&layouts, r, f);
	return got == 1 && !values_ok(f) ? VZ_EFORMAT : got;
}

int
vz_frame_put(struct vz_buf *out, const struct vz_frame *f)
{
	return values_ok(f) ? vz_layout_put(&layouts, out, f) : VZ_EINVAL;
}

void
vz_frame_data_head(uint8_t head[static VZ_DATA_HEAD], uint64_t number, uint64_t offset, size_t len)
{
	head[0] = VZ_FRAME_DATA;
	vz_store16(head + 1, (uint16_t)(VZ_DATA_HEAD - VZ_FRAME_HEAD + len));
	vz_store64(head + 3, number);
	vz_store64(head + 11, offset);
}
