/*
 * An authenticated peer that breaks the rules: a bare channel says whatever frames it likes to a
 * session.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "wire/session.h"

static struct vz_identity *caller, *called;

struct bout {
	struct vz_channel *evil;
	struct vz_session *s;
	struct vz_event last; /* the last event that the session gave */
	uint64_t now;
};

static int
setup(void **state)
{
	uint8_t random[96];

	(void)state;
	assert_int_equal(vz_secret_init(), 0);
	for (unsigned i = 0; i < 96; i++)
		random[i] = (uint8_t)(i + 1);
	caller = vz_identity_new();
	assert_int_equal(vz_identity_make(caller, random, 1, ""), 0);
	random[0] ^= 1, random[40] ^= 1;
	called = vz_identity_new();
	assert_int_equal(vz_identity_make(called, random, 1, ""), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	vz_identity_free(caller);
	vz_identity_free(called);
	return 0;
}

/* Evil's output to the session; events are answered as a plain program would. Gives the session's
 * error. */
static int
to_session(struct bout *b)
{
	struct vz_event ev;
	const uint8_t *out;
	uint8_t *p;
	size_t n, room;
	int r = 0;

	while (out = vz_channel_out(b->evil, &n), n > 0) {
		p = vz_session_space(b->s, &room);
		assert_non_null(p);
		n = n < room ? n : room;
		memcpy(p, out, n);
		vz_channel_sent(b->evil, n);
		vz_session_fed(b->s, n, b->now);
		while ((r = vz_session_next(b->s, &ev)) > 0) {
			b->last = ev;
			if (ev.type == VZ_EVENT_PEER)
				assert_int_equal(vz_session_accept(b->s, 3, 0), 0);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static void
to_evil(struct bout *b)
{
	const uint8_t *out, *plain;
	uint8_t *p;
	size_t n, room, len;

	vz_session_flush(b->s, b->now);
	while (out = vz_session_out(b->s, &n), n > 0) {
		p = vz_channel_space(b->evil, &room);
		assert_non_null(p);
		n = n < room ? n : room;
		memcpy(p, out, n);
		vz_session_sent(b->s, n, b->now);
		vz_channel_fed(b->evil, n);
		while (vz_channel_next(b->evil, &plain, &len) > 0)
			if (!vz_channel_open(b->evil))
				assert_int_equal(vz_channel_accept(b->evil), 0);
	}
}

static void
begin(struct bout *b, bool evil_sends)
{
	struct vz_session_config c = {0};
	struct vz_channel_config evil;

	memset(b, 0, sizeof *b);
	vz_session_defaults(&c);
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.responder = called->bundle.identity;
	c.channel.random[0] = 1;
	evil = c.channel;
	evil.initiator = evil_sends;
	evil.self = evil_sends ? caller : called;
	c.channel.initiator = !evil_sends;
	c.channel.self = evil_sends ? called : caller;
	evil.random[0] = 2;
	assert_int_equal(vz_channel_new(&b->evil, &evil), 0);
	assert_int_equal(vz_session_new(&b->s, &c), 0);
	for (unsigned i = 0; i < 3; i++) {
		to_evil(b);
		assert_int_equal(to_session(b), 0);
	}
	assert_true(vz_session_authenticated(b->s));
	assert_true(vz_channel_open(b->evil));
}

static void
finish(struct bout *b)
{
	vz_channel_free(b->evil);
	vz_session_free(b->s);
}

/* Says one frame and gives what the session makes of it. */
static int
say(struct bout *b, const struct vz_frame *f)
{
	struct vz_buf buf;

	vz_buf_init(&buf, VZ_RECORD_PLAIN_MAX);
	assert_int_equal(vz_frame_put(&buf, f), 0);
	assert_int_equal(vz_channel_put(b->evil, vz_buf_ptr(&buf), buf.len, NULL, 0), 0);
	vz_buf_free(&buf);
	return to_session(b);
}

#define SAY(b, ...) say(b, &(struct vz_frame){__VA_ARGS__})
#define BYTES(n)    .bytes = zeros, .bytes_len = (n)
static const uint8_t zeros[VZ_DATA_MAX];

static void
stream(struct bout *b)
{
	begin(b, true);
	assert_int_equal(SAY(b, .type = VZ_FRAME_STREAM), 0);
	assert_int_equal(b->last.type, VZ_EVENT_STREAM);
}

static void
opened(struct bout *b)
{
	stream(b);
	assert_int_equal(SAY(b, .type = VZ_FRAME_OPEN, .length = VZ_LENGTH_UNKNOWN), 0);
	assert_int_equal(b->last.type, VZ_EVENT_OPEN);
}

static void
a_sender_that_speaks_out_of_turn_is_stopped(void **state)
{
	struct bout b;

	(void)state;
	begin(&b, true);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_STREAM), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_READY), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_ACK), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(1)), VZ_EPROTO);
	finish(&b);
}

