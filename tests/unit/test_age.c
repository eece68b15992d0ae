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
#include "crypto/noise.h"
#include "mail/age.h"

#define MAX ((size_t)1 << 20)

static uint8_t secrets[3][32], publics[3][32];
static uint8_t random_bytes[VZ_AGE_RANDOM_MAX], plain[3 * VZ_AGE_CHUNK + 10];

static unsigned
step_of(unsigned usual)
{
	const char *s = getenv("VZ_TEST_STEP"); /* valgrind takes larger steps */

	return s != NULL ? (unsigned)atoi(s) : usual;
}

/* A file to the first n keys, fed in pieces. */
static void
write_file(size_t n, size_t len, size_t piece, struct vz_buf *out)
{
	struct vz_age_writer *w;

	vz_buf_init(out, MAX);
	assert_int_equal(
	    vz_age_writer_new(&w, (const uint8_t(*)[32])publics, n, random_bytes, out), 0);
	for (size_t at = 0; at < len; at += piece)
		assert_int_equal(
		    vz_age_writer_put(w, plain + at, len - at < piece ? len - at : piece, out), 0);
	assert_int_equal(vz_age_writer_end(w, out), 0);
	vz_age_writer_free(w);
}

/* Reads p[0..n) with key number `key`; the length of what came out, which is the right plaintext.
 */
static int
read_file(int key, const uint8_t *p, size_t n, size_t piece, size_t *len)
{
	struct vz_age_reader *r;
	struct vz_buf out;
	int err = 0;

	vz_buf_init(&out, MAX);
	assert_int_equal(vz_age_reader_new(&r, (const uint8_t(*)[32])secrets[key], 1), 0);
	for (size_t at = 0; !err && at < n; at += piece)
		err = vz_age_reader_put(r, p + at, n - at < piece ? n - at : piece, &out);
	if (err)
		assert_int_equal(vz_age_reader_end(r, &out), err);
	else
		err = vz_age_reader_end(r, &out);
	*len = out.len;
	assert_true(out.len <= sizeof(plain));
	assert_memory_equal(vz_buf_ptr(&out), plain, out.len);
	vz_age_reader_free(r);
	vz_buf_free(&out);
	return err;
}

static const size_t lengths[] = {0, 1, 15, 16, 17, 1000, VZ_AGE_CHUNK - 1, VZ_AGE_CHUNK,
    VZ_AGE_CHUNK + 1, 2 * VZ_AGE_CHUNK, 2 * VZ_AGE_CHUNK + 1, sizeof(plain)};

static void
what_is_written_is_read_whatever_its_length_and_pieces(void **state)
{
	static const size_t pieces[] = {MAX, 1021, VZ_AGE_CHUNK, VZ_AGE_CHUNK + 16};
	struct vz_buf file;
	size_t len;

	(void)state;
	for (size_t i = 0; i<sizeof(lengths) / sizeof(*lengths); i += step_of(1)> 1 ? 7 : 1)
		for (size_t j = 0; j < sizeof(pieces) / sizeof(*pieces); j++) {
			write_file(1, lengths[i], pieces[j], &file);
			assert_int_equal(file.len, vz_age_size(1, lengths[i]));
			assert_int_equal(
			    read_file(0, vz_buf_ptr(&file), file.len, pieces[3 - j], &len), 0);
			assert_int_equal(len, lengths[i]);
			vz_buf_free(&file);
		}
}

static void
each_recipient_reads_the_file_and_nobody_else(void **state)
{
	struct vz_buf file;
	size_t len;

	(void)state;
	write_file(2, 1000, 1000, &file);
	assert_int_equal(file.len, vz_age_size(2, 1000));
	assert_int_equal(read_file(0, vz_buf_ptr(&file), file.len, MAX, &len), 0);
	assert_int_equal(read_file(1, vz_buf_ptr(&file), file.len, MAX, &len), 0);
	assert_int_equal(len, 1000);
	assert_int_equal(read_file(2, vz_buf_ptr(&file), file.len, MAX, &len), VZ_EMISMATCH);
	assert_int_equal(len, 0);
	vz_buf_free(&file);
}

