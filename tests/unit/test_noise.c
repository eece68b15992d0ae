#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/noise.h"
#include "tests/unit/step.h"

#define BIG 65600

static uint8_t secrets[5][32]; /* static and ephemeral of both sides, psk */
static uint8_t other_psk[32];
static uint8_t wire[BIG], clear[BIG];

static const struct vz_noise_pattern nn = {
    "NN", {0}, {0}, 2, {{VZ_NOISE_E}, {VZ_NOISE_E, VZ_NOISE_EE}}};
static const struct vz_noise_pattern nk = {
    "NK", {0}, {VZ_NOISE_S}, 2, {{VZ_NOISE_E, VZ_NOISE_ES}, {VZ_NOISE_E, VZ_NOISE_EE}}};

/*
 * Every encoding of a u-coordinate of small order on Curve25519 or its twist (the list of RFC 7748
 * implementations), the high bit aside: 0, 1, both of order 8, p - 1, p, p + 1.
 */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};
#define LOW_ORDER (2 * sizeof low_order / sizeof *low_order)

static void
unhex32(uint8_t out[static 32], const char *hex)
{
	assert_int_equal(sodium_hex2bin(out, 32, hex, strlen(hex), NULL, NULL, NULL), 0);
}

/* The i-th low-order point, every second one with the bit set that X25519 ignores. */
static void
low_order_point(uint8_t out[static 32], size_t i)
{
	unhex32(out, low_order[i / 2]);
	if (i % 2 != 0)
		out[31] |= 0x80;
}

static struct vz_noise_config
config_of(bool initiator)
{
	return (struct vz_noise_config){
	    .pattern = &vz_noise_xxpsk0,
	    .cipher = VZ_AEAD_CHACHAPOLY,
	    .hash = VZ_HASH_BLAKE2B,
	    .initiator = initiator,
	    .prologue = "vz/1",
	    .prologue_len = 4,
	    .psk = {secrets[4]},
	    .static_secret = secrets[initiator ? 0 : 1],
	    .ephemeral_secret = secrets[initiator ? 2 : 3],
	};
}

static struct vz_noise *
new_noise(const struct vz_noise_config *config)
{
	struct vz_noise *n;

	assert_int_equal(vz_noise_new(&n, config), 0);
	return n;
}

/* Both sides of XXpsk0; side[1] is the initiator. */
static void
new_pair(struct vz_noise *side[2])
{
	for (int i = 0; i < 2; i++) {
		struct vz_noise_config config = config_of(i);

		side[i] = new_noise(&config);
	}
}

static void
free_pair(struct vz_noise *side[2])
{
	vz_noise_free(side[0]);
	vz_noise_free(side[1]);
}

/* Message number m of the handshake passes with this payload; its length comes back. */
static size_t
pass(struct vz_noise *side[2], int m, const char *payload)
{
	size_t len, got;
	int from = m % 2 == 0;

	assert_int_equal(
	    vz_noise_write(side[from], payload, strlen(payload), wire, sizeof wire, &len), 0);
	assert_int_equal(vz_noise_read(side[!from], wire, len, clear, sizeof clear, &got), 0);
	assert_int_equal(got, strlen(payload));
	assert_memory_equal(clear, payload, got);
	return len;
}

static void
assert_dead(struct vz_noise *n)
{
	uint8_t k[2][32];
	size_t len;

	assert_false(vz_noise_finished(n));
	assert_int_equal(vz_noise_write(n, "", 0, wire, sizeof wire, &len), VZ_EINVAL);
	assert_int_equal(vz_noise_read(n, wire, 48, clear, sizeof clear, &len), VZ_EINVAL);
	assert_int_equal(vz_noise_split(n, k[0], k[1]), VZ_EINVAL);
	assert_int_equal(vz_noise_split_label(n, "x", k[0], k[1]), VZ_EINVAL);
}

