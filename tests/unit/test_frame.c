#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "wire/frame.h"
#include "wire/legal.h"

/* One of each type with every field set, and how long it is on the wire. */
static const struct sample {
	struct vz_frame f;
	size_t len;
} samples[] = {
    {{.type = VZ_FRAME_STREAM, .stream = {1, 2, 3}}, 3 + 16},
    {{.type = VZ_FRAME_OPEN,
	 .number = 7,
	 .kind = 1,
	 .flags = 1,
	 .attempt = 2,
	 .offset = 9,
	 .length = 1000,
	 .bytes = (const uint8_t *)"a.tar",
	 .bytes_len = 5},
	3 + 8 + 1 + 1 + 2 + 8 + 8 + 1 + 5},
    {{.type = VZ_FRAME_DATA,
	 .number = 7,
	 .offset = 9,
	 .bytes = (const uint8_t *)"xyz",
	 .bytes_len = 3},
	3 + 16 + 3},
    {{.type = VZ_FRAME_END, .number = 7, .length = 12}, 3 + 16},
    {{.type = VZ_FRAME_CANCEL,
	 .number = 7,
	 .status = 65,
	 .bytes = (const uint8_t *)"gone",
	 .bytes_len = 4},
	3 + 9 + 4},
    {{.type = VZ_FRAME_FORGET, .number = 8}, 3 + 8},
    {{.type = VZ_FRAME_READY,
	 .rights = 3,
	 .flags = 1,
	 .max_size = 5,
	 .limit = 6,
	 .window = 7,
	 .number = 0},
	3 + 1 + 1 + 8 + 8 + 4 + 8},
    {{.type = VZ_FRAME_ACK, .number = 1, .taken = 2, .durable = 1, .limit = 4}, 3 + 32},
    {{.type = VZ_FRAME_WINDOW, .limit = 4}, 3 + 8},
    {{.type = VZ_FRAME_DONE,
	 .number = 1,
	 .status = 75,
	 .length = 4,
	 .bytes = (const uint8_t *)"full",
	 .bytes_len = 4},
	3 + 17 + 4},
    {{.type = VZ_FRAME_WHOLE,
	 .number = 3,
	 .kind = 1,
	 .bytes = (const uint8_t *)"line",
	 .bytes_len = 4},
	3 + 9 + 4},
    {{.type = VZ_FRAME_SIGNED,
	 .number = 3,
	 .text_len = 4,
	 .bytes = (const uint8_t *)"textsig",
	 .bytes_len = 7},
	3 + 10 + 7},
    {{.type = VZ_FRAME_ANSWER,
	 .number = 3,
	 .status = 2,
	 .bytes = (const uint8_t *)"line",
	 .bytes_len = 4},
	3 + 9 + 4},
    {{.type = VZ_FRAME_DELIVERED, .number = 3, .count = 200000}, 3 + 12},
    {{.type = VZ_FRAME_PING, .token = 99}, 3 + 8},
    {{.type = VZ_FRAME_PONG, .token = 99}, 3 + 8},
    {{.type = VZ_FRAME_CLOSE, .status = 77, .bytes = (const uint8_t *)"no", .bytes_len = 2},
	3 + 1 + 2},
    {{.type = VZ_FRAME_PADDING, .bytes = (const uint8_t *)"\0\0", .bytes_len = 2}, 3 + 2},
};
#define SAMPLES (sizeof samples / sizeof samples[0])

static void
assert_same(const struct vz_frame *a, const struct vz_frame *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->rights, b->rights);
	assert_int_equal(a->attempt, b->attempt);
	assert_int_equal(a->text_len, b->text_len);
	assert_int_equal(a->window, b->window);
	assert_int_equal(a->count, b->count);
	assert_true(a->number == b->number && a->offset == b->offset && a->length == b->length);
	assert_true(a->taken == b->taken && a->durable == b->durable && a->limit == b->limit);
	assert_true(a->max_size == b->max_size && a->token == b->token);
	assert_memory_equal(a->stream, b->stream, sizeof a->stream);
	assert_int_equal(a->bytes_len, b->bytes_len);
	if (a->bytes_len > 0)
		assert_memory_equal(a->bytes, b->bytes, a->bytes_len);
}

