#include "virtual_wire.h"
#include "tests/unit/step.h"

static const size_t small_sizes[] = {0, 10, 700};
#define SMALL 3

static const struct wire_plan whole = {
    .cut = {NEVER, NEVER}, .flip = {NEVER, NEVER}, .sizes = small_sizes, .messages = SMALL};

/* What must hold after whatever was done to the wire (law 1). */
static void
assert_honest(const struct wire_plan *p, const struct wire_result *r)
{
	if (r->sender_ok)
		for (unsigned m = 0; m < p->messages; m++)
			assert_true(r->listener_whole[m]);
	assert_true(r->delivered <= p->messages);
}

static void
an_undisturbed_session_delivers_every_message_whole(void **state)
{
	struct wire_result r;

	(void)state;
	wire_play(&whole, &r);
	assert_true(r.sender_ok);
	assert_int_equal(r.delivered, SMALL);
	assert_int_equal(r.listener_err, 0);
	assert_honest(&whole, &r);
}

static void
byte_by_byte_delivery_changes_nothing(void **state)
{
	struct wire_plan p = whole;
	struct wire_result r;

	(void)state;
	p.piece = 1;
	p.no_aes = true;
	wire_play(&p, &r);
	assert_true(r.sender_ok);
	assert_false(r.aes);
}

static void
cut(const struct wire_plan *plan, uint64_t k, enum direction d, bool reset,
    const struct wire_result *clean)
{
	struct wire_plan p = *plan;
	struct wire_result r;

	p.cut[d] = k;
	p.reset = reset;
	wire_play(&p, &r);
	assert_honest(&p, &r);
	/* Before the last byte of the last verdict the sender cannot know. */
	if (d == DOWN && k < clean->done_at)
		assert_false(r.sender_ok);
	if (d == UP && k + 60 < clean->moved[UP])
		assert_true(r.listener_err != 0);
}

static void
cut_everywhere(const struct wire_plan *plan, unsigned step)
{
	struct wire_result clean;

	wire_play(plan, &clean);
	assert_true(clean.sender_ok);
	for (unsigned reset = 0; reset < 2; reset++)
		for (int d = UP; d <= DOWN; d++)
			for (uint64_t k = 0; k <= clean.moved[d]; k += test_step(step))
				cut(plan, k, (enum direction)d, reset, &clean);
}

static void
a_cut_after_any_byte_never_passes_for_an_end(void **state)
{
	(void)state;
	cut_everywhere(&whole, 1);
}

static void
nor_does_one_in_signed_messages(void **state)
{
	struct wire_plan p = whole;

	(void)state;
	p.are_signed = true;
	cut_everywhere(&p, 5);
}

static void
a_bit_flipped_anywhere_is_caught_before_any_byte_of_it_reaches_a_sink(void **state)
{
	struct wire_result clean, r;
	struct wire_plan p;

	(void)state;
	wire_play(&whole, &clean);
	for (int d = UP; d <= DOWN; d++) {
		for (uint64_t k = 0; k < clean.moved[d]; k += test_step(1)) {
			p = whole;
			p.flip[d] = k;
			p.bit = (unsigned)(k * 5 % 8);
			wire_play(&p, &r);
			assert_honest(&p, &r);
			if (d == DOWN && k < clean.done_at)
				assert_false(r.sender_ok);
			if (d == UP && !r.sender_ok)
				assert_true(r.sender_err != 0 || r.listener_err != 0);
		}
	}
}

static void
a_large_message_fills_windows_and_arrives(void **state)
{
	static const size_t sizes[] = {9 * 1024 * 1024 + 1};
	struct wire_plan p = whole;
	struct wire_result r;

	(void)state;
	p.sizes = sizes;
	p.messages = 1;
	p.lengths_known = true;
	p.delay_ms = 1;
	wire_play(&p, &r);
	assert_true(r.sender_ok);
	p.sink_pause = 7;
	p.piece = 100000;
	wire_play(&p, &r);
	assert_true(r.sender_ok);
}

static void
a_large_session_cut_at_random_is_never_believed(void **state)
{
	static const size_t sizes[] = {300000, 5, 120000};
	unsigned rounds = 1000 / test_step(1);
	struct wire_plan p = whole;
	struct wire_result clean, r;
	uint64_t x = 88172645463325252u;

	(void)state;
	p.sizes = sizes;
	wire_play(&p, &clean);
	assert_true(clean.sender_ok);
	for (unsigned i = 0; i < rounds; i++) {
		enum direction d = i % 4 == 3 ? DOWN : UP;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		p = whole;
		p.sizes = sizes;
		p.cut[d] = x % clean.moved[d];
		p.reset = (x >> 40 & 1) != 0;
		wire_play(&p, &r);
		assert_honest(&p, &r);
		if (d == UP && p.cut[UP] + 60 < clean.moved[UP])
			assert_false(r.sender_ok && r.listener_err == 0);
	}
}

static void
a_wrong_psk_or_key_gets_no_byte_in_answer(void **state)
{
	struct wire_plan p = whole;
	struct wire_result r;

	(void)state;
	p.wrong_psk = true;
	wire_play(&p, &r);
	assert_int_equal(r.moved[DOWN], 0);
	assert_int_equal(r.listener_err, VZ_EAUTH);
	assert_false(r.sender_ok);
	p = whole;
	p.wrong_key = true;
	wire_play(&p, &r);
	assert_int_equal(r.moved[DOWN], 0);
	assert_false(r.sender_ok);
}

static void
a_refused_sender_is_told_so_and_delivers_nothing(void **state)
{
	struct wire_plan p = whole;
	struct wire_result r;

	(void)state;
	p.refuse = true;
	wire_play(&p, &r);
	assert_false(r.sender_ok);
	assert_int_equal(r.sender_close, 77);
	assert_false(r.listener_whole[0]);
}

static void
a_silent_peer_times_out_on_the_virtual_clock(void **state)
{
	struct wire_plan p = whole;
	struct wire_result r;

	(void)state;
	p.cut[UP] = NEVER - 1;
	p.piece = 1;
	p.delay_ms = 100; /* ten seconds pass long before the handshake is through */
	wire_play(&p, &r);
	assert_false(r.sender_ok);
}

static int
teardown(void **state)
{
	(void)state;
	wire_teardown();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_undisturbed_session_delivers_every_message_whole),
	    cmocka_unit_test(byte_by_byte_delivery_changes_nothing),
	    cmocka_unit_test(a_cut_after_any_byte_never_passes_for_an_end),
	    cmocka_unit_test(nor_does_one_in_signed_messages),
	    cmocka_unit_test(a_bit_flipped_anywhere_is_caught_before_any_byte_of_it_reaches_a_sink),
	    cmocka_unit_test(a_large_message_fills_windows_and_arrives),
	    cmocka_unit_test(a_large_session_cut_at_random_is_never_believed),
	    cmocka_unit_test(a_wrong_psk_or_key_gets_no_byte_in_answer),
	    cmocka_unit_test(a_refused_sender_is_told_so_and_delivers_nothing),
	    cmocka_unit_test(a_silent_peer_times_out_on_the_virtual_clock),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, teardown);
}