static void
both_sides_of_xxpsk0_end_with_the_same_keys_and_know_each_other(void **state)
{
	uint8_t k[4][32], l[4][32], public[2][32];
	struct vz_noise *side[2];

	(void)state;
	new_pair(side);
	assert_int_equal(vz_noise_split(side[0], k[0], k[1]), VZ_EINVAL);
	assert_int_equal(pass(side, 0, ""), 48); /* DESIGN 5: exactly 48 bytes */
	assert_null(vz_noise_remote_static(side[0]));
	assert_int_equal(pass(side, 1, "bundle"), 96 + 6);
	assert_false(vz_noise_finished(side[0]) || vz_noise_finished(side[1]));
	assert_int_equal(pass(side, 2, "other bundle"), 64 + 12);
	assert_true(vz_noise_finished(side[0]) && vz_noise_finished(side[1]));
	assert_int_equal(vz_noise_overhead(side[0]), 0);
	for (int i = 0; i < 2; i++) {
		vz_x25519_public(secrets[i], public[i]);
		/* secrets[0] is the initiator's, which is side[1] */
		assert_memory_equal(vz_noise_remote_static(side[i]), public[i], 32);
		assert_int_equal(vz_noise_split(side[i], k[2 * i], k[2 * i + 1]), 0);
		assert_int_equal(
		    vz_noise_split_label(side[i], "vz/1 aes256gcm", l[2 * i], l[2 * i + 1]), 0);
	}
	assert_memory_equal(vz_noise_hash(side[0]), vz_noise_hash(side[1]), 64);
	assert_memory_equal(k[0], k[2], 64);
	assert_memory_equal(l[0], l[2], 64);
	assert_memory_not_equal(k[0], k[1], 32);
	assert_memory_not_equal(k[0], l[0], 32);
	assert_memory_not_equal(l[0], l[1], 32);
	free_pair(side);
}

/* Runs XXpsk0 up to message m, then hands the reader `len` bytes of what `wire` was made. */
static int
read_altered(int m, void (*alter)(size_t at, size_t *len), size_t at)
{
	struct vz_noise *side[2];
	uint8_t hash[64];
	size_t len, got;
	int from = m % 2 == 0, rc;

	new_pair(side);
	for (int i = 0; i < m; i++)
		pass(side, i, "");
	assert_int_equal(vz_noise_write(side[from], "payload", 7, wire, sizeof wire, &len), 0);
	alter(at, &len);
	memcpy(hash, vz_noise_hash(side[!from]), sizeof hash);
	memset(clear, 0, sizeof clear);
	rc = vz_noise_read(side[!from], wire, len, clear, sizeof clear, &got);
	if (rc != 0) {
		assert_int_equal(got, 0);
		assert_true(sodium_is_zero(clear, 16));
		assert_memory_equal(hash, vz_noise_hash(side[!from]), sizeof hash);
		if (m < 2)
			assert_null(vz_noise_remote_static(side[!from]));
		assert_dead(side[!from]);
	}
	free_pair(side);
	return rc;
}

static void
flip_bit(size_t at, size_t *len)
{
	(void)len;
	wire[at / 8] ^= (uint8_t)(1 << at % 8);
}

static void
cut_to(size_t at, size_t *len)
{
	*len = at;
}

static void
lengthen(size_t at, size_t *len)
{
	*len += at;
}

static const size_t message_len[] = {48 + 7, 96 + 7, 64 + 7};

static void
one_changed_bit_in_any_message_kills_the_reader(void **state)
{
	(void)state;
	for (int m = 0; m < 3; m++)
		for (size_t bit = 0; bit < 8 * message_len[m]; bit += test_step(1))
			assert_int_equal(read_altered(m, flip_bit, bit), VZ_EAUTH);
}

static void
a_cut_or_lengthened_message_kills_the_reader(void **state)
{
	(void)state;
	for (int m = 0; m < 3; m++) {
		for (size_t len = 0; len < message_len[m]; len += test_step(1))
			assert_int_equal(read_altered(m, cut_to, len),
			    len < message_len[m] - 7 ? VZ_EFORMAT : VZ_EAUTH);
		assert_int_equal(read_altered(m, cut_to, message_len[m]), 0);
		assert_int_equal(read_altered(m, lengthen, 1), VZ_EAUTH);
		assert_int_equal(read_altered(m, lengthen, 65535 - message_len[m]), VZ_EAUTH);
		assert_int_equal(read_altered(m, lengthen, 65536 - message_len[m]), VZ_EFORMAT);
	}
}

