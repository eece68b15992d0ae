#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "id/identity.h"
#include "mail/seal.h"
#include "mail/unseal.h"

#define MAX  ((size_t)1 << 20)
#define NOW  1800000000
#define DAY  86400
#define BODY "a message for somebody who is away\n"

static struct vz_identity *alice, *bob, *carol;
static uint8_t long_body[200000];

static unsigned
step_of(unsigned usual)
{
	const char *s = getenv("VZ_TEST_STEP"); /* valgrind takes larger steps */

	return s != NULL ? (unsigned)atoi(s) : usual;
}

/* Alice to bob. */
static struct vz_seal_config
letter(uint64_t size)
{
	struct vz_seal_config c = {
	    .manifest = {.sequence = 3, .name = "letter", .expires = NOW + DAY, .size = size},
	    .sign = vz_seal_sign_secret,
	    .sign_arg = alice->sign_secret,
	};

	c.manifest.from = alice->bundle.identity;
	c.manifest.to = bob->bundle.identity;
	memcpy(c.recipient, bob->bundle.age, 32);
	randombytes_buf(c.random, sizeof(c.random));
	return c;
}

static void
seal(const struct vz_seal_config *c, const void *body, size_t piece, struct vz_buf *out)
{
	size_t size = (size_t)c->manifest.size;
	struct vz_seal *s;

	vz_buf_init(out, MAX);
	assert_int_equal(vz_seal_new(&s, c, out), 0);
	for (size_t at = 0; at < size; at += piece)
		assert_int_equal(vz_seal_put(s, (const uint8_t *)body + at,
				     size - at < piece ? size - at : piece, out),
		    0);
	assert_int_equal(vz_seal_end(s, out), 0);
	vz_seal_free(s);
}

static void
seal_letter(struct vz_buf *out)
{
	struct vz_seal_config c = letter(strlen(BODY));

	seal(&c, BODY, MAX, out);
}

/* `who` opens p[0..n) at a time; the code and the fault must agree. A failure gives nothing out. */
static enum vz_unseal_fault
open_at(const struct vz_identity *who, const uint8_t *p, size_t n, size_t piece, int64_t now,
    struct vz_unseal **out)
{
	struct vz_unseal_config c = {.to = who->bundle.identity,
	    .secrets = (const uint8_t(*)[32])who->age_secret,
	    .secrets_len = 1};
	enum vz_unseal_fault fault;
	struct vz_unseal *u;
	int err = 0;

	assert_int_equal(vz_unseal_new(&u, &c), 0);
	for (size_t at = 0; !err && at < n; at += piece)
		err = vz_unseal_put(u, p + at, n - at < piece ? n - at : piece);
	assert_null(vz_unseal_manifest(u));
	assert_null(vz_unseal_member(u, VZ_USTAR_BODY));
	if (err)
		assert_int_equal(vz_unseal_end(u, now), err);
	else
		err = vz_unseal_end(u, now);
	fault = vz_unseal_fault(u);
	assert_true((err == 0) == (fault == VZ_UNSEAL_WELL));
	assert_true((vz_unseal_manifest(u) != NULL) == (err == 0));
	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
		assert_true((vz_unseal_member(u, m) != NULL) == (err == 0));
	if (out != NULL)
		*out = u;
	else
		vz_unseal_free(u);
	return fault;
}

static enum vz_unseal_fault
open_by(const struct vz_identity *who, const struct vz_buf *file)
{
	return open_at(who, vz_buf_ptr(file), file->len, MAX, NOW, NULL);
}

static void
what_was_sealed_is_opened_whatever_its_size_and_pieces(void **state)
{
	static const size_t sizes[] = {
	    0, 1, 511, 512, 513, 64000, 65536, 131072, sizeof(long_body)};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct vz_seal_config c = letter(sizes[i]);
		const struct vz_buf *body;
		struct vz_unseal *u;
		struct vz_buf file;
		uint64_t size;

		seal(&c, long_body, 10007, &file);
		assert_int_equal(vz_seal_size(&c.manifest, &size), 0);
		assert_int_equal(file.len, size);
		assert_int_equal(
		    open_at(bob, vz_buf_ptr(&file), file.len, 1009, NOW, &u), VZ_UNSEAL_WELL);
		body = vz_unseal_member(u, VZ_USTAR_BODY);
		assert_int_equal(body->len, sizes[i]);
		assert_memory_equal(vz_buf_ptr(body), long_body, sizes[i]);
		assert_string_equal(vz_unseal_manifest(u)->name, "letter");
		assert_true(vz_key_equal(&vz_unseal_manifest(u)->from, &alice->bundle.identity));
		assert_true(vz_unseal_manifest(u)->sequence == 3);
		vz_unseal_free(u);
		vz_buf_free(&file);
	}
}

