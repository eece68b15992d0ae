/*
 * A session against a peer that is authenticated and hostile: it seals what it likes. Whatever
 * comes, a message's bytes are given out in order and once, its END is the sum of them, a verdict
 * of "delivered" is heard only for what was ended, and no more is queued than is allowed.
 *
 * The first byte of an input chooses the side; then operations of the peer, the program and time.
 */
#include "base/err.h"
#include "tests/fuzz/fuzz.h"
#include "wire/session.h"

#define NUMBERS 8 /* messages that are followed closely */
#define OUT_MAX (1024 * 1024)

struct followed {
	bool open, ended, over;
	uint64_t given; /* listener: bytes of DATA events; sender: bytes sent */
};

struct game {
	struct vz_session *s;
	struct vz_channel *peer;
	struct vz_rd in;
	struct followed m[NUMBERS];
	uint64_t now;
	bool sender, dead;
};

static struct vz_identity *caller, *called;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	caller = fuzz_identity(1);
	called = fuzz_identity(11);
	return 0;
}

static void
configure(struct vz_channel_config *c, bool initiator)
{
	c->initiator = initiator;
	c->service = VZ_SERVICE_MESSAGES;
	c->self = initiator ? caller : called;
	c->responder = called->bundle.identity;
	memset(c->random, initiator ? 21 : 22, sizeof(c->random));
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

static void
on_listener_event(struct game *g, const struct vz_event *ev)
{
	struct followed *m = ev->number < NUMBERS ? &g->m[ev->number] : NULL;

	switch (ev->type) {
	case VZ_EVENT_OPEN:
		if (m != NULL) {
			PROMISE(!m->open);
			m->open = true;
		}
		break;
	case VZ_EVENT_DATA:
		PROMISE(ev->bytes_len > 0);
		if (m != NULL) {
			PROMISE(m->open && !m->ended && !m->over && ev->offset == m->given);
			m->given += ev->bytes_len;
		}
		break;
	case VZ_EVENT_END:
		if (m != NULL) {
			PROMISE(m->open && !m->ended && !m->over && ev->length == m->given);
			m->ended = true;
		}
		break;
	case VZ_EVENT_CANCEL:
		if (m != NULL) {
			PROMISE(m->open && !m->ended && !m->over);
			m->over = true;
		}
		break;
	default:
		PROMISE(ev->type == VZ_EVENT_STREAM || ev->type == VZ_EVENT_CLOSE ||
		    ev->type == VZ_EVENT_PONG);
	}
}

static void
on_sender_event(struct game *g, const struct vz_event *ev)
{
	struct followed *m = ev->number < NUMBERS ? &g->m[ev->number] : NULL;

	switch (ev->type) {
	case VZ_EVENT_DONE:
		if (m != NULL) {
			PROMISE(m->open && !m->over);
			PROMISE(ev->status != 0 || (m->ended && ev->length == m->given));
			m->over = true;
		}
		break;
	case VZ_EVENT_ROOM: PROMISE(ev->durable <= ev->taken); break;
	default:
		PROMISE(ev->type == VZ_EVENT_READY || ev->type == VZ_EVENT_CLOSE ||
		    ev->type == VZ_EVENT_PONG);
	}
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
		if (g->sender)
			on_sender_event(g, &ev);
		else
			on_listener_event(g, &ev);
	}
	PROMISE(r == 0 || r == VZ_EPROTO || r == VZ_EFORMAT || r == VZ_ELIMIT);
	if (r == 0 && !closed)
		return;
	/* An error is final, and the peer can still be told. */
	PROMISE(vz_session_next(g->s, &ev) == r);
	vz_session_close(g->s, 76, "told");
	to_peer(g);
	g->dead = true;
}

/* The program's moves. */

static void
listener_move(struct game *g, uint8_t what, uint64_t number, size_t n)
{
	struct followed *m = number < NUMBERS ? &g->m[number] : NULL;
	int r;

	switch (what % 4) {
	case 0: vz_session_taken(g->s, number, n); break;
	case 1: vz_session_durable(g->s, number, n); break;
	default:
		r = vz_session_done(g->s, number, what % 4 == 2 ? 0 : 75, "words");
		if (m != NULL && r == 0) {
			PROMISE(what % 4 != 2 || m->ended);
			m->over = true;
		}
	}
}

static void
sender_move(struct game *g, uint8_t what, uint64_t number, size_t n)
{
	static const uint8_t zeros[65536];
	struct followed *m = number < NUMBERS ? &g->m[number] : NULL;
	uint64_t opened = 0;
	long sent;

	switch (what % 4) {
	case 0:
		if (vz_session_open(g->s, what & 1, 0, "name", VZ_LENGTH_UNKNOWN, &opened) == 0 &&
		    opened < NUMBERS)
			g->m[opened].open = true;
		break;
	case 1:
		sent = vz_session_data(g->s, number, zeros, n);
		PROMISE(sent <= (long)n);
		if (m != NULL && sent > 0)
			m->given += (uint64_t)sent;
		break;
	case 2:
		if (vz_session_end(g->s, number) == 0 && m != NULL)
			m->ended = true;
		break;
	default:
		if (vz_session_cancel(g->s, number, 65, "words") == 0 && m != NULL)
			m->over = true;
	}
}

static void
step(struct game *g)
{
	uint8_t op = vz_rd_u8(&g->in), what, number;
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
	case 2: /* the program */
		what = vz_rd_u8(&g->in);
		number = vz_rd_u8(&g->in);
		n = vz_rd_u16(&g->in);
		if (g->sender)
			sender_move(g, what, number, n);
		else
			listener_move(g, what, number, n);
		break;
	default: /* time, and what is to be sent */
		g->now += (uint64_t)vz_rd_u8(&g->in) * 50;
		if (vz_session_tick(g->s, g->now, true) < 0)
			g->dead = true;
		else
			to_peer(g);
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
	struct vz_channel_config peer = {0};
	struct vz_session_config own = {0};
	struct game g = {0};

	if (size == 0 || size > 65536)
		return 0;
	g.sender = data[0] & 1;
	g.in = vz_rd_of(data + 1, size - 1);
	vz_session_defaults(&own);
	configure(&own.channel, g.sender);
	configure(&peer, !g.sender);
	PROMISE(vz_session_new(&g.s, &own) == 0 && vz_channel_new(&g.peer, &peer) == 0);
	shake_hands(&g);
	while (g.in.len > 0 && !g.dead)
		step(&g);
	vz_session_free(g.s);
	vz_channel_free(g.peer);
	return 0;
}