static void
another_psk_prologue_or_suite_is_refused_at_the_first_message(void **state)
{
	struct vz_noise_config configs[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		configs[i] = config_of(false);
	configs[0].psk[0] = other_psk;
	configs[1].prologue = "vz/2";
	configs[2].prologue_len = 3;
	configs[3].hash = VZ_HASH_SHA512;
	for (int i = 0; i < 4; i++) {
		struct vz_noise_config config = config_of(true);
		struct vz_noise *a = new_noise(&config), *b = new_noise(&configs[i]);
		size_t len;

		assert_int_equal(vz_noise_write(a, "", 0, wire, sizeof wire, &len), 0);
		assert_int_equal(vz_noise_read(b, wire, len, clear, sizeof clear, &len), VZ_EAUTH);
		assert_dead(b);
		vz_noise_free(a);
		vz_noise_free(b);
	}
}

static void
limits_are_kept_and_nothing_is_written_beyond_them(void **state)
{
	struct vz_noise *side[2];
	size_t len;

	(void)state;
	new_pair(side);
	memset(wire, 0x5a, sizeof wire);
	assert_int_equal(vz_noise_write(side[1], "abc", 3, wire, 48 + 2, &len), VZ_ELIMIT);
	assert_int_equal(len, 0);
	assert_int_equal(wire[0], 0x5a);
	assert_dead(side[1]);
	free_pair(side);

	new_pair(side);
	assert_int_equal(
	    vz_noise_write(side[1], clear, 65535 - 47, wire, sizeof wire, &len), VZ_ELIMIT);
	free_pair(side);

	new_pair(side);
	assert_int_equal(vz_noise_write(side[1], clear, 65535 - 48, wire, 65535, &len), 0);
	assert_int_equal(len, 65535);
	assert_int_equal(vz_noise_read(side[0], wire, len, clear, 65535 - 49, &len), VZ_ELIMIT);
	assert_dead(side[0]);
	free_pair(side);
}

static void
speaking_out_of_turn_is_the_callers_bug_and_final(void **state)
{
	struct vz_noise *side[2];
	size_t len;

	(void)state;
	new_pair(side);
	assert_int_equal(vz_noise_write(side[0], "", 0, wire, sizeof wire, &len), VZ_EINVAL);
	assert_int_equal(vz_noise_read(side[1], wire, 48, clear, sizeof clear, &len), VZ_EINVAL);
	assert_dead(side[0]);
	assert_dead(side[1]);
	free_pair(side);

	new_pair(side);
	for (int m = 0; m < 3; m++)
		pass(side, m, "");
	assert_int_equal(vz_noise_write(side[0], "", 0, wire, sizeof wire, &len), VZ_EINVAL);
	assert_dead(side[0]);
	free_pair(side);
}

static void
a_configuration_that_lacks_or_adds_a_key_is_refused(void **state)
{
	struct vz_noise_config config = config_of(true);
	struct vz_noise *n = NULL;
	uint8_t public[32];
	size_t len;

	(void)state;
	config.psk[0] = NULL;
	assert_int_equal(vz_noise_new(&n, &config), VZ_EINVAL);
	assert_null(n);
	config = config_of(true);
	vz_x25519_public(secrets[1], public);
	config.remote_static = public; /* XX would never compare it */
	assert_int_equal(vz_noise_new(&n, &config), VZ_EINVAL);
	config = config_of(true);
	config.pattern = &nk;
	assert_int_equal(vz_noise_new(&n, &config), VZ_EINVAL);
	config = config_of(true);
	config.ephemeral_secret = NULL;
	n = new_noise(&config);
	assert_int_equal(vz_noise_write(n, "", 0, wire, sizeof wire, &len), VZ_EINVAL);
	assert_dead(n);
	vz_noise_free(n);
}

static void
a_broken_descriptor_is_refused(void **state)
{
	struct vz_noise_config config = config_of(true);
	struct vz_noise_pattern p[4] = {nn, nn, nn, nn};
	struct vz_noise *n;
	char name[300];

	(void)state;
	memset(name, 'N', sizeof name);
	name[sizeof name - 1] = '\0';
	p[0].messages = 0;
	p[1].messages = VZ_NOISE_MESSAGES_MAX + 1;
	p[2].pre_responder[0] = VZ_NOISE_E;
	p[3].name = name;
	for (int i = 0; i < 4; i++) {
		config.pattern = &p[i];
		config.remote_static = i == 2 ? secrets[0] : NULL;
		assert_int_equal(vz_noise_new(&n, &config), VZ_EINVAL);
	}
}

static void
a_low_order_ephemeral_is_refused_before_anything_depends_on_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < LOW_ORDER; i++) {
		struct vz_noise_config config = config_of(false);
		struct vz_noise *n;
		size_t len;

		/* NN's first message has no tag: only the check of the result can refuse it. */
		config.pattern = &nn;
		n = new_noise(&config);
		low_order_point(wire, i);
		assert_int_equal(vz_noise_read(n, wire, 32, clear, sizeof clear, &len), 0);
		assert_int_equal(vz_noise_write(n, "secret", 6, wire, sizeof wire, &len), VZ_EAUTH);
		assert_int_equal(len, 0);
		assert_true(sodium_is_zero(wire, 32));
		assert_dead(n);
		vz_noise_free(n);
	}
}