static void
the_manifest_that_was_signed_is_there_to_be_kept(void **state)
{
	struct vz_seal_config c = letter(strlen(BODY));
	const struct vz_buf *text, *sig;
	struct vz_manifest m;
	struct vz_buf file;
	struct vz_unseal *u;

	(void)state;
	seal(&c, BODY, MAX, &file);
	assert_int_equal(open_at(bob, vz_buf_ptr(&file), file.len, MAX, NOW, &u), 0);
	text = vz_unseal_member(u, VZ_USTAR_MANIFEST);
	sig = vz_unseal_member(u, VZ_USTAR_SIG);
	assert_int_equal(vz_manifest_verify((const char *)vz_buf_ptr(text), text->len,
			     (const char *)vz_buf_ptr(sig), sig->len, &m),
	    0);
	vz_unseal_free(u);
	vz_buf_free(&file);
}

static void
a_message_of_given_keys_is_byte_for_byte_that_of_the_manual(void **state)
{
	static const char want[] =
	    "b89c1d2e9bb3b499e6d6cd540aaa3bf68c31766a522003b7f79d5ccad49f8da0";
	struct vz_seal_config c = {
	    .manifest = {.sequence = 7, .name = "report May.txt", .expires = 1896091200, .size = 6},
	    .sign = vz_seal_sign_secret,
	};
	uint8_t random[2][96], digest[32];
	struct vz_identity *id[2];
	char hex[65];
	struct vz_buf file;

	(void)state;
	for (int i = 0; i < 2; i++) {
		id[i] = vz_identity_new();
		assert_non_null(id[i]);
		memset(random[i], 1 + i, 32);
		memset(random[i] + 32, 2, 32);
		memset(random[i] + 64, 3, 32);
		assert_int_equal(vz_identity_make(id[i], random[i], 1, ""), 0);
	}
	c.manifest.from = id[0]->bundle.identity;
	c.manifest.to = id[1]->bundle.identity;
	memset(c.manifest.stream, 0x53, sizeof(c.manifest.stream));
	c.manifest.has_previous = true;
	memset(c.manifest.previous, 0xab, sizeof(c.manifest.previous));
	memcpy(c.recipient, id[1]->bundle.age, 32);
	memset(c.random, 10, 16);
	memset(c.random + 16, 11, 16);
	memset(c.random + 32, 12, 32);
	c.sign_arg = id[0]->sign_secret;
	seal(&c, "hello\n", MAX, &file);
	crypto_hash_sha256(digest, vz_buf_ptr(&file), file.len);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	assert_int_equal(file.len, 4808);
	assert_string_equal(hex, want);
	assert_int_equal(open_by(id[1], &file), VZ_UNSEAL_WELL);
	vz_buf_free(&file);
	vz_identity_free(id[0]);
	vz_identity_free(id[1]);
}

static void
nobody_but_the_recipient_opens_it(void **state)
{
	struct vz_buf file;

	(void)state;
	seal_letter(&file);
	assert_int_equal(open_by(carol, &file), VZ_UNSEAL_OTHER_KEY);
	assert_int_equal(open_by(alice, &file), VZ_UNSEAL_OTHER_KEY);
	vz_buf_free(&file);
}

static void
an_old_age_key_still_opens_it(void **state)
{
	struct vz_unseal_config c = {.to = bob->bundle.identity, .secrets_len = 2};
	uint8_t ring[2][32];
	struct vz_unseal *u;
	struct vz_buf file;

	(void)state;
	memcpy(ring[0], carol->age_secret, 32);
	memcpy(ring[1], bob->age_secret, 32);
	c.secrets = (const uint8_t(*)[32])ring;
	seal_letter(&file);
	assert_int_equal(vz_unseal_new(&u, &c), 0);
	assert_int_equal(vz_unseal_put(u, vz_buf_ptr(&file), file.len), 0);
	assert_int_equal(vz_unseal_end(u, NOW), 0);
	assert_int_equal(vz_unseal_end(u, NOW), VZ_EINVAL);
	vz_unseal_free(u);
	vz_buf_free(&file);
}

