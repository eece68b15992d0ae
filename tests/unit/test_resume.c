/*
 * Two sessions and an adversary in one process, on a virtual clock: connections break at any byte,
 * on both sides or first on one, and every message arrives once, whole, with its own verdict and
 * reply. All is decided by a seed, which a failure prints; VZ_TEST_SEEDS runs more of them,
 * VZ_TEST_SEED one.
 */
#include "adversary.h"

#define TOTAL 24
/* A message in the eyes of its sender, and of its listener. */
struct sent {
	bool opened, whole, is_signed, ended, over, cancelled;
	uint8_t kind, status;
	uint64_t size, sent, held_from, reply_got, reply_untaken;
	bool reply_ended;
	unsigned verdicts;
};
struct taken {
	bool whole, proved, over, answers;
	uint8_t status, kind;
	unsigned opened, ended, cancelled;
	uint64_t got, untaken, reply, reply_size;
};

static struct sent up[TOTAL];
static struct taken down[TOTAL];
static struct vz_session *sender, *listener, *fresh;
static unsigned opened, breaks, resumes;
static bool connected, ready;

static void
connect_again(void)
{
	struct vz_session_config c;

	config(&c, true, false);
	if (sender == NULL)
		HOLDS(vz_session_new(&sender, &c) == 0);
	else
		HOLDS(vz_session_redial(sender, &c) == 0);
	config(&c, false, false);
	vz_session_free(fresh);
	HOLDS(vz_session_new(&fresh, &c) == 0);
	to_listener_len = to_sender_len = 0;
	connected = true;
	ready = false;
}

static void
break_it(void)
{
	breaks++;
	vz_session_detach(sender);
	/* The listener may not have heard of it when the sender is there again. */
	if (listener != NULL && !vz_session_detached(listener) && rnd(2))
		vz_session_detach(listener);
	connected = ready = false;
}

/* The sender's program. */

static uint8_t
flags_of(const struct sent *u)
{
	return u->is_signed ? VZ_OPEN_SIGNED : 0;
}

static void
resume_messages(void)
{
	uint8_t bytes[VZ_WHOLE_MAX];

	for (unsigned m = 0; m < opened; m++) {
		struct sent *u = &up[m];

		if (!vz_session_silent(sender, m))
			continue;
		if (u->whole) {
			for (size_t i = 0; i < u->size; i++)
				bytes[i] = wire_byte(m, i);
			HOLDS(vz_session_rewhole(sender, m, bytes, u->size) == 0);
		} else {
			HOLDS(vz_session_reopen(sender, m, flags_of(u), "name", u->held_from) == 0);
		}
	}
}

static void
open_one(void)
{
	struct sent *u = &up[opened];
	uint8_t bytes[VZ_WHOLE_MAX];
	uint64_t number;
	int r;

	u->kind = (uint8_t)rnd(2);
	u->whole = rnd(2);
	u->is_signed = !u->whole && opened % 3 > 0; /* by no chance: seeds stay what they were */
	u->size = rnd(u->whole ? 300 : SIZE_MOST);
	for (size_t i = 0; u->whole && i < u->size; i++)
		bytes[i] = wire_byte(opened, i);
	r = u->whole ? vz_session_whole(sender, u->kind, bytes, u->size, &number)
		     : vz_session_open(sender, u->kind, flags_of(u), "name",
			   rnd(2) ? u->size : VZ_LENGTH_UNKNOWN, &number);
	if (r == VZ_EFULL)
		return;
	HOLDS(r == 0 && number == opened);
	u->opened = true;
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

	if (u->whole || u->ended || u->over || vz_session_silent(sender, m))
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
	if (u->sent == u->size && u->is_signed) {
		HOLDS(vz_session_waits(sender, m) || vz_session_end(sender, m) == VZ_EINVAL);
		(void)vz_session_sign(sender, m, (const uint8_t *)"textsig", 4, 7);
	}
	if (u->sent == u->size && vz_session_end(sender, m) == 0)
		u->ended = true;
}

static void
sender_verdict(uint64_t m, uint8_t status)
{
	struct sent *u = &up[m];
	const struct taken *d = &down[m];

	HOLDS(!u->over && d->over);
	u->over = true;
	u->verdicts++;
	HOLDS(status == d->status);
	if (status == 0)
		HOLDS(u->kind == VZ_KIND_SEND || (u->reply_ended && u->reply_got == d->reply_size));
}

