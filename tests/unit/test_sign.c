#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"

#define NS    "vz-test"
#define ARMOR 2048

static uint8_t seed[32], public[32], secret[64];

static void
unhex(uint8_t *out, size_t len, const char *hex)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(out, len, hex, strlen(hex), NULL, &n, NULL), 0);
	assert_int_equal(n, len);
}

/* The armour of a signature as a C string. */
static size_t
armor(const char *ns, const uint8_t *sig, char out[static ARMOR])
{
	struct vz_buf b;
	size_t len;

	vz_buf_init(&b, ARMOR - 1);
	assert_int_equal(vz_sshsig_armor(public, ns, sig, &b), 0);
	len = b.len;
	memcpy(out, vz_buf_ptr(&b), len);
	out[len] = '\0';
	vz_buf_free(&b);
	return len;
}

static void
public_keys_of_seeds_are_those_of_rfc_8032(void **state)
{
	static const char *const pairs[][2] = {
	    /* RFC 8032 7.1, tests 1 to 3 */
	    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
	    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"},
	    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"},
	};
	uint8_t s[32], want[32], p[32], sk[64], sig[64];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		unhex(s, 32, pairs[i][0]);
		unhex(want, 32, pairs[i][1]);
		vz_sign_from_seed(s, p, sk);
		assert_memory_equal(p, want, 32);
		assert_memory_equal(sk, s, 32);
		assert_memory_equal(sk + 32, want, 32);
		assert_true(vz_sign_point_ok(p));
	}
	/* The signature of test 3, which shows what the secret is good for. */
	unhex(s, 2, "af82");
	unhex(want, 32, "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac");
	crypto_sign_detached(sig, NULL, s, 2, sk);
	assert_memory_equal(sig, want, 32);
}

/* The eight points of the 8-torsion, y in the canonical range and beyond it, both signs. */
static const char *const torsion[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    /* other encodings of the same: x = 0 with a sign, y = p, y = p + 1 */
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void
points_of_small_order_are_refused(void **state)
{
	uint8_t p[32], sig[64] = {1};

	(void)state;
	for (size_t i = 0; i < sizeof torsion / sizeof *torsion; i++) {
		unhex(p, 32, torsion[i]);
		assert_false(vz_sign_point_ok(p));
		/* R = the identity, S = 0 verifies under such a key where nobody looks. */
		assert_int_equal(vz_sshsig_verify(p, NS, "x", 1, sig), VZ_EAUTH);
	}
}

static void
encodings_that_are_not_canonical_are_refused(void **state)
{
	uint8_t p[32];

	(void)state;
	for (unsigned low = 0xed; low <= 0xff; low++) {
		memset(p, 0xff, sizeof p);
		p[0] = (uint8_t)low;
		assert_false(vz_sign_point_ok(p));
		p[31] = 0x7f;
		assert_false(vz_sign_point_ok(p));
	}
}

static void
points_off_the_curve_are_refused(void **state)
{
	static const uint8_t ys[] = {2, 7, 8, 11}; /* x^2 is no square for these y */
	uint8_t p[32] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof ys; i++) {
		p[0] = ys[i];
		assert_false(vz_sign_point_ok(p));
	}
}

static void
a_key_mixed_with_a_point_of_small_order_is_refused(void **state)
{
	uint8_t t[32], p[32];

	(void)state;
	for (size_t i = 1; i < 8; i++) {
		unhex(t, 32, torsion[i]);
		assert_int_equal(crypto_core_ed25519_add(p, public, t), 0);
		assert_memory_not_equal(p, public, 32);
		assert_false(vz_sign_point_ok(p));
	}
}

