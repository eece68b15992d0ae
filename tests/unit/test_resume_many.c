/*
 * Many small messages and connections that break: as many as there may be are said again; replies
 * are within the sender's window; and whatever breaks, and however much of them waits, each
 * question has its own reply once.
 */
#include "virtual_wire.h"

#define TOTAL 300
#define QUEUE (16 * 1024 * 1024)

static uint64_t seed, state;
static struct vz_session *sender, *listener, *fresh;
static uint8_t *queue[2]; /* bytes on the wire, by their direction */
static size_t queued[2], first[2];
static uint64_t now;
static unsigned opened;
static bool plain; /* no questions: these are counted */
static unsigned got, told;
static bool ready; /* the sender may speak */

/* A question, as its sender and its listener know it. */
static struct question {
	bool asked, answered; /* at the listener */
	size_t size;          /* of its reply */
	bool heard;           /* by the sender: the verdict */
	size_t got;
} question[TOTAL];

static uint64_t
rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below == 0 ? 0 : (state * UINT64_C(0x2545f4914f6cdd1d) >> 20) % below;
}

#define HOLDS(x)                                                                 \
	do {                                                                     \
		if (!(x))                                                        \
			fail_msg("seed %llu: %s", (unsigned long long)seed, #x); \
	} while (0)

static void
config(struct vz_session_config *c, bool initiator)
{
	memset(c, 0, sizeof(*c));
	vz_session_defaults(c);
	c->channel.initiator = initiator;
	c->channel.service = VZ_SERVICE_MESSAGES;
	c->channel.self = wire_ids[initiator ? 0 : 1];
	c->channel.responder = wire_ids[1]->bundle.identity;
	c->channel.aes = true;
	for (size_t i = 0; i < sizeof c->channel.random; i++)
		c->channel.random[i] = (uint8_t)rnd(256);
	memset(c->stream, 0x33, sizeof c->stream);
	c->resumes = true;
	c->now = now;
}

static void
connect_again(void)
{
	struct vz_session_config c;

	config(&c, true);
	if (sender == NULL)
		HOLDS(vz_session_new(&sender, &c) == 0);
	else
		HOLDS(vz_session_redial(sender, &c) == 0);
	config(&c, false);
	vz_session_free(fresh);
	HOLDS(vz_session_new(&fresh, &c) == 0);
	queued[UP] = queued[DOWN] = first[UP] = first[DOWN] = 0;
	ready = false;
}

static void
break_it(void)
{
	vz_session_detach(sender);
	if (listener != NULL && !vz_session_detached(listener))
		vz_session_detach(listener);
}

/* No two replies are alike, nor any two parts of one. */
static const uint8_t *
reply_of(uint64_t m)
{
	static uint8_t noise[2 * VZ_WHOLE_MAX];

	for (size_t i = 0; noise[0] == 0 && i < sizeof noise; i++)
		noise[sizeof noise - 1 - i] = wire_byte(1, i) | 1;
	return noise + m * VZ_WHOLE_MAX / TOTAL;
}

/* The reply's next bytes, and whether they are the last. */
static void
on_reply(const struct vz_event *ev)
{
	struct question *q = &question[ev->number];

	HOLDS(ev->number < TOTAL && !q->heard);
	HOLDS(ev->bytes_len <= q->size - q->got || ev->type == VZ_EVENT_END);
	if (ev->bytes_len > 0)
		HOLDS(memcmp(reply_of(ev->number) + q->got, ev->bytes, ev->bytes_len) == 0);
	q->got += ev->bytes_len;
	if (ev->type == VZ_EVENT_DATA) {
		HOLDS(vz_session_taken(sender, ev->number, ev->bytes_len) == 0);
	} else if (ev->type != VZ_EVENT_END) {
		q->heard = true;
		HOLDS(ev->status == 0 && q->got == q->size);
	}
}

static bool
on_plain(struct vz_session *s, const struct vz_event *ev)
{
	if (ev->type == VZ_EVENT_WHOLE) {
		HOLDS(ev->number == got++);
		HOLDS(vz_session_taken(s, ev->number, ev->bytes_len) == 0);
	} else if (ev->type == VZ_EVENT_DONE) {
		HOLDS(ev->number == told && ev->status == 0);
		told += (unsigned)ev->count;
	}
	return ev->type == VZ_EVENT_WHOLE || ev->type == VZ_EVENT_DONE;
}

static void
on_event(struct vz_session *s, const struct vz_event *ev)
{
	if (plain && on_plain(s, ev))
		return;
	switch (ev->type) {
	case VZ_EVENT_READY: ready = true; break;
	case VZ_EVENT_PEER: HOLDS(vz_session_accept(s, 3, 0) == 0); break;
	case VZ_EVENT_WHOLE:
		HOLDS(!question[ev->number].asked && ev->bytes_len == 3);
		question[ev->number].asked = true;
		HOLDS(vz_session_taken(s, ev->number, 3) == 0);
		break;
	case VZ_EVENT_DATA:
	case VZ_EVENT_END:
	case VZ_EVENT_DONE:
	case VZ_EVENT_ANSWER: on_reply(ev); break;
	default: break;
	}
}

static void
pull(struct vz_session **s)
{
	struct vz_event ev;
	int r;

	while ((r = vz_session_next(*s, &ev)) > 0) {
		if (ev.type == VZ_EVENT_STREAM) {
			if (listener != NULL)
				HOLDS(vz_session_adopt(listener, fresh) == 0);
			else
				listener = fresh;
			fresh = NULL;
			s = &listener;
		}
		on_event(*s, &ev);
	}
	HOLDS(r == 0);
}

/* Takes at most `most` bytes of what a side has to say, and gives at most as many to the other. */
static void
carry(enum direction d, size_t most)
{
	struct vz_session **to, *from = d == UP ? sender : fresh != NULL ? fresh : listener;
	const uint8_t *p;
	uint8_t *space;
	size_t n, room;

	HOLDS(vz_session_flush(from, now) == 0);
	p = vz_session_out(from, &n);
	n = n < most ? n : most;
	if (queued[d] == 0)
		first[d] = 0;
	HOLDS(first[d] + queued[d] + n <= QUEUE);
	memcpy(queue[d] + first[d] + queued[d], p, n);
	queued[d] += n;
	vz_session_sent(from, n, now);
	to = d == DOWN ? &sender : fresh != NULL ? &fresh : &listener;
	space = vz_session_space(*to, &room);
	n = queued[d] < most ? queued[d] : most;
	n = n < room ? n : room;
	memcpy(space, queue[d] + first[d], n);
	first[d] += n;
	queued[d] -= n;
	vz_session_fed(*to, n, now);
	pull(to);
}

static void
carry_all(void)
{
	for (int i = 0; i < 8; i++) {
		carry(UP, QUEUE);
		carry(DOWN, QUEUE);
	}
}

/* Says again what has no verdict, in order, then asks more, up to n in all. */
static void
ask(unsigned n)
{
	const uint8_t *text = (const uint8_t *)"ask";
	uint64_t number;
	int r = 0;

	for (unsigned m = 0; r == 0 && m < opened; m++)
		if (vz_session_silent(sender, m))
			r = vz_session_rewhole(sender, m, text, 3);
	while (r == 0 && opened < n) {
		r = vz_session_whole(sender, VZ_KIND_ASK, text, 3, &number);
		HOLDS(r < 0 || number == opened);
		opened += r == 0;
	}
	HOLDS(r == 0 || r == VZ_EFULL);
}

static bool
answer(unsigned m)
{
	struct question *q = &question[m];
	int r = vz_session_answer(listener, m, 0, reply_of(m), q->size);

	HOLDS(r == 0 || r == VZ_EFULL);
	q->answered = r == 0;
	return q->answered;
}

static void
end(void)
{
	vz_session_free(sender);
	vz_session_free(listener);
	vz_session_free(fresh);
	sender = listener = fresh = NULL;
}

static void
start(uint64_t n, size_t size)
{
	end();
	seed = n;
	state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
	memset(question, 0, sizeof question);
	opened = got = told = 0;
	plain = false;
	for (unsigned m = 0; m < TOTAL; m++)
		question[m].size = size > 0 ? size : rnd(VZ_WHOLE_MAX + 1);
	connect_again();
	carry_all();
}

static unsigned
heard(void)
{
	unsigned n = 0;

	for (unsigned m = 0; m < TOTAL; m++)
		n += question[m].heard;
	return n;
}

static size_t
output(struct vz_session *s)
{
	size_t n;

	HOLDS(vz_session_flush(s, now) == 0);
	vz_session_out(s, &n);
	return n;
}

/* All that the window allows is said and lost. Then a new reply is quicker than what comes again.
 */
static void
replies_said_again_wait_for_the_window_of_the_sender(void **unused)
{
	unsigned last = VZ_WINDOW_CONNECTION / VZ_WHOLE_MAX;

	(void)unused;
	start(1, VZ_WHOLE_MAX);
	ask(last + 1);
	carry(UP, QUEUE);
	for (unsigned m = 1; m <= last; m++) {
		vz_session_sent(listener, output(listener), now); /* by the network, and lost */
		HOLDS(answer(m));
	}
	break_it();
	connect_again();
	carry(UP, QUEUE);
	carry(DOWN, QUEUE);
	carry(UP, QUEUE);
	carry(DOWN, QUEUE);
	HOLDS(vz_session_rewhole(sender, 0, (const uint8_t *)"ask", 3) == 0);
	carry(UP, QUEUE);
	/* A reply of its own frames, for an answer waits until those of before are said. */
	HOLDS(!answer(0));
	HOLDS(vz_session_data(listener, 0, reply_of(0), VZ_WHOLE_MAX) == VZ_WHOLE_MAX);
	HOLDS(vz_session_end(listener, 0) == 0 && vz_session_done(listener, 0, 0, NULL) == 0);
	ask(last + 1);
	carry(UP, QUEUE);
	/* The sender does not say that there is room again before it has looked at all of it. */
	while (output(listener) > 0 || queued[DOWN] > 0)
		carry(DOWN, QUEUE);
	HOLDS(heard() == last);
	carry_all();
	HOLDS(heard() == last + 1);
}

/* As many as can be, in turns of what there is room for. */
static void
send_plain(unsigned to)
{
	const uint8_t *text = (const uint8_t *)"ask";
	uint64_t number;
	int r = 0;

	for (unsigned m = 0; m < to; m += r == 0) {
		if (m < opened && !vz_session_silent(sender, m)) {
			r = 0;
			continue;
		}
		r = m < opened ? vz_session_rewhole(sender, m, text, 3)
			       : vz_session_whole(sender, VZ_KIND_SEND, text, 3, &number);
		HOLDS(r == 0 || r == VZ_EFULL);
		opened += m == opened && r == 0;
		if (r == VZ_EFULL)
			carry(UP, QUEUE);
	}
}

/* The word that those before them may be forgotten got lost with the connection. */
static void
a_full_table_of_messages_is_said_again_behind_many_that_are_over(void **unused)
{
	unsigned all = VZ_UNFINISHED_MAX + 9000;

	(void)unused;
	start(3, 1);
	plain = true;
	send_plain(VZ_UNFINISHED_MAX);
	while (got < VZ_UNFINISHED_MAX)
		carry(UP, QUEUE);
	for (unsigned m = 0; m < 9000; m++)
		HOLDS(vz_session_done(listener, m, 0, NULL) == 0);
	carry(DOWN, QUEUE);
	HOLDS(told == 9000);
	for (uint64_t number; opened < all; opened++)
		HOLDS(vz_session_whole(sender, VZ_KIND_SEND, (const uint8_t *)"ask", 3, &number) ==
		    0);
	break_it();
	connect_again();
	while (!ready) {
		carry(UP, QUEUE);
		carry(DOWN, QUEUE);
	}
	send_plain(all);
	while (got < all)
		carry(UP, QUEUE);
	for (unsigned m = 9000; m < all; m++)
		HOLDS(vz_session_done(listener, m, 0, NULL) == 0);
	carry_all();
	HOLDS(got == all && told == all);
}

static void
replies_of_a_whole_flight_that_get_ready_while_nobody_is_there_are_all_kept(void **unused)
{
	unsigned kept = 0;

	(void)unused;
	start(2, VZ_WHOLE_MAX);
	ask(TOTAL);
	carry_all();
	break_it();
	for (unsigned m = 0; m < TOTAL; m++)
		kept += answer(m);
	/* As many as fit: the rest is the program's to keep. */
	HOLDS(kept >= VZ_WINDOW_CONNECTION / VZ_WHOLE_MAX && kept < TOTAL);
	connect_again();
	for (unsigned i = 0; i < 1000 && heard() < TOTAL; i++) {
		carry(UP, QUEUE);
		if (ready)
			ask(TOTAL);
		carry(DOWN, QUEUE);
		for (unsigned m = 0; m < TOTAL; m++)
			if (question[m].asked && !question[m].answered)
				(void)answer(m);
	}
	HOLDS(heard() == TOTAL);
}

static void
whatever_breaks_each_of_many_questions_has_its_own_reply_once(void **unused)
{
	const char *many = getenv("VZ_TEST_SEEDS");
	uint64_t seeds = many != NULL ? strtoull(many, NULL, 10) / 10 + 1 : 4;
	unsigned steps;

	(void)unused;
	for (uint64_t n = 1; n <= seeds; n++) {
		/* Some are slow, and all the others wait to be forgotten behind them. */
		unsigned slow = 1 + (unsigned)rnd(60);

		start(n, n % 2 ? 0 : 100);
		for (steps = 0; heard() < TOTAL; steps++) {
			HOLDS(steps < 20000);
			if (rnd(40) == 0) {
				break_it();
				connect_again();
			}
			if (ready)
				ask((unsigned)rnd(TOTAL + 1));
			for (unsigned i = 0; i < 20; i++) {
				unsigned m = (unsigned)rnd(TOTAL);

				if (question[m].asked && !question[m].answered &&
				    (m % 64 != 0 || rnd(slow) == 0))
					(void)answer(m);
			}
			carry(rnd(2) ? UP : DOWN, rnd(2) ? 300000 : 3000);
		}
	}
}

static int
set_up(void **unused)
{
	(void)unused;
	wire_setup();
	queue[UP] = malloc(QUEUE);
	queue[DOWN] = malloc(QUEUE);
	return queue[UP] != NULL && queue[DOWN] != NULL ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	end();
	free(queue[UP]);
	free(queue[DOWN]);
	wire_teardown();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_full_table_of_messages_is_said_again_behind_many_that_are_over),
	    cmocka_unit_test(replies_said_again_wait_for_the_window_of_the_sender),
	    cmocka_unit_test(
		replies_of_a_whole_flight_that_get_ready_while_nobody_is_there_are_all_kept),
	    cmocka_unit_test(whatever_breaks_each_of_many_questions_has_its_own_reply_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