static void
every_frame_reads_back_as_it_was_written(void **state)
{
	struct vz_frame f;
	struct vz_buf b;
	struct vz_rd r;
	size_t sum = 0;

	(void)state;
	vz_buf_init(&b, VZ_RECORD_PLAIN_MAX);
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(vz_frame_put(&b, &samples[i].f), 0);
		sum += samples[i].len;
		assert_int_equal(b.len, sum);
	}
	r = vz_rd_of(vz_buf_ptr(&b), b.len);
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(vz_frame_next(&r, &f), 1);
		assert_same(&f, &samples[i].f);
	}
	assert_int_equal(vz_frame_next(&r, &f), 0);
	vz_buf_free(&b);
}

static void
a_frame_cut_or_lengthened_anywhere_is_malformed(void **state)
{
	struct vz_frame f;
	struct vz_buf b;
	struct vz_rd r;
	uint8_t copy[128];

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		vz_buf_init(&b, 128);
		assert_int_equal(vz_frame_put(&b, &samples[i].f), 0);
		memcpy(copy, vz_buf_ptr(&b), b.len);
		for (size_t k = 1; k < b.len; k++) {
			r = vz_rd_of(copy, k);
			assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
		}
		/* The body one byte shorter or longer than its fields: only where no bytes end it.
		 */
		if (samples[i].f.bytes == NULL) {
			vz_store16(copy + 1, (uint16_t)(b.len - 3 - 1));
			r = vz_rd_of(copy, b.len - 1);
			assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
			vz_store16(copy + 1, (uint16_t)(b.len - 3 + 1));
			r = vz_rd_of(copy, b.len + 1);
			assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
		}
		vz_buf_free(&b);
	}
}

static void
unknown_types_kinds_flags_and_unfit_words_are_malformed(void **state)
{
	static const uint8_t unknown[] = {0, 0, 0, 9, 0, 0, 15, 0, 0, 36, 0, 0, 255, 0, 0};
	struct vz_frame f = samples[1].f;
	struct vz_buf b;
	struct vz_rd r;
	uint8_t *p;

	(void)state;
	for (size_t i = 0; i < sizeof unknown; i += 3) {
		r = vz_rd_of(unknown + i, 3);
		assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
	}
	vz_buf_init(&b, 300);
	assert_int_equal(vz_frame_put(&b, &samples[1].f), 0);
	p = b.data + b.off;
	p[3 + 8] = 2; /* kind */
	r = vz_rd_of(p, b.len);
	assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
	p[3 + 8] = 1;
	p[3 + 9] = 8; /* flags */
	r = vz_rd_of(p, b.len);
	assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
	p[3 + 9] = 0;
	p[b.len - 1] = 0x1b; /* an escape in a name */
	r = vz_rd_of(p, b.len);
	assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
	p[b.len - 1] = 0xff; /* no UTF-8 */
	r = vz_rd_of(p, b.len);
	assert_int_equal(vz_frame_next(&r, &f), VZ_EFORMAT);
	vz_buf_free(&b);
}