static void
a_message_cut_at_any_byte_gives_nothing_out(void **state)
{
	struct vz_buf file;

	(void)state;
	seal_letter(&file);
	for (size_t n = 0; n < file.len; n += step_of(1)) {
		enum vz_unseal_fault fault = open_at(bob, vz_buf_ptr(&file), n, MAX, NOW, NULL);

		assert_true(fault == VZ_UNSEAL_CUT || fault == VZ_UNSEAL_DAMAGED);
	}
	vz_buf_free(&file);
}

static void
a_flipped_bit_in_any_byte_gives_nothing_out(void **state)
{
	struct vz_buf file;

	(void)state;
	seal_letter(&file);
	for (size_t at = 0; at < file.len; at += step_of(1)) {
		enum vz_unseal_fault fault;

		file.data[file.off + at] ^= (uint8_t)(1 << at % 8);
		fault = open_by(bob, &file);
		assert_true(fault >= VZ_UNSEAL_NOT_AGE && fault <= VZ_UNSEAL_CUT);
		file.data[file.off + at] ^= (uint8_t)(1 << at % 8);
	}
	assert_int_equal(open_by(bob, &file), VZ_UNSEAL_WELL);
	vz_buf_free(&file);
}

static void
bytes_after_the_message_are_refused(void **state)
{
	struct vz_buf file;

	(void)state;
	seal_letter(&file);
	assert_int_equal(vz_buf_u8(&file, 0), 0);
	assert_int_equal(open_by(bob, &file), VZ_UNSEAL_DAMAGED);
	vz_buf_free(&file);
}

/* What somebody puts into an age file for bob who follows the form only so far. */
struct forgery {
	struct vz_manifest m;
	const struct vz_identity *signer;
	const char *ns, *body, *text; /* text: instead of the manifest's */
	bool no_padding, trailing, twice, swapped;
};

static struct forgery
honest(void)
{
	struct vz_seal_config c = letter(strlen(BODY));
	struct forgery f = {.m = c.manifest, .signer = alice, .ns = VZ_NS_MESSAGE, .body = BODY};

	crypto_hash_sha512(f.m.sha512, (const uint8_t *)BODY, strlen(BODY));
	return f;
}

static void
put_member(struct vz_buf *tar, enum vz_ustar_member m, const void *p, size_t n)
{
	uint8_t header[VZ_USTAR_BLOCK];

	vz_ustar_header(m, n, header);
	assert_int_equal(vz_buf_put(tar, header, sizeof(header)), 0);
	assert_int_equal(vz_buf_put(tar, p, n), 0);
	assert_int_equal(vz_ustar_padding(m, n, tar), 0);
}

static void
encrypt(const struct vz_identity *to, const struct vz_buf *plain, struct vz_buf *out)
{
	uint8_t random[VZ_AGE_RANDOM(1)];
	struct vz_age_writer *w;

	randombytes_buf(random, sizeof(random));
	vz_buf_init(out, MAX);
	assert_int_equal(
	    vz_age_writer_new(&w, (const uint8_t(*)[32])to->bundle.age, 1, random, out), 0);
	assert_int_equal(vz_age_writer_put(w, vz_buf_ptr(plain), plain->len, out), 0);
	assert_int_equal(vz_age_writer_end(w, out), 0);
	vz_age_writer_free(w);
}