static void
sender_reply(uint64_t m, const struct vz_event *ev)
{
	struct sent *u = &up[m];

	for (size_t i = 0; i < ev->bytes_len; i++)
		HOLDS(ev->bytes[i] == wire_byte(1000 + (unsigned)m, u->reply_got + i));
	u->reply_got += ev->bytes_len;
	if (ev->type == VZ_EVENT_DATA)
		u->reply_untaken += ev->bytes_len;
	else
		u->reply_ended = true;
}

static void
sender_event(const struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_PEER: HOLDS(vz_session_accept(sender, 0, 0) == 0); break;
	case VZ_EVENT_READY:
		HOLDS((ev->attempt > 0) == (breaks > 0));
		ready = true;
		resume_messages();
		break;
	case VZ_EVENT_GO_ON:
		up[ev->number].sent = up[ev->number].held_from = ev->taken;
		up[ev->number].ended = false;
		break;
	case VZ_EVENT_ROOM:
		if (ev->number < TOTAL &&
		    rnd(2)) /* what is let go of may be less than what may be */
			up[ev->number].held_from = ev->taken;
		break;
	case VZ_EVENT_DATA:
	case VZ_EVENT_END: sender_reply(ev->number, ev); break;
	case VZ_EVENT_ANSWER:
		sender_reply(ev->number, ev);
		sender_verdict(ev->number, ev->status);
		break;
	case VZ_EVENT_DONE:
		for (uint64_t i = 0; i < ev->count; i++)
			sender_verdict(ev->number + i, ev->status);
		break;
	default: HOLDS(ev->type == 0); break;
	}
}

/* The listener's program. */

static void
listener_event(struct vz_session *s, const struct vz_event *ev)
{
	struct taken *d = &down[ev->number < TOTAL ? ev->number : 0];

	switch (ev->type) {
	case VZ_EVENT_PEER: HOLDS(vz_session_accept(s, 3, 0) == 0); return;
	case VZ_EVENT_STREAM: return;
	case VZ_EVENT_ROOM: return;
	default: break;
	}
	HOLDS(ev->number < TOTAL);
	switch (ev->type) {
	case VZ_EVENT_OPEN:
	case VZ_EVENT_WHOLE:
		d->opened++;
		d->kind = ev->kind;
		d->reply_size = ev->kind == VZ_KIND_ASK ? rnd(rnd(2) ? 100 : SIZE_MOST) : 0;
		HOLDS(d->opened == 1);
		if (ev->type == VZ_EVENT_OPEN)
			break;
		d->whole = true;
		/* fallthrough */
	case VZ_EVENT_DATA:
		for (size_t i = 0; i < ev->bytes_len; i++)
			HOLDS(ev->bytes[i] == wire_byte((unsigned)ev->number, d->got + i));
		d->got += ev->bytes_len;
		d->untaken += ev->bytes_len;
		if (ev->type == VZ_EVENT_DATA)
			break;
		/* fallthrough */
	case VZ_EVENT_END:
		d->ended++;
		HOLDS(d->proved == up[ev->number].is_signed);
		HOLDS(d->ended == 1 && d->got == up[ev->number].size);
		break;
	case VZ_EVENT_SIGNED: /* again after a break */
		d->proved = true;
		HOLDS(up[ev->number].is_signed && d->got == up[ev->number].size && !d->ended);
		HOLDS(ev->text_len == 4 && ev->bytes_len == 7 &&
		    memcmp(ev->bytes, "textsig", 7) == 0);
		break;
	case VZ_EVENT_CANCEL:
		d->cancelled++;
		d->over = true;
		HOLDS(up[ev->number].cancelled && d->cancelled == 1);
		break;
	default: HOLDS(ev->type == 0); break;
	}
}

static void
reply_some(unsigned m)
{
	struct taken *d = &down[m];
	static uint8_t chunk[70000];
	size_t n = (size_t)(d->reply_size - d->reply);
	long put;

	for (size_t i = 0; i < n && i < sizeof chunk; i++)
		chunk[i] = wire_byte(1000 + m, d->reply + i);
	if (d->ended && d->reply == 0 && n < 200 && rnd(2)) {
		if (d->untaken == 0 && vz_session_answer(listener, m, 0, chunk, n) == 0)
			d->over = true;
		return;
	}
	put = vz_session_data(listener, m, chunk, n < sizeof chunk ? n : sizeof chunk);
	HOLDS(put >= 0);
	d->reply += (uint64_t)put;
	if (d->reply < d->reply_size || !d->ended || d->untaken > 0)
		return;
	HOLDS(vz_session_end(listener, m) == 0);
	HOLDS(vz_session_done(listener, m, 0, NULL) == 0);
	d->over = true;
}

