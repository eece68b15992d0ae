#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bech32.h"
#include "base/err.h"

static const char symbols[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static const uint8_t zeros[VZ_BECH32_DATA_MAX];

/* BIP 173 "Test vectors": the valid strings whose data are whole bytes. */
static const struct {
	const char *hrp, *text, *data;
	size_t len;
} valid[] = {
    {"a", "A12UEL5L", "", 0},
    {"a", "a12uel5l", "", 0},
    {"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio",
	"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tg"
	"s",
	"", 0},
    {"abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
	"\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf\x84\x65\x3a\x56\xd7\xc6\x75\xbe\x77\xdf", 20},
    {"1",
	"11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247"
	"j",
	(const char *)zeros, 51},
    {"split", "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
	"\xc5\xf3\x8b\x70\x30\x5f\x51\x9b\xf6\x6d\x85\xfb\x6c\xf0\x30\x58\xf3\xdd\xe4\x63\xec\xd7"
	"\x91\x8f\x2d\xc7\x43\x91\x8f\x2d",
	30},
    {"?", "?1ezyfcl", "", 0},
};

static int
decode(const char *hrp, const char *s, uint8_t *out, size_t len)
{
	return vz_bech32_decode(hrp, s, strlen(s), out, len);
}

static void
the_valid_vectors_of_bip_173_decode_and_encode(void **state)
{
	uint8_t out[VZ_BECH32_DATA_MAX];
	char text[VZ_BECH32_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
		assert_int_equal(decode(valid[i].hrp, valid[i].text, out, valid[i].len), 0);
		assert_memory_equal(out, valid[i].data, valid[i].len);
		assert_int_equal(vz_bech32_encode(valid[i].hrp, (const uint8_t *)valid[i].data,
				     valid[i].len, text, sizeof text),
		    0);
		assert_int_equal(strcasecmp(text, valid[i].text), 0);
		assert_true(text[0] < 'A' || text[0] > 'Z');
	}
}

static void
the_invalid_vectors_of_bip_173_are_refused(void **state)
{
	/* Those with an hrp that can be asked for; {hrp, text}. */
	static const char *const invalid[][2] = {
	    {"pzry9x0s0muk", "pzry9x0s0muk"},
	    {"p", "pzry9x0s0muk"},
	    {"x", "x1b4n0q5v"},
	    {"li", "li1dgmt3"},
	    {"de", "de1lg7wt\xff"},
	    {"a", "A1G7SGD8"},
	};
	/* And those whose hrp is no hrp. */
	static const char *const no_hrp[][2] = {
	    {"\x20",
		"\x20"
		"1nwldj5"},
	    {"\x7f",
		"\x7f"
		"1axkwrx"},
	    {"\x80",
		"\x80"
		"1eym55h"},
	    {"", "1pzry9x0s0muk"},
	    {"", "10a06t8"},
	    {"", "1qzzfhee"},
	    {"A", "A12UEL5L"},
	};
	uint8_t out[VZ_BECH32_DATA_MAX];
	char text[VZ_BECH32_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
		for (size_t len = 0; len < 4; len++)
			assert_int_equal(
			    decode(invalid[i][0], invalid[i][1], out, len), VZ_EFORMAT);
	for (size_t i = 0; i < sizeof no_hrp / sizeof no_hrp[0]; i++) {
		assert_int_equal(decode(no_hrp[i][0], no_hrp[i][1], out, 0), VZ_EINVAL);
		assert_int_equal(
		    vz_bech32_encode(no_hrp[i][0], out, 0, text, sizeof text), VZ_EINVAL);
	}
}

static void
every_length_makes_the_round_trip(void **state)
{
	uint8_t data[VZ_BECH32_DATA_MAX], out[VZ_BECH32_DATA_MAX];
	char text[VZ_BECH32_TEXT_MAX];

	(void)state;
	srandom(3);
	for (size_t len = 0; len <= sizeof data; len++) {
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)random();
		assert_int_equal(vz_bech32_encode("vz", data, len, text, sizeof text), 0);
		assert_int_equal(strlen(text), 3 + (len * 8 + 4) / 5 + 6);
		assert_int_equal(decode("vz", text, out, len), 0);
		assert_memory_equal(out, data, len);
		/* Another length is another thing, not a prefix. */
		if (len > 0)
			assert_int_equal(decode("vz", text, out, len - 1), VZ_EFORMAT);
		if (len < sizeof data)
			assert_int_equal(decode("vz", text, out, len + 1), VZ_EFORMAT);
		assert_int_equal(decode("vy", text, out, len), VZ_EFORMAT);
		assert_int_equal(decode("v", text, out, len), VZ_EFORMAT);
	}
	assert_int_equal(vz_bech32_encode("vz", data, 32, text, sizeof text), 0);
	assert_int_equal(strlen(text), 61);
}

static void
any_one_wrong_character_is_noticed_and_the_output_is_zero(void **state)
{
	static const uint8_t none[32];
	uint8_t data[32], out[32];
	char text[VZ_BECH32_TEXT_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 37 + 5);
	assert_int_equal(vz_bech32_encode("vz", data, sizeof data, text, sizeof text), 0);
	n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		char right = text[i];

		for (int c = 0; c < 256; c++) {
			if ((char)c == right)
				continue;
			text[i] = (char)c;
			memset(out, 1, sizeof out);
			assert_int_equal(
			    vz_bech32_decode("vz", text, n, out, sizeof out), VZ_EFORMAT);
			assert_memory_equal(out, none, sizeof out);
		}
		text[i] = right;
	}
	for (size_t k = 0; k < n; k++)
		assert_int_equal(vz_bech32_decode("vz", text, k, out, sizeof out), VZ_EFORMAT);
	assert_int_equal(vz_bech32_decode("vz", text, n, out, sizeof out), 0);
}