static void
a_signature_verifies_for_its_key_namespace_and_message_only(void **state)
{
	uint8_t sig[64], other_seed[32] = {9}, other[32], other_secret[64];

	(void)state;
	vz_sign_from_seed(other_seed, other, other_secret);
	vz_sshsig_sign(secret, NS, "message", 7, sig);
	assert_int_equal(vz_sshsig_verify(public, NS, "message", 7, sig), 0);
	assert_int_equal(vz_sshsig_verify(public, NS, "messagf", 7, sig), VZ_EAUTH);
	assert_int_equal(vz_sshsig_verify(public, NS, "message", 6, sig), VZ_EAUTH);
	assert_int_equal(vz_sshsig_verify(public, NS "2", "message", 7, sig), VZ_EAUTH);
	assert_int_equal(vz_sshsig_verify(public, "", "message", 7, sig), VZ_EAUTH);
	assert_int_equal(vz_sshsig_verify(other, NS, "message", 7, sig), VZ_EAUTH);
	for (size_t bit = 0; bit < 512; bit++) {
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(vz_sshsig_verify(public, NS, "message", 7, sig), VZ_EAUTH);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
a_known_key_is_verified_alike_and_one_of_small_order_refused_still(void **state)
{
	uint8_t sig[64], t[32];

	(void)state;
	vz_sshsig_sign(secret, NS, "message", 7, sig);
	assert_int_equal(vz_sshsig_verify_known(public, NS, "message", 7, sig), 0);
	assert_int_equal(vz_sshsig_verify_known(public, NS, "messagf", 7, sig), VZ_EAUTH);
	assert_int_equal(vz_sshsig_verify_known(public, "", "message", 7, sig), VZ_EAUTH);
	for (size_t i = 0; i < sizeof torsion / sizeof *torsion; i++) {
		unhex(t, 32, torsion[i]);
		assert_int_equal(vz_sshsig_verify_known(t, NS, "message", 7, sig), VZ_EAUTH);
	}
	sig[3] ^= 1;
	assert_int_equal(vz_sshsig_verify_known(public, NS, "message", 7, sig), VZ_EAUTH);
}

/*
 * A signature under A + T, T of order 8, that verifies wherever only the equation is checked: R and
 * S as RFC 8032 5.1.6 has them for A, tried until k T = 0. Gives the mixed key.
 */
static void
sign_with_mixed_key(const uint8_t *signed_data, size_t len, uint8_t mixed[static 32], uint8_t *sig)
{
	uint8_t t[32], a[64], r[64], hash[64], k[32], ka[32];
	crypto_hash_sha512_state h;

	unhex(t, 32, torsion[4]);
	assert_int_equal(crypto_core_ed25519_add(mixed, public, t), 0);
	crypto_hash_sha512(a, seed, sizeof seed);
	a[0] &= 248;
	a[31] = (uint8_t)((a[31] & 127) | 64);
	do {
		crypto_core_ed25519_scalar_random(r);
		crypto_scalarmult_ed25519_base_noclamp(sig, r);
		crypto_hash_sha512_init(&h);
		crypto_hash_sha512_update(&h, sig, 32);
		crypto_hash_sha512_update(&h, mixed, 32);
		crypto_hash_sha512_update(&h, signed_data, len);
		crypto_hash_sha512_final(&h, hash);
		crypto_core_ed25519_scalar_reduce(k, hash);
	} while (k[0] % 8 != 0);
	crypto_core_ed25519_scalar_mul(ka, k, a);
	crypto_core_ed25519_scalar_add(sig + 32, r, ka);
}

static void
a_signature_under_a_mixed_key_is_refused_though_its_equation_holds(void **state)
{
	uint8_t mixed[32], sig[64], digest[64];
	struct vz_buf b;

	(void)state;
	crypto_hash_sha512(digest, (const uint8_t *)"m", 1);
	vz_buf_init(&b, 512);
	vz_buf_str(&b, "SSHSIG");
	vz_buf_string(&b, NS, strlen(NS));
	vz_buf_string(&b, "", 0);
	vz_buf_string(&b, "sha512", 6);
	vz_buf_string(&b, digest, sizeof digest);
	sign_with_mixed_key(vz_buf_ptr(&b), b.len, mixed, sig);
	assert_int_equal(crypto_sign_verify_detached(sig, vz_buf_ptr(&b), b.len, mixed), 0);
	assert_int_equal(vz_sshsig_verify(mixed, NS, "m", 1, sig), VZ_EAUTH);
	vz_buf_free(&b);
}

static void
a_message_hashed_piece_by_piece_has_the_same_signature(void **state)
{
	uint8_t digest[64], one[64], two[64];

	(void)state;
	crypto_hash_sha512(digest, (const uint8_t *)"message", 7);
	vz_sshsig_sign(secret, NS, "message", 7, one);
	vz_sshsig_sign_digest(secret, NS, digest, two);
	assert_memory_equal(one, two, 64);
	assert_int_equal(vz_sshsig_verify_digest(public, NS, 512, digest, one), 0);
	assert_int_equal(vz_sshsig_verify_digest(public, NS, 256, digest, one), VZ_EAUTH);
	assert_int_equal(vz_sshsig_verify_digest(public, NS, 384, digest, one), VZ_EAUTH);
}

/* Checks that the armour gives `want`, and that a refusal leaves nothing in the results. */
static void
assert_unarmor(int want, const char *text, size_t len, const char *ns)
{
	uint8_t key[32], sig[64];
	int bits;

	memset(key, 0x5a, sizeof key);
	memset(sig, 0x5a, sizeof sig);
	assert_int_equal(vz_sshsig_unarmor(text, len, ns, key, sig, &bits), want);
	if (want == 0)
		assert_memory_equal(key, public, 32);
	else
		assert_true(sodium_is_zero(key, 32) && sodium_is_zero(sig, 64) && bits == 0);
}

static void
armour_is_read_back_for_every_length_of_namespace(void **state)
{
	char ns[VZ_NS_MAX + 1] = "", text[ARMOR];
	uint8_t sig[64];

	(void)state;
	for (size_t n = 0; n < VZ_NS_MAX; n++) {
		ns[n] = 'n';
		vz_sshsig_sign(secret, ns, "m", 1, sig);
		assert_unarmor(0, text, armor(ns, sig, text), ns);
	}
}

static void
a_namespace_has_1_to_255_bytes(void **state)
{
	char ns[VZ_NS_MAX + 2], text[ARMOR];
	uint8_t sig[64], got[64], key[32];
	struct vz_buf b;
	int bits;

	(void)state;
	memset(ns, 'n', sizeof ns);
	ns[VZ_NS_MAX] = '\0';
	vz_sshsig_sign(secret, ns, "m", 1, sig);
	assert_int_equal(vz_sshsig_verify(public, ns, "m", 1, sig), 0);
	assert_int_equal(vz_sshsig_unarmor(text, armor(ns, sig, text), ns, key, got, &bits), 0);
	assert_memory_equal(got, sig, 64);
	ns[VZ_NS_MAX] = 'n';
	ns[VZ_NS_MAX + 1] = '\0';
	vz_buf_init(&b, ARMOR);
	for (const char *bad = ns; bad != NULL; bad = bad == ns ? "" : NULL) {
		vz_sshsig_sign(secret, bad, "m", 1, sig);
		assert_true(sodium_is_zero(sig, 64));
		assert_int_equal(vz_sshsig_verify(public, bad, "m", 1, sig), VZ_EAUTH);
		assert_int_equal(vz_sshsig_armor(public, bad, sig, &b), VZ_ELIMIT);
		assert_int_equal(b.len, 0);
	}
	vz_buf_free(&b);
}

static void
armour_is_read_back_and_every_cut_of_it_refused(void **state)
{
	char text[ARMOR], crlf[ARMOR];
	uint8_t sig[64];
	size_t len, n = 0;

	(void)state;
	vz_sshsig_sign(secret, NS, "m", 1, sig);
	len = armor(NS, sig, text);
	assert_unarmor(0, text, len, NS);
	assert_unarmor(0, text, len - 1, NS); /* without the last newline */
	for (size_t cut = 0; cut < len - 1; cut++) {
		assert_unarmor(VZ_EFORMAT, text, cut, NS);
		assert_unarmor(VZ_EFORMAT, text + cut + 1, len - cut - 1, NS);
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			crlf[n++] = '\r';
		crlf[n++] = text[i];
	}
	assert_unarmor(0, crlf, n, NS);
	memcpy(text + len, "x", 2);
	assert_unarmor(VZ_EFORMAT, text, len + 1, NS);
	memset(text + len, '\n', sizeof text - len);
	assert_unarmor(0, text, 1000, NS);
	assert_unarmor(VZ_EFORMAT, text, sizeof text, NS);
}

static void
another_namespace_is_told_from_bad_text(void **state)
{
	char text[ARMOR];
	uint8_t sig[64];
	size_t len;

	(void)state;
	vz_sshsig_sign(secret, NS, "m", 1, sig);
	len = armor(NS, sig, text);
	assert_unarmor(VZ_EDENIED, text, len, "vz-tes");
	assert_unarmor(VZ_EDENIED, text, len, "vz-test2");
	assert_unarmor(VZ_EDENIED, text, len, "");
	assert_unarmor(VZ_EDENIED, text, len, VZ_NS_BUNDLE);
}

/* Whatever one character is changed to, the armour says another thing or nothing at all. */
static void
no_changed_character_of_the_armour_still_verifies(void **state)
{
	static const char to[] = "A/+=-z \n";
	char text[ARMOR];
	uint8_t sig[64], key[32], got[64];
	size_t len, body;
	int bits;

	(void)state;
	vz_sshsig_sign(secret, NS, "m", 1, sig);
	len = armor(NS, sig, text);
	body = strlen("-----BEGIN SSH SIGNATURE-----\n");
	for (size_t i = 0; i < len - 1; i++) {
		char was = text[i];

		for (size_t t = 0; t < sizeof to - 1; t++) {
			if (was == to[t] || (was == '\n' && i >= body))
				continue;
			text[i] = to[t];
			if (vz_sshsig_unarmor(text, len, NS, key, got, &bits) == 0 && bits == 512)
				assert_int_equal(vz_sshsig_verify(key, NS, "m", 1, got), VZ_EAUTH);
		}
		text[i] = was;
	}
}

/* The blob of PROTOCOL.sshsig with each part to be replaced; its armour is to be refused. */
struct parts {
	const char *magic, *key_type, *ns, *reserved, *hash, *sig_type;
	uint32_t version;
	size_t key_len, sig_len, extra, inner_extra;
	const char *end;
};

static void
put_key_or_sig(struct vz_buf *b, const char *type, size_t len, size_t extra)
{
	static const uint8_t bytes[128];
	struct vz_buf inner;

	vz_buf_init(&inner, 512);
	vz_buf_string(&inner, type, strlen(type));
	vz_buf_string(&inner, bytes, len);
	vz_buf_put(&inner, bytes, extra);
	vz_buf_string(b, vz_buf_ptr(&inner), inner.len);
	vz_buf_free(&inner);
}

static int
unarmor_parts(const struct parts *p)
{
	uint8_t key[32], sig[64];
	char base64[ARMOR], text[2 * ARMOR];
	struct vz_buf b;
	int bits;

	vz_buf_init(&b, 1024);
	vz_buf_str(&b, p->magic);
	vz_buf_u32(&b, p->version);
	put_key_or_sig(&b, p->key_type, p->key_len, p->inner_extra);
	vz_buf_string(&b, p->ns, strlen(p->ns));
	vz_buf_string(&b, p->reserved, strlen(p->reserved));
	vz_buf_string(&b, p->hash, strlen(p->hash));
	put_key_or_sig(&b, p->sig_type, p->sig_len, 0);
	for (size_t i = 0; i < p->extra; i++)
		vz_buf_u8(&b, 0);
	sodium_bin2base64(
	    base64, sizeof base64, vz_buf_ptr(&b), b.len, sodium_base64_VARIANT_ORIGINAL);
	vz_buf_free(&b);
	snprintf(text, sizeof text,
	    "-----BEGIN SSH SIGNATURE-----\n%s%s-----END SSH SIGNATURE-----\n", base64, p->end);
	return vz_sshsig_unarmor(text, strlen(text), NS, key, sig, &bits);
}

static void
every_other_field_of_an_sshsig_has_its_one_value(void **state)
{
	const struct parts good = {
	    "SSHSIG", "ssh-ed25519", NS, "", "sha512", "ssh-ed25519", 1, 32, 64, 0, 0, "\n"};
	struct parts bad[17];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		bad[i] = good;
	bad[0].magic = "SSHSIH";
	bad[1].version = 2;
	bad[2].key_type = "ssh-rsa";
	bad[3].key_type = "sk-ssh-ed25519@openssh.com";
	bad[4].key_len = 31;
	bad[5].key_len = 33;
	bad[6].ns = "";
	bad[7].reserved = "x";
	bad[8].hash = "sha384";
	bad[9].hash = "sha5123";
	bad[10].sig_type = "ssh-rsa";
	bad[11].sig_len = 63;
	bad[12].sig_len = 65;
	bad[13].extra = 1;
	bad[14].inner_extra = 1;
	bad[15].end = "";
	bad[16].end = "=\n";
	assert_int_equal(unarmor_parts(&good), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(unarmor_parts(&bad[i]), VZ_EFORMAT);
}

static void
public_key_lines_are_read_back_and_bad_ones_refused(void **state)
{
	static const char *const after[] = {"", " comment", "\tcomment", "\n", "\r\n"};
	char line[256], bad[256];
	uint8_t key[32];
	struct vz_buf b;
	size_t len, used;

	(void)state;
	vz_buf_init(&b, 200);
	assert_int_equal(vz_ssh_public_format(public, &b), 0);
	len = b.len;
	assert_int_equal(len, 80);
	memcpy(line, vz_buf_ptr(&b), len);
	vz_buf_free(&b);
	for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
		strlcpy(line + len, after[i], sizeof line - len);
		assert_int_equal(vz_ssh_public_parse(line, strlen(line), key, &used), 0);
		assert_int_equal(used, len);
		assert_memory_equal(key, public, 32);
	}
	line[len] = '\0';
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(vz_ssh_public_parse(line, cut, key, &used), VZ_EFORMAT);
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, line, len + 1);
		bad[i] = '!';
		assert_int_equal(vz_ssh_public_parse(bad, len, key, &used), VZ_EFORMAT);
		assert_int_equal(used, 0);
	}
	for (const char *c = "A=#,\v"; *c != '\0'; c++) {
		line[len] = *c;
		assert_int_equal(vz_ssh_public_parse(line, len + 1, key, &used), VZ_EFORMAT);
	}
	snprintf(bad, sizeof bad, "ssh-ed25519 \t  %.68s", line + 12);
	assert_int_equal(vz_ssh_public_parse(bad, strlen(bad), key, &used), 0);
	assert_int_equal(used, strlen(bad));
	snprintf(bad, sizeof bad, " %.80s", line);
	assert_int_equal(vz_ssh_public_parse(bad, strlen(bad), key, &used), VZ_EFORMAT);
}

