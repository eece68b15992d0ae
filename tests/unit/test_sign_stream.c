#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "crypto/sign_stream.h"

static void
hash(int bits, const uint8_t *p, size_t len, size_t piece, uint8_t digest[static 64])
{
	struct vz_sign_stream *s;

	assert_int_equal(vz_sign_stream_new(bits, &s), 0);
	while (len > 0) {
		size_t n = len < piece ? len : piece;

		vz_sign_stream_feed(s, p, n);
		p += n;
		len -= n;
	}
	vz_sign_stream_end(s, digest);
	vz_sign_stream_free(s);
}

static void
pieces_of_any_length_have_the_hash_of_the_whole(void **state)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 127, 128, 129, 1000};
	static const uint8_t zeros[64];
	uint8_t message[1000], want[64], got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t piece = 1; piece <= 200; piece += 33) {
			vz_hash2(VZ_HASH_SHA512, message, lengths[i], NULL, 0, want);
			hash(512, message, lengths[i], piece, got);
			assert_memory_equal(got, want, 64);
			vz_hash2(VZ_HASH_SHA256, message, lengths[i], NULL, 0, want);
			hash(256, message, lengths[i], piece, got);
			assert_memory_equal(got, want, 32);
			assert_memory_equal(got + 32, zeros, 32);
		}
}

static void
there_are_two_hashes_and_no_others(void **state)
{
	static const int bits[] = {0, 1, 128, 257, 384, 1024, -512};
	struct vz_sign_stream *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		assert_int_equal(vz_sign_stream_new(bits[i], &s), VZ_EINVAL);
		assert_null(s);
		vz_sign_stream_free(s);
	}
}

static void
a_signature_says_its_key_and_namespace_before_it_is_proved(void **state)
{
	static const uint8_t seed[VZ_SIGN_SEED] = {5};
	uint8_t public[VZ_SIGN_PUBLIC], secret[VZ_SIGN_SECRET], sig[VZ_SIGN_LEN], digest[64];
	struct vz_sshsig read, nothing = {.hash_bits = 0};
	char ns[VZ_NS_MAX + 1];
	struct vz_buf armour;

	(void)state;
	vz_sign_from_seed(seed, public, secret);
	hash(512, seed, sizeof(seed), 7, digest);
	for (size_t n = 1; n <= VZ_NS_MAX; n++) {
		memset(ns, 'n', n);
		ns[n] = '\0';
		vz_buf_init(&armour, 2048);
		vz_sshsig_sign_digest(secret, ns, digest, sig);
		assert_int_equal(vz_sshsig_armor(public, ns, sig, &armour), 0);
		assert_true(vz_sshsig_read((const char *)vz_buf_ptr(&armour), armour.len, &read));
		assert_memory_equal(read.public, public, sizeof(public));
		assert_memory_equal(read.sig, sig, sizeof(sig));
		assert_int_equal(read.hash_bits, 512);
		assert_int_equal(read.ns_len, n);
		assert_string_equal(read.ns, ns);
		assert_false(
		    vz_sshsig_read((const char *)vz_buf_ptr(&armour), armour.len - 5, &read));
		assert_memory_equal(&read, &nothing, sizeof(read));
		vz_buf_free(&armour);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_of_any_length_have_the_hash_of_the_whole),
	    cmocka_unit_test(there_are_two_hashes_and_no_others),
	    cmocka_unit_test(a_signature_says_its_key_and_namespace_before_it_is_proved),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
