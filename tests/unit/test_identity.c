#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "id/identity.h"
#include "id/identity_text.h"
#include "id/signer.h"
#include "tests/unit/step.h"
#include "tests/unit/tempdir.h"

static struct vz_identity *
identity_of(uint8_t byte, const char *comment)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(byte + i);
	assert_non_null(id);
	assert_int_equal(vz_identity_make(id, random, 1700000000, comment), 0);
	return id;
}

static void
a_bundle_reads_back(void **state)
{
	struct vz_identity *id = identity_of(1, "");
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_bundle b;

	(void)state;
	id->bundle.not_after = 1800000000;
	vz_identity_certify(id);
	vz_bundle_encode(&id->bundle, bytes);
	assert_int_equal(vz_bundle_decode(bytes, sizeof(bytes), &b), 0);
	assert_true(vz_key_equal(&b.identity, &id->bundle.identity));
	assert_memory_equal(b.noise, id->bundle.noise, 32);
	assert_memory_equal(b.age, id->bundle.age, 32);
	assert_int_equal(b.serial, 1700000000);
	assert_int_equal(b.not_after, 1800000000);
	vz_identity_free(id);
}

static void
a_bundle_with_any_bit_changed_is_refused_and_yields_nothing(void **state)
{
	struct vz_identity *id = identity_of(1, "");
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_bundle b, none;

	(void)state;
	memset(&none, 0, sizeof(none));
	vz_bundle_encode(&id->bundle, bytes);
	for (size_t i = 0; i < sizeof(bytes) * 8; i += test_step(1)) {
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		memset(&b, 0xff, sizeof(b));
		assert_int_not_equal(vz_bundle_decode(bytes, sizeof(bytes), &b), 0);
		assert_memory_equal(&b.identity, &none.identity, 32);
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	vz_identity_free(id);
}

static void
a_bundle_of_another_length_version_or_serial_range_is_malformed(void **state)
{
	struct vz_identity *id = identity_of(1, "");
	uint8_t bytes[VZ_BUNDLE_LEN + 1] = {0};
	struct vz_bundle b;

	(void)state;
	vz_bundle_encode(&id->bundle, bytes);
	for (size_t n = 0; n <= sizeof(bytes); n++)
		assert_int_equal(
		    vz_bundle_decode(bytes, n, &b), n == VZ_BUNDLE_LEN ? 0 : VZ_EFORMAT);
	bytes[0] = 2;
	assert_int_equal(vz_bundle_decode(bytes, VZ_BUNDLE_LEN, &b), VZ_EFORMAT);
	/* Rightly signed, still out of range. */
	id->bundle.serial = 0;
	vz_identity_certify(id);
	vz_bundle_encode(&id->bundle, bytes);
	assert_int_equal(vz_bundle_decode(bytes, VZ_BUNDLE_LEN, &b), VZ_EFORMAT);
	id->bundle.serial = (uint64_t)INT64_MAX + 1;
	vz_identity_certify(id);
	vz_bundle_encode(&id->bundle, bytes);
	assert_int_equal(vz_bundle_decode(bytes, VZ_BUNDLE_LEN, &b), VZ_EFORMAT);
	vz_identity_free(id);
}

static void
the_three_keys_of_an_identity_are_independent(void **state)
{
	struct vz_identity *a = vz_identity_new(), *b = vz_identity_new();
	uint8_t random[96] = {0};

	(void)state;
	assert_int_equal(vz_identity_make(a, random, 1, ""), 0);
	random[0] ^= 1;
	assert_int_equal(vz_identity_make(b, random, 1, ""), 0);
	assert_false(vz_key_equal(&a->bundle.identity, &b->bundle.identity));
	assert_memory_equal(a->bundle.noise, b->bundle.noise, 32);
	assert_memory_equal(a->bundle.age, b->bundle.age, 32);
	vz_identity_free(a);
	vz_identity_free(b);
}

static void
a_comment_with_control_characters_makes_no_identity(void **state)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96] = {0};
	char longest[257];

	(void)state;
	memset(longest, 'a', 256);
	longest[256] = '\0';
	assert_int_equal(vz_identity_make(id, random, 1, "a\nbundle x"), VZ_EFORMAT);
	assert_int_equal(vz_identity_make(id, random, 1, "\xff"), VZ_EFORMAT);
	assert_int_equal(vz_identity_make(id, random, 1, longest), VZ_EFORMAT);
	assert_int_equal(vz_identity_make(id, random, 1, longest + 1), 0);
	assert_int_equal(vz_identity_make(id, random, 0, ""), VZ_EINVAL);
	vz_identity_free(id);
}