static enum vz_unseal_fault
open_forgery(const struct forgery *f)
{
	struct vz_buf text, sig, tar, file;
	enum vz_unseal_fault fault;
	uint8_t raw[64];

	vz_buf_init(&text, VZ_MANIFEST_MAX);
	vz_buf_init(&sig, VZ_MANIFEST_MAX);
	vz_buf_init(&tar, MAX);
	if (f->text != NULL)
		assert_int_equal(vz_buf_str(&text, f->text), 0);
	else
		assert_int_equal(vz_manifest_encode(&f->m, &text), 0);
	vz_sshsig_sign(f->signer->sign_secret, f->ns, vz_buf_ptr(&text), text.len, raw);
	assert_int_equal(vz_sshsig_armor(f->signer->bundle.identity.b, f->ns, raw, &sig), 0);
	put_member(&tar, VZ_USTAR_BODY, f->body, strlen(f->body));
	if (f->twice)
		put_member(&tar, VZ_USTAR_BODY, f->body, strlen(f->body));
	if (!f->swapped)
		put_member(&tar, VZ_USTAR_MANIFEST, vz_buf_ptr(&text), text.len);
	put_member(&tar, VZ_USTAR_SIG, vz_buf_ptr(&sig), sig.len);
	if (f->swapped)
		put_member(&tar, VZ_USTAR_MANIFEST, vz_buf_ptr(&text), text.len);
	if (f->trailing)
		assert_int_equal(vz_buf_u8(&tar, 0), 0);
	if (f->no_padding)
		vz_buf_truncate(&tar, tar.len - VZ_USTAR_BLOCK);
	encrypt(bob, &tar, &file);
	fault = open_by(bob, &file);
	vz_buf_free(&text);
	vz_buf_free(&sig);
	vz_buf_free(&tar);
	vz_buf_free(&file);
	return fault;
}

static void
each_forgery_is_refused_for_what_it_is(void **state)
{
	struct forgery f = honest();

	(void)state;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_WELL);
	f.signer = carol;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_OTHER_SIGNER);
	f = honest();
	f.ns = VZ_NS_RECEIPT;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_OTHER_PURPOSE);
	f = honest();
	f.m.to = carol->bundle.identity;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_OTHER_RECIPIENT);
	f = honest();
	f.body = "a message for somebody who is AWAY\n";
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_OTHER_BODY);
	f = honest();
	f.m.size--;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_OTHER_BODY);
	f = honest();
	f.text = "# vz-message-2\n";
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_BAD_MANIFEST);
	f.text = "";
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_BAD_MANIFEST);
}

static void
members_repeated_swapped_or_cut_inside_the_encryption_are_refused(void **state)
{
	struct forgery f = honest();

	(void)state;
	f.swapped = true;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_NOT_A_MESSAGE);
	f = honest();
	f.twice = true;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_NOT_A_MESSAGE);
	f = honest();
	f.trailing = true;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_NOT_A_MESSAGE);
	f = honest();
	f.no_padding = true;
	assert_int_equal(open_forgery(&f), VZ_UNSEAL_NOT_A_MESSAGE);
}

static void
a_message_that_its_recipient_sealed_on_is_not_taken_for_one_to_the_next(void **state)
{
	struct vz_buf file, again, tar;
	struct vz_age_reader *r;

	(void)state;
	seal_letter(&file);
	/* Bob takes it out of its age file and puts it into one for carol. */
	vz_buf_init(&tar, MAX);
	assert_int_equal(vz_age_reader_new(&r, (const uint8_t(*)[32])bob->age_secret, 1), 0);
	assert_int_equal(vz_age_reader_put(r, vz_buf_ptr(&file), file.len, &tar), 0);
	assert_int_equal(vz_age_reader_end(r, &tar), 0);
	encrypt(carol, &tar, &again);
	assert_int_equal(open_by(carol, &again), VZ_UNSEAL_OTHER_RECIPIENT);
	vz_age_reader_free(r);
	vz_buf_free(&file);
	vz_buf_free(&again);
	vz_buf_free(&tar);
}

static void
the_recipients_clock_says_when_it_has_expired(void **state)
{
	static const struct {
		int64_t now;
		enum vz_unseal_fault want;
	} cases[] = {{0, VZ_UNSEAL_WELL}, {NOW + DAY - 1, VZ_UNSEAL_WELL},
	    {NOW + DAY, VZ_UNSEAL_EXPIRED}, {INT64_MAX, VZ_UNSEAL_EXPIRED},
	    {-1, VZ_UNSEAL_EXPIRED}};
	struct vz_seal_config c = letter(strlen(BODY));
	struct vz_buf file;

	(void)state;
	seal(&c, BODY, MAX, &file);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(open_at(bob, vz_buf_ptr(&file), file.len, MAX, cases[i].now, NULL),
		    cases[i].want);
	vz_buf_free(&file);
	c.manifest.expires = 0;
	seal(&c, BODY, MAX, &file);
	assert_int_equal(
	    open_at(bob, vz_buf_ptr(&file), file.len, MAX, INT64_MAX, NULL), VZ_UNSEAL_WELL);
	vz_buf_free(&file);
}

