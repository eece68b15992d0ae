#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "mail/proof.h"
#include "wire/frame.h"

_Static_assert(VZ_SIGNED_TEXT == VZ_MANIFEST_MAX && VZ_SIGNED_SIG == VZ_MANIFEST_SIG_MAX,
    "a frame holds every manifest and signature");

static const char body[] = "the body\n";
#define BODY_LEN (sizeof body - 1)

struct signer {
	struct vz_key key;
	uint8_t secret[VZ_SIGN_SECRET];
	int err;
};
static struct signer alice, bob, carol;

static int
sign(void *arg, const uint8_t digest[static VZ_MANIFEST_HASH], uint8_t sig[static 64])
{
	const struct signer *s = arg;

	vz_sshsig_sign_digest(s->secret, VZ_NS_MESSAGE, digest, sig);
	return s->err;
}

static void
make_signer(struct signer *s, uint8_t seed)
{
	uint8_t bytes[VZ_SIGN_SEED];

	memset(bytes, seed, sizeof bytes);
	memset(s, 0, sizeof *s);
	vz_sign_from_seed(bytes, s->key.b, s->secret);
}

static int
set_up(void **state)
{
	(void)state;
	make_signer(&alice, 1);
	make_signer(&bob, 2);
	make_signer(&carol, 3);
	return vz_secret_init();
}

static struct vz_manifest
from_alice_to_bob(void)
{
	struct vz_manifest m = {
	    .from = alice.key, .to = bob.key, .sequence = 5, .name = "n\xc3\xa4me"};

	memset(m.stream, 0x53, sizeof m.stream);
	return m;
}

static struct vz_proof *
proof_of(const char *text, size_t len)
{
	struct vz_proof *p;

	assert_int_equal(vz_proof_new(&p), 0);
	for (size_t i = 0; i < len; i += 3)
		vz_proof_feed(p, text + i, len - i < 3 ? len - i : 3);
	assert_int_equal(vz_proof_fed(p), len);
	return p;
}

struct proof {
	struct vz_buf bytes;
	size_t text_len;
};

static int
make(struct proof *out, struct vz_manifest m, struct signer *who)
{
	struct vz_proof *p = proof_of(body, BODY_LEN);
	int r;

	vz_buf_init(&out->bytes, VZ_SIGNED_MAX);
	r = vz_proof_make(p, &m, sign, who, &out->bytes, &out->text_len);
	vz_proof_free(p);
	return r;
}

/* What bob says of it, who expects a message of alice. */
static int
judge(const struct proof *p, const char *text, size_t len)
{
	const struct vz_manifest want = from_alice_to_bob();
	struct vz_proof *came = proof_of(text, len);
	int r = vz_proof_check(came, &want, vz_buf_ptr(&p->bytes), p->text_len, p->bytes.len);

	/* Asked again it says the same, and goes on being fed. */
	assert_int_equal(
	    vz_proof_check(came, &want, vz_buf_ptr(&p->bytes), p->text_len, p->bytes.len), r);
	vz_proof_feed(came, "x", 1);
	if (r == VZ_PROOF_GOOD)
		assert_int_equal(
		    vz_proof_check(came, &want, vz_buf_ptr(&p->bytes), p->text_len, p->bytes.len),
		    VZ_PROOF_BODY);
	vz_proof_free(came);
	return r;
}

static int
judge_made(struct vz_manifest m, struct signer *who)
{
	struct proof p;
	int r;

	assert_int_equal(make(&p, m, who), 0);
	r = judge(&p, body, BODY_LEN);
	vz_buf_free(&p.bytes);
	return r;
}

