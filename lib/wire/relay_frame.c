#include "wire/relay_frame.h"
#include <string.h>
#include "base/err.h"

/*
 * Field codes: n number   k token   K key   m match   S status   d duplicate
 *	h content   z size   t deposited   x expires
 * and the tails of wire/layout.h
 */
static const struct vz_layout types[VZ_RELAY_TYPES] = {
    [VZ_RELAY_REGISTER] = {"register", "n"},
    [VZ_RELAY_CONNECT] = {"connect", "KB"},
    [VZ_RELAY_CLAIM] = {"claim", "m"},
    [VZ_RELAY_BUNDLE_WANTED] = {"bundle_wanted", "K"},
    [VZ_RELAY_DEPOSIT] = {"deposit", "Khzx"},
    [VZ_RELAY_PART] = {"part", "D"},
    [VZ_RELAY_NEXT] = {"next", "n"},
    [VZ_RELAY_TAKEN] = {"taken", "n"},
    [VZ_RELAY_REGISTERED] = {"registered", "n"},
    [VZ_RELAY_OFFER] = {"offer", "m"},
    [VZ_RELAY_READY] = {"ready", "m"},
    [VZ_RELAY_MAIL] = {"mail", ""},
    [VZ_RELAY_BUNDLE] = {"bundle", "D"},
    [VZ_RELAY_ROOM] = {"room", "n"},
    [VZ_RELAY_DEPOSITED] = {"deposited", "nd"},
    [VZ_RELAY_REFUSED] = {"refused", "ST"},
    [VZ_RELAY_ENTRY] = {"entry", "nKhztx"},
    [VZ_RELAY_PIECE] = {"piece", "D"},
    [VZ_RELAY_NOTHING] = {"nothing", ""},
    [VZ_RELAY_REMOVED] = {"removed", "n"},
    [VZ_RELAY_PING] = {"ping", "k"},
    [VZ_RELAY_PONG] = {"pong", "k"},
    [VZ_RELAY_CLOSE] = {"close", "ST"},
    [VZ_RELAY_PADDING] = {"padding", "B"},
};

static const struct vz_layout_field fields[128] = {
    ['n'] = {8, offsetof(struct vz_relay_frame, number), "number"},
    ['k'] = {8, offsetof(struct vz_relay_frame, token), "token"},
    ['S'] = {1, offsetof(struct vz_relay_frame, status), "status"},
    ['d'] = {1, offsetof(struct vz_relay_frame, duplicate), "duplicate"},
    ['z'] = {8, offsetof(struct vz_relay_frame, size), "size"},
    ['t'] = {8, offsetof(struct vz_relay_frame, deposited), "deposited"},
    ['x'] = {8, offsetof(struct vz_relay_frame, expires), "expires"},
    ['h'] = {VZ_RELAY_CONTENT, offsetof(struct vz_relay_frame, content), "content"},
    ['K'] = {sizeof(struct vz_key), offsetof(struct vz_relay_frame, key), "key"},
    ['m'] = {VZ_MATCH_LEN, offsetof(struct vz_relay_frame, match), "match"},
};

static const struct vz_layouts layouts = {
    .types = types,
    .n = VZ_RELAY_TYPES,
    .fields = fields,
    .type = offsetof(struct vz_relay_frame, type),
    .bytes = offsetof(struct vz_relay_frame, bytes),
    .bytes_len = offsetof(struct vz_relay_frame, bytes_len),
};

void
vz_relay_frame_describe(const struct vz_relay_frame *f, char *out, size_t cap)
{
	vz_layout_describe(&layouts, f, NULL, out, cap);
}

/* Only who registers or begins with a mailbox may have no number yet. */
static bool
values_ok(const struct vz_relay_frame *f)
{
	if (f->number >= VZ_RELAY_NUMBER_MAX || f->size >= VZ_RELAY_NUMBER_MAX ||
	    f->deposited >= VZ_RELAY_NUMBER_MAX || f->expires >= VZ_RELAY_NUMBER_MAX ||
	    f->duplicate > 1)
		return false;
	switch (f->type) {
	case VZ_RELAY_CONNECT:
		return f->bytes_len == 0 ||
		    (f->bytes_len > VZ_MATCH_LEN &&
			f->bytes_len <= VZ_MATCH_LEN + VZ_RELAY_FIRST_MAX);
	case VZ_RELAY_REGISTERED:
	case VZ_RELAY_TAKEN:
	case VZ_RELAY_ROOM:
	case VZ_RELAY_DEPOSITED:
	case VZ_RELAY_REMOVED: return f->number > 0;
	case VZ_RELAY_DEPOSIT: return f->size > 0;
	case VZ_RELAY_ENTRY: return f->number > 0 && f->size > 0;
	default: return true;
	}
}

int
vz_relay_frame_next(struct vz_rd *r, struct vz_relay_frame *f)
{
	int got;

	memset(f, 0, sizeof(*f));
	got = vz_layout_next(&layouts, r, f);
	return got == 1 && !values_ok(f) ? VZ_EFORMAT : got;
}

int
vz_relay_frame_put(struct vz_buf *out, const struct vz_relay_frame *f)
{
	return values_ok(f) ? vz_layout_put(&layouts, out, f) : VZ_EINVAL;
}

const char *
vz_relay_frame_name(uint8_t type)
{
	return vz_layout_name(&layouts, type);
}

#define BIT(type) (UINT64_C(1) << VZ_RELAY_##type)
#define ALIVE     (BIT(PING) | BIT(PONG) | BIT(PADDING) | BIT(CLOSE))
#define ASK       (BIT(BUNDLE_WANTED) | BIT(DEPOSIT) | BIT(NEXT) | BIT(TAKEN))
#define ANSWER                                                                               \
	(BIT(BUNDLE) | BIT(ROOM) | BIT(DEPOSITED) | BIT(REFUSED) | BIT(ENTRY) | BIT(PIECE) | \
	    BIT(NOTHING) | BIT(REMOVED))

/* Who waits for READY is pinged by nobody: it could not answer. A pong may have been owed. */
static const uint64_t legal[] = {
    [VZ_RELAY_CLIENT_START] = ALIVE,
    [VZ_RELAY_CLIENT_REGISTERING] = ALIVE | BIT(REGISTERED),
    [VZ_RELAY_CLIENT_REGISTERED] = ALIVE | BIT(OFFER) | BIT(MAIL),
    [VZ_RELAY_CLIENT_WAITING] = BIT(READY) | BIT(CLOSE) | BIT(PONG),
    [VZ_RELAY_CLIENT_MAIL] = ALIVE | ANSWER,
    [VZ_RELAY_SERVE_START] = ALIVE | BIT(REGISTER) | BIT(CONNECT) | BIT(CLAIM) | ASK,
    [VZ_RELAY_SERVE_REGISTERING] = ALIVE,
    [VZ_RELAY_SERVE_REGISTERED] = ALIVE,
    [VZ_RELAY_SERVE_WAITING] = 0,
    [VZ_RELAY_SERVE_MAIL] = ALIVE | ASK | BIT(PART),
    [VZ_RELAY_RAW] = 0,
};

bool
vz_relay_legal(enum vz_relay_stage stage, uint8_t type)
{
	return type < VZ_RELAY_TYPES && (legal[stage] >> type & 1) != 0;
}
