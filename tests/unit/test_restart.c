/*
 * A listener that is killed at any moment, and has then only what it wrote down before: which
 * messages had their verdict, and how much of the others was durable (keep/ledger.h). Every message
 * is placed once, whole, and its sender hears of it once. On a virtual clock; all is decided by a
 * seed, which a failure prints; VZ_TEST_SEEDS runs more of them, VZ_TEST_SEED one.
 */
#include "adversary.h"

#define TOTAL 24
static struct sent {
	bool whole, is_signed, rereadable, ended, over, cancelled;
	uint8_t kind;
	uint64_t size, sent, held_from;
	unsigned verdicts;
} up[TOTAL];

/* What the listener knows, and what of it outlives it. */
static struct taken {
	bool here, proved, ended;
	uint64_t got, untaken;
} down[TOTAL];
static struct kept {
	bool over;
	uint8_t kind, status;
	uint64_t durable;
	unsigned placed;
} kept[TOTAL];
static uint64_t kept_first;

static struct vz_session *sender, *listener;
static unsigned opened, kills, restored;
static bool ready;

static void
start_again(void)
{
	struct vz_session_config c;

	config(&c, true, true);
	if (sender == NULL)
		HOLDS(vz_session_new(&sender, &c) == 0);
	else
		HOLDS(vz_session_redial(sender, &c) == 0);
	config(&c, false, true);
	HOLDS(vz_session_new(&listener, &c) == 0);
	memset(down, 0, sizeof down);
	to_listener_len = to_sender_len = 0;
	ready = false;
}

static void
kill_it(void)
{
	kills++;
	vz_session_free(listener);
	listener = NULL;
	vz_session_detach(sender);
}

/* The sender's program. */

static uint8_t
flags_of(const struct sent *u)
{
	return (
	    uint8_t)((u->rereadable ? 0 : VZ_OPEN_ONE_PASS) | (u->is_signed ? VZ_OPEN_SIGNED : 0));
}

static void
say_again(void)
{
	uint8_t bytes[VZ_WHOLE_MAX];

	for (unsigned m = 0; m < opened; m++) {
		struct sent *u = &up[m];

		if (!vz_session_silent(sender, m))
			continue;
		for (size_t i = 0; u->whole && i < u->size; i++)
			bytes[i] = wire_byte(m, i);
		HOLDS((u->whole ? vz_session_rewhole(sender, m, bytes, u->size)
				: vz_session_reopen(
				      sender, m, flags_of(u), "name", u->held_from)) == 0);
	}
}

static void
open_one(void)
{
	struct sent *u = &up[opened];
	uint8_t bytes[VZ_WHOLE_MAX];
	uint64_t number;
	int r;

	u->kind = rnd(8) == 0 ? VZ_KIND_ASK : VZ_KIND_SEND;
	u->whole = rnd(2);
	u->rereadable = rnd(2);
	u->is_signed = !u->whole && opened % 3 > 0; /* by no chance: seeds stay what they were */
	u->size = rnd(u->whole ? 300 : SIZE_MOST);
	for (size_t i = 0; u->whole && i < u->size; i++)
		bytes[i] = wire_byte(opened, i);
	r = u->whole ? vz_session_whole(sender, u->kind, bytes, u->size, &number)
		     : vz_session_open(sender, u->kind, flags_of(u), "name",
			   u->rereadable ? u->size : VZ_LENGTH_UNKNOWN, &number);
	if (r == VZ_EFULL)
		return;
	HOLDS(r == 0 && number == opened);
	u->ended = u->whole;
	opened++;
}

static void
send_some(unsigned m)
{
	struct sent *u = &up[m];
	static uint8_t chunk[70000];
	size_t n = (size_t)(u->size - u->sent);
	long took;

	if (u->whole || u->ended || u->over || vz_session_waits(sender, m))
		return;
	if (rnd(400) == 0 && vz_session_cancel(sender, m, 65, "no more") == 0) {
		u->over = u->cancelled = true;
		return;
	}
	n = n < sizeof chunk ? n : sizeof chunk;
	for (size_t i = 0; i < n; i++)
		chunk[i] = wire_byte(m, u->sent + i);
	took = vz_session_data(sender, m, chunk, n);
	HOLDS(took >= 0);
	u->sent += (uint64_t)took;
	if (u->sent == u->size && u->is_signed)
		(void)vz_session_sign(sender, m, (const uint8_t *)"textsig", 4, 7);
	if (u->sent == u->size && vz_session_end(sender, m) == 0)
		u->ended = true;
}