static void
numbers_and_offsets_must_follow_each_other(void **state)
{
	struct bout b;

	(void)state;
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .number = 1), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .offset = 5), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, .offset = 1, BYTES(1)), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(10)), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(10)), VZ_EPROTO); /* repeated */
	finish(&b);
	opened(&b);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_OPEN, .length = 3), VZ_EPROTO); /* number 0 again */
	finish(&b);
}

static void
an_end_counts_only_with_the_true_length_and_once(void **state)
{
	struct bout b;

	(void)state;
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(10)), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 9), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(b.last.type, VZ_EVENT_END);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(1)), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .length = 5), 0);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_DATA, BYTES(6)), VZ_EPROTO); /* more than was said */
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .length = 5), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(4)), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 4), VZ_EPROTO); /* less */
	finish(&b);
}

static void
opened_as_signed(struct bout *b, uint64_t length)
{
	stream(b);
	assert_int_equal(
	    SAY(b, .type = VZ_FRAME_OPEN, .flags = VZ_OPEN_SIGNED, .length = length), 0);
	assert_int_equal(b->last.type, VZ_EVENT_OPEN);
	assert_int_equal(b->last.flags, VZ_OPEN_SIGNED);
}

#define SIGNED .type = VZ_FRAME_SIGNED, .text_len = 4, BYTES(7)

static void
what_was_opened_as_signed_does_not_end_without_its_manifest_and_nothing_else_has_one(void **state)
{
	struct bout b;

	(void)state;
	opened_as_signed(&b, VZ_LENGTH_UNKNOWN);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(10)), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 10), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, SIGNED), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_WHOLE, BYTES(1)), 0);
	assert_int_equal(SAY(&b, SIGNED), VZ_EPROTO);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, SIGNED), VZ_EPROTO);
	finish(&b);
}

static void
a_manifest_comes_once_between_the_last_byte_and_the_end(void **state)
{
	struct bout b;

	(void)state;
	opened_as_signed(&b, VZ_LENGTH_UNKNOWN);
	assert_int_equal(SAY(&b, SIGNED), 0);
	assert_int_equal(b.last.type, VZ_EVENT_SIGNED);
	assert_int_equal(b.last.text_len, 4);
	assert_int_equal(b.last.bytes_len, 7);
	assert_int_equal(SAY(&b, SIGNED), VZ_EPROTO); /* twice */
	finish(&b);
	opened_as_signed(&b, VZ_LENGTH_UNKNOWN);
	assert_int_equal(SAY(&b, SIGNED), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(1)), VZ_EPROTO);
	finish(&b);
	opened_as_signed(&b, 5); /* too early */
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(4)), 0);
	assert_int_equal(SAY(&b, SIGNED), VZ_EPROTO);
	finish(&b);
	opened_as_signed(&b, VZ_LENGTH_UNKNOWN);
	assert_int_equal(SAY(&b, SIGNED), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(b.last.type, VZ_EVENT_END);
	assert_int_equal(SAY(&b, SIGNED), VZ_EPROTO); /* too late */
	finish(&b);
	/* Of a refused one it is dropped, like the rest. */
	opened_as_signed(&b, VZ_LENGTH_UNKNOWN);
	assert_int_equal(vz_session_done(b.s, 0, 65, "no"), 0);
	assert_int_equal(SAY(&b, SIGNED), 0);
	assert_int_equal(b.last.type, VZ_EVENT_OPEN);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(b.last.type, VZ_EVENT_OPEN);
	finish(&b);
}

