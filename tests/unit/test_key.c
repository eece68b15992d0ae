#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bech32.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "id/key.h"

static struct vz_key
key_of(uint8_t seed_byte)
{
	uint8_t seed[VZ_SIGN_SEED], secret[VZ_SIGN_SECRET];
	struct vz_key k;

	memset(seed, seed_byte, sizeof(seed));
	vz_sign_from_seed(seed, k.b, secret);
	return k;
}

static void
a_key_reads_back_from_its_61_characters(void **state)
{
	struct vz_key k = key_of(7), back;
	char text[VZ_KEY_TEXT];

	(void)state;
	vz_key_format(&k, text);
	assert_int_equal(strlen(text), 61);
	assert_memory_equal(text, "vz1", 3);
	assert_int_equal(vz_key_parse(text, strlen(text), &back), 0);
	assert_true(vz_key_equal(&k, &back));
}

static void
all_capitals_are_the_same_key_and_mixed_case_is_none(void **state)
{
	struct vz_key k = key_of(7), back;
	char text[VZ_KEY_TEXT];

	(void)state;
	vz_key_format(&k, text);
	for (char *c = text; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 32);
	assert_int_equal(vz_key_parse(text, 61, &back), 0);
	assert_true(vz_key_equal(&k, &back));
	text[0] = 'v';
	assert_int_equal(vz_key_parse(text, 61, &back), VZ_EFORMAT);
}

static void
one_wrong_character_anywhere_is_noticed(void **state)
{
	struct vz_key k = key_of(9), back;
	char text[VZ_KEY_TEXT];

	(void)state;
	vz_key_format(&k, text);
	for (size_t i = 0; i < 61; i++) {
		char was = text[i];

		for (int c = 1; c < 256; c++) {
			text[i] = (char)c;
			if (text[i] != was)
				assert_int_equal(vz_key_parse(text, 61, &back), VZ_EFORMAT);
		}
		text[i] = was;
	}
}

static void
a_key_cut_or_lengthened_is_no_key(void **state)
{
	struct vz_key k = key_of(9), back;
	char text[VZ_KEY_TEXT + 1];

	(void)state;
	vz_key_format(&k, text);
	for (size_t n = 0; n < 61; n++)
		assert_int_equal(vz_key_parse(text, n, &back), VZ_EFORMAT);
	text[61] = 'q';
	assert_int_equal(vz_key_parse(text, 62, &back), VZ_EFORMAT);
}

static void
points_of_small_order_and_non_canonical_ones_are_no_keys(void **state)
{
	/* y = 0 has order 4, y = 1 is the identity, y = p + 1 is it again, not canonical. */
	uint8_t bad[3][32] = {{0}, {1}, {0xee}};
	char text[VZ_KEY_TEXT];
	struct vz_key back;

	(void)state;
	memset(bad[2] + 1, 0xff, 30);
	bad[2][31] = 0x7f;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(vz_bech32_encode("vz", bad[i], 32, text, sizeof(text)), 0);
		assert_int_equal(vz_key_parse(text, 61, &back), VZ_EAUTH);
		assert_int_equal(back.b[0], 0);
	}
}

static void
a_pre_shared_key_is_no_identity_and_the_other_way_round(void **state)
{
	struct vz_key k = key_of(3), back;
	uint8_t psk[VZ_PSK_LEN], psk_back[VZ_PSK_LEN];
	char text[VZ_PSK_TEXT];

	(void)state;
	memset(psk, 0xa5, sizeof(psk));
	assert_int_equal(vz_psk_format(psk, text, sizeof(text)), 0);
	assert_memory_equal(text, "vzpsk1", 6);
	assert_int_equal(vz_psk_parse(text, strlen(text), psk_back), 0);
	assert_memory_equal(psk, psk_back, sizeof(psk));
	assert_int_equal(vz_key_parse(text, strlen(text), &back), VZ_EFORMAT);
	assert_int_equal(vz_psk_format(psk, text, 64), VZ_ELIMIT);
	vz_key_format(&k, text);
	assert_int_equal(vz_psk_parse(text, strlen(text), psk_back), VZ_EFORMAT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_reads_back_from_its_61_characters),
	    cmocka_unit_test(all_capitals_are_the_same_key_and_mixed_case_is_none),
	    cmocka_unit_test(one_wrong_character_anywhere_is_noticed),
	    cmocka_unit_test(a_key_cut_or_lengthened_is_no_key),
	    cmocka_unit_test(points_of_small_order_and_non_canonical_ones_are_no_keys),
	    cmocka_unit_test(a_pre_shared_key_is_no_identity_and_the_other_way_round),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