static void
sender_verdict(uint64_t m, uint8_t status)
{
	HOLDS(!up[m].over);
	up[m].over = true;
	up[m].verdicts++;
	/* Told of is what was written down before; of a question, that its reply was lost. */
	HOLDS(kept[m].over && kept[m].placed == 1);
	HOLDS(status == 0 || (up[m].kind == VZ_KIND_ASK && status == 75));
}

static void
sender_event(const struct vz_event *ev)
{
	struct sent *u = &up[ev->number < TOTAL ? ev->number : 0];

	switch (ev->type) {
	case VZ_EVENT_PEER: HOLDS(vz_session_accept(sender, 0, 0) == 0); break;
	case VZ_EVENT_READY:
		HOLDS(ev->flags == (VZ_READY_DURABLE | VZ_READY_RESUMES));
		ready = true;
		say_again();
		break;
	case VZ_EVENT_GO_ON:
		u->sent = ev->taken;
		u->ended = false;
		HOLDS(ev->taken >= u->held_from);
		/* fallthrough */
	case VZ_EVENT_ROOM:
		/* What is not durable is held; who can read it again lets go of nothing. */
		if (ev->number < TOTAL && !u->rereadable && ev->durable > u->held_from)
			u->held_from = ev->durable;
		break;
	case VZ_EVENT_ANSWER: sender_verdict(ev->number, ev->status); break;
	case VZ_EVENT_DONE:
		for (uint64_t i = 0; i < ev->count; i++)
			sender_verdict(ev->number + i, ev->status);
		break;
	default: HOLDS(ev->type == 0); break;
	}
}

/* The listener's program. */

static void
restore(void)
{
	HOLDS(vz_session_restore(listener, kept_first) == 0);
	for (unsigned m = (unsigned)kept_first; m < TOTAL; m++)
		if (kept[m].over)
			HOLDS(vz_session_restore_over(
				  listener, m, kept[m].kind, kept[m].status, kept[m].durable) == 0);
	restored++;
}

static void
begin(const struct vz_event *ev)
{
	struct taken *d = &down[ev->number];

	HOLDS(!d->here && !kept[ev->number].over);
	d->here = true;
	kept[ev->number].kind = ev->kind;
	if (ev->type != VZ_EVENT_OPEN)
		return;
	HOLDS(ev->offset <= kept[ev->number].durable);
	if (kept[ev->number].durable == 0 || ev->attempt == 0)
		return;
	d->got = kept[ev->number].durable;
	HOLDS(vz_session_have(listener, ev->number, d->got) == 0);
}

static void
listener_event(const struct vz_event *ev)
{
	struct taken *d = &down[ev->number < TOTAL ? ev->number : 0];

	switch (ev->type) {
	case VZ_EVENT_PEER: HOLDS(vz_session_accept(listener, 3, 0) == 0); return;
	case VZ_EVENT_STREAM:
		if (kills > 0)
			restore();
		return;
	case VZ_EVENT_ROOM: return;
	case VZ_EVENT_OPEN:
	case VZ_EVENT_WHOLE: begin(ev); break;
	default: break;
	}
	switch (ev->type) {
	case VZ_EVENT_WHOLE:
	case VZ_EVENT_DATA:
		for (size_t i = 0; i < ev->bytes_len; i++)
			HOLDS(ev->bytes[i] == wire_byte((unsigned)ev->number, d->got + i));
		d->got += ev->bytes_len;
		d->untaken += ev->bytes_len;
		d->ended = ev->type == VZ_EVENT_WHOLE;
		break;
	case VZ_EVENT_END:
		d->ended = true;
		HOLDS(d->got == up[ev->number].size);
		HOLDS(d->proved == up[ev->number].is_signed);
		break;
	case VZ_EVENT_SIGNED:
		d->proved = true;
		HOLDS(up[ev->number].is_signed && d->got == up[ev->number].size && !d->ended);
		break;
	case VZ_EVENT_CANCEL:
		HOLDS(up[ev->number].cancelled);
		d->here = false;
		break;
	default: HOLDS(ev->type == VZ_EVENT_OPEN); break;
	}
}

/* It is in its place, that is written down, and then it is said; between any two it may be killed.
 */