static void
frames_that_may_not_be_sent_are_refused_and_leave_nothing(void **state)
{
	static uint8_t bytes[VZ_RECORD_PLAIN_MAX + 1];
	struct vz_frame f = {.type = VZ_FRAME_OPEN, .kind = 2};
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, VZ_RECORD_PLAIN_MAX);
	assert_int_equal(vz_frame_put(&b, &f), VZ_EINVAL);
	f = (struct vz_frame){.type = VZ_FRAME_DATA};
	assert_int_equal(vz_frame_put(&b, &f), VZ_EINVAL); /* no bytes */
	f.bytes = bytes;
	f.bytes_len = VZ_DATA_MAX + 1;
	assert_int_equal(vz_frame_put(&b, &f), VZ_EINVAL);
	f.bytes_len = VZ_DATA_MAX;
	assert_int_equal(vz_frame_put(&b, &f), 0);
	assert_int_equal(b.len, VZ_RECORD_PLAIN_MAX);
	f = (struct vz_frame){.type = VZ_FRAME_PING};
	assert_int_equal(vz_frame_put(&b, &f), VZ_ELIMIT);
	assert_int_equal(b.len, VZ_RECORD_PLAIN_MAX);
	f = (struct vz_frame){
	    .type = VZ_FRAME_CLOSE, .bytes = (const uint8_t *)"a\nb", .bytes_len = 3};
	assert_int_equal(vz_frame_put(&b, &f), VZ_EINVAL);
	f = (struct vz_frame){.type = 200};
	assert_int_equal(vz_frame_put(&b, &f), VZ_EINVAL);
	vz_buf_free(&b);
}

static void
a_manifest_and_its_signature_have_their_bounds_and_are_not_empty(void **state)
{
	static const struct {
		uint16_t text_len;
		size_t len;
		int r;
	} cases[] = {
	    {VZ_SIGNED_TEXT, VZ_SIGNED_MAX, 0},
	    {1, 2, 0},
	    {1, 1 + VZ_SIGNED_SIG, 0},
	    {0, 1, VZ_EINVAL},
	    {1, 1, VZ_EINVAL},
	    {2, 1, VZ_EINVAL},
	    {VZ_SIGNED_TEXT + 1, VZ_SIGNED_MAX, VZ_EINVAL},
	    {VZ_SIGNED_TEXT, VZ_SIGNED_MAX + 1, VZ_EINVAL},
	    {1, 2 + VZ_SIGNED_SIG, VZ_EINVAL},
	};
	static uint8_t bytes[VZ_SIGNED_MAX + 1], raw[VZ_FRAME_HEAD + 10 + VZ_SIGNED_MAX + 1];
	struct vz_frame f = {.type = VZ_FRAME_SIGNED, .bytes = bytes};
	struct vz_buf b;
	struct vz_rd r;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f.bytes = bytes;
		f.text_len = cases[i].text_len;
		f.bytes_len = cases[i].len;
		vz_buf_init(&b, sizeof raw);
		assert_int_equal(vz_frame_put(&b, &f), cases[i].r);
		assert_int_equal(b.len, cases[i].r == 0 ? 13 + cases[i].len : 0);
		vz_buf_free(&b);
		/* And what an adversary would send. */
		raw[0] = VZ_FRAME_SIGNED;
		vz_store16(raw + 1, (uint16_t)(10 + cases[i].len));
		vz_store16(raw + 11, cases[i].text_len);
		r = vz_rd_of(raw, 13 + cases[i].len);
		assert_int_equal(vz_frame_next(&r, &f), cases[i].r == 0 ? 1 : VZ_EFORMAT);
	}
}

static void
random_bytes_never_read_outside(void **state)
{
	uint64_t x = 88172645463325252u;
	uint8_t *p;
	struct vz_frame f;
	struct vz_rd r;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		size_t len = (size_t)(x % 60);

		/* On the heap, so that a sanitizer sees one byte too far. */
		p = test_malloc(len + 1);
		for (size_t k = 0; k < len; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			p[k] = (uint8_t)(k == 1 ? 0 : x % (k == 2 ? 60 : 256));
		}
		if (len > 0)
			p[0] = (uint8_t)(x % 37);
		r = vz_rd_of(p, len);
		while (vz_frame_next(&r, &f) == 1)
			assert_true(
			    f.bytes == NULL || (f.bytes >= p && f.bytes + f.bytes_len <= p + len));
		test_free(p);
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	}
}

