/*
 * aead.c is compiled into this test: its nonces begin with 32 zero bits, the published vectors'
 * mostly do not, and each of its ways to the same bytes is to be compared at every length.
 */
#include "lib/crypto/aead.c"
#include "tests/unit/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define RECORD_MAX 65519

static uint8_t plain[RECORD_MAX], want[RECORD_MAX + VZ_AEAD_TAG], got[RECORD_MAX + VZ_AEAD_TAG];
static uint8_t key[VZ_AEAD_KEY], other_key[VZ_AEAD_KEY];
static const enum vz_aead_alg algs[] = {VZ_AEAD_CHACHAPOLY, VZ_AEAD_AES256GCM};

static bool
usable(enum vz_aead_alg alg)
{
	return alg == VZ_AEAD_CHACHAPOLY || vz_aead_has_aes();
}

static struct vz_aead *
new_aead(enum vz_aead_alg alg, const uint8_t *k)
{
	struct vz_aead *a;

	assert_int_equal(vz_aead_new(&a, alg, k), 0);
	return a;
}

static void
accelerate(void)
{
	for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
		(void)vz_aead_accelerate(algs[i]);
}

/* A fixed stream of bytes for choosing lengths and splits: the same in every run. */
static size_t
pick(size_t below)
{
	static const uint8_t seed[randombytes_SEEDBYTES] = {7};
	static uint8_t pool[4096];
	static size_t at;
	uint32_t v;

	if (at == 0)
		randombytes_buf_deterministic(pool, sizeof pool, seed);
	memcpy(&v, pool + at, sizeof v);
	at = (at + sizeof v) % sizeof pool;
	return v % below;
}

static size_t
unhex(uint8_t *out, size_t cap, const char *hex)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(out, cap, hex, strlen(hex), " ", &n, NULL), 0);
	return n;
}

static const struct vz_aead_engine *(*const engines[])(enum vz_aead_alg) = {
    vz_aead_libcrypto, vz_aead_ipsec_mb};
#define ENGINES (sizeof engines / sizeof *engines)

/* An engine, where it is there, seals `in`, cut after head_len, to `sealed`, and opens that in
 * place and elsewhere; not with the tag changed. */
static void
assert_engine(size_t i, enum vz_aead_alg alg, const uint8_t *k, const uint8_t *nonce,
    const uint8_t *ad, size_t ad_len, const uint8_t *in, size_t len, size_t head_len,
    const uint8_t *sealed)
{
	static uint8_t out[RECORD_MAX + VZ_AEAD_TAG], opened[RECORD_MAX];
	const struct vz_aead_engine *e = engines[i](alg);
	void *keyed;

	if (e == NULL)
		return;
	keyed = e->key(alg, k);
	assert_non_null(keyed);
	memset(out, 0, len + VZ_AEAD_TAG);
	assert_int_equal(
	    e->seal(keyed, nonce, ad, ad_len, in, head_len, in + head_len, len - head_len, out), 0);
	assert_memory_equal(out, sealed, len + VZ_AEAD_TAG);
	assert_int_equal(e->open(keyed, nonce, ad, ad_len, out, len, opened), 0);
	assert_memory_equal(opened, in, len);
	out[len] ^= 0x80;
	memset(opened, 0xaa, len);
	assert_int_equal(e->open(keyed, nonce, ad, ad_len, out, len, opened), VZ_EAUTH);
	assert_true(sodium_is_zero(opened, len));
	out[len] ^= 0x80;
	assert_int_equal(e->open(keyed, nonce, ad, ad_len, out, len, out), 0);
	assert_memory_equal(out, in, len);
	e->forget(keyed);
}

struct vector {
	enum vz_aead_alg alg;
	const char *key, *nonce, *ad, *plain, *sealed;
};

#define K96 "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308"
#define P60                                                                 \
	"d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39"
#define C60                                                                 \
	"522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662"
#define ZEROS16 "00000000000000000000000000000000"

