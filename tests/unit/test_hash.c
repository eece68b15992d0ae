#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/hash.h"
#include "base/secret.h"

/* Reads hex into out; the number of bytes. */
static size_t
unhex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(out, cap, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static void
check(const uint8_t *got, const char *want)
{
	uint8_t bytes[VZ_HASH_MAX];

	assert_memory_equal(got, bytes, unhex(want, bytes, sizeof bytes));
}

static void
abc_has_the_published_digests(void **state)
{
	uint8_t out[VZ_HASH_MAX];

	(void)state;
	/* RFC 7693 appendix A. */
	vz_hash2(VZ_HASH_BLAKE2B, "abc", 3, NULL, 0, out);
	check(out,
	    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	/* FIPS 180-4. */
	vz_hash2(VZ_HASH_SHA256, "a", 1, "bc", 2, out);
	check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	vz_hash2(VZ_HASH_SHA512, NULL, 0, "abc", 3, out);
	check(out,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void
hmac_gives_the_values_of_rfc_4231(void **state)
{
	/* Cases 1-4, 6, 7: key, data, HMAC-SHA-256, HMAC-SHA-512. */
	static const char *const t[][4] = {
	    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a70203"
		"8b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
	    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d"
		"034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"dddddddddddddddddd",
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
		"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806"
		"b485a47e67c807b946a337bee8942674278859e13292fb"},
	    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
		"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		"cdcdcdcdcdcdcdcdcd",
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
		"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d6"
		"79275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaa",
		"54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048"
		"617368204b6579204669727374",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd"
		"0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	     "aaaaaaa",
		"5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d"
		"73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174"
		"612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e"
		"6720757365642062792074686520484d414320616c676f726974686d2e",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
		"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d"
		"5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
	};
	uint8_t key[160], data[160], out[VZ_HASH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		size_t k = unhex(t[i][0], key, sizeof key), n = unhex(t[i][1], data, sizeof data);

		/* Wherever the data are cut in two. */
		for (size_t cut = 0; cut <= n; cut++) {
			vz_hmac2(VZ_HASH_SHA256, key, k, data, cut, data + cut, n - cut, out);
			check(out, t[i][2]);
			vz_hmac2(VZ_HASH_SHA512, key, k, data, cut, data + cut, n - cut, out);
			check(out, t[i][3]);
		}
	}
}

/* The three that follow were computed with Python's hmac and hashlib. */
static void
hmac_blake2b_is_rfc_2104_with_a_block_of_128(void **state)
{
	const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131], out[VZ_HASH_MAX];

	(void)state;
	memset(key, 0x0b, 20);
	vz_hmac2(VZ_HASH_BLAKE2B, key, 20, "Hi ", 3, "There", 5, out);
	check(out,
	    "358a6a184924894fc34bee5680eedf57d84a37bb38832f288e3b27dc63a98cc8"
	    "c91e76da476b508bc6b2d408a248857452906e4a20b48c6b4b55d2df0fe1dd24");
	memset(key, 0xaa, sizeof key);
	vz_hmac2(VZ_HASH_BLAKE2B, key, sizeof key, text, strlen(text), NULL, 0, out);
	check(out,
	    "a54b2943b2a20227d41ca46c0945af09bc1faefb2f49894c23aebc557fb79c48"
	    "89dca74408dc865086667aedee4a3185c53a49c80b814c4c5813ea0c8b38a8f8");
}

static void
hkdf_is_that_of_noise_and_may_write_over_its_inputs(void **state)
{
	static const char *const want[2][3] = {
	    {"a94ec1ceaa5ac0280eafc97980003e4019176e4bf7c914c45fb0bbda0b22a995"
	     "4d01f3697bbf32817ed0fccbf6dd1ebd24c0b05611051e63dc56e131af4f7c10",
		"f9d83f6c5d34695529eb8e35c8a2ed78658092e7c3b38fdf0cea2a2096b6f6e5"
		"42af644e298508f37da08860db285a8ad4b604c1f160f23356df6b28c183508d",
		"bb6f14b645bac5dd79c98ce583e3357b43b431c22400c9b79d690c1d2fe2d391"
		"ab8372b0b08553b56e802dc6badace75398c1b8a973d0aab18d857d431c3a48f"},
	    {"785dba36cff1fcf591f812fa0b2bade807af9e50d2a96caf28d3c9a285558549",
		"8b4e05ec153f03cf906c305b981902e2af26ae2966397bb43988c4ab28f3aae1",
		"35effd0e30e44866f90854f48ee80ae324d856c3ee9ddde0e87365acf4aeeeed"}};
	const char *ikm = "input key material";
	uint8_t ck[VZ_HASH_MAX], out2[VZ_HASH_MAX], out3[VZ_HASH_MAX];

	(void)state;
	for (int h = VZ_HASH_BLAKE2B; h <= VZ_HASH_SHA256; h++)
		for (int outputs = 2; outputs <= 3; outputs++) {
			for (size_t i = 0; i < sizeof ck; i++)
				ck[i] = (uint8_t)i;
			vz_hkdf((enum vz_hash)h, ck, vz_hash_len((enum vz_hash)h), ikm, strlen(ikm),
			    ck, out2, outputs == 3 ? out3 : NULL);
			check(ck, want[h][0]);
			check(out2, want[h][1]);
			if (outputs == 3)
				check(out3, want[h][2]);
		}
}

static void
short_blake2b_takes_a_key_or_none(void **state)
{
	uint8_t key[32], out[32];

	(void)state;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	vz_blake2b_256(key, sizeof key, "a", 1, "bc", 2, out);
	check(out, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
	vz_blake2b_256(NULL, 0, "abc", 3, NULL, 0, out);
	check(out, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void
secrets_begin_zeroed_and_aligned_whatever_their_size(void **state)
{
	(void)state;
	for (size_t size = 1; size < 70; size++) {
		uint8_t *guarded = vz_secret_new(size), *small = vz_secret_small(size);

		assert_true(guarded != NULL && small != NULL);
		assert_int_equal((uintptr_t)guarded % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(guarded[i] | small[i], 0);
		memset(guarded, 1, size);
		memset(small, 1, size);
		vz_wipe(small, size);
		assert_true(sodium_is_zero(small, size));
		vz_secret_free(guarded);
		vz_secret_small_free(small, size);
	}
	vz_secret_free(NULL);
	vz_secret_small_free(NULL, 5);
	vz_wipe(NULL, 0);
	assert_null(vz_secret_new(SIZE_MAX));
	assert_int_equal(vz_secret_init(), 0);
}

static int
prepare(void **state)
{
	(void)state;
	return vz_secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(abc_has_the_published_digests),
	    cmocka_unit_test(hmac_gives_the_values_of_rfc_4231),
	    cmocka_unit_test(hmac_blake2b_is_rfc_2104_with_a_block_of_128),
	    cmocka_unit_test(hkdf_is_that_of_noise_and_may_write_over_its_inputs),
	    cmocka_unit_test(short_blake2b_takes_a_key_or_none),
	    cmocka_unit_test(secrets_begin_zeroed_and_aligned_whatever_their_size),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