static void
a_bad_point_in_a_public_key_line_is_told_from_bad_text(void **state)
{
	uint8_t p[32], key[32];
	struct vz_buf b;
	size_t used;

	(void)state;
	vz_buf_init(&b, 200);
	for (size_t i = 0; i < sizeof torsion / sizeof *torsion; i++) {
		unhex(p, 32, torsion[i]);
		vz_buf_clear(&b);
		vz_ssh_public_format(p, &b);
		assert_int_equal(
		    vz_ssh_public_parse((const char *)vz_buf_ptr(&b), b.len, key, &used), VZ_EAUTH);
		assert_int_equal(used, 0);
		assert_true(sodium_is_zero(key, 32));
	}
	vz_buf_free(&b);
}

/* --- against the real ssh-keygen --- */

static char folder[] = "/tmp/vz-test-sign-XXXXXX";

static void
write_file(const char *name, const void *p, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), (ssize_t)len);
	close(fd);
}

static size_t
read_file(const char *name, char *p, size_t cap)
{
	int fd = open(name, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, p, cap - 1);
	assert_true(n >= 0);
	close(fd);
	p[n] = '\0';
	return (size_t)n;
}

/* The key pair as an unencrypted OpenSSH private key file (PROTOCOL.key). */
static void
write_key_file(void)
{
	char base64[1024], text[1200];
	struct vz_buf b, pub, priv;
	uint8_t pad = 0;

	vz_buf_init(&b, 1024);
	vz_buf_init(&pub, 256);
	vz_buf_init(&priv, 512);
	vz_buf_string(&pub, "ssh-ed25519", 11);
	vz_buf_string(&pub, public, 32);
	vz_buf_u32(&priv, 1);
	vz_buf_u32(&priv, 1);
	vz_buf_put(&priv, vz_buf_ptr(&pub), pub.len);
	vz_buf_string(&priv, secret, 64);
	vz_buf_string(&priv, "test", 4);
	while (priv.len % 8 != 0)
		vz_buf_u8(&priv, ++pad);
	vz_buf_put(&b, "openssh-key-v1", 15);
	vz_buf_string(&b, "none", 4);
	vz_buf_string(&b, "none", 4);
	vz_buf_string(&b, "", 0);
	vz_buf_u32(&b, 1);
	vz_buf_string(&b, vz_buf_ptr(&pub), pub.len);
	vz_buf_string(&b, vz_buf_ptr(&priv), priv.len);
	sodium_bin2base64(
	    base64, sizeof base64, vz_buf_ptr(&b), b.len, sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, sizeof text,
	    "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n", base64);
	write_file("key", text, strlen(text));
	vz_buf_free(&b);
	vz_buf_free(&pub);
	vz_buf_free(&priv);
}