static void
work(unsigned m)
{
	struct taken *d = &down[m];
	uint64_t n = rnd(d->untaken + 1);

	if (!d->opened || d->over)
		return;
	if (n > 0) {
		HOLDS(vz_session_taken(listener, m, n) == 0);
		d->untaken -= n;
	}
	if (rnd(300) == 0) {
		d->status = (uint8_t)(1 + rnd(60));
		d->over = true;
		HOLDS(vz_session_done(listener, m, d->status, rnd(2) ? "no" : "") == 0);
	} else if (d->kind == VZ_KIND_ASK) {
		reply_some(m);
	} else if (d->ended && d->untaken == 0) {
		HOLDS(vz_session_done(listener, m, 0, NULL) == 0);
		d->over = true;
	}
}

/* The wire. */

static void
pull(struct vz_session **s)
{
	struct vz_event ev;
	int r;

	while ((r = vz_session_next(*s, &ev)) > 0) {
		if (*s == sender) {
			sender_event(&ev);
			continue;
		}
		if (ev.type == VZ_EVENT_STREAM && listener == NULL) {
			listener = fresh;
			fresh = NULL;
			s = &listener;
		} else if (ev.type == VZ_EVENT_STREAM) {
			if (!vz_session_detached(listener))
				vz_session_detach(listener);
			resumes++;
			HOLDS(vz_session_adopt(listener, fresh) == 0);
			fresh = NULL;
			s = &listener;
		}
		listener_event(*s, &ev);
	}
	HOLDS(r == 0);
}

static void
deliver(struct vz_session **to, uint8_t *queue, size_t *len)
{
	size_t n, want = (size_t)rnd(*len + 1);
	uint8_t *p;

	if (want == 0)
		return;
	p = vz_session_space(*to, &n);
	HOLDS(p != NULL);
	n = n < want ? n : want;
	memcpy(p, queue, n);
	memmove(queue, queue + n, *len - n);
	*len -= n;
	vz_session_fed(*to, n, now);
	pull(to);
}

static void
step(void)
{
	struct vz_session **there;

	now += rnd(8);
	if (!connected) {
		if (rnd(3) == 0)
			connect_again();
	} else if (rnd(60) == 0) {
		break_it();
	}
	if (opened < TOTAL && rnd(4) == 0 && connected && vz_session_authenticated(sender))
		open_one();
	for (unsigned m = 0; m < opened && connected && ready; m++)
		if (rnd(2))
			send_some(m);
	for (unsigned m = 0; m < opened; m++) {
		if (listener != NULL && rnd(3) == 0)
			work(m);
		if (up[m].reply_untaken > 0 && !up[m].over && rnd(2)) {
			HOLDS(vz_session_taken(sender, m, (size_t)up[m].reply_untaken) == 0);
			up[m].reply_untaken = 0;
		}
	}
	if (!connected)
		return;
	there = fresh != NULL ? &fresh : &listener;
	carry(sender, to_listener, &to_listener_len);
	carry(*there, to_sender, &to_sender_len);
	deliver(there, to_listener, &to_listener_len);
	deliver(&sender, to_sender, &to_sender_len);
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
	memset(down, 0, sizeof down);
	opened = breaks = resumes = 0;
	steps = now = 0;
	connect_again();
	for (; !all_over(); steps++) {
		HOLDS(steps < STEPS);
		step();
	}
	for (unsigned m = 0; m < TOTAL; m++)
		HOLDS(up[m].cancelled ||
		    (up[m].verdicts == 1 && down[m].opened == 1 &&
			(up[m].status != 0 || down[m].ended <= 1)));
	vz_session_free(sender);
	vz_session_free(listener);
	vz_session_free(fresh);
	sender = listener = fresh = NULL;
}

/* Seeds that found something. */
static const uint64_t found[] = {1228};

static void
whatever_breaks_every_message_arrives_once_with_its_verdict_and_reply(void **unused)
{
	const char *one = getenv("VZ_TEST_SEED"), *many = getenv("VZ_TEST_SEEDS");
	uint64_t n = many != NULL ? strtoull(many, NULL, 10) : 20, all = 0, taken_up = 0, total = 0;

	(void)unused;
	if (one != NULL) {
		one_seed(strtoull(one, NULL, 10));
		return;
	}
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		one_seed(found[i]);
	for (uint64_t i = 1; i <= n; i++) {
		one_seed(i);
		all += breaks;
		taken_up += resumes;
		total += steps;
	}
	print_message("%llu seeds, %llu steps, %llu breaks, %llu resumed\n", (unsigned long long)n,
	    (unsigned long long)total, (unsigned long long)all, (unsigned long long)taken_up);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_breaks_every_message_arrives_once_with_its_verdict_and_reply),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
