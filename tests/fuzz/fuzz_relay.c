/*
 * A relay against clients that are authenticated and hostile: they seal what they like, in any
 * order, and time passes. Whatever comes, two are joined only when one asked and the other claimed
 * what it was offered; each request has one answer; after READY nothing more is said; no more is
 * queued than is allowed; what a mailbox is asked is answered in its order.
 *
 * The first byte of an input is what the clients may do; then records of the clients and time.
 *
 * Aims at: lib/wire/relay_serve.c lib/wire/relay_link.c lib/wire/relay_link_time.c
 * Aims at: lib/wire/relay_frame.c lib/wire/relay_mail_serve.c lib/wire/relay_mail_flow.c
 * Aims at: lib/relay/live.c lib/relay/match.c lib/relay/match_ask.c
 */
#include "base/err.h"
#include "relay/live.h"
#include "tests/fuzz/hosts.h"

#define CLIENTS 3
#define OUT_MAX (128 * 1024)

struct caller {
	struct vz_channel *evil;
	struct vz_live_client live;
	enum vz_relay_event_type asked; /* or 0 */
	unsigned answers, readies;
	bool gone, mailbox;
	/* Of a mailbox: requests in their order, answers that were said and those that came, bytes
	 * that are not dealt with, and what an entry lacks. */
	enum vz_relay_event_type requests[VZ_RELAY_ASKED_MAX];
	unsigned asks, said;
	size_t held;
	uint64_t size;
};

struct game {
	struct caller c[CLIENTS];
	struct vz_live live;
	struct vz_rd in;
	uint64_t now;
	uint8_t id;
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
touched(void *ctx, struct vz_live_client *c)
{
	(void)ctx;
	PROMISE(c->serve != NULL);
	/* Whoever is joined has asked for it. */
	if (c->role == VZ_LIVE_JOINED && c->other != NULL)
		PROMISE(c->other->other == c && c->other->role == VZ_LIVE_JOINED &&
		    vz_relay_serve_raw(c->serve) && vz_relay_serve_raw(c->other->serve));
}

/* What the relay says must be records that open, of frames that decode. */
static void
on_answer(struct caller *c, const struct vz_relay_frame *f)
{
	PROMISE(c->readies == 0);
	switch (f->type) {
	case VZ_RELAY_REGISTERED: PROMISE(c->asked == VZ_RELAY_EVENT_REGISTER); break;
	case VZ_RELAY_READY:
		PROMISE(c->asked == VZ_RELAY_EVENT_CONNECT || c->asked == VZ_RELAY_EVENT_CLAIM);
		c->readies++;
		break;
	case VZ_RELAY_OFFER:
		PROMISE(c->asked == VZ_RELAY_EVENT_REGISTER && c->answers == 1);
		return;
	case VZ_RELAY_MAIL: PROMISE(c->asked == VZ_RELAY_EVENT_REGISTER); return;
	default:
		PROMISE(f->type < VZ_RELAY_BUNDLE || f->type > VZ_RELAY_REMOVED || c->mailbox);
		return;
	}
	PROMISE(++c->answers == 1);
}

static void
to_evil(struct game *g, struct caller *c)
{
	const uint8_t *plain, *p;
	struct vz_relay_frame f;
	size_t n, len;
	int r;

	if (vz_channel_open(c->evil))
		PROMISE(vz_relay_serve_flush(c->live.serve, g->now) == 0);
	p = vz_relay_serve_out(c->live.serve, &n);
	PROMISE(n <= OUT_MAX);
	while (n > 0) {
		uint8_t *to = vz_channel_space(c->evil, &len);

		PROMISE(to != NULL);
		len = len < n ? len : n;
		memcpy(to, p, len);
		vz_channel_fed(c->evil, len);
		vz_relay_serve_sent(c->live.serve, len, g->now);
		p = vz_relay_serve_out(c->live.serve, &n);
	}
	while (c->readies == 0 && vz_channel_open(c->evil) &&
	    (r = vz_channel_next(c->evil, &plain, &len)) != VZ_CHANNEL_MORE) {
		struct vz_rd rd = vz_rd_of(plain, len);

		PROMISE(r == VZ_CHANNEL_RECORD);
		while ((r = vz_relay_frame_next(&rd, &f)) == 1)
			on_answer(c, &f);
		PROMISE(r == 0);
	}
	/* Behind READY there is what the other one opened with, and nothing else. */
	if (c->readies > 0) {
		(void)vz_channel_rest(c->evil, &n);
		PROMISE(n <= VZ_RELAY_FIRST_MAX);
		PROMISE(n == 0 || c->asked == VZ_RELAY_EVENT_CLAIM);
	}
}

static void
all_to_evil(struct game *g)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		to_evil(g, &g->c[i]);
}

