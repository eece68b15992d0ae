/*
 * A client against a relay that is authenticated and hostile: it seals what it likes, in any order,
 * and time passes, while the client registers, or asks for things of a mailbox. Whatever comes,
 * each request has one answer, of its kind and in its turn; an entry has just its bytes; no more is
 * sent than there is room for; little waits; nothing comes after an end.
 *
 * The first byte of an input is what the client asks for first; then what it asks for later,
 * records of the relay, and time.
 *
 * Aims at: lib/wire/relay_client.c lib/wire/relay_mail_client.c lib/wire/relay_link.c
 * Aims at: lib/wire/relay_link_time.c lib/wire/relay_frame.c
 */
#include "base/err.h"
#include "tests/fuzz/hosts.h"
#include "wire/relay_client.h"

#define OUT_MAX (512 * 1024)

struct game {
	struct vz_channel *evil;
	struct vz_relay_client *c;
	struct vz_rd in;
	uint64_t now;
	bool over, mailbox, registers;
	/* What was asked, in its order; and how much of it was answered. */
	enum vz_relay_type asked[VZ_RELAY_ASKED_MAX];
	uint64_t number[VZ_RELAY_ASKED_MAX];
	unsigned asks, answers;
	uint64_t entry, missing; /* the entry that comes */
	uint64_t room;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_make();
	return 0;
}

static void
answered(struct game *g, enum vz_relay_type type)
{
	PROMISE(g->answers < g->asks);
	PROMISE(g->asked[g->answers % VZ_RELAY_ASKED_MAX] == type);
	g->answers++;
}

static uint64_t
number_of(const struct game *g)
{
	return g->number[g->answers % VZ_RELAY_ASKED_MAX];
}

static void
on_event(struct game *g, const struct vz_relay_event *ev)
{
	PROMISE(!g->over);
	switch (ev->type) {
	case VZ_RELAY_EVENT_CLOSE: g->over = true; break;
	case VZ_RELAY_EVENT_REGISTERED:
	case VZ_RELAY_EVENT_OFFER:
	case VZ_RELAY_EVENT_MAIL: PROMISE(g->registers); break;
	case VZ_RELAY_EVENT_PONG: break;
	case VZ_RELAY_EVENT_ROOM:
		g->room += ev->number;
		PROMISE(g->mailbox && g->room <= VZ_RELAY_ROOM_MAX);
		break;
	case VZ_RELAY_EVENT_BUNDLE: answered(g, VZ_RELAY_BUNDLE_WANTED); break;
	case VZ_RELAY_EVENT_DEPOSITED:
		PROMISE(ev->number > 0);
		answered(g, VZ_RELAY_DEPOSIT);
		break;
	case VZ_RELAY_EVENT_ENTRY:
		PROMISE(g->missing == 0 && ev->size > 0 && ev->size <= VZ_RELAY_MAIL_MAX);
		PROMISE(g->answers < g->asks && ev->number > number_of(g));
		g->entry = ev->number;
		g->missing = ev->size;
		break;
	case VZ_RELAY_EVENT_PIECE:
		PROMISE(ev->number == g->entry && ev->bytes_len > 0 && ev->bytes_len <= g->missing);
		g->missing -= ev->bytes_len;
		if (g->missing == 0)
			answered(g, VZ_RELAY_NEXT);
		break;
	case VZ_RELAY_EVENT_NOTHING:
		PROMISE(g->missing == 0);
		answered(g, VZ_RELAY_NEXT);
		break;
	case VZ_RELAY_EVENT_REMOVED:
		PROMISE(ev->number == number_of(g));
		answered(g, VZ_RELAY_TAKEN);
		break;
	case VZ_RELAY_EVENT_REFUSED:
		g->missing = 0;
		answered(g, ev->of);
		break;
	default: PROMISE(false);
	}
}

/* What evil has to say, and what the client hears. */
static void
to_client(struct game *g)
{
	struct vz_relay_event ev;
	size_t n, left;
	const uint8_t *p = vz_channel_out(g->evil, &left);
	int r;

	while (left > 0 && !g->over) {
		uint8_t *room = vz_relay_client_space(g->c, &n);

		PROMISE(room != NULL);
		n = n < left ? n : left;
		memcpy(room, p, n);
		vz_relay_client_fed(g->c, n, g->now);
		vz_channel_sent(g->evil, n);
		p = vz_channel_out(g->evil, &left);
		while ((r = vz_relay_client_next(g->c, &ev)) > 0)
			on_event(g, &ev);
		if (r < 0) {
			PROMISE(vz_relay_client_next(g->c, &ev) == r);
			g->over = true;
		}
	}
	vz_channel_sent(g->evil, left);
	PROMISE(g->over || vz_relay_client_asked(g->c) == g->asks - g->answers);
}

/* Evil reads: what the client says has to open and decode. */
static void
to_evil(struct game *g)
{
	const uint8_t *plain, *p;
	struct vz_relay_frame f;
	size_t n, len;
	int r;

	p = vz_relay_client_out(g->c, &n);
	while (n > 0) {
		uint8_t *to = vz_channel_space(g->evil, &len);

		PROMISE(to != NULL);
		len = len < n ? len : n;
		memcpy(to, p, len);
		vz_channel_fed(g->evil, len);
		vz_relay_client_sent(g->c, len, g->now);
		p = vz_relay_client_out(g->c, &n);
		while ((r = vz_channel_next(g->evil, &plain, &len)) == VZ_CHANNEL_RECORD) {
			struct vz_rd rd = vz_rd_of(plain, len);

			while ((r = vz_relay_frame_next(&rd, &f)) == 1)
				continue;
			PROMISE(r == 0);
		}
		PROMISE(r == 0);
	}
}