static void
place(unsigned m)
{
	if (rnd(30) == 0) {
		kill_it();
		return;
	}
	kept[m].placed++;
	HOLDS(kept[m].placed == 1);
	kept[m].over = true;
	kept[m].durable = down[m].got;
	kept_first = vz_session_oldest(listener);
	if (rnd(30) == 0) {
		kill_it();
		return;
	}
	if (kept[m].kind == VZ_KIND_ASK)
		HOLDS(vz_session_answer(listener, m, 0, (const uint8_t *)"yes", 3) == 0 ||
		    vz_session_done(listener, m, 75, "no room") == 0);
	else
		HOLDS(vz_session_done(listener, m, 0, NULL) == 0);
	down[m].here = false;
}

static void
work(unsigned m)
{
	struct taken *d = &down[m];
	uint64_t n = rnd(d->untaken + 1);

	if (!d->here)
		return;
	if (n > 0) {
		HOLDS(vz_session_taken(listener, m, n) == 0);
		d->untaken -= n;
	}
	if (!d->ended && rnd(3) == 0 && d->got - d->untaken > kept[m].durable) {
		kept[m].durable = d->got - d->untaken;
		HOLDS(vz_session_durable(listener, m, kept[m].durable) == 0);
	} else if (d->ended && d->untaken == 0) {
		place(m);
	}
}

/* The wire. */

static void
pull(struct vz_session *s)
{
	struct vz_event ev;
	int r;

	while ((r = vz_session_next(s, &ev)) > 0)
		(s == sender ? sender_event : listener_event)(&ev);
	HOLDS(r == 0);
}

static void
deliver(struct vz_session *to, uint8_t *queue, size_t *len)
{
	size_t n, want = (size_t)rnd(*len + 1);
	uint8_t *p;

	if (want == 0)
		return;
	p = vz_session_space(to, &n);
	HOLDS(p != NULL);
	n = n < want ? n : want;
	memcpy(p, queue, n);
	memmove(queue, queue + n, *len - n);
	*len -= n;
	vz_session_fed(to, n, now);
	pull(to);
}

static void
step(void)
{
	now += rnd(8);
	if (listener == NULL)
		start_again();
	if (rnd(150) == 0)
		kill_it();
	if (opened < TOTAL && rnd(4) == 0 && listener != NULL && vz_session_authenticated(sender))
		open_one();
	for (unsigned m = 0; m < opened && ready && listener != NULL; m++)
		if (rnd(2))
			send_some(m);
	for (unsigned m = 0; m < opened && listener != NULL; m++)
		if (rnd(3) == 0)
			work(m);
	if (listener == NULL)
		return;
	carry(sender, to_listener, &to_listener_len);
	carry(listener, to_sender, &to_sender_len);
	deliver(listener, to_listener, &to_listener_len);
	deliver(sender, to_sender, &to_sender_len);
}

static bool
all_over(void)
{
	for (unsigned m = 0; m < TOTAL; m++)
		if (!up[m].over)
			return false;
	return true;
}

static void
one_seed(uint64_t n)
{
	seed = n;
	state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
	memset(up, 0, sizeof up);
	memset(kept, 0, sizeof kept);
	opened = kills = restored = 0;
	steps = now = kept_first = 0;
	start_again();
	for (; !all_over(); steps++) {
		HOLDS(steps < STEPS);
		step();
	}
	for (unsigned m = 0; m < TOTAL; m++)
		HOLDS(up[m].cancelled || (up[m].verdicts == 1 && kept[m].placed == 1));
	vz_session_free(sender);
	vz_session_free(listener);
	sender = listener = NULL;
}

static void
whenever_a_listener_is_killed_every_message_is_placed_once_and_told_once(void **unused)
{
	const char *one = getenv("VZ_TEST_SEED"), *many = getenv("VZ_TEST_SEEDS");
	uint64_t n = many != NULL ? strtoull(many, NULL, 10) : 20, all = 0, total = 0, again = 0;

	(void)unused;
	if (one != NULL) {
		one_seed(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t i = 1; i <= n; i++) {
		one_seed(i);
		all += kills;
		again += restored;
		total += steps;
	}
	print_message("%llu seeds, %llu steps, %llu kills, %llu restored\n", (unsigned long long)n,
	    (unsigned long long)total, (unsigned long long)all, (unsigned long long)again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		whenever_a_listener_is_killed_every_message_is_placed_once_and_told_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