static const struct vector vectors[] = {
    /* RFC 8439 2.8.2 */
    {VZ_AEAD_CHACHAPOLY, "808182838485868788898a8b8c8d8e8f 909192939495969798999a9b9c9d9e9f",
	"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	"4c616469657320616e642047656e746c 656d656e206f662074686520636c6173"
	"73206f66202739393a20496620492063 6f756c64206f6666657220796f75206f"
	"6e6c79206f6e652074697020666f7220 746865206675747572652c2073756e73"
	"637265656e20776f756c642062652069 742e",
	"d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6"
	"3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36"
	"92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc"
	"3ff4def08e4b7a9de576d26586cec64b 61161ae10b594f09e26a7e902ecbd0600691"},
    /* The test cases 13 to 16 of the GCM specification behind SP 800-38D */
    {VZ_AEAD_AES256GCM, ZEROS16 ZEROS16, "000000000000000000000000", "", "",
	"530f8afbc74536b9a963b4f1c4cb738b"},
    {VZ_AEAD_AES256GCM, ZEROS16 ZEROS16, "000000000000000000000000", "", ZEROS16,
	"cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"},
    {VZ_AEAD_AES256GCM, K96, "cafebabefacedbaddecaf888", "", P60 "1aafd255",
	C60 "898015ad b094dac5d93471bdec1a502270e3cc6c"},
    {VZ_AEAD_AES256GCM, K96, "cafebabefacedbaddecaf888",
	"feedfacedeadbeeffeedfacedeadbeef abaddad2", P60, C60 "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void
published_vectors_pass_by_every_way(void **state)
{
	uint8_t k[32], nonce[12], ad[32], p[128], c[144], out[144];

	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const struct vector *v = &vectors[i];
		size_t ad_len = unhex(ad, sizeof ad, v->ad), len = unhex(p, sizeof p, v->plain);
		struct vz_aead *a;

		if (!usable(v->alg))
			continue;
		unhex(k, sizeof k, v->key);
		unhex(nonce, sizeof nonce, v->nonce);
		assert_int_equal(unhex(c, sizeof c, v->sealed), len + VZ_AEAD_TAG);
		a = new_aead(v->alg, k);
		seal_one(a, nonce, ad, ad_len, p, len, out);
		assert_memory_equal(out, c, len + VZ_AEAD_TAG);
		if (v->alg == VZ_AEAD_CHACHAPOLY) {
			seal_in_steps(k, nonce, ad, ad_len, p, 9, p + 9, len - 9, out);
			assert_memory_equal(out, c, len + VZ_AEAD_TAG);
		}
		for (size_t j = 0; j < ENGINES; j++)
			assert_engine(j, v->alg, k, nonce, ad, ad_len, p, len, len / 3, c);
		vz_aead_free(a);
	}
}

static void
nonces_are_laid_out_as_noise_has_them(void **state)
{
	const uint8_t le[12] = {0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};
	const uint8_t be[12] = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	const uint64_t n = 0x0102030405060708;
	struct vz_aead *a = new_aead(VZ_AEAD_CHACHAPOLY, key);

	(void)state;
	crypto_aead_chacha20poly1305_ietf_encrypt(want, NULL, plain, 40, NULL, 0, NULL, le, key);
	assert_int_equal(vz_aead_seal(a, n, NULL, 0, NULL, 0, plain, 40, got), 0);
	assert_memory_equal(got, want, 56);
	vz_aead_free(a);
	if (!vz_aead_has_aes())
		return;
	a = new_aead(VZ_AEAD_AES256GCM, key);
	crypto_aead_aes256gcm_encrypt(want, NULL, plain, 40, NULL, 0, NULL, be, key);
	assert_int_equal(vz_aead_seal(a, n, NULL, 0, NULL, 0, plain, 40, got), 0);
	assert_memory_equal(got, want, 56);
	vz_aead_free(a);
}

/* Every way to seal len bytes, cut after head_len, gives what `want` holds, and opens again. */
static void
compare_split(struct vz_aead *a, uint64_t n, size_t ad_len, size_t len, size_t head_len)
{
	const uint8_t *ad = key, *body = plain + head_len;
	size_t body_len = len - head_len;
	uint8_t nonce[12];

	make_nonce(a->alg, n, nonce);
	memset(got, 0, len + VZ_AEAD_TAG);
	assert_int_equal(vz_aead_seal(a, n, ad, ad_len, plain, head_len, body, body_len, got), 0);
	assert_memory_equal(got, want, len + VZ_AEAD_TAG);
	if (a->alg == VZ_AEAD_CHACHAPOLY && body_len >= CHACHA_BLOCK) {
		memset(got, 0, len + VZ_AEAD_TAG);
		seal_in_steps(a->key, nonce, ad, ad_len, plain, head_len, body, body_len, got);
		assert_memory_equal(got, want, len + VZ_AEAD_TAG);
	}
	for (size_t j = 0; j < ENGINES; j++)
		assert_engine(j, a->alg, a->key, nonce, ad, ad_len, plain, len, head_len, want);
}

static void
compare_ways(struct vz_aead *a, uint64_t n, size_t ad_len, size_t len)
{
	vz_aead_once_seal(a->alg, a->key, n, key, ad_len, plain, len, want);
	compare_split(a, n, ad_len, len, 0);
	compare_split(a, n, ad_len, len, len);
	for (int i = 0; i < 6; i++)
		compare_split(a, n, ad_len, len, pick(len + 1));
	compare_split(a, n, ad_len, len, pick(len < 20 ? len + 1 : 20));
	assert_int_equal(vz_aead_open(a, n, key, ad_len, want, len + VZ_AEAD_TAG, got), 0);
	assert_memory_equal(got, plain, len);
	assert_int_equal(vz_aead_open(a, n, key, ad_len, want, len + VZ_AEAD_TAG, want), 0);
	assert_memory_equal(want, plain, len);
}

static void
every_way_gives_the_same_bytes_at_every_length_and_split(void **state)
{
	static const size_t edges[] = {
	    2047, 2048, 4096, 8191, 8192, 8197, 16384 + 64, 32768, RECORD_MAX};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vz_aead *a;

		if (!usable(algs[i]))
			continue;
		a = new_aead(algs[i], key);
		for (size_t len = 0; len <= 300; len += test_step(1))
			compare_ways(a, len, len % 33, len);
		for (size_t e = 0; e < sizeof edges / sizeof *edges; e++)
			compare_ways(a, UINT64_MAX - e, 0, edges[e]);
		for (unsigned r = 0; r < 40; r += test_step(1))
			compare_ways(a, pick(1000), pick(33), pick(RECORD_MAX + 1));
		vz_aead_free(a);
	}
}

