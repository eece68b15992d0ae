/*
 * The frozen transcripts of tests/vectors: whole sessions with known keys, byte for byte. A
 * difference means that peers of another version can no longer be talked to. VZ_WRITE_VECTORS=1
 * writes them anew.
 */
#include "tests/unit/transcript.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/sign.h"
#include "mail/manifest.h"
#include "wire/session.h"

struct pair {
	struct vz_session *s[2]; /* sender, listener */
	struct vz_buf text;
	unsigned piece;
};

static void
answer(struct pair *p, const struct vz_event *ev)
{
	struct vz_session *l = p->s[1];

	switch (ev->type) {
	case VZ_EVENT_DATA:
		assert_int_equal(vz_session_taken(l, ev->number, ev->bytes_len), 0);
		break;
	case VZ_EVENT_END: assert_int_equal(vz_session_done(l, ev->number, 0, ""), 0); break;
	case VZ_EVENT_DONE: assert_int_equal(vz_session_close(p->s[0], 0, ""), 0); break;
	default: break;
	}
}

/* Everything that one side has to say, noted and carried across. */
static void
carry(struct pair *p, int from)
{
	struct vz_session *to = p->s[1 - from];
	struct vz_event ev;
	const uint8_t *out;
	char name[32];
	size_t n, room;
	uint8_t *at;
	int r;

	vz_session_flush(p->s[from], 0);
	out = vz_session_out(p->s[from], &n);
	if (n == 0)
		return;
	snprintf(name, sizeof name, "%u-%s", ++p->piece, from == 0 ? "sender" : "listener");
	line(&p->text, name, out, n);
	at = vz_session_space(to, &room);
	assert_non_null(at);
	assert_true(room >= n);
	memcpy(at, out, n);
	vz_session_sent(p->s[from], n, 0);
	vz_session_fed(to, n, 0);
	while ((r = vz_session_next(to, &ev)) > 0) {
		if (ev.type == VZ_EVENT_PEER)
			assert_int_equal(vz_session_accept(to, 3, 0), 0);
		answer(p, &ev);
	}
	assert_int_equal(r, 0);
}

static void
say_signed(struct vz_session *s, uint64_t number, const char *text, const char *sig)
{
	uint8_t both[VZ_SIGNED_MAX];
	size_t n = strlen(text), m = strlen(sig);

	memcpy(both, text, n);
	memcpy(both + n, sig, m);
	assert_int_equal(vz_session_sign(s, number, both, n, n + m), 0);
}

/* The manifest of the message, as the sender signs it. */
static void
prove(struct pair *p, const struct vz_identity *const id[2], uint64_t number, const char *body)
{
	struct vz_manifest m = {.from = id[0]->bundle.identity,
	    .to = id[1]->bundle.identity,
	    .sequence = number + 1,
	    .name = "fox.txt",
	    .size = strlen(body)};
	uint8_t raw[VZ_SIGN_LEN];
	struct vz_buf text, sig;

	vz_buf_init(&text, VZ_MANIFEST_MAX);
	vz_buf_init(&sig, VZ_MANIFEST_SIG_MAX);
	memset(m.stream, 0x99, sizeof m.stream);
	vz_hash2(VZ_HASH_SHA512, body, strlen(body), NULL, 0, m.sha512);
	assert_int_equal(vz_manifest_encode(&m, &text), 0);
	vz_sshsig_sign(id[0]->sign_secret, VZ_NS_MESSAGE, vz_buf_ptr(&text), text.len, raw);
	assert_int_equal(vz_sshsig_armor(m.from.b, VZ_NS_MESSAGE, raw, &sig), 0);
	line(&p->text, "manifest", vz_buf_ptr(&text), text.len);
	line(&p->text, "manifest-signature", vz_buf_ptr(&sig), sig.len);
	assert_int_equal(vz_buf_u8(&text, 0), 0);
	assert_int_equal(vz_buf_u8(&sig, 0), 0);
	say_signed(
	    p->s[0], number, (const char *)vz_buf_ptr(&text), (const char *)vz_buf_ptr(&sig));
	vz_buf_free(&text);
	vz_buf_free(&sig);
}

static void
transcribe(struct pair *p, bool aes, bool is_signed)
{
	static const char body[] = "The quick brown fox jumps over the lazy dog.\n";
	struct vz_identity *id[2];
	struct vz_session_config c = {0};
	uint8_t psk[32];
	uint64_t number;

	memset(p, 0, sizeof *p);
	vz_buf_init(&p->text, 1 << 20);
	memset(psk, 0x50, sizeof psk);
	id[0] = identity(&p->text, "sender", 0x10);
	id[1] = identity(&p->text, "listener", 0x90);
	line(&p->text, "pre-shared-key", psk, sizeof psk);
	vz_session_defaults(&c);
	for (int k = 0; k < 2; k++) {
		c.channel = (struct vz_channel_config){.initiator = k == 0,
		    .service = VZ_SERVICE_MESSAGES,
		    .self = id[k],
		    .responder = id[1]->bundle.identity,
		    .psk = {psk},
		    .aes = aes};
		memset(c.channel.random, k == 0 ? 0x77 : 0x88, sizeof c.channel.random);
		memset(c.stream, 0x99, sizeof c.stream);
		line(&p->text, k == 0 ? "sender-ephemeral-secret" : "listener-ephemeral-secret",
		    c.channel.random, sizeof c.channel.random);
		assert_int_equal(vz_session_new(&p->s[k], &c), 0);
	}
	carry(p, 0);
	carry(p, 1);
	assert_int_equal(vz_session_open(p->s[0], VZ_KIND_SEND, is_signed ? VZ_OPEN_SIGNED : 0,
			     "fox.txt", sizeof body - 1, &number),
	    0);
	assert_int_equal(vz_session_data(p->s[0], number, (const uint8_t *)body, sizeof body - 1),
	    sizeof body - 1);
	if (is_signed)
		prove(p, (const struct vz_identity *const *)id, number, body);
	assert_int_equal(vz_session_end(p->s[0], number), 0);
	for (unsigned i = 0; i < 3; i++) {
		carry(p, 0);
		carry(p, 1);
	}
	for (int k = 0; k < 2; k++) {
		vz_session_free(p->s[k]);
		vz_identity_free(id[k]);
	}
}

static void
compare(const char *path, bool aes, bool is_signed)
{
	struct pair p;

	transcribe(&p, aes, is_signed);
	frozen(path, &p.text);
}

static void
a_session_with_known_keys_is_byte_for_byte_the_frozen_one(void **state)
{
	(void)state;
	compare("tests/vectors/session-chachapoly.txt", false, false);
}

static void
and_so_it_is_with_aes_256_gcm(void **state)
{
	(void)state;
	if (!vz_aead_has_aes())
		skip();
	compare("tests/vectors/session-aes256gcm.txt", true, false);
}

static void
and_so_is_that_of_a_signed_message(void **state)
{
	(void)state;
	compare("tests/vectors/session-signed.txt", false, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_with_known_keys_is_byte_for_byte_the_frozen_one),
	    cmocka_unit_test(and_so_it_is_with_aes_256_gcm),
	    cmocka_unit_test(and_so_is_that_of_a_signed_message),
	};

	if (vz_secret_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
