/*
 * A session against a peer that is authenticated and hostile: it seals what it likes. Whatever
 * comes, the bytes of a message or reply are given out in order and once, its END is the sum of
 * them, a verdict of "delivered" is heard only for what was ended, and no more is queued than is
 * allowed.
 *
 * The first byte of an input chooses the side; then operations of the peer, the program and time.
 *
 * Aims at: lib/wire/session.c lib/wire/session_flow.c lib/wire/session_listener.c
 * Aims at: lib/wire/session_sender.c lib/wire/legal.c lib/wire/messages.c
 */
#include "base/err.h"
#include "tests/fuzz/hosts.h"
#include "wire/session.h"

#define NUMBERS 8 /* messages that are followed closely */
#define OUT_MAX (1024 * 1024)

struct followed {
	bool open, ask, over, is_signed, proved, live;
	struct {
		bool ended;
		uint64_t bytes;
	} said, heard; /* by the program; from events */
};

struct game {
	struct vz_session *s;
	struct vz_channel *peer;
	struct vz_rd in;
	struct followed m[NUMBERS];
	uint64_t now;
	bool sender, dead;
};

static const uint8_t zeros[65536];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_make();
	return 0;
}

static void
to_session(struct game *g)
{
	size_t n, left;
	const uint8_t *p = vz_channel_out(g->peer, &left);

	while (left > 0) {
		uint8_t *room = vz_session_space(g->s, &n);

		if (room == NULL) { /* held back: as much as a socket would hold */
			g->dead = true;
			return;
		}
		if (n > left)
			n = left;
		memcpy(room, p, n);
		vz_session_fed(g->s, n, g->now);
		vz_channel_sent(g->peer, n);
		p = vz_channel_out(g->peer, &left);
	}
}

static void
read_frames(struct game *g)
{
	const uint8_t *plain;
	struct vz_frame f;
	size_t len;
	int r;

	while ((r = vz_channel_next(g->peer, &plain, &len)) == VZ_CHANNEL_RECORD) {
		struct vz_rd rd = vz_rd_of(plain, len);

		while ((r = vz_frame_next(&rd, &f)) == 1)
			;
		PROMISE(r == 0);
	}
	PROMISE(r == VZ_CHANNEL_MORE);
}

static void
carry_out(struct game *g)
{
	size_t n, room;
	const uint8_t *p = vz_session_out(g->s, &n);

	PROMISE(n <= OUT_MAX);
	while (n > 0) {
		uint8_t *to = vz_channel_space(g->peer, &room);

		PROMISE(to != NULL);
		room = room < n ? room : n;
		memcpy(to, p, room);
		vz_channel_fed(g->peer, room);
		vz_session_sent(g->s, room, g->now);
		p = vz_session_out(g->s, &n);
		if (n > 0 && vz_channel_open(g->peer))
			read_frames(g);
	}
}

/* What the session says must be records that open, of frames that decode. */
static void
to_peer(struct game *g)
{
	PROMISE(vz_session_flush(g->s, g->now) == 0);
	carry_out(g);
	read_frames(g);
}

/* Bytes and their end come alike to a listener and, of a reply, to a sender. */
static void
on_bytes(struct followed *m, const struct vz_event *ev, bool sender)
{
	PROMISE(m->open && !m->heard.ended && !m->over);
	if (ev->type == VZ_EVENT_END) {
		PROMISE(ev->length == m->heard.bytes);
		PROMISE(sender || m->proved == m->is_signed);
		m->heard.ended = true;
		return;
	}
	PROMISE(ev->bytes_len > 0 && ev->offset == m->heard.bytes);
	PROMISE(sender || !m->proved);
	m->heard.bytes += ev->bytes_len;
}

static void
on_listener_event(struct followed *m, const struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_OPEN:
		PROMISE(!m->open);
		m->open = true;
		m->ask = ev->kind == VZ_KIND_ASK;
		m->is_signed = (ev->flags & VZ_OPEN_SIGNED) != 0;
		m->live = (ev->flags & VZ_OPEN_LIVE) != 0;
		PROMISE(!m->live || (m->ask && !m->is_signed));
		break;
	case VZ_EVENT_SIGNED:
		PROMISE(m->open && m->is_signed && !m->proved && !m->heard.ended && !m->over);
		PROMISE(ev->text_len > 0 && ev->bytes_len > ev->text_len);
		PROMISE(ev->bytes_len <= VZ_SIGNED_MAX);
		m->proved = true;
		break;
	case VZ_EVENT_WHOLE:
		PROMISE(!m->open && ev->bytes_len <= VZ_WHOLE_MAX && ev->length == ev->bytes_len);
		m->open = m->heard.ended = true;
		m->ask = ev->kind == VZ_KIND_ASK;
		m->heard.bytes = ev->bytes_len;
		break;
	case VZ_EVENT_CANCEL:
		PROMISE(m->open && !m->heard.ended && !m->over);
		m->over = true;
		break;
	default: PROMISE(ev->type == VZ_EVENT_STREAM);
	}
}