static void
a_low_order_static_is_refused(void **state)
{
	uint8_t point[32];

	(void)state;
	for (size_t i = 0; i < LOW_ORDER; i++) {
		struct vz_noise_config config = config_of(true);
		struct vz_noise *n;
		size_t len;

		low_order_point(point, i);
		config.pattern = &nk;
		config.remote_static = point;
		n = new_noise(&config);
		assert_int_equal(vz_noise_write(n, "", 0, wire, sizeof wire, &len), VZ_EAUTH);
		assert_dead(n);
		vz_noise_free(n);
	}
}

static void
x25519_gives_the_values_of_rfc_7748_and_no_zero(void **state)
{
	uint8_t a[32], b[32], a_public[32], b_public[32], want[32], got[32];

	(void)state;
	/* RFC 7748 6.1 */
	unhex32(a, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	unhex32(b, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	unhex32(want, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_int_equal(vz_x25519_public(a, a_public), 0);
	assert_memory_equal(a_public, want, 32);
	unhex32(want, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_int_equal(vz_x25519_public(b, b_public), 0);
	assert_memory_equal(b_public, want, 32);
	unhex32(want, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	assert_int_equal(vz_x25519(a, b_public, got), 0);
	assert_memory_equal(got, want, 32);
	assert_int_equal(vz_x25519(b, a_public, got), 0);
	assert_memory_equal(got, want, 32);
	for (size_t i = 0; i < LOW_ORDER; i++) {
		low_order_point(b_public, i);
		memset(got, 0x5a, sizeof got);
		assert_int_equal(vz_x25519(a, b_public, got), VZ_EAUTH);
		assert_true(sodium_is_zero(got, 32));
	}
}

static int
set_up(void **state)
{
	static const uint8_t seed[randombytes_SEEDBYTES] = {3};

	(void)state;
	if (vz_secret_init() != 0)
		return -1;
	randombytes_buf_deterministic(secrets, sizeof secrets, seed);
	memcpy(other_psk, secrets[4], sizeof other_psk);
	other_psk[0] ^= 1;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_sides_of_xxpsk0_end_with_the_same_keys_and_know_each_other),
	    cmocka_unit_test(one_changed_bit_in_any_message_kills_the_reader),
	    cmocka_unit_test(a_cut_or_lengthened_message_kills_the_reader),
	    cmocka_unit_test(another_psk_prologue_or_suite_is_refused_at_the_first_message),
	    cmocka_unit_test(limits_are_kept_and_nothing_is_written_beyond_them),
	    cmocka_unit_test(speaking_out_of_turn_is_the_callers_bug_and_final),
	    cmocka_unit_test(a_configuration_that_lacks_or_adds_a_key_is_refused),
	    cmocka_unit_test(a_broken_descriptor_is_refused),
	    cmocka_unit_test(a_low_order_ephemeral_is_refused_before_anything_depends_on_it),
	    cmocka_unit_test(a_low_order_static_is_refused),
	    cmocka_unit_test(x25519_gives_the_values_of_rfc_7748_and_no_zero),
	};

	return cmocka_run_group_tests_name("noise", tests, set_up, NULL);
}
