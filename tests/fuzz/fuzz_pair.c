/*
 * Two honest sessions with each other, after a real handshake: whatever both programs ask for, in
 * whatever order, pieces and time, nothing that one says is illegal to the other; the bytes of each
 * message and reply arrive as they were put in, and delivered is what the listener said was.
 *
 * Aims at: lib/wire/session.c lib/wire/session_flow.c lib/wire/session_listener.c
 * Aims at: lib/wire/session_sender.c lib/wire/messages.c lib/wire/frame.c
 *
 * An input is turns: who moves, what it does, how much of the bytes under way arrives.
 */
#include "base/err.h"
#include "tests/fuzz/hosts.h"
#include "tests/fuzz/network.h"
#include "wire/session.h"

#define NUMBERS   16 /* messages in all */
#define TURNS_MAX 400

/* One direction of a message. */
struct way {
	uint64_t put, got, taken;
	bool ended, heard_end;
};

struct talk {
	bool open, heard_open, ask, is_signed, live, proved, cancelled, judged, verdict;
	uint8_t status;
	struct way up, down;
};

struct side {
	struct vz_session *s;
	bool sender;
};

static uint8_t text[65536 + 256];
static struct side side[2]; /* the sender, the listener */
static struct talk talk[NUMBERS];
static uint64_t now, opened;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_make();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	return 0;
}

static void
make(struct side *s, bool sender)
{
	struct vz_session_config c = {0};

	vz_session_defaults(&c);
	c.now = now;
	c.channel = hosts_config(sender, 31);
	*s = (struct side){.sender = sender};
	PROMISE(vz_session_new(&s->s, &c) == 0);
}

/* Byte i of a message or reply is i: what comes is what stands there. */
static void
got_bytes(struct way *w, const struct vz_event *ev)
{
	PROMISE(ev->offset == w->got && !w->heard_end);
	PROMISE(memcmp(ev->bytes, text + w->got % 256, ev->bytes_len) == 0);
	w->got += ev->bytes_len;
	PROMISE(w->got <= w->put);
}

static void
got_end(struct way *w)
{
	PROMISE(!w->heard_end && w->ended && w->got == w->put);
	w->heard_end = true;
}

static void
got_verdict(struct talk *t, uint8_t status)
{
	PROMISE(t->judged && !t->verdict && !t->cancelled && status == t->status);
	PROMISE(status != 0 || ((t->up.heard_end || t->live) && (!t->ask || t->down.heard_end)));
	t->verdict = true;
}

static void
on_sender(struct talk *t, const struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_DATA: got_bytes(&t->down, ev); break;
	case VZ_EVENT_END: got_end(&t->down); break;
	case VZ_EVENT_DONE:
		for (uint64_t i = 0; i < ev->count; i++)
			got_verdict(&talk[ev->number + i], ev->status);
		break;
	case VZ_EVENT_ANSWER:
		PROMISE(
		    ev->bytes_len == t->down.put && memcmp(ev->bytes, text, ev->bytes_len) == 0);
		t->down.got = t->down.taken = t->down.put;
		t->down.heard_end = true;
		got_verdict(t, ev->status);
		break;
	case VZ_EVENT_ROOM: PROMISE(ev->taken <= t->up.taken && ev->durable <= ev->taken); break;
	default: PROMISE(ev->type == VZ_EVENT_READY);
	}
}