static void
an_old_key_still_reads_beside_the_new_one(void **state)
{
	struct vz_age_reader *r;
	struct vz_buf file, out;

	(void)state;
	write_file(1, 100, 100, &file);
	for (size_t n = 1; n <= 3; n++) {
		uint8_t ring[3][32];

		/* The one that fits comes last. */
		memcpy(ring[0], secrets[1], 32);
		memcpy(ring[1], secrets[2], 32);
		memcpy(ring[n - 1], secrets[0], 32);
		vz_buf_init(&out, MAX);
		assert_int_equal(vz_age_reader_new(&r, (const uint8_t(*)[32])ring, n), 0);
		assert_int_equal(vz_age_reader_put(r, vz_buf_ptr(&file), file.len, &out), 0);
		assert_int_equal(vz_age_reader_end(r, &out), 0);
		assert_int_equal(out.len, 100);
		vz_age_reader_free(r);
		vz_buf_free(&out);
	}
	vz_buf_free(&file);
}

static void
a_file_cut_at_any_byte_is_not_taken_for_whole(void **state)
{
	struct vz_buf file;
	size_t len;

	(void)state;
	write_file(1, VZ_AGE_CHUNK + 300, MAX, &file);
	for (size_t n = 0; n < file.len; n += n < 300 || n + 700 > file.len ? step_of(1) : 997) {
		int err = read_file(0, vz_buf_ptr(&file), n, MAX, &len);

		assert_true(err == VZ_ECUT || err == VZ_EAUTH);
	}
	vz_buf_free(&file);
}

static void
a_flipped_bit_in_any_byte_is_found(void **state)
{
	struct vz_buf file;
	size_t len;

	(void)state;
	write_file(2, 300, MAX, &file);
	for (size_t at = 0; at < file.len; at += step_of(1))
		for (unsigned bit = 0; bit < 8; bit++) {
			int err;

			file.data[file.off + at] ^= (uint8_t)(1 << bit);
			err = read_file(0, vz_buf_ptr(&file), file.len, MAX, &len);
			assert_true(err == VZ_EFORMAT || err == VZ_EAUTH || err == VZ_ECUT ||
			    err == VZ_EMISMATCH);
			assert_int_equal(len, 0);
			file.data[file.off + at] ^= (uint8_t)(1 << bit);
		}
	vz_buf_free(&file);
}

static void
bytes_after_the_end_are_refused(void **state)
{
	static const size_t garbage[] = {1, 16, 17, VZ_AGE_CHUNK + 16};
	struct vz_buf file;
	uint8_t *room;
	size_t len;

	(void)state;
	for (size_t i = 0; i<sizeof(lengths) / sizeof(*lengths); i += step_of(1)> 1 ? 7 : 1)
		for (size_t j = 0; j < sizeof(garbage) / sizeof(*garbage); j++) {
			write_file(1, lengths[i], MAX, &file);
			assert_int_equal(vz_buf_reserve(&file, garbage[j], &room), 0);
			memset(room, 0, garbage[j]);
			vz_buf_added(&file, garbage[j]);
			assert_int_equal(
			    read_file(0, vz_buf_ptr(&file), file.len, MAX, &len), VZ_EAUTH);
			vz_buf_free(&file);
		}
}

static void
chunks_swapped_repeated_or_left_out_are_found(void **state)
{
	const size_t sealed = VZ_AGE_CHUNK + 16, at = (size_t)vz_age_size(1, 0) - 16;
	uint8_t *chunks, *swap = malloc(sealed);
	struct vz_buf file;
	size_t len;

	(void)state;
	write_file(1, sizeof(plain), MAX, &file);
	chunks = file.data + file.off + at;
	memcpy(swap, chunks, sealed);
	memcpy(chunks, chunks + sealed, sealed);
	assert_int_equal(read_file(0, vz_buf_ptr(&file), file.len, MAX, &len), VZ_EAUTH);
	assert_int_equal(len, 0);
	memcpy(chunks + sealed, swap, sealed);
	assert_int_equal(read_file(0, vz_buf_ptr(&file), file.len, MAX, &len), VZ_EAUTH);
	memcpy(chunks, swap, sealed); /* the first one twice */
	assert_int_equal(read_file(0, vz_buf_ptr(&file), file.len, MAX, &len), VZ_EAUTH);
	assert_int_equal(len, VZ_AGE_CHUNK);
	memmove(chunks + sealed, chunks + 2 * sealed, file.len - at - 2 * sealed);
	assert_int_equal(read_file(0, vz_buf_ptr(&file), file.len - sealed, MAX, &len), VZ_EAUTH);
	assert_int_equal(len, VZ_AGE_CHUNK);
	vz_buf_free(&file);
	free(swap);
}