/* Delivered is only what was ended, or was asked so that it need not be. */
static void
on_verdict(struct followed *m, uint8_t status)
{
	PROMISE(m->open && !m->over);
	if (status == 0) {
		PROMISE(m->said.ended || m->live);
		PROMISE(!m->ask || m->heard.ended);
	}
	m->over = true;
}

static void
on_sender_event(struct game *g, struct followed *m, const struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_DONE:
		PROMISE(ev->count >= 1 && (ev->count == 1 || ev->status == 0));
		/* Many at once are told without their lengths. */
		if (ev->status == 0 && ev->length != 0 && !m->live)
			PROMISE(ev->length == m->said.bytes);
		for (uint64_t i = ev->number; i < NUMBERS && i - ev->number < ev->count; i++)
			on_verdict(&g->m[i], ev->status);
		break;
	case VZ_EVENT_ANSWER:
		PROMISE(m->ask && ev->bytes_len <= VZ_WHOLE_MAX && m->heard.bytes == 0);
		m->heard.ended = true;
		on_verdict(m, ev->status);
		break;
	default: PROMISE(ev->type == VZ_EVENT_READY);
	}
}

static void
on_event(struct game *g, const struct vz_event *ev)
{
	struct followed other = {0}, *m = ev->number < NUMBERS ? &g->m[ev->number] : &other;

	switch (ev->type) {
	case VZ_EVENT_CLOSE:
	case VZ_EVENT_PONG: return;
	case VZ_EVENT_ROOM: PROMISE(ev->durable <= ev->taken); return;
	case VZ_EVENT_DATA:
	case VZ_EVENT_END:
		if (m != &other)
			on_bytes(m, ev, g->sender);
		return;
	default: break;
	}
	if (m == &other)
		return;
	if (g->sender)
		on_sender_event(g, m, ev);
	else
		on_listener_event(m, ev);
}

/* What was due is done: a timer set for the next deadline must not fire at once again. */
static void
pass_time(struct game *g)
{
	if (vz_session_tick(g->s, g->now, true) < 0) {
		g->dead = true;
		return;
	}
	PROMISE(vz_session_deadline(g->s) > g->now);
	to_peer(g);
}

static void
listen_to(struct game *g)
{
	struct vz_event ev;
	bool closed = false;
	int r;

	while ((r = vz_session_next(g->s, &ev)) == 1) {
		PROMISE(!closed);
		closed = ev.type == VZ_EVENT_CLOSE;
		on_event(g, &ev);
	}
	PROMISE(r == 0 || r == VZ_EPROTO || r == VZ_EFORMAT || r == VZ_ELIMIT);
	if (r == 0 && !closed)
		return;
	/* An error is final, and the peer can still be told. */
	PROMISE(vz_session_next(g->s, &ev) == r);
	vz_session_close(g->s, 76, "told");
	to_peer(g);
	g->now += 100;
	pass_time(g);
	g->dead = true;
}

/* The program's moves. */

static void
say_bytes(struct game *g, struct followed *m, uint64_t number, size_t n)
{
	long sent = vz_session_data(g->s, number, zeros, n);

	PROMISE(sent <= (long)n);
	if (sent > 0)
		m->said.bytes += (uint64_t)sent;
}

/* On the sender's side `is_signed` and `proved` are what it said itself, as `said`. */
static void
say_end(struct game *g, struct followed *m, uint64_t number, size_t n)
{
	if (g->sender && vz_session_sign(g->s, number, zeros, n / 2, n) == 0) {
		PROMISE(n / 2 > 0 && n / 2 <= VZ_SIGNED_TEXT && n - n / 2 <= VZ_SIGNED_SIG);
		m->proved = true;
	}
	if (vz_session_end(g->s, number) != 0)
		return;
	PROMISE(!g->sender || number >= NUMBERS || m->proved == m->is_signed);
	m->said.ended = true;
}

static void
listener_move(struct game *g, uint8_t what, struct followed *m, uint64_t number, size_t n)
{
	uint8_t status = what & 0x80 ? 75 : 0;
	int r;

	if ((what & 0x40) != 0)
		r = vz_session_answer(g->s, number, status, zeros, n);
	else
		r = vz_session_done(g->s, number, status, what & 0x20 ? "words" : "");
	if (r < 0)
		return;
	PROMISE(status != 0 || m->heard.ended || (m->live && m->said.ended));
	PROMISE((what & 0x40) == 0 || (m->ask && n <= VZ_WHOLE_MAX));
	m->over = true;
}