static void
the_text_of_an_identity_reads_back(void **state)
{
	static const char *const comments[] = {"", "backup host, \xc3\xbcnten", " two  blanks "};
	struct vz_identity *back = vz_identity_new();
	struct vz_buf text;

	(void)state;
	vz_buf_init(&text, 4096);
	for (size_t i = 0; i < 3; i++) {
		struct vz_identity *id = identity_of((uint8_t)i, comments[i]);

		vz_buf_clear(&text);
		assert_int_equal(vz_identity_encode(id, &text), 0);
		assert_int_equal(
		    vz_identity_decode((const char *)vz_buf_ptr(&text), text.len, back), 0);
		assert_string_equal(back->comment, comments[i]);
		assert_memory_equal(back->sign_secret, id->sign_secret, 64);
		assert_memory_equal(back->noise_secret, id->noise_secret, 32);
		assert_memory_equal(back->age_secret, id->age_secret, 32);
		assert_memory_equal(back->bundle.sig, id->bundle.sig, 64);
		vz_identity_free(id);
	}
	vz_buf_free(&text);
	vz_identity_free(back);
}

/* The text of identity_of(1, "") in a plain array. */
static size_t
text_of(uint8_t byte, char *out, size_t cap)
{
	struct vz_identity *id = identity_of(byte, "");
	struct vz_buf text;
	size_t n;

	vz_buf_init(&text, cap);
	assert_int_equal(vz_identity_encode(id, &text), 0);
	n = text.len;
	memcpy(out, vz_buf_ptr(&text), n);
	vz_buf_free(&text);
	vz_identity_free(id);
	return n;
}

static void
a_text_cut_or_with_any_byte_changed_is_refused_and_leaves_no_secret(void **state)
{
	static const struct vz_identity none;
	struct vz_identity *id = vz_identity_new();
	char text[1024];
	size_t n = text_of(1, text, sizeof(text));

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(vz_identity_decode(text, i, id), VZ_EFORMAT);
		text[i] ^= 1;
		assert_int_equal(vz_identity_decode(text, n, id), VZ_EFORMAT);
		assert_memory_equal(id, &none, sizeof(none));
		text[i] ^= 1;
	}
	assert_int_equal(vz_identity_decode(text, n, id), 0);
	text[n] = '\n';
	assert_int_equal(vz_identity_decode(text, n + 1, id), VZ_EFORMAT);
	vz_identity_free(id);
}

static void
secrets_of_another_identity_are_refused(void **state)
{
	static const char *const lines[] = {"ed25519 ", "noise ", "age ", "sum "};
	struct vz_identity *id = vz_identity_new();
	char a[1024], b[1024];
	size_t n = text_of(1, a, sizeof(a) - 1);

	(void)state;
	text_of(99, b, sizeof(b) - 1);
	a[n] = b[n] = '\0';
	for (size_t i = 0; i < 4; i++) {
		char *to = strstr(a, lines[i]), *from = strstr(b, lines[i]);
		size_t len = strcspn(from, "\n");
		char saved[256];

		memcpy(saved, to, len);
		memcpy(to, from, len);
		assert_int_equal(vz_identity_decode(a, n, id), VZ_EFORMAT);
		memcpy(to, saved, len);
	}
	assert_int_equal(vz_identity_decode(a, n, id), 0);
	vz_identity_free(id);
}