/* Requests of a mailbox are answered now or later, as the input has it. */
static void
on_mail(struct game *g, struct caller *c, const struct vz_relay_event *ev, unsigned may)
{
	PROMISE(c->asked == 0);
	c->mailbox = true;
	if (ev->type == VZ_RELAY_EVENT_PART) {
		c->held += ev->bytes_len;
		PROMISE(ev->bytes_len > 0 && c->held <= VZ_RELAY_ROOM_MAX && c->asks > c->said);
		return;
	}
	PROMISE(c->asks - c->said < VZ_RELAY_ASKED_MAX);
	PROMISE(ev->type != VZ_RELAY_EVENT_DEPOSIT ||
	    ((may & VZ_RELAY_MAY_DEPOSIT) != 0 && ev->size > 0));
	PROMISE((ev->type != VZ_RELAY_EVENT_NEXT && ev->type != VZ_RELAY_EVENT_TAKEN) ||
	    (may & VZ_RELAY_MAY_REGISTER) != 0);
	c->requests[c->asks++ % VZ_RELAY_ASKED_MAX] = ev->type;
	(void)g;
}

/* The store, as it pleases: an answer of the right kind, or another, which is not said. */
static void
answer_mail(struct caller *c, uint8_t how)
{
	struct vz_relay_serve *s = c->live.serve;
	enum vz_relay_event_type want =
	    c->asks > c->said ? c->requests[c->said % VZ_RELAY_ASKED_MAX] : 0;
	struct vz_relay_event e = {.number = 1, .size = 1u + how};
	static const uint8_t bytes[256];
	bool fits = false;
	int r;

	if (c->gone)
		return;
	switch (how % 8) {
	case 0:
		r = vz_relay_serve_bundle(s, bytes, 177);
		fits = want == VZ_RELAY_EVENT_BUNDLE_WANTED;
		break;
	case 1:
		r = vz_relay_serve_deposited(s, 1u + how, (how & 8) != 0);
		fits = want == VZ_RELAY_EVENT_DEPOSIT;
		break;
	case 2:
		r = vz_relay_serve_removed(s, 1u + how);
		fits = want == VZ_RELAY_EVENT_TAKEN;
		break;
	case 3:
		r = vz_relay_serve_nothing(s);
		fits = want == VZ_RELAY_EVENT_NEXT && c->size == 0;
		break;
	case 4:
		r = vz_relay_serve_refused(s, how, "no");
		fits = want != 0;
		c->size = 0;
		break;
	case 5:
		r = vz_relay_serve_entry(s, &e);
		PROMISE((r == 0) == (want == VZ_RELAY_EVENT_NEXT && c->size == 0));
		c->size = r == 0 ? e.size : c->size;
		return;
	case 6:
		r = vz_relay_serve_piece(s, bytes, 1u + how / 8);
		PROMISE((r == 0) == (c->size >= 1u + how / 8));
		c->size -= r == 0 ? 1u + how / 8 : 0;
		c->said += r == 0 && c->size == 0;
		return;
	default:
		r = vz_relay_serve_took(s, c->held);
		PROMISE(c->held == 0 || r == 0);
		c->held = 0;
		return;
	}
	PROMISE((r == 0) == fits);
	c->said += fits;
}

static void
goes(struct game *g, struct caller *c)
{
	if (!c->gone)
		vz_live_gone(&g->live, &c->live, g->now);
	c->gone = true;
}

static void
listen_to(struct game *g, struct caller *c, unsigned may)
{
	uint8_t id[VZ_MATCH_LEN] = {0};
	struct vz_relay_event ev;
	int r;

	while (!c->gone && (r = vz_relay_serve_next(c->live.serve, &ev)) != 0) {
		if (r < 0) {
			PROMISE(r == VZ_EPROTO || r == VZ_EFORMAT || r == VZ_EDENIED);
			PROMISE(vz_relay_serve_next(c->live.serve, &ev) == r);
			vz_relay_serve_close(c->live.serve, 76, "told");
			goes(g, c);
			return;
		}
		switch (ev.type) {
		case VZ_RELAY_EVENT_PEER:
			PROMISE(vz_relay_serve_accept(c->live.serve, may) == 0);
			break;
		case VZ_RELAY_EVENT_CLOSE: goes(g, c); return;
		case VZ_RELAY_EVENT_BUNDLE_WANTED:
		case VZ_RELAY_EVENT_DEPOSIT:
		case VZ_RELAY_EVENT_PART:
		case VZ_RELAY_EVENT_NEXT:
		case VZ_RELAY_EVENT_TAKEN: on_mail(g, c, &ev, may); break;
		default:
			PROMISE(c->asked == 0 && !c->mailbox);
			PROMISE(
			    (may &
				(ev.type == VZ_RELAY_EVENT_CONNECT ? VZ_RELAY_MAY_CONNECT
								   : VZ_RELAY_MAY_REGISTER)) != 0);
			c->asked = ev.type;
			id[0] = g->id++;
			vz_live_request(&g->live, &c->live, &ev, g->now, 1000, id);
		}
	}
}