static void
windows_cannot_be_overrun(void **state)
{
	uint64_t sent = 0;
	struct bout b;

	(void)state;
	opened(&b);
	while (sent + 60000 <= VZ_WINDOW_MESSAGE) {
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, .offset = sent, BYTES(60000)), 0);
		sent += 60000;
	}
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, .offset = sent, BYTES(60000)), VZ_ELIMIT);
	finish(&b);
	/* Many messages, each inside its own window, against the connection's. */
	stream(&b);
	sent = 0;
	for (uint64_t i = 0; sent + 60000 <= VZ_WINDOW_CONNECTION; i++) {
		assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .number = i, .length = 60000), 0);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, .number = i, BYTES(60000)), 0);
		sent += 60000;
	}
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_OPEN, .number = sent / 60000, .length = 60000), 0);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_DATA, .number = sent / 60000, BYTES(60000)), VZ_ELIMIT);
	finish(&b);
}

static void
unfinished_messages_are_bounded(void **state)
{
	struct bout b;

	(void)state;
	stream(&b);
	for (uint64_t i = 0; i < VZ_UNFINISHED_MAX; i++)
		assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .number = i), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .number = VZ_UNFINISHED_MAX), VZ_ELIMIT);
	finish(&b);
}

static void
only_what_is_over_can_be_forgotten(void **state)
{
	struct bout b;

	(void)state;
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 1), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 2), VZ_EPROTO);
	finish(&b);
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(vz_session_done(b.s, 0, 0, ""), 0);
	to_evil(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 1), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 0), VZ_EPROTO); /* going back */
	finish(&b);
}

static void
a_verdict_that_was_not_said_cannot_have_been_heard(void **state)
{
	struct bout b;

	(void)state;
	opened(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(vz_session_done(b.s, 0, 0, ""), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 1), VZ_EPROTO);
	to_evil(&b); /* the verdict, and all that goes with it */
	finish(&b);
}

static void
a_refused_message_is_dropped_up_to_its_cancel_and_moves_the_windows(void **state)
{
	struct bout b;
	uint64_t sent = 0;

	(void)state;
	opened(&b);
	assert_int_equal(vz_session_done(b.s, 0, 73, "disk is full"), 0);
	memset(&b.last, 0, sizeof b.last);
	for (unsigned i = 0; i < 4; i++, sent += 60000)
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, .offset = sent, BYTES(60000)), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_CANCEL), 0);
	assert_int_equal(b.last.type, 0); /* none of it made an event */
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 1), 0);
	finish(&b);
}

static void
frames_that_carry_nothing_are_bounded_within_a_second(void **state)
{
	struct bout b;

	(void)state;
	stream(&b);
	for (unsigned i = 0; i < VZ_IDLE_FRAMES_MAX - 1; i++)
		assert_int_equal(SAY(&b, .type = VZ_FRAME_PING), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_PADDING, BYTES(5)), VZ_EPROTO);
	finish(&b);
	/* Keepalives may go on for ever. */
	stream(&b);
	for (unsigned i = 0; i < 100; i++, b.now += 15000) {
		assert_int_equal(SAY(&b, .type = VZ_FRAME_PING), 0);
		to_evil(&b);
	}
	finish(&b);
}

/* A listener that lies to its sender. */
static void
ready(struct bout *b)
{
	uint64_t number;

	begin(b, false);
	assert_int_equal(SAY(b, .type = VZ_FRAME_READY, .rights = 3, .limit = VZ_WINDOW_CONNECTION,
			     .window = VZ_WINDOW_MESSAGE),
	    0);
	assert_int_equal(b->last.type, VZ_EVENT_READY);
	assert_int_equal(vz_session_open(b->s, VZ_KIND_SEND, 0, "", VZ_LENGTH_UNKNOWN, &number), 0);
	assert_int_equal(vz_session_data(b->s, number, zeros, 1000), 1000);
}

static void
a_listener_cannot_say_delivered_before_the_end_or_of_another_length(void **state)
{
	struct bout b;

	(void)state;
	ready(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE, .length = 1000), VZ_EPROTO);
	finish(&b);
	ready(&b);
	assert_int_equal(vz_session_end(b.s, 0), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE, .length = 999), VZ_EPROTO);
	finish(&b);
	ready(&b);
	assert_int_equal(vz_session_end(b.s, 0), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE, .length = 1000), 0);
	assert_int_equal(b.last.type, VZ_EVENT_DONE);
	assert_int_equal(vz_session_unfinished(b.s), 0);
	memset(&b.last, 0, sizeof b.last);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_DONE, .length = 1000), 0); /* forgotten: no effect */
	assert_int_equal(b.last.type, 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE, .number = 1), VZ_EPROTO); /* never opened */
	finish(&b);
}