static void
a_body_over_the_limit_is_refused_at_both_ends(void **state)
{
	struct vz_unseal_config open = {.to = bob->bundle.identity,
	    .secrets = (const uint8_t(*)[32])bob->age_secret,
	    .secrets_len = 1,
	    .body_max = 999};
	struct vz_seal_config c = letter(1001);
	struct vz_unseal *u;
	struct vz_seal *s;
	struct vz_buf file;

	(void)state;
	c.body_max = 1000;
	vz_buf_init(&file, MAX);
	assert_int_equal(vz_seal_new(&s, &c, &file), VZ_ELIMIT);
	assert_null(s);
	assert_int_equal(file.len, 0);
	c.manifest.size = VZ_SEAL_BODY_MAX + 1;
	c.body_max = 0;
	assert_int_equal(vz_seal_new(&s, &c, &file), VZ_ELIMIT);
	c.manifest.size = 1000;
	seal(&c, long_body, MAX, &file);
	for (int i = 0; i < 2; i++, open.body_max++) {
		assert_int_equal(vz_unseal_new(&u, &open), 0);
		vz_unseal_put(u, vz_buf_ptr(&file), file.len);
		assert_int_equal(vz_unseal_end(u, NOW), i == 0 ? VZ_ELIMIT : 0);
		assert_int_equal(vz_unseal_fault(u), i == 0 ? VZ_UNSEAL_TOO_LARGE : VZ_UNSEAL_WELL);
		vz_unseal_free(u);
	}
	vz_buf_free(&file);
}

static void
a_body_that_changed_its_length_is_not_sealed(void **state)
{
	struct vz_seal_config c = letter(100);
	struct vz_buf file;
	struct vz_seal *s;

	(void)state;
	vz_buf_init(&file, MAX);
	assert_int_equal(vz_seal_new(&s, &c, &file), 0);
	assert_int_equal(vz_seal_put(s, long_body, 99, &file), 0);
	assert_int_equal(vz_seal_end(s, &file), VZ_ECHANGED);
	assert_int_equal(vz_seal_put(s, long_body, 1, &file), VZ_EINVAL);
	vz_seal_free(s);
	assert_int_equal(vz_seal_new(&s, &c, &file), 0);
	assert_int_equal(vz_seal_put(s, long_body, 101, &file), VZ_ECHANGED);
	assert_int_equal(vz_seal_end(s, &file), VZ_EINVAL);
	vz_seal_free(s);
	vz_buf_free(&file);
}

/* arg: how often it is asked in vain. */
static int
signs_later(void *arg, const uint8_t digest[64], uint8_t sig[64])
{
	unsigned *left = arg;

	if (*left > 0) {
		(*left)--;
		return VZ_EPENDING;
	}
	return vz_seal_sign_secret(alice->sign_secret, digest, sig);
}

static void
a_signature_that_comes_later_seals_the_same_message(void **state)
{
	struct vz_seal_config c = letter(100);
	unsigned left = 3;
	struct vz_buf file, at_once;
	struct vz_seal *s;
	size_t len;

	(void)state;
	seal(&c, long_body, 100, &at_once);
	c.sign = signs_later;
	c.sign_arg = &left;
	vz_buf_init(&file, MAX);
	assert_int_equal(vz_seal_new(&s, &c, &file), 0);
	assert_int_equal(vz_seal_put(s, long_body, 100, &file), 0);
	len = file.len;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vz_seal_end(s, &file), VZ_EPENDING);
		assert_int_equal(vz_seal_put(s, long_body, 0, &file), VZ_EINVAL);
		assert_int_equal(file.len, len);
	}
	assert_int_equal(vz_seal_end(s, &file), 0);
	assert_int_equal(vz_seal_end(s, &file), VZ_EINVAL);
	vz_seal_free(s);
	assert_int_equal(file.len, at_once.len);
	assert_memory_equal(vz_buf_ptr(&file), vz_buf_ptr(&at_once), file.len);
	assert_int_equal(open_by(bob, &file), VZ_UNSEAL_WELL);
	vz_buf_free(&at_once);
	vz_buf_free(&file);
}

static int
signs_badly(void *arg, const uint8_t digest[64], uint8_t sig[64])
{
	vz_sshsig_sign_digest(carol->sign_secret, VZ_NS_MESSAGE, digest, sig);
	return *(int *)arg;
}

