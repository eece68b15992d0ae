#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/secret.h"
#include "id/openssh_key.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END   "-----END OPENSSH PRIVATE KEY-----\n"

/* What a file is made of; each test changes one thing. */
struct parts {
	const char *magic, *cipher, *kdf, *options, *type, *inner_type, *comment;
	size_t comment_len; /* 0: strlen */
	uint32_t keys, check, again;
	uint8_t outer[32], inner[32], secret[64];
	uint8_t padding[32];
	size_t padding_len; /* SIZE_MAX: as many as are wanted */
	size_t more;
};

static struct parts
good(void)
{
	struct parts p = {.magic = "openssh-key-v1",
	    .cipher = "none",
	    .kdf = "none",
	    .options = "",
	    .type = "ssh-ed25519",
	    .inner_type = "ssh-ed25519",
	    .comment = "alice",
	    .keys = 1,
	    .check = 0x01020304,
	    .again = 0x01020304,
	    .padding = {1, 2, 3, 4, 5, 6, 7, 8}};
	uint8_t seed[32];

	memset(seed, 7, sizeof(seed));
	vz_sign_from_seed(seed, p.outer, p.secret);
	memcpy(p.inner, p.outer, 32);
	p.padding_len = SIZE_MAX;
	return p;
}

static void
private_part(const struct parts *p, struct vz_buf *b)
{
	size_t len = p->comment_len ? p->comment_len : strlen(p->comment), pad;

	vz_buf_u32(b, p->check);
	vz_buf_u32(b, p->again);
	vz_buf_string(b, p->inner_type, strlen(p->inner_type));
	vz_buf_string(b, p->inner, 32);
	vz_buf_string(b, p->secret, 64);
	vz_buf_string(b, p->comment, len);
	pad = p->padding_len == SIZE_MAX ? (8 - b->len % 8) % 8 : p->padding_len;
	vz_buf_put(b, p->padding, pad);
}

static void
armour(const struct vz_buf *blob, struct vz_buf *text)
{
	char *base64 = malloc(sodium_base64_encoded_len(blob->len, 1));

	assert_non_null(base64);
	sodium_bin2base64(base64, sodium_base64_encoded_len(blob->len, 1), vz_buf_ptr(blob),
	    blob->len, sodium_base64_VARIANT_ORIGINAL);
	vz_buf_str(text, BEGIN);
	for (size_t i = 0; i < strlen(base64); i += 70) {
		vz_buf_put(text, base64 + i, strnlen(base64 + i, 70));
		vz_buf_str(text, "\n");
	}
	vz_buf_str(text, END);
	free(base64);
}

static void
text_of(const struct parts *p, struct vz_buf *text)
{
	struct vz_buf blob, private, public;

	vz_buf_init(&blob, 65536);
	vz_buf_init(&private, 65536);
	vz_buf_init(&public, 65536);
	vz_buf_init(text, 1 << 20);
	vz_buf_put(&blob, p->magic, strlen(p->magic) + 1);
	vz_buf_string(&blob, p->cipher, strlen(p->cipher));
	vz_buf_string(&blob, p->kdf, strlen(p->kdf));
	vz_buf_string(&blob, p->options, strlen(p->options));
	vz_buf_u32(&blob, p->keys);
	vz_buf_string(&public, p->type, strlen(p->type));
	vz_buf_string(&public, p->outer, 32);
	vz_buf_string(&blob, vz_buf_ptr(&public), public.len);
	private_part(p, &private);
	vz_buf_string(&blob, vz_buf_ptr(&private), private.len);
	for (size_t i = 0; i < p->more; i++)
		vz_buf_u8(&blob, 0);
	armour(&blob, text);
	vz_buf_free(&public);
	vz_buf_free(&private);
	vz_buf_free(&blob);
}

/* What comes of a text; a refused one leaves nothing. */
static enum vz_openssh_fault
parse(const char *text, size_t len, struct vz_openssh_key *key)
{
	static const struct vz_openssh_key nothing;
	enum vz_openssh_fault fault;

	memset(key, 0xa5, sizeof(*key));
	fault = vz_openssh_key_parse(text, len, key);
	if (fault != VZ_OPENSSH_WELL)
		assert_memory_equal(key, &nothing, sizeof(*key));
	assert_true(vz_openssh_words(fault)[0] >= 'a');
	return fault;
}

static enum vz_openssh_fault
fault_of(const struct parts *p)
{
	struct vz_openssh_key key;
	struct vz_buf text;
	enum vz_openssh_fault fault;

	text_of(p, &text);
	fault = parse((const char *)vz_buf_ptr(&text), text.len, &key);
	vz_buf_free(&text);
	return fault;
}