/* Opening fails, apart or in place, and leaves zeros: nothing that was ever plaintext. */
static void
assert_refused(struct vz_aead *a, uint64_t n, size_t ad_len, size_t len)
{
	size_t sealed_len = len + VZ_AEAD_TAG;

	memset(got, 0xaa, len);
	assert_int_equal(vz_aead_open(a, n, key, ad_len, want, sealed_len, got), VZ_EAUTH);
	assert_true(sodium_is_zero(got, len));
	memcpy(got, want, sealed_len);
	assert_int_equal(vz_aead_open(a, n, key, ad_len, got, sealed_len, got), VZ_EAUTH);
	assert_true(sodium_is_zero(got, len));
}

static void
tamper(enum vz_aead_alg alg, size_t len, size_t step)
{
	struct vz_aead *a = new_aead(alg, key), *other = new_aead(alg, other_key);

	assert_int_equal(vz_aead_seal(a, 5, key, 7, NULL, 0, plain, len, want), 0);
	for (size_t bit = 0; bit < 8 * (len + VZ_AEAD_TAG); bit += step * test_step(1)) {
		want[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_refused(a, 5, 7, len);
		want[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_refused(a, 6, 7, len);
	assert_refused(a, 5, 6, len);
	assert_refused(other, 5, 7, len);
	if (len > 0)
		assert_refused(a, 5, 7, len - 1);
	assert_int_equal(vz_aead_open(a, 5, key, 7, want, len + VZ_AEAD_TAG, got), 0);
	assert_memory_equal(got, plain, len);
	vz_aead_free(a);
	vz_aead_free(other);
}

static void
a_changed_bit_anywhere_is_refused_and_no_plaintext_is_left(void **state)
{
	(void)state;
	accelerate(); /* so that the long ones are an engine's where there is one */
	for (size_t i = 0; i < 2; i++) {
		if (!usable(algs[i]))
			continue;
		tamper(algs[i], 0, 1);
		tamper(algs[i], 1, 1);
		tamper(algs[i], 67, 1);
		tamper(algs[i], 2048, 131);
		tamper(algs[i], 20000, 4001);
	}
}

static void
one_shot_opening_refuses_what_was_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		if (!usable(algs[i]))
			continue;
		vz_aead_once_seal(algs[i], key, 3, key, 9, plain, 50, want);
		assert_int_equal(vz_aead_once_open(algs[i], key, 3, key, 9, want, 66, got), 0);
		assert_memory_equal(got, plain, 50);
		want[65] ^= 1;
		assert_int_equal(
		    vz_aead_once_open(algs[i], key, 3, key, 9, want, 66, got), VZ_EAUTH);
		assert_true(sodium_is_zero(got, 50));
	}
}

static void
input_shorter_than_a_tag_is_refused_and_out_is_not_touched(void **state)
{
	struct vz_aead *a = new_aead(VZ_AEAD_CHACHAPOLY, key);

	(void)state;
	got[0] = 0x5a;
	for (size_t len = 0; len < VZ_AEAD_TAG; len++) {
		assert_int_equal(vz_aead_open(a, 0, NULL, 0, want, len, got), VZ_EAUTH);
		assert_int_equal(
		    vz_aead_once_open(a->alg, key, 0, NULL, 0, want, len, got), VZ_EAUTH);
	}
	assert_int_equal(got[0], 0x5a);
	vz_aead_free(a);
}

static void
rekey_takes_32_bytes_sealed_with_the_highest_nonce(void **state)
{
	static const uint8_t zeros[VZ_AEAD_KEY];
	uint8_t next[VZ_AEAD_KEY + VZ_AEAD_TAG];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vz_aead *a;

		if (!usable(algs[i]))
			continue;
		a = new_aead(algs[i], key);
		/* A long record first, so that an engine has the old key to forget. */
		vz_aead_seal(a, 0, NULL, 0, NULL, 0, plain, RECORD_MAX, got);
		vz_aead_once_seal(algs[i], key, UINT64_MAX, NULL, 0, zeros, sizeof zeros, next);
		assert_int_equal(vz_aead_rekey(a), 0);
		for (size_t len = 10; len < RECORD_MAX; len += 60000) {
			vz_aead_once_seal(algs[i], next, 1, NULL, 0, plain, len, want);
			assert_int_equal(vz_aead_seal(a, 1, NULL, 0, NULL, 0, plain, len, got), 0);
			assert_memory_equal(got, want, len + VZ_AEAD_TAG);
		}
		vz_aead_free(a);
	}
}