static void
write_public_files(void)
{
	char line[256];
	struct vz_buf b;

	vz_buf_init(&b, 200);
	vz_ssh_public_format(public, &b);
	snprintf(line, sizeof line, "%.*s test\n", (int)b.len, (const char *)vz_buf_ptr(&b));
	write_file("key.pub", line, strlen(line));
	snprintf(line, sizeof line, "me %.*s\n", (int)b.len, (const char *)vz_buf_ptr(&b));
	write_file("signers", line, strlen(line));
	vz_buf_free(&b);
}

/* Skips the test where there is no ssh-keygen; else its key files are in the current folder. */
static void
need_ssh_keygen(void)
{
	if (system("command -v ssh-keygen >/dev/null 2>&1") != 0) {
		print_message("skipped: no ssh-keygen here\n");
		skip();
	}
	write_key_file();
	write_public_files();
}

static void
ssh_keygen_signs_and_we_verify_and_our_bytes_are_the_same(void **state)
{
	char theirs[ARMOR], ours[ARMOR], message[5000];
	static const size_t lengths[] = {0, 1, 111, 5000};
	uint8_t sig[64], key[32];
	int bits;

	(void)state;
	need_ssh_keygen();
	memset(message, 'm', sizeof message);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		size_t len = lengths[i], n;

		write_file("message", message, len);
		unlink("message.sig");
		assert_int_equal(system("ssh-keygen -q -Y sign -f key -n " NS " message 2>log"), 0);
		n = read_file("message.sig", theirs, sizeof theirs);
		assert_int_equal(vz_sshsig_unarmor(theirs, n, NS, key, sig, &bits), 0);
		assert_memory_equal(key, public, 32);
		assert_int_equal(bits, 512);
		assert_int_equal(vz_sshsig_verify(key, NS, message, len, sig), 0);
		vz_sshsig_sign(secret, NS, message, len, sig);
		armor(NS, sig, ours);
		assert_string_equal(ours, theirs);
	}
}