static void
a_key_gives_its_seed_its_pair_and_its_comment(void **state)
{
	struct parts p = good();
	struct vz_openssh_key key;
	struct vz_buf text;

	(void)state;
	text_of(&p, &text);
	assert_int_equal(parse((const char *)vz_buf_ptr(&text), text.len, &key), VZ_OPENSSH_WELL);
	assert_memory_equal(key.seed, p.secret, 32);
	assert_memory_equal(key.secret, p.secret, 64);
	assert_memory_equal(key.public.b, p.outer, 32);
	assert_string_equal(key.comment, "alice");
	assert_false(key.comment_unfit);
	vz_buf_free(&text);
}

static void
a_comment_that_is_no_comment_of_ours_is_left_out_and_said_to_be(void **state)
{
	static char most[256], long_one[257];
	const struct {
		const char *comment;
		size_t len;
		bool fit;
	} cases[] = {{"", 0, true}, {most, 0, true}, {long_one, 0, false}, {"a\x1b[2J", 0, false},
	    {"\xff", 0, false}, {"a\0b", 3, false}};

	(void)state;
	memset(most, 'c', 255);
	memset(long_one, 'c', 256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct parts p = good();
		struct vz_openssh_key key;
		struct vz_buf text;

		p.comment = cases[i].comment;
		p.comment_len = cases[i].len;
		text_of(&p, &text);
		assert_int_equal(
		    parse((const char *)vz_buf_ptr(&text), text.len, &key), VZ_OPENSSH_WELL);
		assert_int_equal(key.comment_unfit, !cases[i].fit);
		assert_string_equal(key.comment, cases[i].fit ? cases[i].comment : "");
		vz_buf_free(&text);
	}
}

static void
an_encrypted_key_is_told_from_a_damaged_one(void **state)
{
	struct parts p = good();

	(void)state;
	p.cipher = "aes256-ctr";
	p.kdf = "bcrypt";
	p.options = "0123456789abcdef01234567";
	assert_int_equal(fault_of(&p), VZ_OPENSSH_ENCRYPTED);
	p = good();
	p.kdf = "bcrypt";
	assert_int_equal(fault_of(&p), VZ_OPENSSH_ENCRYPTED);
	p = good();
	p.cipher = "aes256-ctr";
	assert_int_equal(fault_of(&p), VZ_OPENSSH_ENCRYPTED);
	p = good();
	p.options = "x";
	assert_int_equal(fault_of(&p), VZ_OPENSSH_DAMAGED);
	/* Nobody is told to take the passphrase off a key that is of no use without it either. */
	p = good();
	p.cipher = "aes256-ctr";
	p.type = "ssh-rsa";
	assert_int_equal(fault_of(&p), VZ_OPENSSH_OTHER_TYPE);
}

static void
none_and_several_keys_are_refused(void **state)
{
	struct parts p = good();

	(void)state;
	for (uint32_t n = 0; n < 4; n++) {
		p.keys = n;
		assert_int_equal(fault_of(&p), n == 1 ? VZ_OPENSSH_WELL : VZ_OPENSSH_SEVERAL);
	}
	p.keys = UINT32_MAX;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_SEVERAL);
}

static void
keys_of_other_types_are_named_as_such(void **state)
{
	static const char *const types[] = {"ssh-rsa", "ecdsa-sha2-nistp256",
	    "sk-ssh-ed25519@openssh.com", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25518", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct parts p = good();

		p.type = types[i];
		assert_int_equal(fault_of(&p), VZ_OPENSSH_OTHER_TYPE);
		p = good();
		p.inner_type = types[i];
		assert_int_equal(fault_of(&p), VZ_OPENSSH_MISMATCH);
	}
}

static void
check_numbers_that_differ_and_wrong_padding_are_refused(void **state)
{
	struct parts p = good();

	(void)state;
	p.again ^= 1u << 31;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_CHECK);
	p = good();
	p.comment = "alic";
	p.padding[0] = 2;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_PADDING);
	/* Nothing is wanted behind "alice", so that whole blocks are too much. */
	for (size_t n = 0; n <= 32; n++) {
		p = good();
		for (size_t i = 0; i < 32; i++)
			p.padding[i] = (uint8_t)(i + 1);
		p.padding_len = n;
		assert_int_equal(fault_of(&p),
		    n == 0           ? VZ_OPENSSH_WELL
			: n % 8 == 0 ? VZ_OPENSSH_PADDING
				     : VZ_OPENSSH_DAMAGED);
	}
}