static void
acknowledgements_only_go_forward_and_never_past_what_was_sent(void **state)
{
	static const struct vz_frame bad[] = {
	    {.type = VZ_FRAME_ACK, .taken = 1001, .limit = 1 << 20},
	    {.type = VZ_FRAME_ACK, .taken = 499, .limit = 1 << 20},
	    {.type = VZ_FRAME_ACK, .taken = 500, .durable = 501, .limit = 1 << 20},
	    {.type = VZ_FRAME_ACK, .taken = 500, .durable = 99, .limit = 1 << 20},
	    {.type = VZ_FRAME_ACK, .taken = 500, .durable = 100, .limit = (1 << 20) - 1},
	    {.type = VZ_FRAME_ACK, .number = 1, .limit = 1 << 20},
	    {.type = VZ_FRAME_WINDOW, .limit = VZ_WINDOW_CONNECTION - 1},
	    {.type = VZ_FRAME_READY, .limit = VZ_WINDOW_CONNECTION, .window = VZ_WINDOW_MESSAGE},
	};
	struct bout b;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ready(&b);
		assert_int_equal(
		    SAY(&b, .type = VZ_FRAME_ACK, .taken = 500, .durable = 100, .limit = 1 << 20),
		    0);
		assert_int_equal(say(&b, &bad[i]), VZ_EPROTO);
		finish(&b);
	}
}

static void
a_window_smaller_than_what_may_have_been_sent_already_is_refused(void **state)
{
	struct bout b;

	(void)state;
	begin(&b, false);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_READY, .limit = VZ_EARLY_MAX - 1, .window = VZ_WINDOW_MESSAGE),
	    VZ_EPROTO);
	finish(&b);
}

static void
a_sender_says_at_most_64_kib_before_it_is_let_in(void **state)
{
	static uint8_t much[200000];
	uint64_t number;
	struct bout b;

	(void)state;
	begin(&b, false);
	assert_int_equal(vz_session_open(b.s, VZ_KIND_SEND, 0, "", VZ_LENGTH_UNKNOWN, &number), 0);
	assert_int_equal(vz_session_data(b.s, number, much, sizeof much), VZ_EARLY_MAX);
	assert_int_equal(vz_session_room(b.s, number), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_READY, .limit = VZ_WINDOW_CONNECTION,
			     .window = VZ_WINDOW_MESSAGE),
	    0);
	assert_int_equal(vz_session_room(b.s, number), VZ_WINDOW_MESSAGE - VZ_EARLY_MAX);
	finish(&b);
}

static void
an_early_refusal_ends_the_message_with_a_cancel_and_no_second_verdict(void **state)
{
	struct bout b;

	(void)state;
	ready(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE, .status = 75,
			     .bytes = (const uint8_t *)"full", .bytes_len = 4),
	    0);
	assert_int_equal(b.last.type, VZ_EVENT_DONE);
	assert_int_equal(b.last.status, 75);
	assert_int_equal(vz_session_room(b.s, 0), 0);
	assert_int_equal(vz_session_data(b.s, 0, zeros, 1), VZ_EINVAL);
	assert_int_equal(vz_session_unfinished(b.s), 0);
	finish(&b);
}

static void
a_peer_that_never_reads_is_not_listened_to_for_ever(void **state)
{
	size_t n, most = 0;
	struct bout b;

	(void)state;
	stream(&b);
	for (unsigned i = 0; i < 20000; i++) {
		b.now += 2000;
		if (SAY(&b, .type = VZ_FRAME_PING, .token = i) < 0)
			break;
		vz_session_flush(b.s, b.now); /* a pong each time, never taken away */
		vz_session_out(b.s, &n);
		most = n > most ? n : most;
	}
	assert_true(most < 600 * 1024);
	finish(&b);
}