static void
all_upper_case_is_read_and_mixed_case_is_refused(void **state)
{
	uint8_t data[32] = {1, 2, 3}, out[32];
	char text[VZ_BECH32_TEXT_MAX];
	size_t n;

	(void)state;
	assert_int_equal(vz_bech32_encode("vz", data, sizeof data, text, sizeof text), 0);
	n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
	assert_int_equal(decode("vz", text, out, sizeof out), 0);
	assert_memory_equal(out, data, sizeof out);
	text[0] = 'v';
	assert_int_equal(decode("vz", text, out, sizeof out), VZ_EFORMAT);
	text[1] = 'z';
	assert_int_equal(decode("vz", text, out, sizeof out), VZ_EFORMAT);
}

/* BIP 173's polymod, written again, to forge a good checksum over bad padding. */
static void
set_checksum(char *text, size_t hrp_len, size_t n)
{
	static const uint32_t gen[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint8_t values[256];
	size_t count = 0;
	uint32_t chk = 1;

	for (size_t i = 0; i < hrp_len; i++)
		values[count++] = (uint8_t)text[i] >> 5;
	values[count++] = 0;
	for (size_t i = 0; i < hrp_len; i++)
		values[count++] = (uint8_t)text[i] & 31;
	for (size_t i = hrp_len + 1; i < n - 6; i++)
		values[count++] = (uint8_t)(strchr(symbols, text[i]) - symbols);
	for (size_t i = 0; i < 6; i++)
		values[count++] = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t top = chk >> 25;

		chk = (chk & 0x1ffffff) << 5 ^ values[i];
		for (unsigned k = 0; k < 5; k++)
			chk ^= (top >> k & 1) ? gen[k] : 0;
	}
	chk ^= 1;
	for (size_t i = 0; i < 6; i++)
		text[n - 6 + i] = symbols[chk >> 5 * (5 - i) & 31];
}

static void
padding_that_is_not_zero_is_refused_whatever_the_checksum(void **state)
{
	uint8_t data[32] = {0xff}, out[32];
	char text[VZ_BECH32_TEXT_MAX];
	size_t n;

	(void)state;
	/* 256 bits in 52 groups: four bits of padding. */
	assert_int_equal(vz_bech32_encode("vz", data, sizeof data, text, sizeof text), 0);
	n = strlen(text);
	for (unsigned last = 0; last < 32; last++) {
		text[n - 7] = symbols[last];
		set_checksum(text, 2, n);
		assert_int_equal(
		    decode("vz", text, out, sizeof out), (last & 15) == 0 ? 0 : VZ_EFORMAT);
	}
}

static void
what_does_not_fit_is_refused(void **state)
{
	uint8_t data[VZ_BECH32_DATA_MAX + 1] = {0};
	char text[VZ_BECH32_TEXT_MAX + 64];

	(void)state;
	assert_int_equal(vz_bech32_encode("vz", data, 65, text, sizeof text), VZ_ELIMIT);
	assert_int_equal(vz_bech32_encode("vz", data, SIZE_MAX, text, sizeof text), VZ_ELIMIT);
	for (size_t cap = 0; cap < 62; cap++) {
		memset(text, 'x', sizeof text);
		assert_int_equal(vz_bech32_encode("vz", data, 32, text, cap), VZ_ELIMIT);
		assert_int_equal(text[cap], 'x');
		assert_true(cap == 0 || text[0] == '\0');
	}
	assert_int_equal(vz_bech32_encode("vz", data, 32, text, 62), 0);
	assert_int_equal(vz_bech32_decode("vz", text, 61, data, 65), VZ_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_valid_vectors_of_bip_173_decode_and_encode),
	    cmocka_unit_test(the_invalid_vectors_of_bip_173_are_refused),
	    cmocka_unit_test(every_length_makes_the_round_trip),
	    cmocka_unit_test(any_one_wrong_character_is_noticed_and_the_output_is_zero),
	    cmocka_unit_test(all_upper_case_is_read_and_mixed_case_is_refused),
	    cmocka_unit_test(padding_that_is_not_zero_is_refused_whatever_the_checksum),
	    cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