static void
sender_move(struct game *g, uint8_t what, struct followed *m, uint64_t number, size_t n)
{
	uint8_t kind = what & 0x80 ? VZ_KIND_ASK : VZ_KIND_SEND;
	bool whole = (what & 0x20) != 0;
	uint8_t flags = n % 4 == 3 ? VZ_OPEN_SIGNED : n % 8 == 5 ? VZ_OPEN_LIVE : 0;
	int r;

	if (what & 0x40) {
		if (vz_session_cancel(g->s, number, 65, "words") == 0)
			m->over = true;
		return;
	}
	if (whole)
		r = vz_session_whole(g->s, kind, zeros, n, &number);
	else
		r = vz_session_open(g->s, kind, flags, "name", VZ_LENGTH_UNKNOWN, &number);
	PROMISE(r != 0 || !whole || n <= VZ_WHOLE_MAX);
	PROMISE(r != 0 || whole || flags != VZ_OPEN_LIVE || kind == VZ_KIND_ASK);
	if (r == 0 && number < NUMBERS) {
		m = &g->m[number];
		PROMISE(!m->open);
		m->open = true;
		m->ask = kind == VZ_KIND_ASK;
		m->is_signed = !whole && flags == VZ_OPEN_SIGNED;
		m->live = !whole && flags == VZ_OPEN_LIVE;
		m->said.ended = whole;
		m->said.bytes = whole ? n : 0;
	}
}

static void
move(struct game *g)
{
	uint8_t what = vz_rd_u8(&g->in);
	uint64_t number = vz_rd_u8(&g->in);
	size_t n = vz_rd_u16(&g->in);
	struct followed other = {0}, *m = number < NUMBERS ? &g->m[number] : &other;

	switch (what % 5) {
	case 0: vz_session_taken(g->s, number, n); break;
	case 1: vz_session_durable(g->s, number, n); break;
	case 2: say_bytes(g, m, number, n); break;
	case 3: say_end(g, m, number, n); break;
	default:
		if (g->sender)
			sender_move(g, what, m, number, n);
		else
			listener_move(g, what, m, number, n);
	}
}

static void
step(struct game *g)
{
	uint8_t op = vz_rd_u8(&g->in);
	size_t n;

	switch (op % 4) {
	case 0: /* the peer's record */
	case 1:
		n = op % 4 == 0 ? vz_rd_u8(&g->in) : vz_rd_u16(&g->in);
		n = n < g->in.len ? n : g->in.len;
		if (n > 0 && n <= VZ_RECORD_PLAIN_MAX)
			vz_channel_put(g->peer, vz_rd_bytes(&g->in, n), n, NULL, 0);
		to_session(g);
		listen_to(g);
		break;
	case 2: move(g); break;
	default: /* time, and what is to be sent */
		g->now += (uint64_t)vz_rd_u8(&g->in) * 50;
		pass_time(g);
	}
}

static void
peer_accepts(struct game *g)
{
	const uint8_t *plain;
	size_t len;

	PROMISE(vz_channel_next(g->peer, &plain, &len) == VZ_CHANNEL_PEER);
	PROMISE(vz_channel_accept(g->peer) == 0);
}

static void
session_accepts(struct game *g)
{
	struct vz_event ev;

	PROMISE(vz_session_next(g->s, &ev) == 1 && ev.type == VZ_EVENT_PEER);
	PROMISE(vz_session_accept(g->s, 3, 0) == 0);
}

static void
shake_hands(struct game *g)
{
	const uint8_t *plain;
	struct vz_event ev;
	size_t len;

	if (g->sender) {
		carry_out(g);
		PROMISE(vz_channel_next(g->peer, &plain, &len) == VZ_CHANNEL_MORE);
		to_session(g);
		session_accepts(g);
		carry_out(g);
		peer_accepts(g);
	} else {
		to_session(g);
		PROMISE(vz_session_next(g->s, &ev) == 0);
		carry_out(g);
		peer_accepts(g);
		to_session(g);
		session_accepts(g);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_channel_config peer;
	struct vz_session_config own = {0};
	struct game g = {0};

	if (size == 0 || size > 65536)
		return 0;
	g.sender = data[0] & 1;
	g.in = vz_rd_of(data + 1, size - 1);
	vz_session_defaults(&own);
	own.channel = hosts_config(g.sender, 21);
	peer = hosts_config(!g.sender, 21);
	PROMISE(vz_session_new(&g.s, &own) == 0 && vz_channel_new(&g.peer, &peer) == 0);
	shake_hands(&g);
	while (g.in.len > 0 && !g.dead)
		step(&g);
	vz_session_free(g.s);
	vz_channel_free(g.peer);
	return 0;
}
