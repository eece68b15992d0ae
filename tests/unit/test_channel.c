#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "wire/channel.h"
#include "wire/frame.h"

static struct vz_identity *caller, *called, *other;
static const uint8_t psk_a[32] = {1}, psk_b[32] = {2};

static int
setup(void **state)
{
	struct vz_identity **ids[] = {&caller, &called, &other};
	uint8_t random[96];

	(void)state;
	assert_int_equal(vz_secret_init(), 0);
	for (unsigned i = 0; i < 3; i++) {
		memset(random, (int)(0x40 + i), 32);
		memset(random + 32, (int)(0x50 + i), 32);
		memset(random + 64, (int)(0x60 + i), 32);
		*ids[i] = vz_identity_new();
		assert_non_null(*ids[i]);
		assert_int_equal(vz_identity_make(*ids[i], random, 100 + i, ""), 0);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	vz_identity_free(caller);
	vz_identity_free(called);
	vz_identity_free(other);
	return 0;
}

static struct vz_channel_config
config(bool initiator)
{
	struct vz_channel_config c = {.initiator = initiator,
	    .service = VZ_SERVICE_MESSAGES,
	    .self = initiator ? caller : called,
	    .responder = called->bundle.identity};

	memset(c.random, initiator ? 0x71 : 0x72, sizeof c.random);
	return c;
}

static struct vz_channel *
make(const struct vz_channel_config *c)
{
	struct vz_channel *ch;

	assert_int_equal(vz_channel_new(&ch, c), 0);
	return ch;
}

static void
feed(struct vz_channel *ch, const void *p, size_t n)
{
	size_t room;
	uint8_t *at;

	while (n > 0) {
		at = vz_channel_space(ch, &room);
		assert_non_null(at);
		room = room < n ? room : n;
		memcpy(at, p, room);
		vz_channel_fed(ch, room);
		p = (const uint8_t *)p + room;
		n -= room;
	}
}

/* All output of one side, taken. The caller frees it. */
static uint8_t *
drain(struct vz_channel *ch, size_t *n)
{
	const uint8_t *out = vz_channel_out(ch, n);
	uint8_t *copy = malloc(*n + 1);

	assert_non_null(copy);
	if (*n > 0)
		memcpy(copy, out, *n);
	vz_channel_sent(ch, *n);
	return copy;
}

static int
next(struct vz_channel *ch)
{
	const uint8_t *plain;
	size_t len;

	return vz_channel_next(ch, &plain, &len);
}

static void
pass(struct vz_channel *from, struct vz_channel *to)
{
	size_t n;
	uint8_t *p = drain(from, &n);

	feed(to, p, n);
	free(p);
}

/* Both sides through the handshake. */
static void
join(struct vz_channel **i, struct vz_channel **r, bool aes)
{
	struct vz_channel_config ci = config(true), cr = config(false);

	ci.aes = cr.aes = aes;
	*i = make(&ci);
	*r = make(&cr);
	pass(*i, *r);
	assert_int_equal(next(*r), 0); /* message 2 is written on the way */
	pass(*r, *i);
	assert_int_equal(next(*i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(*i), 0);
	pass(*i, *r);
	assert_int_equal(next(*r), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(*r), 0);
}

static void
expect_record(struct vz_channel *ch, const void *want, size_t len)
{
	const uint8_t *plain;
	size_t n;

	assert_int_equal(vz_channel_next(ch, &plain, &n), VZ_CHANNEL_RECORD);
	assert_int_equal(n, len);
	assert_memory_equal(plain, want, len);
}

static void
both_sides_learn_who_the_other_is_and_records_flow(void **state)
{
	struct vz_channel *i, *r;

	(void)state;
	for (int aes = 0; aes <= (vz_aead_has_aes() ? 1 : 0); aes++) {
		join(&i, &r, aes);
		assert_int_equal(vz_channel_is_aes(i), aes);
		assert_true(vz_key_equal(&vz_channel_peer(i)->identity, &called->bundle.identity));
		assert_true(vz_key_equal(&vz_channel_peer(r)->identity, &caller->bundle.identity));
		assert_int_equal(vz_channel_put(i, "he", 2, "llo", 3), 0);
		assert_int_equal(vz_channel_put(i, "x", 1, NULL, 0), 0);
		assert_int_equal(vz_channel_put(r, NULL, 0, "back", 4), 0);
		pass(i, r);
		pass(r, i);
		expect_record(r, "hello", 5);
		expect_record(r, "x", 1);
		expect_record(i, "back", 4);
		assert_int_equal(next(r), 0);
		vz_channel_free(i);
		vz_channel_free(r);
	}
}

static void
aes_is_used_only_when_both_sides_can(void **state)
{
	struct vz_channel_config ci = config(true), cr = config(false);
	struct vz_channel *i, *r;

	(void)state;
	ci.aes = true;
	i = make(&ci);
	r = make(&cr);
	pass(i, r);
	assert_int_equal(next(r), 0);
	pass(r, i);
	assert_int_equal(next(i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(i), 0);
	pass(i, r);
	assert_int_equal(next(r), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(r), 0);
	assert_false(vz_channel_is_aes(i));
	assert_false(vz_channel_is_aes(r));
	vz_channel_free(i);
	vz_channel_free(r);
}

static void
nothing_comes_between_the_proof_and_its_acceptance(void **state)
{
	struct vz_channel_config ci = config(true), cr = config(false);
	struct vz_channel *i = make(&ci), *r = make(&cr);

	(void)state;
	assert_int_equal(vz_channel_accept(i), VZ_EINVAL);
	assert_int_equal(vz_channel_put(i, "x", 1, NULL, 0), VZ_EINVAL);
	pass(i, r);
	assert_int_equal(next(r), 0);
	pass(r, i);
	assert_int_equal(next(i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(i), 0);
	assert_int_equal(
	    vz_channel_put(i, "early", 5, NULL, 0), 0); /* in the same write as message 3 */
	pass(i, r);
	assert_int_equal(next(r), VZ_CHANNEL_PEER);
	assert_int_equal(next(r), VZ_CHANNEL_MORE);
	assert_int_equal(vz_channel_accept(r), 0);
	expect_record(r, "early", 5);
	vz_channel_free(i);
	vz_channel_free(r);
}

static void
a_listener_takes_either_of_two_pre_shared_keys(void **state)
{
	const uint8_t *keys[] = {psk_a, psk_b};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct vz_channel_config ci = config(true), cr = config(false);
		struct vz_channel *i, *r;

		cr.psk[0] = psk_a;
		cr.psk[1] = psk_b;
		ci.psk[0] = k < 2 ? keys[k] : NULL;
		i = make(&ci);
		r = make(&cr);
		pass(i, r);
		assert_int_equal(next(r), k < 2 ? 0 : VZ_EAUTH);
		assert_int_equal(vz_channel_begun(r), k < 2);
		vz_channel_free(i);
		vz_channel_free(r);
	}
}

static void
a_responder_that_is_another_than_the_one_called_is_found_out(void **state)
{
	/* It knows whom we call and so our psk, and answers with its own bundle. */
	struct vz_channel_config ci = config(true), cr = config(false);
	struct vz_channel *i, *r;

	(void)state;
	cr.self = other;
	i = make(&ci);
	r = make(&cr);
	pass(i, r);
	assert_int_equal(next(r), 0);
	pass(r, i);
	assert_int_equal(next(i), VZ_EMISMATCH);
	assert_null(vz_channel_peer(i));
	vz_channel_free(i);
	vz_channel_free(r);
}

/* A bundle that its identity did not sign for the Noise key in use. */
static void
a_stolen_bundle_is_found_out(void **state)
{
	struct vz_identity *thief = vz_identity_new();
	struct vz_channel_config ci = config(true), cr = config(false);
	struct vz_channel *i, *r;

	(void)state;
	assert_non_null(thief);
	*thief = *other;
	thief->bundle = caller->bundle; /* claims to be the caller */
	ci.self = thief;
	i = make(&ci);
	r = make(&cr);
	pass(i, r);
	assert_int_equal(next(r), 0);
	pass(r, i);
	assert_int_equal(next(i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(i), 0);
	pass(i, r);
	assert_int_equal(next(r), VZ_EAUTH);
	assert_null(vz_channel_peer(r));
	vz_channel_free(i);
	vz_channel_free(r);
	/* And with the Noise key in it, but then not signed by the caller. */
	memcpy(thief->bundle.noise, other->bundle.noise, 32);
	i = make(&ci);
	r = make(&cr);
	pass(i, r);
	assert_int_equal(next(r), 0);
	pass(r, i);
	assert_int_equal(next(i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(i), 0);
	pass(i, r);
	assert_int_equal(next(r), VZ_EAUTH);
	vz_channel_free(i);
	vz_channel_free(r);
	vz_identity_free(thief);
}

static void
the_service_the_path_and_the_match_are_bound_into_the_handshake(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct vz_channel_config ci = config(true), cr = config(false);
		struct vz_channel *i, *r;

		if (k == 0)
			ci.service = VZ_SERVICE_RELAY;
		if (k >= 1)
			ci.relayed = true;
		if (k >= 2) {
			cr.relayed = true;
			ci.relay.b[3] = k == 2;
			ci.match[5] = k == 3;
		}
		i = make(&ci);
		r = make(&cr);
		pass(i, r);
		assert_int_equal(next(r), VZ_EAUTH);
		vz_channel_free(i);
		vz_channel_free(r);
	}
}

static void
a_wrong_length_is_refused_before_its_bytes_come(void **state)
{
	static const struct {
		uint16_t len;
		int want;
	} first[] = {
	    {0, VZ_EFORMAT}, {47, VZ_EFORMAT}, {49, VZ_EFORMAT}, {65535, VZ_EFORMAT}, {48, 0}};
	struct vz_channel_config cr = config(false);
	struct vz_channel *i, *r;
	uint8_t head[2];

	(void)state;
	for (size_t k = 0; k < sizeof first / sizeof first[0]; k++) {
		r = make(&cr);
		vz_store16(head, first[k].len);
		feed(r, head, 2);
		assert_int_equal(next(r), first[k].want);
		vz_channel_free(r);
	}
	for (uint16_t len = 0; len <= 16; len++) { /* short and empty records */
		join(&i, &r, false);
		vz_store16(head, len);
		feed(r, head, 2);
		assert_int_equal(next(r), VZ_EFORMAT);
		vz_channel_free(i);
		vz_channel_free(r);
	}
}

/* Who breaks the format is told so, as who breaks the tag is (vz_session_close). */
static void
after_a_wrong_length_of_a_record_the_peer_can_still_be_told(void **state)
{
	static const uint8_t empty[2] = {0, 0};
	struct vz_channel *i, *r;

	(void)state;
	join(&i, &r, false);
	feed(r, empty, sizeof empty);
	assert_int_equal(next(r), VZ_EFORMAT);
	assert_int_equal(next(r), VZ_EFORMAT);
	assert_true(vz_channel_open(r));
	assert_int_equal(vz_channel_put(r, "bye", 3, NULL, 0), 0);
	pass(r, i);
	expect_record(i, "bye", 3);
	vz_channel_free(i);
	vz_channel_free(r);
}

/*
 * DESIGN 10 item 6. Each side sends three pieces: the sender message 1, message 3 and a record, the
 * listener message 2 and two records. Each is dropped, repeated, swapped with its neighbour, or met
 * by an insertion.
 */
struct cast {
	uint8_t *piece[3];
	size_t len[3];
};

enum tampering { DROP, REPEAT, SWAP, INSERT, TAMPERINGS };

/* An honest run, to have the pieces of both sides. The ephemeral keys are fixed: a replay meets the
 * same ones. */
static void
record_honest_run(struct cast *from_i, struct cast *from_r)
{
	struct vz_channel_config ci = config(true), cr = config(false);
	struct vz_channel *i = make(&ci), *r = make(&cr);

	from_i->piece[0] = drain(i, &from_i->len[0]);
	feed(r, from_i->piece[0], from_i->len[0]);
	assert_int_equal(next(r), 0);
	from_r->piece[0] = drain(r, &from_r->len[0]);
	feed(i, from_r->piece[0], from_r->len[0]);
	assert_int_equal(next(i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(i), 0);
	from_i->piece[1] = drain(i, &from_i->len[1]);
	assert_int_equal(vz_channel_put(i, "data", 4, NULL, 0), 0);
	from_i->piece[2] = drain(i, &from_i->len[2]);
	feed(r, from_i->piece[1], from_i->len[1]);
	assert_int_equal(next(r), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(r), 0);
	for (unsigned k = 1; k < 3; k++) {
		assert_int_equal(vz_channel_put(r, "reply", 4 + k % 2, NULL, 0), 0);
		from_r->piece[k] = drain(r, &from_r->len[k]);
	}
	vz_channel_free(i);
	vz_channel_free(r);
}

static unsigned
tampered_order(enum tampering way, unsigned at, unsigned order[static 5])
{
	unsigned n = 0;

	for (unsigned k = 0; k < 3; k++) {
		if (way == SWAP && (k == at || k == (at + 1) % 3))
			order[n++] = k == at ? (at + 1) % 3 : at;
		else if (way != DROP || k != at)
			order[n++] = k;
		if ((way == REPEAT || way == INSERT) && k == at)
			order[n++] = way == REPEAT ? k : (k + 1) % 3;
	}
	return n;
}

/* Plays the tampered pieces to a fresh channel: the error that it ends with, or 0; *records passed.
 */
static int
replay(bool initiator, const struct cast *c, enum tampering way, unsigned at, unsigned *records)
{
	struct vz_channel_config config_ = config(initiator);
	struct vz_channel *ch = make(&config_);
	unsigned order[5], n = tampered_order(way, at, order);
	int got = 0;

	*records = 0;
	for (unsigned k = 0; k < n && got >= 0; k++) {
		feed(ch, c->piece[order[k]], c->len[order[k]]);
		while ((got = next(ch)) > 0) {
			if (got == VZ_CHANNEL_PEER)
				assert_int_equal(vz_channel_accept(ch), 0);
			*records += got == VZ_CHANNEL_RECORD;
		}
	}
	vz_channel_free(ch);
	return got;
}

static void
dropping_repeating_swapping_or_inserting_messages_never_authenticates_a_lie(void **state)
{
	struct cast from[2];
	unsigned records;
	int got;

	(void)state;
	record_honest_run(&from[1], &from[0]);
	for (unsigned initiator = 0; initiator < 2; initiator++) {
		for (unsigned way = 0; way < TAMPERINGS; way++) {
			for (unsigned at = 0; at < 3; at++) {
				got = replay(initiator, &from[!initiator], way, at, &records);
				/* Only the loss of the last piece is not yet a lie: the end is
				 * missing. */
				if (way == DROP && at == 2)
					assert_int_equal(got, 0);
				else
					assert_true(got == VZ_EAUTH || got == VZ_EFORMAT);
				/* What passed was in its place before the tampering. */
				assert_true(records <= (initiator ? 2u : 1u));
				if (at == 0 && way != REPEAT && way != INSERT)
					assert_int_equal(records, 0);
			}
		}
	}
	for (unsigned k = 0; k < 6; k++)
		free(from[k / 3].piece[k % 3]);
}

static void
a_whole_session_replayed_to_the_same_listener_dies_at_message_3(void **state)
{
	struct vz_channel_config ci = config(true), cr = config(false);
	struct vz_channel *i = make(&ci), *r = make(&cr);
	uint8_t *one, *two, *three;
	size_t n1, n2, n3;

	(void)state;
	one = drain(i, &n1);
	feed(r, one, n1);
	assert_int_equal(next(r), 0);
	two = drain(r, &n2);
	feed(i, two, n2);
	assert_int_equal(next(i), VZ_CHANNEL_PEER);
	assert_int_equal(vz_channel_accept(i), 0);
	three = drain(i, &n3);
	feed(r, three, n3);
	assert_int_equal(next(r), VZ_CHANNEL_PEER);
	vz_channel_free(r);
	memset(cr.random, 0x99, sizeof cr.random); /* fresh, as every listener's is */
	r = make(&cr);
	feed(r, one, n1);
	assert_int_equal(next(r), 0);
	feed(r, three, n3);
	assert_int_equal(next(r), VZ_EAUTH);
	vz_channel_free(i);
	vz_channel_free(r);
	free(one);
	free(two);
	free(three);
}

static void
keys_change_after_nonce_65535_and_records_flow_on(void **state)
{
	struct vz_channel *i, *r;
	uint8_t body[8];

	(void)state;
	for (int aes = 0; aes <= (vz_aead_has_aes() ? 1 : 0); aes++) {
		join(&i, &r, aes);
		for (uint64_t n = 0; n < 65536 * 2 + 10; n++) {
			vz_store64(body, n);
			assert_int_equal(vz_channel_put(i, NULL, 0, body, sizeof body), 0);
			pass(i, r);
			expect_record(r, body, sizeof body);
		}
		vz_channel_free(i);
		vz_channel_free(r);
	}
}

static void
records_of_every_size_up_to_the_largest_pass(void **state)
{
	static uint8_t body[VZ_RECORD_PLAIN_MAX + 1];
	struct vz_channel *i, *r;

	(void)state;
	join(&i, &r, vz_aead_has_aes());
	for (size_t k = 0; k < sizeof body; k++)
		body[k] = (uint8_t)(k * 131);
	for (size_t n = 1; n <= VZ_RECORD_PLAIN_MAX; n += n < 70 ? 1 : n < 60000 ? 3001 : 211) {
		assert_int_equal(
		    vz_channel_put(i, body, n < 19 ? n : 19, body + 19, n < 19 ? 0 : n - 19), 0);
		pass(i, r);
		expect_record(r, body, n);
	}
	assert_int_equal(vz_channel_put(i, body, VZ_RECORD_PLAIN_MAX, body, 1), VZ_EINVAL);
	assert_int_equal(vz_channel_put(i, NULL, 0, NULL, 0), VZ_EINVAL);
	vz_channel_trim(i);
	vz_channel_trim(r);
	assert_int_equal(vz_channel_put(i, "after", 5, NULL, 0), 0);
	pass(i, r);
	expect_record(r, "after", 5);
	vz_channel_free(i);
	vz_channel_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_sides_learn_who_the_other_is_and_records_flow),
	    cmocka_unit_test(aes_is_used_only_when_both_sides_can),
	    cmocka_unit_test(nothing_comes_between_the_proof_and_its_acceptance),
	    cmocka_unit_test(a_listener_takes_either_of_two_pre_shared_keys),
	    cmocka_unit_test(a_responder_that_is_another_than_the_one_called_is_found_out),
	    cmocka_unit_test(a_stolen_bundle_is_found_out),
	    cmocka_unit_test(the_service_the_path_and_the_match_are_bound_into_the_handshake),
	    cmocka_unit_test(a_wrong_length_is_refused_before_its_bytes_come),
	    cmocka_unit_test(after_a_wrong_length_of_a_record_the_peer_can_still_be_told),
	    cmocka_unit_test(
		dropping_repeating_swapping_or_inserting_messages_never_authenticates_a_lie),
	    cmocka_unit_test(a_whole_session_replayed_to_the_same_listener_dies_at_message_3),
	    cmocka_unit_test(keys_change_after_nonce_65535_and_records_flow_on),
	    cmocka_unit_test(records_of_every_size_up_to_the_largest_pass),
	};

	return cmocka_run_group_tests_name("channel", tests, setup, teardown);
}