static void
age_secrets_are_written_as_age_writes_them(void **state)
{
	char text[1024];
	size_t n = text_of(1, text, sizeof(text) - 1);
	const char *age;

	(void)state;
	text[n] = '\0';
	age = strstr(text, "\nage AGE-SECRET-KEY-1");
	assert_non_null(age);
	/* 59 characters of bech32 after the prefix, all capitals: age's own form has 74. */
	assert_int_equal(strcspn(age + 5, "\n"), 74);
	for (const char *c = age + 5; *c != '\n'; c++)
		assert_false(*c >= 'a' && *c <= 'z');
}

#define DAY (UINT64_C(24) * 3600)

static void
rotate(struct vz_identity *id, uint8_t byte, uint64_t now)
{
	uint8_t random[VZ_ROTATED_RANDOM];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(byte + i);
	assert_int_equal(vz_identity_rotate(id, random, now), 0);
}

static void
rotation_keeps_the_name_and_certifies_new_keys_under_a_higher_serial(void **state)
{
	struct vz_identity *id = identity_of(1, ""), *before = identity_of(1, "");
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_bundle b;

	(void)state;
	rotate(id, 100, 1800000000);
	vz_bundle_encode(&id->bundle, bytes);
	assert_int_equal(vz_bundle_decode(bytes, sizeof(bytes), &b), 0);
	assert_int_equal(b.serial, 1800000000);
	assert_true(vz_key_equal(&b.identity, &before->bundle.identity));
	assert_memory_not_equal(b.noise, before->bundle.noise, 32);
	assert_memory_not_equal(b.age, before->bundle.age, 32);
	assert_int_equal(id->retired_len, 1);
	assert_int_equal(id->retired[0].at, 1800000000);
	assert_memory_equal(id->retired[0].secret, before->age_secret, 32);
	/* Within the same second, and with a clock that was set back. */
	rotate(id, 101, 1800000000);
	assert_int_equal(id->bundle.serial, 1800000001);
	rotate(id, 102, 5);
	assert_int_equal(id->bundle.serial, 1800000002);
	assert_int_equal(id->retired_len, 3);
	vz_identity_free(id);
	vz_identity_free(before);
}

static void
old_age_keys_are_used_for_30_days_and_erased_by_the_next_rotation(void **state)
{
	static const struct vz_retired none;
	struct vz_identity *id = identity_of(1, "");
	uint8_t out[VZ_RETIRED_MAX + 1][32], first[32], second[32];

	(void)state;
	memcpy(first, id->age_secret, 32);
	rotate(id, 100, 100 * DAY);
	memcpy(second, id->age_secret, 32);
	rotate(id, 101, 110 * DAY);
	assert_int_equal(vz_identity_age_secrets(id, 130 * DAY - 1, out), 3);
	assert_memory_equal(out[0], id->age_secret, 32);
	assert_memory_equal(out[1], second, 32);
	assert_memory_equal(out[2], first, 32);
	assert_int_equal(vz_identity_age_secrets(id, 130 * DAY, out), 2);
	assert_memory_equal(out[1], second, 32);
	assert_int_equal(vz_identity_age_secrets(id, 1, out), 3);
	assert_int_equal(vz_identity_expire(id, 130 * DAY - 1), 0);
	rotate(id, 102, 130 * DAY);
	assert_int_equal(id->retired_len, 2);
	assert_memory_equal(id->retired[1].secret, second, 32);
	assert_memory_equal(&id->retired[2], &none, sizeof(none));
	assert_int_equal(vz_identity_expire(id, 1000 * DAY), 2);
	assert_memory_equal(&id->retired[0], &none, sizeof(none));
	vz_identity_free(id);
}