static void
ssh_keygen_verifies_what_we_sign(void **state)
{
	static const char verify[] = "ssh-keygen -Y verify -f signers -I me -n " VZ_NS_BUNDLE
				     " -s ours.sig <message >log 2>&1";
	char text[ARMOR];
	uint8_t sig[64];

	(void)state;
	need_ssh_keygen();
	write_file("message", "a bundle", 8);
	vz_sshsig_sign(secret, VZ_NS_BUNDLE, "a bundle", 8, sig);
	write_file("ours.sig", text, armor(VZ_NS_BUNDLE, sig, text));
	assert_int_equal(system(verify), 0);
	write_file("message", "a bumble", 8);
	assert_int_not_equal(system(verify), 0);
}

static void
a_sha256_signature_of_ssh_keygen_verifies_by_its_digest(void **state)
{
	uint8_t sig[64], key[32], digest[32];
	char theirs[ARMOR];
	size_t n;
	int bits;

	(void)state;
	need_ssh_keygen();
	write_file("message", "hello", 5);
	unlink("message.sig");
	if (system("ssh-keygen -q -Y sign -O hashalg=sha256 -f key -n " NS " message 2>log") != 0) {
		print_message("skipped: this ssh-keygen cannot sign with sha256\n");
		skip();
	}
	n = read_file("message.sig", theirs, sizeof theirs);
	assert_int_equal(vz_sshsig_unarmor(theirs, n, NS, key, sig, &bits), 0);
	assert_int_equal(bits, 256);
	crypto_hash_sha256(digest, (const uint8_t *)"hello", 5);
	assert_int_equal(vz_sshsig_verify_digest(key, NS, bits, digest, sig), 0);
	assert_int_equal(vz_sshsig_verify(key, NS, "hello", 5, sig), VZ_EAUTH);
	digest[0] ^= 1;
	assert_int_equal(vz_sshsig_verify_digest(key, NS, bits, digest, sig), VZ_EAUTH);
}