static void
the_table_of_legal_frames_lets_nobody_speak_out_of_turn(void **state)
{
	(void)state;
	for (unsigned t = 0; t < 256; t++) {
		uint8_t type = (uint8_t)t;
		bool both = type >= VZ_FRAME_PING && type <= VZ_FRAME_PADDING;
		bool flow = type == VZ_FRAME_DATA || type == VZ_FRAME_END || type == VZ_FRAME_ACK ||
		    type == VZ_FRAME_WINDOW;
		bool sender = type == VZ_FRAME_OPEN || type == VZ_FRAME_WHOLE ||
		    type == VZ_FRAME_SIGNED || type == VZ_FRAME_CANCEL || type == VZ_FRAME_FORGET;

		assert_int_equal(
		    vz_legal_frame(VZ_STAGE_LISTENER_START, type), both || type == VZ_FRAME_STREAM);
		assert_int_equal(
		    vz_legal_frame(VZ_STAGE_LISTENER_OPEN, type), both || flow || sender);
		assert_int_equal(
		    vz_legal_frame(VZ_STAGE_SENDER_START, type), both || type == VZ_FRAME_READY);
		assert_int_equal(vz_legal_frame(VZ_STAGE_SENDER_OPEN, type),
		    both || flow || type == VZ_FRAME_DONE || type == VZ_FRAME_ANSWER ||
			type == VZ_FRAME_DELIVERED);
	}
}

static void
the_table_of_legal_messages_follows_their_states(void **state)
{
	const enum vz_stage l = VZ_STAGE_LISTENER_OPEN, s = VZ_STAGE_SENDER_OPEN;

	(void)state;
	for (unsigned ask = 0; ask < 2; ask++) {
		for (unsigned type = 0; type < 256; type++)
			assert_false(vz_legal_message(s, VZ_MESSAGE_OVER, ask, (uint8_t)type));
		assert_true(vz_legal_message(l, VZ_MESSAGE_OPEN, ask, VZ_FRAME_DATA));
		assert_false(vz_legal_message(l, VZ_MESSAGE_ENDED, ask, VZ_FRAME_DATA));
		assert_false(vz_legal_message(l, VZ_MESSAGE_ENDED, ask, VZ_FRAME_END));
		assert_false(vz_legal_message(l, VZ_MESSAGE_ENDED, ask, VZ_FRAME_CANCEL));
		assert_true(vz_legal_message(l, VZ_MESSAGE_OPEN, ask, VZ_FRAME_SIGNED));
		assert_false(vz_legal_message(l, VZ_MESSAGE_ENDED, ask, VZ_FRAME_SIGNED));
		assert_false(vz_legal_message(l, VZ_MESSAGE_OVER, ask, VZ_FRAME_SIGNED));
		assert_false(vz_legal_message(s, VZ_MESSAGE_OPEN, ask, VZ_FRAME_SIGNED));
		assert_false(vz_legal_message(l, VZ_MESSAGE_OVER, ask, VZ_FRAME_DATA));
		assert_false(vz_legal_message(l, VZ_MESSAGE_OPEN, ask, VZ_FRAME_DONE));
		/* A reply only where one is wanted. */
		assert_int_equal(vz_legal_message(s, VZ_MESSAGE_OPEN, ask, VZ_FRAME_DATA), ask);
		assert_int_equal(vz_legal_message(s, VZ_MESSAGE_ENDED, ask, VZ_FRAME_END), ask);
		assert_int_equal(vz_legal_message(l, VZ_MESSAGE_ENDED, ask, VZ_FRAME_ACK), ask);
		assert_true(vz_legal_message(s, VZ_MESSAGE_ENDED, ask, VZ_FRAME_DONE));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_frame_reads_back_as_it_was_written),
	    cmocka_unit_test(a_frame_cut_or_lengthened_anywhere_is_malformed),
	    cmocka_unit_test(unknown_types_kinds_flags_and_unfit_words_are_malformed),
	    cmocka_unit_test(frames_that_may_not_be_sent_are_refused_and_leave_nothing),
	    cmocka_unit_test(a_manifest_and_its_signature_have_their_bounds_and_are_not_empty),
	    cmocka_unit_test(random_bytes_never_read_outside),
	    cmocka_unit_test(the_table_of_legal_frames_lets_nobody_speak_out_of_turn),
	    cmocka_unit_test(the_table_of_legal_messages_follows_their_states),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