static void
with_60_old_keys_there_is_no_rotation_and_nothing_changes(void **state)
{
	struct vz_identity *id = identity_of(1, ""), *before = vz_identity_new();
	uint8_t random[VZ_ROTATED_RANDOM] = {1};

	(void)state;
	for (unsigned i = 0; i < VZ_RETIRED_MAX; i++)
		rotate(id, (uint8_t)i, 100 * DAY + i);
	memcpy(before, id, sizeof(*id));
	assert_int_equal(vz_identity_rotate(id, random, 101 * DAY), VZ_EFULL);
	assert_memory_equal(id, before, sizeof(*id));
	assert_int_equal(vz_identity_rotate(id, random, 130 * DAY), 0);
	assert_int_equal(id->retired_len, VZ_RETIRED_MAX);
	id->bundle.serial = VZ_SERIAL_MAX;
	assert_int_equal(vz_identity_rotate(id, random, 200 * DAY), VZ_EFULL);
	assert_int_equal(vz_identity_rotate(id, random, 0), VZ_EINVAL);
	assert_int_equal(id->retired_len, VZ_RETIRED_MAX);
	vz_identity_free(id);
	vz_identity_free(before);
}

static void
old_age_keys_read_back_and_a_61st_is_refused(void **state)
{
	struct vz_identity *id = identity_of(1, "x"), *back = vz_identity_new();
	struct vz_buf text;
	size_t n;
	char *sum, *longer;

	(void)state;
	for (unsigned i = 0; i < VZ_RETIRED_MAX; i++)
		rotate(id, (uint8_t)i, i == 0 ? VZ_SERIAL_MAX - VZ_RETIRED_MAX : 7 + i);
	vz_buf_init(&text, VZ_IDENTITY_PUBLIC_MAX + VZ_IDENTITY_SECRETS_MAX);
	assert_int_equal(vz_identity_encode(id, &text), 0);
	n = text.len;
	assert_int_equal(vz_identity_decode((const char *)vz_buf_ptr(&text), n, back), 0);
	assert_memory_equal(back, id, sizeof(*id));
	/* One line more than is kept, before the sum. */
	longer = calloc(1, n + 200);
	memcpy(longer, vz_buf_ptr(&text), n);
	sum = strstr(longer, "sum ");
	memmove(sum + 103, sum, strlen(sum) + 1);
	memcpy(sum, "retired 1000000000000000001 ", 28);
	memcpy(sum + 28, strstr(longer, "\nage ") + 5, 75);
	assert_int_equal(vz_identity_decode(longer, strlen(longer), back), VZ_EFORMAT);
	assert_int_equal(back->retired_len, 0);
	free(longer);
	vz_buf_free(&text);
	vz_identity_free(id);
	vz_identity_free(back);
}

static void
a_retired_line_is_strict(void **state)
{
	static const char *const bad[] = {"retired 0", "retired 07", "retired -7", "retired ",
	    "retired 9223372036854775808", "retired 7 ", "retired 7x"};
	struct vz_identity *id = identity_of(1, "");
	struct vz_buf text;
	char copy[2048], *at, rest[2048];

	(void)state;
	rotate(id, 9, 7);
	vz_buf_init(&text, 4096);
	assert_int_equal(vz_identity_encode(id, &text), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(copy, vz_buf_ptr(&text), text.len);
		copy[text.len] = '\0';
		at = strstr(copy, "retired 7 ");
		assert_non_null(at);
		strcpy(rest, at + 9);
		strcpy(at, bad[i]);
		strcat(at, rest);
		assert_int_equal(vz_identity_decode(copy, strlen(copy), id), VZ_EFORMAT);
		assert_int_equal(id->retired_len, 0);
	}
	assert_int_equal(vz_identity_decode((const char *)vz_buf_ptr(&text), text.len, id), 0);
	vz_buf_free(&text);
	vz_identity_free(id);
}

static int
run(struct tempdir *t, const char *in)
{
	char command[2048];

	snprintf(command, sizeof(command),
	    "cd %s && ssh-keygen -Y verify -f allowed -I host -n vz-bundle@vz -s sig <%s >out 2>&1",
	    t->dir, in);
	return system(command);
}