static void
on_listener(struct talk *t, const struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_OPEN:
	case VZ_EVENT_WHOLE:
		PROMISE(t->open && !t->heard_open && (ev->kind == VZ_KIND_ASK) == t->ask);
		t->heard_open = true;
		if (ev->type == VZ_EVENT_OPEN)
			break;
		PROMISE(ev->bytes_len == t->up.put && memcmp(ev->bytes, text, ev->bytes_len) == 0);
		t->up.got = t->up.taken = t->up.put;
		t->up.heard_end = true;
		break;
	case VZ_EVENT_DATA: got_bytes(&t->up, ev); break;
	case VZ_EVENT_SIGNED:
		PROMISE(t->is_signed && !t->proved && t->up.got == t->up.put);
		PROMISE(ev->text_len == 3 && ev->bytes_len == 8 && memcmp(ev->bytes, text, 8) == 0);
		t->proved = true;
		break;
	case VZ_EVENT_END:
		PROMISE(t->proved == t->is_signed);
		got_end(&t->up);
		break;
	case VZ_EVENT_CANCEL:
		PROMISE(t->heard_open && t->cancelled);
		t->judged = true; /* nothing more is to be said about it */
		break;
	default: PROMISE(ev->type == VZ_EVENT_STREAM || ev->type == VZ_EVENT_ROOM);
	}
}

static void
listen_to(struct side *s)
{
	struct vz_event ev;
	int r;

	while ((r = vz_session_next(s->s, &ev)) == 1) {
		PROMISE(ev.number < NUMBERS);
		if (ev.type == VZ_EVENT_PEER)
			PROMISE(vz_session_accept(s->s, 3, 0) == 0);
		else if (ev.type != VZ_EVENT_PONG && s->sender)
			on_sender(&talk[ev.number], &ev);
		else if (ev.type != VZ_EVENT_PONG)
			on_listener(&talk[ev.number], &ev);
	}
	PROMISE(r == 0);
}

/* At most `most` of the bytes that one has said reach the other. */
static void
carry(struct side *from, struct side *to, size_t most)
{
	size_t n, room;
	const uint8_t *p;

	PROMISE(vz_session_flush(from->s, now) == 0);
	p = vz_session_out(from->s, &n);
	n = n < most ? n : most;
	if (n > 0) {
		uint8_t *at = vz_session_space(to->s, &room);

		PROMISE(at != NULL && room > 0);
		n = n < room ? n : room;
		memcpy(at, p, n);
		vz_session_fed(to->s, n, now);
		vz_session_sent(from->s, n, now);
	}
	listen_to(to);
}

static void
put_bytes(struct side *s, struct way *w, uint64_t number, size_t n)
{
	long put = vz_session_data(s->s, number, text + w->put % 256, n);

	PROMISE(put <= (long)n && (put < 0 || !w->ended));
	if (put > 0)
		w->put += (uint64_t)put;
}

/* What has come is taken, as by a sink that is slow, or by whoever prints a reply. */
static void
take_bytes(struct side *s, struct way *w, uint64_t number, size_t n)
{
	n = n < w->got - w->taken ? n : (size_t)(w->got - w->taken);
	if (n == 0 || vz_session_taken(s->s, number, n) != 0)
		return;
	w->taken += n;
	if (!s->sender && (n & 1) != 0)
		(void)vz_session_durable(s->s, number, w->taken);
}

static void
end_bytes(struct side *s, struct way *w, uint64_t number)
{
	if (vz_session_end(s->s, number) == 0) {
		PROMISE(!w->ended);
		w->ended = true;
	}
}

static void
begin(uint8_t how, size_t n)
{
	uint8_t kind = (how & 1) != 0 ? VZ_KIND_ASK : VZ_KIND_SEND;
	bool whole = (how & 2) != 0, is_signed = !whole && (how & 4) != 0;
	bool live = !whole && (how & 12) == 8 && kind == VZ_KIND_ASK;
	uint64_t number;
	int r;

	if (opened == NUMBERS)
		return;
	if (whole)
		r = vz_session_whole(side[0].s, kind, text, n, &number);
	else
		r = vz_session_open(side[0].s, kind,
		    is_signed  ? VZ_OPEN_SIGNED
			: live ? VZ_OPEN_LIVE
			       : 0,
		    "name", VZ_LENGTH_UNKNOWN, &number);
	if (r < 0)
		return;
	PROMISE(number == opened++);
	talk[number] = (struct talk){
	    .open = true, .ask = kind == VZ_KIND_ASK, .is_signed = is_signed, .live = live};
	if (whole)
		talk[number].up = (struct way){.put = n, .ended = true};
}