static void
a_point_of_small_order_is_no_recipient(void **state)
{
	static const uint8_t zeros[1][32];
	struct vz_age_writer *w;
	struct vz_buf out;

	(void)state;
	vz_buf_init(&out, MAX);
	assert_int_equal(vz_age_writer_new(&w, zeros, 1, random_bytes, &out), VZ_EAUTH);
	assert_null(w);
	assert_int_equal(out.len, 0);
	vz_buf_free(&out);
}

static void
no_recipient_and_too_many_are_refused(void **state)
{
	struct vz_age_writer *w;
	struct vz_age_reader *r;
	struct vz_buf out;

	(void)state;
	vz_buf_init(&out, MAX);
	for (size_t n = 0; n <= VZ_AGE_KEYS_MAX + 1; n += VZ_AGE_KEYS_MAX + 1) {
		assert_int_equal(
		    vz_age_writer_new(&w, (const uint8_t(*)[32])publics, n, random_bytes, &out),
		    VZ_EINVAL);
		assert_int_equal(
		    vz_age_reader_new(&r, (const uint8_t(*)[32])secrets, n), VZ_EINVAL);
	}
	assert_int_equal(out.len, 0);
	vz_buf_free(&out);
}

static void
a_header_without_a_stanza_is_malformed(void **state)
{
	static const char header[] =
	    "age-encryption.org/v1\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
	size_t len;

	(void)state;
	assert_int_equal(
	    read_file(0, (const uint8_t *)header, strlen(header), MAX, &len), VZ_EFORMAT);
}

static void
an_endless_header_is_refused(void **state)
{
	static const char begin[] = "age-encryption.org/v1\n", stanza[] = "-> x\n\n";
	struct vz_age_reader *r;
	struct vz_buf out;
	size_t fed = strlen(begin);
	int err;

	(void)state;
	vz_buf_init(&out, MAX);
	assert_int_equal(vz_age_reader_new(&r, (const uint8_t(*)[32])secrets, 1), 0);
	err = vz_age_reader_put(r, begin, strlen(begin), &out);
	while (!err && fed < 2 * VZ_AGE_HEADER_MAX) {
		err = vz_age_reader_put(r, stanza, strlen(stanza), &out);
		fed += strlen(stanza);
	}
	assert_int_equal(err, VZ_EFORMAT);
	assert_true(fed <= VZ_AGE_HEADER_MAX + strlen(stanza));
	vz_age_reader_free(r);
	/* The same in one line without an end. */
	memset(random_bytes, 'a', sizeof(random_bytes));
	assert_int_equal(vz_age_reader_new(&r, (const uint8_t(*)[32])secrets, 1), 0);
	for (fed = 0, err = 0; !err && fed < 2 * VZ_AGE_HEADER_MAX; fed += sizeof(random_bytes))
		err = vz_age_reader_put(r, random_bytes, sizeof(random_bytes), &out);
	assert_int_equal(err, VZ_EFORMAT);
	vz_age_reader_free(r);
	vz_buf_free(&out);
	randombytes_buf(random_bytes, sizeof(random_bytes));
}