static void
a_reply_flows_back_and_delivered_waits_for_its_end(void **state)
{
	static uint8_t much[300000];
	struct bout b;

	(void)state;
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .kind = VZ_KIND_ASK, .length = 0), 0);
	/* It may be answered while it is still being asked, within the reply's own window. */
	for (long took, sent = 0; sent < VZ_WINDOW_MESSAGE; sent += took) {
		took = vz_session_data(b.s, 0, much, sizeof(much));
		assert_true(took > 0);
		to_evil(&b);
	}
	assert_int_equal(vz_session_room(b.s, 0), 0);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_ACK, .taken = VZ_WINDOW_MESSAGE, .limit = 1 << 20), 0);
	assert_int_equal(b.last.type, VZ_EVENT_ROOM);
	assert_int_equal(vz_session_data(b.s, 0, much, 1000), 1000);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_END), 0);
	assert_int_equal(vz_session_done(b.s, 0, 0, ""), VZ_EINVAL); /* the reply has not ended */
	assert_int_equal(vz_session_end(b.s, 0), 0);
	assert_int_equal(vz_session_data(b.s, 0, much, 1), VZ_EINVAL);
	assert_int_equal(vz_session_done(b.s, 0, 0, ""), 0);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_ACK, .taken = VZ_WINDOW_MESSAGE + 5, .limit = 1 << 20), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 1), 0);
	finish(&b);
	/* Where no reply is wanted there is none. */
	opened(&b);
	assert_int_equal(vz_session_data(b.s, 0, much, 1), VZ_EINVAL);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_ACK), VZ_EPROTO);
	finish(&b);
}

static void
only_a_question_of_no_known_length_that_is_not_signed_may_be_answered_before_its_end(void **state)
{
	static const struct vz_frame bad[] = {
	    {.type = VZ_FRAME_OPEN, .flags = VZ_OPEN_LIVE, .length = VZ_LENGTH_UNKNOWN},
	    {.type = VZ_FRAME_OPEN, .kind = VZ_KIND_ASK, .flags = VZ_OPEN_LIVE, .length = 5},
	    {.type = VZ_FRAME_OPEN,
		.kind = VZ_KIND_ASK,
		.flags = VZ_OPEN_LIVE | VZ_OPEN_SIGNED,
		.length = VZ_LENGTH_UNKNOWN},
	};
	uint8_t bytes[200];
	struct vz_buf buf;
	struct bout b;

	(void)state;
	vz_buf_init(&buf, sizeof(bytes));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct vz_frame f = bad[i], got;
		struct vz_rd in;

		assert_int_equal(vz_frame_put(&buf, &f), VZ_EINVAL);
		f.flags = 0;
		vz_buf_clear(&buf);
		assert_int_equal(vz_frame_put(&buf, &f), 0);
		memcpy(bytes, vz_buf_ptr(&buf), buf.len);
		bytes[1 + 2 + 8 + 1] = bad[i].flags; /* type, length, number, kind */
		in = vz_rd_of(bytes, buf.len);
		assert_int_equal(vz_frame_next(&in, &got), VZ_EFORMAT);
	}
	vz_buf_free(&buf);
	/* One of another kind waits for its end, whatever was said of the reply. */
	stream(&b);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_OPEN, .kind = VZ_KIND_ASK, .length = VZ_LENGTH_UNKNOWN), 0);
	assert_int_equal(vz_session_end(b.s, 0), 0);
	assert_int_equal(vz_session_done(b.s, 0, 0, ""), VZ_EINVAL);
	finish(&b);
}

static void
what_is_said_after_an_early_answer_is_dropped_up_to_its_end_or_cancel(void **state)
{
	struct bout b;

	(void)state;
	for (int k = 0; k < 4; k++) {
		bool cancel = k & 1, taken = k & 2;

		stream(&b);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_OPEN, .kind = VZ_KIND_ASK,
				     .flags = VZ_OPEN_LIVE, .length = VZ_LENGTH_UNKNOWN),
		    0);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(10)), 0);
		if (taken)
			assert_int_equal(vz_session_taken(b.s, 0, 10), 0);
		assert_int_equal(vz_session_done(b.s, 0, 0, ""), VZ_EINVAL); /* no end yet */
		assert_int_equal(vz_session_end(b.s, 0), 0);
		assert_int_equal(vz_session_done(b.s, 0, 0, ""), 0);
		memset(&b.last, 0, sizeof b.last);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, .offset = 10, BYTES(5)), 0);
		if (cancel)
			assert_int_equal(SAY(&b, .type = VZ_FRAME_CANCEL), 0);
		else
			assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 15), 0);
		assert_int_equal(b.last.type, 0);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 1), 0);
		finish(&b);
	}
}