static void
the_proof_of_a_message_holds_for_it_alone(void **state)
{
	struct vz_manifest m = from_alice_to_bob();

	(void)state;
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_GOOD);
	m.has_previous = true; /* which is for who keeps them */
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_GOOD);
	m = from_alice_to_bob();
	m.from = carol.key;
	assert_int_equal(judge_made(m, &carol), VZ_PROOF_SENDER);
	m = from_alice_to_bob();
	m.to = carol.key;
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_RECIPIENT);
	m = from_alice_to_bob();
	m.stream[15] ^= 1;
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_MESSAGE);
	m = from_alice_to_bob();
	m.sequence++;
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_MESSAGE);
	m = from_alice_to_bob();
	m.name[0] = '\0';
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_MESSAGE);
	m = from_alice_to_bob();
	m.expires = 4000000000;
	assert_int_equal(judge_made(m, &alice), VZ_PROOF_MESSAGE);
}

static void
it_does_not_hold_for_other_bytes(void **state)
{
	struct proof p;
	char other[BODY_LEN];

	(void)state;
	assert_int_equal(make(&p, from_alice_to_bob(), &alice), 0);
	for (size_t i = 0; i < BODY_LEN; i++) {
		memcpy(other, body, BODY_LEN);
		other[i] ^= 1;
		assert_int_equal(judge(&p, other, BODY_LEN), VZ_PROOF_BODY);
		assert_int_equal(judge(&p, body, i), VZ_PROOF_BODY);
	}
	vz_buf_free(&p.bytes);
}

static void
every_changed_byte_of_manifest_or_signature_is_found(void **state)
{
	struct proof p;

	(void)state;
	assert_int_equal(make(&p, from_alice_to_bob(), &alice), 0);
	for (size_t i = 0; i < p.bytes.len; i++) {
		uint8_t *at = p.bytes.data + p.bytes.off + i;
		int r;

		*at ^= 1;
		r = judge(&p, body, BODY_LEN);
		assert_true(r == VZ_PROOF_MALFORMED || r == VZ_PROOF_SIGNATURE);
		*at ^= 1;
	}
	for (size_t n = 0; n < p.bytes.len; n += 7) {
		struct proof cut = p;

		cut.bytes.len = n;
		assert_true(judge(&cut, body, BODY_LEN) > 0);
		cut = p;
		cut.text_len = n;
		assert_true(n == p.text_len || judge(&cut, body, BODY_LEN) > 0);
	}
	vz_buf_free(&p.bytes);
}

static void
a_signer_that_is_another_or_fails_makes_no_proof(void **state)
{
	struct vz_manifest m = from_alice_to_bob();
	struct proof p;

	(void)state;
	assert_int_equal(make(&p, m, &carol), VZ_EAUTH);
	assert_int_equal(p.bytes.len, 0);
	assert_int_equal(p.text_len, 0);
	vz_buf_free(&p.bytes);
	alice.err = VZ_ELOCKED;
	assert_int_equal(make(&p, m, &alice), VZ_ELOCKED);
	assert_int_equal(p.bytes.len, 0);
	alice.err = 0;
	vz_buf_free(&p.bytes);
}

/* The frame of vz-protocol(7) has room for every manifest that can be. */
static void
the_longest_manifest_and_its_signature_fit_a_frame(void **state)
{
	struct vz_manifest m = from_alice_to_bob();
	struct proof p;

	(void)state;
	m.sequence = VZ_SEQUENCE_MAX;
	m.has_previous = true;
	memset(m.name, ' ', sizeof m.name - 1);
	m.expires = VZ_EXPIRES_MAX;
	assert_int_equal(make(&p, m, &alice), 0);
	assert_true(p.text_len <= VZ_SIGNED_TEXT && p.bytes.len - p.text_len <= VZ_SIGNED_SIG);
	vz_buf_free(&p.bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_proof_of_a_message_holds_for_it_alone),
	    cmocka_unit_test(it_does_not_hold_for_other_bytes),
	    cmocka_unit_test(every_changed_byte_of_manifest_or_signature_is_found),
	    cmocka_unit_test(a_signer_that_is_another_or_fails_makes_no_proof),
	    cmocka_unit_test(the_longest_manifest_and_its_signature_fit_a_frame),
	};

	return cmocka_run_group_tests_name("proof", tests, set_up, NULL);
}