static void
a_signer_that_fails_or_signs_as_another_makes_no_message(void **state)
{
	static const int says[][2] = {{0, VZ_EAUTH}, {VZ_ETIMEOUT, VZ_ETIMEOUT}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vz_seal_config c = letter(0);
		int answer = says[i][0];
		struct vz_buf file;
		struct vz_seal *s;

		c.sign = signs_badly;
		c.sign_arg = &answer;
		vz_buf_init(&file, MAX);
		assert_int_equal(vz_seal_new(&s, &c, &file), 0);
		assert_int_equal(vz_seal_end(s, &file), says[i][1]);
		assert_int_equal(vz_seal_end(s, &file), VZ_EINVAL);
		vz_seal_free(s);
		vz_buf_free(&file);
	}
}

static void
a_chain_of_manifests_names_each_one_before(void **state)
{
	struct vz_seal_config c = letter(0);
	struct vz_buf file;
	struct vz_seal *s;
	size_t len;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct vz_unseal *u;
		const char *text;
		uint8_t hash[64];

		vz_buf_init(&file, MAX);
		assert_int_equal(vz_seal_new(&s, &c, &file), 0);
		assert_int_equal(vz_seal_end(s, &file), 0);
		text = vz_seal_manifest(s, &len);
		vz_manifest_hash(text, len, hash);
		assert_int_equal(open_at(bob, vz_buf_ptr(&file), file.len, MAX, NOW, &u), 0);
		assert_true(vz_unseal_manifest(u)->has_previous == (i > 0));
		assert_memory_equal(
		    vz_unseal_manifest(u)->previous, c.manifest.previous, sizeof(hash));
		c.manifest.has_previous = true;
		memcpy(c.manifest.previous, hash, sizeof(hash));
		c.manifest.sequence++;
		vz_unseal_free(u);
		vz_seal_free(s);
		vz_buf_free(&file);
	}
}

static void
each_fault_has_words(void **state)
{
	(void)state;
	for (enum vz_unseal_fault f = VZ_UNSEAL_WELL; f <= VZ_UNSEAL_EXPIRED; f++)
		assert_true(strlen(vz_unseal_words(f)) > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_sealed_is_opened_whatever_its_size_and_pieces),
	    cmocka_unit_test(the_manifest_that_was_signed_is_there_to_be_kept),
	    cmocka_unit_test(a_message_of_given_keys_is_byte_for_byte_that_of_the_manual),
	    cmocka_unit_test(nobody_but_the_recipient_opens_it),
	    cmocka_unit_test(an_old_age_key_still_opens_it),
	    cmocka_unit_test(a_message_cut_at_any_byte_gives_nothing_out),
	    cmocka_unit_test(a_flipped_bit_in_any_byte_gives_nothing_out),
	    cmocka_unit_test(bytes_after_the_message_are_refused),
	    cmocka_unit_test(each_forgery_is_refused_for_what_it_is),
	    cmocka_unit_test(members_repeated_swapped_or_cut_inside_the_encryption_are_refused),
	    cmocka_unit_test(
		a_message_that_its_recipient_sealed_on_is_not_taken_for_one_to_the_next),
	    cmocka_unit_test(the_recipients_clock_says_when_it_has_expired),
	    cmocka_unit_test(a_body_over_the_limit_is_refused_at_both_ends),
	    cmocka_unit_test(a_body_that_changed_its_length_is_not_sealed),
	    cmocka_unit_test(a_signer_that_fails_or_signs_as_another_makes_no_message),
	    cmocka_unit_test(a_signature_that_comes_later_seals_the_same_message),
	    cmocka_unit_test(a_chain_of_manifests_names_each_one_before),
	    cmocka_unit_test(each_fault_has_words),
	};
	struct vz_identity **all[] = {&alice, &bob, &carol};
	int failed;

	if (vz_secret_init() != 0)
		return 1;
	randombytes_buf(long_body, sizeof(long_body));
	for (size_t i = 0; i < 3; i++) {
		uint8_t random[96];

		randombytes_buf(random, sizeof(random));
		*all[i] = vz_identity_new();
		if (*all[i] == NULL || vz_identity_make(*all[i], random, 1, "") != 0)
			return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < 3; i++)
		vz_identity_free(*all[i]);
	return failed;
}