static void
a_bundles_signature_verifies_with_ssh_keygen(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1, "");
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_buf b;

	if (system("command -v ssh-keygen >/dev/null") != 0) {
		vz_identity_free(id);
		skip();
	}
	vz_buf_init(&b, 4096);
	vz_bundle_encode(&id->bundle, bytes);
	assert_int_equal(tempdir_write(t, "good", 0600, bytes, VZ_BUNDLE_SIGNED), 0);
	bytes[100] ^= 1;
	assert_int_equal(tempdir_write(t, "bad", 0600, bytes, VZ_BUNDLE_SIGNED), 0);
	assert_int_equal(vz_bundle_armor(&id->bundle, &b), 0);
	assert_int_equal(tempdir_write(t, "sig", 0600, vz_buf_ptr(&b), b.len), 0);
	vz_buf_clear(&b);
	vz_buf_str(&b, "host ");
	vz_ssh_public_format(id->bundle.identity.b, &b);
	vz_buf_u8(&b, '\n');
	assert_int_equal(tempdir_write(t, "allowed", 0600, vz_buf_ptr(&b), b.len), 0);
	assert_int_equal(run(t, "good"), 0);
	assert_int_not_equal(run(t, "bad"), 0);
	vz_buf_free(&b);
	vz_identity_free(id);
}

/* Identities whose key somebody else holds. */

/* Who holds the key of identity_of(byte): answers when it was asked so often before. */
struct holder {
	struct vz_identity *id;
	unsigned pending, asked;
	bool lies;
	int err;
};

static int
ask_holder(void *arg, const struct vz_key *key, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static 64])
{
	struct holder *h = arg;

	h->asked++;
	assert_memory_equal(key->b, h->id->bundle.identity.b, 32);
	if (h->err)
		return h->err;
	if (h->pending > 0) {
		h->pending--;
		return VZ_EPENDING;
	}
	vz_sshsig_sign_digest(h->id->sign_secret, ns, digest, sig);
	sig[3] ^= h->lies;
	return 0;
}

static struct vz_identity *
held_by(struct holder *h, const char *comment)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[VZ_HELD_RANDOM];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(0x60 + i);
	assert_non_null(id);
	assert_int_equal(vz_identity_make_held(id, &h->id->bundle.identity, random, 1700000000,
			     comment, ask_holder, h),
	    0);
	return id;
}

static void
an_identity_that_is_held_has_a_bundle_that_verifies_and_no_secret_of_its_key(void **state)
{
	static const uint8_t zeros[64];
	struct holder h = {.id = identity_of(1, "")};
	struct vz_identity *id = held_by(&h, "elsewhere");
	uint8_t bytes[VZ_BUNDLE_LEN];
	struct vz_bundle b;

	(void)state;
	vz_bundle_encode(&id->bundle, bytes);
	assert_int_equal(vz_bundle_decode(bytes, sizeof(bytes), &b), 0);
	assert_true(vz_key_equal(&b.identity, &h.id->bundle.identity));
	assert_memory_equal(id->sign_secret, zeros, 64);
	assert_true(id->held_elsewhere);
	vz_identity_free(id);
	vz_identity_free(h.id);
}

static void
who_does_not_sign_or_lies_makes_no_identity_and_one_that_is_pending_is_asked_again(void **state)
{
	static const struct vz_identity none;
	struct holder h = {.id = identity_of(1, ""), .lies = true};
	struct vz_identity *id = vz_identity_new();
	uint8_t random[VZ_HELD_RANDOM] = {9, 8, 7};
	const struct vz_key *key = &h.id->bundle.identity;

	(void)state;
	random[40] = 3;
	assert_int_equal(vz_identity_make_held(id, key, random, 1, "", ask_holder, &h), VZ_EAUTH);
	assert_memory_equal(id, &none, sizeof(none));
	assert_int_equal(vz_identity_make_held(id, key, random, 1, "", NULL, NULL), VZ_ESIGNER);
	h = (struct holder){.id = h.id, .err = VZ_ESIGNER};
	assert_int_equal(vz_identity_make_held(id, key, random, 1, "", ask_holder, &h), VZ_ESIGNER);
	h = (struct holder){.id = h.id, .pending = 1};
	assert_int_equal(
	    vz_identity_make_held(id, key, random, 1, "", ask_holder, &h), VZ_EPENDING);
	assert_memory_equal(id, &none, sizeof(none));
	assert_int_equal(vz_identity_make_held(id, key, random, 1, "", ask_holder, &h), 0);
	assert_int_equal(vz_identity_make_held(id, key, random, 0, "", ask_holder, &h), VZ_EINVAL);
	assert_int_equal(
	    vz_identity_make_held(id, key, random, 1, "\n", ask_holder, &h), VZ_EFORMAT);
	assert_int_equal(
	    vz_identity_make_held(id, &(struct vz_key){{2}}, random, 1, "", ask_holder, &h),
	    VZ_EAUTH);
	vz_identity_free(id);
	vz_identity_free(h.id);
}