static void
cancel(struct talk *t, uint64_t number)
{
	if (vz_session_cancel(side[0].s, number, 65, "changed") == 0) {
		PROMISE(t->open && !t->verdict);
		t->cancelled = true;
	}
}

static void
judge(struct talk *t, uint64_t number, uint8_t how, size_t n)
{
	uint8_t status = (how & 1) != 0 ? 75 : 0;
	bool answer = (how & 2) != 0;
	int r;

	if (answer)
		r = vz_session_answer(side[1].s, number, status, text, n);
	else
		r = vz_session_done(side[1].s, number, status, "words");
	if (r < 0)
		return;
	PROMISE(t->heard_open && !t->judged);
	PROMISE(status != 0 || t->up.heard_end || (t->live && t->down.ended));
	t->judged = true;
	t->status = status;
	if (answer)
		t->down = (struct way){.put = n, .ended = true};
}

static void
move(struct vz_rd *in)
{
	uint8_t what = vz_rd_u8(in), how = vz_rd_u8(in);
	uint64_t number = how % NUMBERS;
	size_t n = vz_rd_u16(in);
	struct talk *t = &talk[number];

	switch (what % 8) {
	case 0: begin(what >> 4, n); break;
	case 1: put_bytes(&side[0], &t->up, number, n); break;
	case 2:
		if (t->is_signed)
			(void)vz_session_sign(side[0].s, number, text, 3, 8);
		end_bytes(&side[0], &t->up, number);
		break;
	case 3: judge(t, number, what >> 4, n); break;
	case 4: put_bytes(&side[1], &t->down, number, n); break;
	case 5: end_bytes(&side[1], &t->down, number); break;
	case 6:
		if ((what & 0x80) != 0)
			take_bytes(&side[0], &t->down, number, n);
		else
			take_bytes(&side[1], &t->up, number, n);
		break;
	default: cancel(t, number);
	}
}

static void
turn(struct vz_rd *in)
{
	uint8_t op = vz_rd_u8(in);

	switch (op % 4) {
	case 0:
	case 1: move(in); break;
	case 2: carry(&side[op >> 7], &side[!(op >> 7)], vz_rd_u16(in) * (size_t)8); break;
	default:
		now += vz_rd_u8(in);
		for (int i = 0; i < 2; i++)
			PROMISE(vz_session_tick(side[i].s, now, true) == 0);
	}
}

/* All that is under way arrives; then both sides know the same. */
static void
settle(void)
{
	for (int i = 0; i < 200; i++) {
		carry(&side[0], &side[1], SIZE_MAX);
		carry(&side[1], &side[0], SIZE_MAX);
		now += VZ_ACK_DELAY_MS;
		for (int k = 0; k < 2; k++)
			PROMISE(vz_session_tick(side[k].s, now, true) == 0);
		if (!vz_session_pending(side[0].s) && !vz_session_pending(side[1].s) && i > 3)
			break;
	}
	for (uint64_t i = 0; i < opened; i++) {
		const struct talk *t = &talk[i];

		PROMISE(t->heard_open);
		PROMISE(t->cancelled || t->judged || t->up.got == t->up.put);
		PROMISE(t->verdict == (t->judged && !t->cancelled) || t->cancelled);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);

	now = opened = 0;
	memset(talk, 0, sizeof(talk));
	make(&side[0], true);
	make(&side[1], false);
	for (int i = 0; i < 3; i++) {
		carry(&side[0], &side[1], SIZE_MAX);
		carry(&side[1], &side[0], SIZE_MAX);
	}
	PROMISE(vz_session_authenticated(side[0].s) && vz_session_authenticated(side[1].s));
	for (int i = 0; i < TURNS_MAX && in.len > 0; i++)
		turn(&in);
	settle();
	vz_session_free(side[0].s);
	vz_session_free(side[1].s);
	return 0;
}