static void
an_early_answer_ends_the_question_once_its_reply_has_ended(void **state)
{
	uint64_t number;
	struct bout b;

	(void)state;
	for (int ended = 0; ended < 2; ended++)
		for (int live = 0; live < 2; live++) {
			ready(&b);
			assert_int_equal(vz_session_open(b.s, VZ_KIND_ASK, live ? VZ_OPEN_LIVE : 0,
					     "", VZ_LENGTH_UNKNOWN, &number),
			    0);
			assert_int_equal(vz_session_data(b.s, number, zeros, 10), 10);
			if (ended)
				assert_int_equal(
				    SAY(&b, .type = VZ_FRAME_END, .number = number), 0);
			assert_int_equal(
			    SAY(&b, .type = VZ_FRAME_DONE, .number = number, .length = 5),
			    ended && live ? 0 : VZ_EPROTO);
			if (ended && live) {
				assert_int_equal(b.last.type, VZ_EVENT_DONE);
				assert_int_equal(vz_session_data(b.s, number, zeros, 1), VZ_EINVAL);
			}
			finish(&b);
		}
}

static void
a_listener_cannot_reply_where_none_is_wanted_or_cut_a_reply_short(void **state)
{
	uint64_t number;
	struct bout b;

	(void)state;
	ready(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(1)), VZ_EPROTO);
	finish(&b);
	for (unsigned k = 0; k < 4; k++) {
		begin(&b, false);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_READY, .limit = VZ_WINDOW_CONNECTION,
				     .window = VZ_WINDOW_MESSAGE),
		    0);
		assert_int_equal(vz_session_open(b.s, VZ_KIND_ASK, 0, "", 0, &number), 0);
		assert_int_equal(vz_session_end(b.s, number), 0);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DATA, BYTES(10)), 0);
		assert_int_equal(b.last.type, VZ_EVENT_DATA);
		assert_int_equal(vz_session_taken(b.s, number, 10), 0);
		if (k == 0) /* delivered without the reply's end */
			assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE), VZ_EPROTO);
		if (k == 1)
			assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 9), VZ_EPROTO);
		if (k == 2) { /* nothing follows the end of a reply */
			assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 10), 0);
			assert_int_equal(
			    SAY(&b, .type = VZ_FRAME_DATA, .offset = 10, BYTES(1)), VZ_EPROTO);
		}
		if (k == 3) {
			assert_int_equal(SAY(&b, .type = VZ_FRAME_END, .length = 10), 0);
			assert_int_equal(SAY(&b, .type = VZ_FRAME_DONE), 0);
			assert_int_equal(b.last.type, VZ_EVENT_DONE);
		}
		finish(&b);
	}
}

static void
small_messages_go_whole_and_their_verdicts_are_gathered(void **state)
{
	struct bout b;

	(void)state;
	stream(&b);
	for (uint64_t i = 0; i < 5; i++) {
		assert_int_equal(SAY(&b, .type = VZ_FRAME_WHOLE, .number = i, BYTES(100)), 0);
		assert_int_equal(b.last.type, VZ_EVENT_WHOLE);
		assert_int_equal(vz_session_done(b.s, i, 0, ""), VZ_EINVAL); /* not taken */
		assert_int_equal(vz_session_taken(b.s, i, 100), 0);
		assert_int_equal(vz_session_done(b.s, i, 0, ""), 0);
	}
	to_evil(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_FORGET, .number = 5), 0);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_WHOLE, .number = 5, .kind = VZ_KIND_ASK), 0);
	assert_int_equal(vz_session_answer(b.s, 5, 0, zeros, 200), 0);
	assert_int_equal(vz_session_answer(b.s, 5, 0, zeros, 200), VZ_EINVAL);
	assert_int_equal(
	    SAY(&b, .type = VZ_FRAME_WHOLE, .number = 6, BYTES(VZ_WHOLE_MAX + 1)), VZ_ELIMIT);
	finish(&b);
	stream(&b);
	assert_int_equal(SAY(&b, .type = VZ_FRAME_WHOLE, .number = 1), VZ_EPROTO);
	finish(&b);
}