static void
its_text_is_of_form_2_reads_back_and_holds_no_seed(void **state)
{
	struct holder h = {.id = identity_of(1, "")};
	struct vz_identity *id = held_by(&h, "elsewhere"), *back = vz_identity_new();
	struct vz_buf text;
	const char *s;

	(void)state;
	vz_buf_init(&text, 4096);
	assert_int_equal(vz_identity_encode(id, &text), 0);
	assert_int_equal(vz_buf_u8(&text, '\0'), 0);
	s = (const char *)vz_buf_ptr(&text);
	assert_ptr_equal(strstr(s, "vz-identity-2\ncomment elsewhere\nbundle "), s);
	assert_non_null(strstr(s, "\nsigner ssh-agent\nnoise "));
	assert_null(strstr(s, "ed25519"));
	assert_int_equal(vz_identity_decode(s, text.len - 1, back), 0);
	assert_true(back->held_elsewhere);
	assert_memory_equal(back->noise_secret, id->noise_secret, 32);
	assert_memory_equal(back->age_secret, id->age_secret, 32);
	vz_buf_free(&text);
	vz_identity_free(back);
	vz_identity_free(id);
	vz_identity_free(h.id);
}

/* Changes the first `from` into `to`, of one length or not, and reads it. */
static int
decode_changed(const char *text, const char *from, const char *to)
{
	struct vz_identity *id = vz_identity_new();
	const char *at = strstr(text, from);
	char changed[4096];
	int err;

	assert_non_null(at);
	snprintf(
	    changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	err = vz_identity_decode(changed, strlen(changed), id);
	vz_identity_free(id);
	return err;
}

static void
neither_form_is_taken_for_the_other(void **state)
{
	struct holder h = {.id = identity_of(1, "")};
	struct vz_identity *id = held_by(&h, "");
	struct vz_buf two, one;
	const char *s, *t;

	(void)state;
	vz_buf_init(&one, 4096);
	vz_buf_init(&two, 4096);
	assert_int_equal(vz_identity_encode(h.id, &one), 0);
	assert_int_equal(vz_identity_encode(id, &two), 0);
	assert_int_equal(vz_buf_u8(&one, '\0'), 0);
	assert_int_equal(vz_buf_u8(&two, '\0'), 0);
	s = (const char *)vz_buf_ptr(&two);
	t = (const char *)vz_buf_ptr(&one);
	assert_int_equal(decode_changed(s, "noise", "noise"), 0);
	assert_int_equal(decode_changed(s, "identity-2", "identity-1"), VZ_EFORMAT);
	assert_int_equal(decode_changed(s, "identity-2", "identity-3"), VZ_EFORMAT);
	assert_int_equal(decode_changed(s, "signer ssh-agent\n", ""), VZ_EFORMAT);
	assert_int_equal(decode_changed(s, "ssh-agent", "gpg-agent"), VZ_EFORMAT);
	assert_int_equal(decode_changed(s, "ssh-agent", "ssh-agent2"), VZ_EFORMAT);
	assert_int_equal(decode_changed(s, "noise",
			     "ed25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nnoise"),
	    VZ_EFORMAT);
	assert_int_equal(decode_changed(t, "identity-1", "identity-2"), VZ_EFORMAT);
	assert_int_equal(decode_changed(t, "ed25519", "signer ssh-agent\ned25519"), VZ_EFORMAT);
	vz_buf_free(&one);
	vz_buf_free(&two);
	vz_identity_free(id);
	vz_identity_free(h.id);
}

static void
who_holds_the_key_renews_the_others_or_nothing_is_changed(void **state)
{
	static const uint8_t random[VZ_ROTATED_RANDOM] = {1, [32] = 2};
	struct holder h = {.id = identity_of(1, "")};
	struct vz_identity *id = held_by(&h, ""), *before = vz_identity_new();

	(void)state;
	memcpy(before, id, sizeof(*id));
	assert_int_equal(vz_identity_rotate(id, random, 1800000000), VZ_ESIGNER);
	h.lies = true;
	assert_int_equal(vz_identity_rotate_by(id, random, 1800000000, ask_holder, &h), VZ_EAUTH);
	h.lies = false;
	h.pending = 1;
	assert_int_equal(
	    vz_identity_rotate_by(id, random, 1800000000, ask_holder, &h), VZ_EPENDING);
	assert_memory_equal(before, id, sizeof(*id));
	assert_int_equal(vz_identity_rotate_by(id, random, 1800000000, ask_holder, &h), 0);
	assert_int_equal(id->bundle.serial, 1800000000);
	assert_int_equal(vz_bundle_verify_known(&id->bundle), 0);
	assert_int_equal(id->retired_len, 1);
	vz_identity_free(before);
	vz_identity_free(id);
	vz_identity_free(h.id);
}

static void
who_has_the_secret_at_hand_asks_nobody(void **state)
{
	struct holder h = {.id = identity_of(1, ""), .err = VZ_ESIGNER};
	struct vz_signer by = {h.id, ask_holder, &h};
	uint8_t sig[64];

	(void)state;
	assert_int_equal(vz_signer_sign_bytes(&by, VZ_NS_AUDIT, "x", 1, sig), 0);
	assert_int_equal(vz_sshsig_verify(h.id->bundle.identity.b, VZ_NS_AUDIT, "x", 1, sig), 0);
	assert_int_equal(h.asked, 0);
	vz_identity_free(h.id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bundle_reads_back),
	    cmocka_unit_test(a_bundle_with_any_bit_changed_is_refused_and_yields_nothing),
	    cmocka_unit_test(a_bundle_of_another_length_version_or_serial_range_is_malformed),
	    cmocka_unit_test(the_three_keys_of_an_identity_are_independent),
	    cmocka_unit_test(a_comment_with_control_characters_makes_no_identity),
	    cmocka_unit_test(the_text_of_an_identity_reads_back),
	    cmocka_unit_test(a_text_cut_or_with_any_byte_changed_is_refused_and_leaves_no_secret),
	    cmocka_unit_test(secrets_of_another_identity_are_refused),
	    cmocka_unit_test(age_secrets_are_written_as_age_writes_them),
	    cmocka_unit_test(rotation_keeps_the_name_and_certifies_new_keys_under_a_higher_serial),
	    cmocka_unit_test(old_age_keys_are_used_for_30_days_and_erased_by_the_next_rotation),
	    cmocka_unit_test(with_60_old_keys_there_is_no_rotation_and_nothing_changes),
	    cmocka_unit_test(old_age_keys_read_back_and_a_61st_is_refused),
	    cmocka_unit_test(a_retired_line_is_strict),
	    cmocka_unit_test_setup_teardown(
		a_bundles_signature_verifies_with_ssh_keygen, tempdir_setup, tempdir_teardown),
	    cmocka_unit_test(
		an_identity_that_is_held_has_a_bundle_that_verifies_and_no_secret_of_its_key),
	    cmocka_unit_test(
		who_does_not_sign_or_lies_makes_no_identity_and_one_that_is_pending_is_asked_again),
	    cmocka_unit_test(its_text_is_of_form_2_reads_back_and_holds_no_seed),
	    cmocka_unit_test(neither_form_is_taken_for_the_other),
	    cmocka_unit_test(who_holds_the_key_renews_the_others_or_nothing_is_changed),
	    cmocka_unit_test(who_has_the_secret_at_hand_asks_nobody),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