static void
ssh_keygen_prints_the_same_public_key_and_fingerprint(void **state)
{
	char text[1024], want[128], fingerprint[51];
	uint8_t key[32];
	size_t used;

	(void)state;
	need_ssh_keygen();
	assert_int_equal(system("ssh-keygen -y -f key >out 2>log"), 0);
	read_file("out", text, sizeof text);
	assert_int_equal(vz_ssh_public_parse(text, strlen(text), key, &used), 0);
	assert_memory_equal(key, public, 32);
	vz_ssh_fingerprint(public, fingerprint);
	assert_int_equal(strlen(fingerprint), 50);
	assert_int_equal(system("ssh-keygen -l -f key.pub >out 2>log"), 0);
	read_file("out", text, sizeof text);
	snprintf(want, sizeof want, "256 %s test (ED25519)\n", fingerprint);
	assert_string_equal(text, want);
}

static int
set_up(void **state)
{
	(void)state;
	if (vz_secret_init() != 0)
		return -1;
	memset(seed, 0x42, sizeof seed);
	vz_sign_from_seed(seed, public, secret);
	return mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	static const char *const names[] = {
	    "key", "key.pub", "signers", "message", "message.sig", "ours.sig", "log", "out"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (unlink(names[i]) != 0 && errno != ENOENT)
			return -1;
	return chdir("/") != 0 || rmdir(folder) != 0 ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(public_keys_of_seeds_are_those_of_rfc_8032),
	    cmocka_unit_test(points_of_small_order_are_refused),
	    cmocka_unit_test(encodings_that_are_not_canonical_are_refused),
	    cmocka_unit_test(points_off_the_curve_are_refused),
	    cmocka_unit_test(a_key_mixed_with_a_point_of_small_order_is_refused),
	    cmocka_unit_test(a_signature_verifies_for_its_key_namespace_and_message_only),
	    cmocka_unit_test(a_known_key_is_verified_alike_and_one_of_small_order_refused_still),
	    cmocka_unit_test(a_signature_under_a_mixed_key_is_refused_though_its_equation_holds),
	    cmocka_unit_test(a_message_hashed_piece_by_piece_has_the_same_signature),
	    cmocka_unit_test(armour_is_read_back_for_every_length_of_namespace),
	    cmocka_unit_test(a_namespace_has_1_to_255_bytes),
	    cmocka_unit_test(armour_is_read_back_and_every_cut_of_it_refused),
	    cmocka_unit_test(another_namespace_is_told_from_bad_text),
	    cmocka_unit_test(no_changed_character_of_the_armour_still_verifies),
	    cmocka_unit_test(every_other_field_of_an_sshsig_has_its_one_value),
	    cmocka_unit_test(public_key_lines_are_read_back_and_bad_ones_refused),
	    cmocka_unit_test(a_bad_point_in_a_public_key_line_is_told_from_bad_text),
	    cmocka_unit_test(ssh_keygen_signs_and_we_verify_and_our_bytes_are_the_same),
	    cmocka_unit_test(ssh_keygen_verifies_what_we_sign),
	    cmocka_unit_test(a_sha256_signature_of_ssh_keygen_verifies_by_its_digest),
	    cmocka_unit_test(ssh_keygen_prints_the_same_public_key_and_fingerprint),
	};

	return cmocka_run_group_tests_name("sign", tests, set_up, tear_down);
}