static void
a_public_key_that_is_another_one_s_is_refused_wherever_it_stands(void **state)
{
	struct parts p = good();

	(void)state;
	p.outer[5] ^= 1;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_MISMATCH);
	p = good();
	p.inner[5] ^= 1;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_MISMATCH);
	p = good();
	p.secret[63] ^= 1;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_MISMATCH);
	p = good();
	p.secret[0] ^= 1;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_MISMATCH);
}

static void
other_files_are_named_by_how_they_begin(void **state)
{
	static const struct {
		const char *text;
		enum vz_openssh_fault fault;
	} cases[] = {{"", VZ_OPENSSH_NOT_ONE}, {"vz-identity-1\n", VZ_OPENSSH_NOT_ONE},
	    {"-----BEGIN RSA PRIVATE KEY-----\n", VZ_OPENSSH_PEM},
	    {"-----BEGIN PRIVATE KEY-----\n", VZ_OPENSSH_PEM},
	    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", VZ_OPENSSH_PEM},
	    {"ssh-ed25519 AAAA", VZ_OPENSSH_PUBLIC},
	    {"ecdsa-sha2-nistp256 AAAA", VZ_OPENSSH_PUBLIC}, {BEGIN, VZ_OPENSSH_DAMAGED},
	    {BEGIN END, VZ_OPENSSH_DAMAGED},
	    {BEGIN "b3BlbnNzaC1rZXktdjEA\n" END, VZ_OPENSSH_DAMAGED},
	    {" " BEGIN, VZ_OPENSSH_NOT_ONE}};
	struct vz_openssh_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &key), cases[i].fault);
}

static void
a_file_cut_at_any_byte_is_no_key(void **state)
{
	struct parts p = good();
	struct vz_openssh_key key;
	struct vz_buf text;

	(void)state;
	text_of(&p, &text);
	/* The last newline may be missing. */
	for (size_t n = 0; n + 1 < text.len; n++) {
		char *cut = malloc(n + 1);

		assert_non_null(cut);
		memcpy(cut, vz_buf_ptr(&text), n);
		assert_int_not_equal(parse(cut, n, &key), VZ_OPENSSH_WELL);
		free(cut);
	}
	assert_int_equal(
	    parse((const char *)vz_buf_ptr(&text), text.len - 1, &key), VZ_OPENSSH_WELL);
	vz_buf_free(&text);
}

static void
what_is_too_much_is_refused_at_each_end(void **state)
{
	struct parts p = good();
	struct vz_openssh_key key;
	struct vz_buf text;

	(void)state;
	p.more = 1;
	assert_int_equal(fault_of(&p), VZ_OPENSSH_DAMAGED);
	p = good();
	p.magic = "openssh-key-v2";
	assert_int_equal(fault_of(&p), VZ_OPENSSH_DAMAGED);
	p = good();
	text_of(&p, &text);
	vz_buf_str(&text, "\r\n\n");
	assert_int_equal(parse((const char *)vz_buf_ptr(&text), text.len, &key), VZ_OPENSSH_WELL);
	vz_buf_str(&text, "x");
	assert_int_equal(
	    parse((const char *)vz_buf_ptr(&text), text.len, &key), VZ_OPENSSH_DAMAGED);
	vz_buf_free(&text);
}

static void
a_file_is_read_up_to_its_limit_and_not_beyond(void **state)
{
	struct parts p = good();
	struct vz_openssh_key key;
	struct vz_buf text;

	(void)state;
	text_of(&p, &text);
	while (text.len < VZ_OPENSSH_FILE_MAX)
		vz_buf_str(&text, "\n");
	assert_int_equal(parse((const char *)vz_buf_ptr(&text), text.len, &key), VZ_OPENSSH_WELL);
	vz_buf_str(&text, "\n");
	assert_int_equal(
	    parse((const char *)vz_buf_ptr(&text), text.len, &key), VZ_OPENSSH_DAMAGED);
	vz_buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_gives_its_seed_its_pair_and_its_comment),
	    cmocka_unit_test(a_comment_that_is_no_comment_of_ours_is_left_out_and_said_to_be),
	    cmocka_unit_test(an_encrypted_key_is_told_from_a_damaged_one),
	    cmocka_unit_test(none_and_several_keys_are_refused),
	    cmocka_unit_test(keys_of_other_types_are_named_as_such),
	    cmocka_unit_test(check_numbers_that_differ_and_wrong_padding_are_refused),
	    cmocka_unit_test(a_public_key_that_is_another_one_s_is_refused_wherever_it_stands),
	    cmocka_unit_test(other_files_are_named_by_how_they_begin),
	    cmocka_unit_test(a_file_cut_at_any_byte_is_no_key),
	    cmocka_unit_test(what_is_too_much_is_refused_at_each_end),
	    cmocka_unit_test(a_file_is_read_up_to_its_limit_and_not_beyond),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