static void
to_serve(struct game *g, struct caller *c, unsigned may)
{
	size_t n, left;
	const uint8_t *p = vz_channel_out(c->evil, &left);

	while (left > 0 && !c->gone) {
		uint8_t *room = vz_relay_serve_space(c->live.serve, &n);

		if (room == NULL) {
			PROMISE(vz_relay_serve_raw(c->live.serve));
			break;
		}
		n = n < left ? n : left;
		memcpy(room, p, n);
		vz_relay_serve_fed(c->live.serve, n, g->now);
		vz_channel_sent(c->evil, n);
		p = vz_channel_out(c->evil, &left);
		listen_to(g, c, may);
	}
	vz_channel_sent(c->evil, left);
}

static void
pass_time(struct game *g)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct caller *c = &g->c[i];

		if (c->gone)
			continue;
		if (vz_relay_serve_tick(c->live.serve, g->now) < 0)
			goes(g, c);
		else
			PROMISE(vz_relay_serve_deadline(c->live.serve) > g->now);
	}
	vz_live_tick(&g->live, g->now);
	PROMISE(vz_match_deadline(g->live.matches) > g->now);
}

static size_t
count(const struct game *g, enum vz_live_role role)
{
	size_t n = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		n += g->c[i].live.role == role;
	return n;
}

static void
step(struct game *g, unsigned may)
{
	uint8_t op = vz_rd_u8(&g->in);
	struct caller *c = &g->c[op % CLIENTS];
	size_t n;

	if (op >= 0xc0) {
		g->now += (uint64_t)(op & 0x3f) * 500;
		pass_time(g);
	} else if (op >= 0xb8) {
		goes(g, c);
	} else if (op >= 0xa0) {
		answer_mail(c, vz_rd_u8(&g->in));
	} else {
		n = vz_rd_u8(&g->in);
		n = n < g->in.len ? n : g->in.len;
		if (n > 0 && !c->gone)
			vz_channel_put(c->evil, vz_rd_bytes(&g->in, n), n, NULL, 0);
		to_serve(g, c, may);
	}
	all_to_evil(g);
	PROMISE(vz_match_count(g->live.matches) == count(g, VZ_LIVE_WAITING));
	PROMISE(vz_match_listeners(g->live.matches) == count(g, VZ_LIVE_LISTENER));
	PROMISE(count(g, VZ_LIVE_LISTENER) <= 1); /* they have one identity */
}

static void
connect_one(struct game *g, struct caller *c, unsigned may)
{
	struct vz_channel_config evil = hosts_config(true, 21), own = hosts_config(false, 21);
	struct vz_relay_limits limits;
	const uint8_t *plain;
	size_t len;

	vz_relay_limits_default(&limits);
	evil.service = VZ_SERVICE_RELAY;
	PROMISE(vz_channel_new(&c->evil, &evil) == 0);
	PROMISE(vz_relay_serve_new(&c->live.serve, &own, &limits, 0) == 0);
	to_serve(g, c, may);
	to_evil(g, c);
	PROMISE(vz_channel_next(c->evil, &plain, &len) == VZ_CHANNEL_PEER);
	PROMISE(vz_channel_accept(c->evil) == 0);
	to_serve(g, c, may);
	PROMISE(vz_relay_serve_peer(c->live.serve) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[VZ_KEYMAP_SEED] = {1};
	struct vz_match_limits limits;
	struct game g = {0};
	unsigned may;

	if (size == 0 || size > 4096)
		return 0;
	may = ~data[0] & 7;
	g.in = vz_rd_of(data + 1, size - 1);
	g.live.touched = touched;
	vz_match_limits_default(&limits);
	PROMISE(vz_matches_new(&g.live.matches, &limits, seed) == 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		connect_one(&g, &g.c[i], may);
	while (g.in.len > 0)
		step(&g, may);
	for (unsigned i = 0; i < CLIENTS; i++)
		goes(&g, &g.c[i]);
	PROMISE(vz_match_count(g.live.matches) == 0);
	PROMISE(vz_match_listeners(g.live.matches) == 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		vz_channel_free(g.c[i].evil);
		vz_relay_serve_free(g.c[i].live.serve);
	}
	vz_matches_free(g.live.matches);
	return 0;
}