static void
one_key_seals_and_opens_in_any_order(void **state)
{
	(void)state;
	accelerate();
	for (size_t i = 0; i < 2; i++) {
		struct vz_aead *a;

		if (!usable(algs[i]))
			continue;
		a = new_aead(algs[i], key);
		for (int r = 0; r < 200; r++) {
			size_t len = pick(3) == 0 ? pick(200) : pick(9000);

			assert_int_equal(
			    vz_aead_seal(a, (uint64_t)r, key, 3, key, 5, plain, len, want), 0);
			if (pick(4) == 0) { /* a failure in between does no harm */
				want[0] ^= 1;
				assert_refused(a, (uint64_t)r, 3, len + 5);
				want[0] ^= 1;
			}
			assert_int_equal(
			    vz_aead_open(a, (uint64_t)r, key, 3, want, len + 5 + VZ_AEAD_TAG, got),
			    0);
			assert_memory_equal(got, key, 5);
			assert_memory_equal(got + 5, plain, len);
		}
		vz_aead_free(a);
	}
}

static void
accelerating_twice_gives_the_same_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int rc = vz_aead_accelerate(algs[i]);

		assert_true(rc == 0 || rc == VZ_ENOTFOUND);
		assert_int_equal(vz_aead_accelerate(algs[i]), rc);
		assert_int_equal(vz_aead_accelerator(algs[i]) == NULL, rc != 0);
#ifdef VZ_AEAD_SODIUM_ONLY
		assert_int_equal(rc, VZ_ENOTFOUND);
#endif
	}
	if (vz_aead_libcrypto(VZ_AEAD_CHACHAPOLY) == NULL)
		print_message("skipped: libcrypto's ways, it is not there or was left out\n");
	if (vz_aead_ipsec_mb(VZ_AEAD_AES256GCM) == NULL)
		print_message("skipped: libipsec-mb's ways, it or the processor for it is not "
			      "there, or it was left out\n");
}

static int
set_up(void **state)
{
	static const uint8_t seed[randombytes_SEEDBYTES] = {1};

	(void)state;
	if (vz_secret_init() != 0)
		return -1;
	randombytes_buf_deterministic(plain, sizeof plain, seed);
	memcpy(key, plain + 1000, sizeof key);
	memcpy(other_key, key, sizeof key);
	other_key[31] ^= 1;
	if (!vz_aead_has_aes())
		print_message("skipped: AES-256-GCM, no hardware for it\n");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    /* Before an engine is opened: libsodium's thresholds */
	    cmocka_unit_test(nonces_are_laid_out_as_noise_has_them),
	    cmocka_unit_test(rekey_takes_32_bytes_sealed_with_the_highest_nonce),
	    cmocka_unit_test(one_shot_opening_refuses_what_was_changed),
	    cmocka_unit_test(accelerating_twice_gives_the_same_answer),
	    cmocka_unit_test(published_vectors_pass_by_every_way),
	    cmocka_unit_test(every_way_gives_the_same_bytes_at_every_length_and_split),
	    cmocka_unit_test(a_changed_bit_anywhere_is_refused_and_no_plaintext_is_left),
	    cmocka_unit_test(input_shorter_than_a_tag_is_refused_and_out_is_not_touched),
	    cmocka_unit_test(rekey_takes_32_bytes_sealed_with_the_highest_nonce),
	    cmocka_unit_test(one_key_seals_and_opens_in_any_order),
	};

	return cmocka_run_group_tests_name("aead", tests, set_up, NULL);
}