static void
note(struct game *g, int r, enum vz_relay_type type, uint64_t number)
{
	if (r < 0) {
		PROMISE(r == VZ_EINVAL || r == VZ_EFULL);
		return;
	}
	PROMISE(!g->registers && g->asks - g->answers < VZ_RELAY_ASKED_MAX);
	g->mailbox = true;
	g->asked[g->asks % VZ_RELAY_ASKED_MAX] = type;
	g->number[g->asks % VZ_RELAY_ASKED_MAX] = number;
	g->asks++;
}

static void
send_parts(struct game *g)
{
	static const uint8_t bytes[VZ_RELAY_ROOM_MAX];
	uint64_t left = vz_relay_client_missing(g->c);
	int64_t n;

	if (left == 0 || left > sizeof(bytes))
		left = left > 0 ? sizeof(bytes) : 0;
	n = vz_relay_client_part(g->c, bytes, (size_t)left);
	PROMISE(n >= 0 || (n == VZ_EINVAL && g->over));
	PROMISE(n <= 0 || (uint64_t)n <= g->room);
	if (n > 0)
		g->room -= (uint64_t)n;
}

static void
act(struct game *g, uint8_t how)
{
	const struct vz_key *who = &called->bundle.identity;
	static const uint8_t content[VZ_RELAY_CONTENT];
	int r;

	switch (how % 6) {
	case 0: note(g, vz_relay_client_collect(g->c, how / 6), VZ_RELAY_NEXT, how / 6); break;
	case 1:
		note(g, vz_relay_client_taken(g->c, 1u + how / 6), VZ_RELAY_TAKEN, 1u + how / 6);
		break;
	case 2: note(g, vz_relay_client_bundle(g->c, who), VZ_RELAY_BUNDLE_WANTED, 0); break;
	case 3:
		r = vz_relay_client_deposit(g->c, who, content, 1 + how * 5000u, 0);
		note(g, r, VZ_RELAY_DEPOSIT, 0);
		break;
	case 4: send_parts(g); break;
	default: g->registers |= vz_relay_client_register(g->c, 0) == 0; break;
	}
}

static void
step(struct game *g)
{
	uint8_t op = vz_rd_u8(&g->in);
	size_t n;

	if (op >= 0xc0) {
		g->now += (uint64_t)(op & 0x3f) * 500;
		if (vz_relay_client_tick(g->c, g->now) < 0)
			g->over = true;
		else
			PROMISE(vz_relay_client_deadline(g->c) > g->now);
	} else if (op >= 0x80) {
		act(g, op & 0x3f);
	} else if (op >= 0x60) {
		to_evil(g);
	} else {
		n = vz_rd_u8(&g->in);
		n = n < g->in.len ? n : g->in.len;
		if (n > 0)
			vz_channel_put(g->evil, vz_rd_bytes(&g->in, n), n, NULL, 0);
		to_client(g);
	}
	PROMISE(vz_relay_client_flush(g->c, g->now) <= 0);
	vz_relay_client_out(g->c, &n);
	PROMISE(n <= OUT_MAX);
}

static void
handshake(struct game *g)
{
	struct vz_channel_config evil = hosts_config(false, 21), own = hosts_config(true, 21);
	struct vz_relay_limits limits;
	struct vz_relay_event ev;
	const uint8_t *plain;
	size_t len;

	vz_relay_limits_default(&limits);
	evil.service = VZ_SERVICE_RELAY;
	PROMISE(vz_channel_new(&g->evil, &evil) == 0);
	PROMISE(vz_relay_client_new(&g->c, &own, &limits, 0) == 0);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *p = vz_relay_client_out(g->c, &len);
		size_t room;
		uint8_t *to = vz_channel_space(g->evil, &room);

		PROMISE(len <= room);
		memcpy(to, p, len);
		vz_relay_client_sent(g->c, len, 0);
		vz_channel_fed(g->evil, len);
		PROMISE(vz_channel_next(g->evil, &plain, &len) == (int)i);
		p = vz_channel_out(g->evil, &len);
		to = vz_relay_client_space(g->c, &room);
		memcpy(to, p, len);
		vz_channel_sent(g->evil, len);
		vz_relay_client_fed(g->c, len, 0);
		if (i == 0) {
			PROMISE(vz_relay_client_next(g->c, &ev) == 1);
			PROMISE(vz_relay_client_accept(g->c) == 0);
		}
	}
	PROMISE(vz_channel_accept(g->evil) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct game g = {.room = VZ_RELAY_ROOM_MAX};

	if (size == 0 || size > 4096)
		return 0;
	g.in = vz_rd_of(data + 1, size - 1);
	handshake(&g);
	act(&g, data[0]);
	while (g.in.len > 0 && !g.over)
		step(&g);
	vz_channel_free(g.evil);
	vz_relay_client_free(g.c);
	return 0;
}