static void
a_listener_cannot_gather_verdicts_that_are_not_due(void **state)
{
	static const struct vz_frame bad[] = {
	    {.type = VZ_FRAME_DELIVERED, .number = 0, .count = 0},
	    {.type = VZ_FRAME_DELIVERED, .number = 0, .count = 5}, /* 4 is a question */
	    {.type = VZ_FRAME_DELIVERED, .number = 2, .count = 200},
	    {.type = VZ_FRAME_DELIVERED, .number = 6, .count = 1},
	    {.type = VZ_FRAME_DELIVERED, .number = 5, .count = 1}, /* open still */
	    {.type = VZ_FRAME_DELIVERED, .number = UINT64_MAX, .count = 2},
	    {.type = VZ_FRAME_ANSWER, .number = 0},
	    {.type = VZ_FRAME_ANSWER, .number = 4, BYTES(VZ_WHOLE_MAX + 1)},
	};
	uint64_t number;
	struct bout b;

	(void)state;
	for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
		begin(&b, false);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_READY, .limit = VZ_WINDOW_CONNECTION,
				     .window = VZ_WINDOW_MESSAGE),
		    0);
		for (unsigned k = 0; k < 5; k++)
			assert_int_equal(vz_session_whole(b.s, k < 4 ? VZ_KIND_SEND : VZ_KIND_ASK,
					     zeros, 10, &number),
			    0);
		assert_int_equal(
		    vz_session_open(b.s, VZ_KIND_SEND, 0, "", VZ_LENGTH_UNKNOWN, &number), 0);
		if (i < sizeof bad / sizeof bad[0]) {
			assert_int_equal(say(&b, &bad[i]), i == 7 ? VZ_ELIMIT : VZ_EPROTO);
			finish(&b);
			continue;
		}
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DELIVERED, .number = 1, .count = 3), 0);
		assert_int_equal(b.last.count, 3);
		assert_int_equal(SAY(&b, .type = VZ_FRAME_DELIVERED, .number = 1, .count = 1),
		    VZ_EPROTO); /* twice */
		finish(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sender_that_speaks_out_of_turn_is_stopped),
	    cmocka_unit_test(numbers_and_offsets_must_follow_each_other),
	    cmocka_unit_test(an_end_counts_only_with_the_true_length_and_once),
	    cmocka_unit_test(
		what_was_opened_as_signed_does_not_end_without_its_manifest_and_nothing_else_has_one),
	    cmocka_unit_test(a_manifest_comes_once_between_the_last_byte_and_the_end),
	    cmocka_unit_test(windows_cannot_be_overrun),
	    cmocka_unit_test(unfinished_messages_are_bounded),
	    cmocka_unit_test(only_what_is_over_can_be_forgotten),
	    cmocka_unit_test(a_verdict_that_was_not_said_cannot_have_been_heard),
	    cmocka_unit_test(a_refused_message_is_dropped_up_to_its_cancel_and_moves_the_windows),
	    cmocka_unit_test(frames_that_carry_nothing_are_bounded_within_a_second),
	    cmocka_unit_test(a_listener_cannot_say_delivered_before_the_end_or_of_another_length),
	    cmocka_unit_test(acknowledgements_only_go_forward_and_never_past_what_was_sent),
	    cmocka_unit_test(a_window_smaller_than_what_may_have_been_sent_already_is_refused),
	    cmocka_unit_test(a_sender_says_at_most_64_kib_before_it_is_let_in),
	    cmocka_unit_test(an_early_refusal_ends_the_message_with_a_cancel_and_no_second_verdict),
	    cmocka_unit_test(a_reply_flows_back_and_delivered_waits_for_its_end),
	    cmocka_unit_test(
		only_a_question_of_no_known_length_that_is_not_signed_may_be_answered_before_its_end),
	    cmocka_unit_test(what_is_said_after_an_early_answer_is_dropped_up_to_its_end_or_cancel),
	    cmocka_unit_test(an_early_answer_ends_the_question_once_its_reply_has_ended),
	    cmocka_unit_test(a_listener_cannot_reply_where_none_is_wanted_or_cut_a_reply_short),
	    cmocka_unit_test(small_messages_go_whole_and_their_verdicts_are_gathered),
	    cmocka_unit_test(a_listener_cannot_gather_verdicts_that_are_not_due),
	    cmocka_unit_test(a_peer_that_never_reads_is_not_listened_to_for_ever),
	};

	return cmocka_run_group_tests_name("hostile", tests, setup, teardown);
}