static void
a_writer_without_room_fails_and_stays_so(void **state)
{
	struct vz_age_writer *w;
	struct vz_buf out;

	(void)state;
	vz_buf_init(&out, 100);
	assert_int_equal(
	    vz_age_writer_new(&w, (const uint8_t(*)[32])publics, 1, random_bytes, &out), VZ_ELIMIT);
	assert_int_equal(out.len, 0);
	vz_buf_free(&out);
	vz_buf_init(&out, 1000);
	assert_int_equal(
	    vz_age_writer_new(&w, (const uint8_t(*)[32])publics, 1, random_bytes, &out), 0);
	assert_int_equal(vz_age_writer_put(w, plain, sizeof(plain), &out), VZ_ELIMIT);
	assert_int_equal(vz_age_writer_put(w, plain, 1, &out), VZ_EINVAL);
	assert_int_equal(vz_age_writer_end(w, &out), VZ_EINVAL);
	vz_age_writer_free(w);
	vz_buf_free(&out);
}

static void
keys_have_the_text_that_age_gives_them(void **state)
{
	/* As age-keygen -y prints the one of the other. */
	static const char secret[] =
	    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
	static const char public[] =
	    "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
	char text[VZ_AGE_IDENTITY_TEXT], recipient[VZ_AGE_RECIPIENT_TEXT];
	uint8_t key[32], want[32];

	(void)state;
	memset(want, 0x42, sizeof(want));
	assert_int_equal(vz_age_identity_parse(secret, strlen(secret), key), 0);
	assert_memory_equal(key, want, 32);
	vz_age_identity_format(key, text);
	assert_string_equal(text, secret);
	assert_int_equal(vz_x25519_public(key, want), 0);
	vz_age_recipient_format(want, recipient);
	assert_string_equal(recipient, public);
	assert_int_equal(vz_age_recipient_parse(public, strlen(public), key), 0);
	assert_memory_equal(key, want, 32);
}

static void
keys_in_the_wrong_case_or_place_are_refused(void **state)
{
	char text[VZ_AGE_IDENTITY_TEXT], recipient[VZ_AGE_RECIPIENT_TEXT];
	uint8_t key[32];

	(void)state;
	vz_age_identity_format(secrets[0], text);
	vz_age_recipient_format(publics[0], recipient);
	assert_int_equal(vz_age_recipient_parse(text, strlen(text), key), VZ_EFORMAT);
	assert_int_equal(vz_age_identity_parse(recipient, strlen(recipient), key), VZ_EFORMAT);
	assert_int_equal(vz_age_recipient_parse(recipient, strlen(recipient) - 1, key), VZ_EFORMAT);
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	for (char *c = recipient; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	assert_int_equal(vz_age_identity_parse(text, strlen(text), key), VZ_EFORMAT);
	assert_true(sodium_is_zero(key, 32));
	assert_int_equal(vz_age_recipient_parse(recipient, strlen(recipient), key), VZ_EFORMAT);
	assert_true(sodium_is_zero(key, 32));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read_whatever_its_length_and_pieces),
	    cmocka_unit_test(each_recipient_reads_the_file_and_nobody_else),
	    cmocka_unit_test(an_old_key_still_reads_beside_the_new_one),
	    cmocka_unit_test(a_file_cut_at_any_byte_is_not_taken_for_whole),
	    cmocka_unit_test(a_flipped_bit_in_any_byte_is_found),
	    cmocka_unit_test(bytes_after_the_end_are_refused),
	    cmocka_unit_test(chunks_swapped_repeated_or_left_out_are_found),
	    cmocka_unit_test(a_point_of_small_order_is_no_recipient),
	    cmocka_unit_test(no_recipient_and_too_many_are_refused),
	    cmocka_unit_test(a_header_without_a_stanza_is_malformed),
	    cmocka_unit_test(an_endless_header_is_refused),
	    cmocka_unit_test(a_writer_without_room_fails_and_stays_so),
	    cmocka_unit_test(keys_have_the_text_that_age_gives_them),
	    cmocka_unit_test(keys_in_the_wrong_case_or_place_are_refused),
	};

	if (vz_secret_init() != 0)
		return 1;
	randombytes_buf(secrets, sizeof(secrets));
	randombytes_buf(random_bytes, sizeof(random_bytes));
	randombytes_buf(plain, sizeof(plain));
	for (int i = 0; i < 3; i++)
		if (vz_x25519_public(secrets[i], publics[i]) != 0)
			return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
