#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/err.h"
#include "mail/ustar.h"

#define MAX ((size_t)1 << 20)

static const char *const contents[VZ_USTAR_MEMBERS] = {"the body\n", "the manifest\n", "sig\n"};
static uint8_t filler[4096];

static unsigned
step_of(unsigned usual)
{
	const char *s = getenv("VZ_TEST_STEP"); /* valgrind takes larger steps */

	return s != NULL ? (unsigned)atoi(s) : usual;
}

static void
put_member(struct vz_buf *out, enum vz_ustar_member m, const void *p, size_t n)
{
	uint8_t header[VZ_USTAR_BLOCK];

	vz_ustar_header(m, n, header);
	assert_int_equal(vz_buf_put(out, header, sizeof(header)), 0);
	assert_int_equal(vz_buf_put(out, p, n), 0);
	assert_int_equal(vz_ustar_padding(m, n, out), 0);
}

static void
put_archive(struct vz_buf *out)
{
	vz_buf_init(out, MAX);
	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
		put_member(out, m, contents[m], strlen(contents[m]));
}

/* The members as they are found in p[0..n), read in pieces; VZ_ECUT when it is not all. */
static int
read_archive(const uint8_t *p, size_t n, size_t piece, struct vz_buf found[VZ_USTAR_MEMBERS])
{
	struct vz_ustar_reader r;
	struct vz_ustar_event e;
	unsigned begun = 0;
	int err = 0;

	vz_ustar_reader_init(&r);
	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
		vz_buf_clear(&found[m]);
	while (!err && n > 0) {
		size_t used;

		err = vz_ustar_next(&r, p, n < piece ? n : piece, &used, &e);
		if (!err)
			assert_true(used > 0);
		p += used;
		n -= used;
		if (e.what == VZ_USTAR_BEGIN)
			assert_int_equal(e.member, begun++);
		if (e.what == VZ_USTAR_DATA) {
			assert_int_equal(e.member, begun - 1);
			assert_int_equal(vz_buf_put(&found[e.member], e.data, e.len), 0);
		}
	}
	return err ? err : vz_ustar_done(&r) ? 0 : VZ_ECUT;
}

static struct vz_buf *
buffers(void)
{
	static struct vz_buf found[VZ_USTAR_MEMBERS];

	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++) {
		vz_buf_free(&found[m]);
		vz_buf_init(&found[m], MAX);
	}
	return found;
}

static void
three_members_are_read_as_they_were_written(void **state)
{
	static const size_t pieces[] = {1, 7, 511, 512, 513, MAX};
	struct vz_buf archive, *found = buffers();

	(void)state;
	put_archive(&archive);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		assert_int_equal(
		    read_archive(vz_buf_ptr(&archive), archive.len, pieces[i], found), 0);
		for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++) {
			assert_int_equal(found[m].len, strlen(contents[m]));
			assert_memory_equal(vz_buf_ptr(&found[m]), contents[m], found[m].len);
		}
	}
	vz_buf_free(&archive);
	buffers();
}

static void
members_may_be_empty_or_fill_their_blocks(void **state)
{
	static const size_t sizes[] = {0, 1, 511, 512, 513, 1024, sizeof(filler)};
	struct vz_buf archive, *found = buffers();

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t all[VZ_USTAR_MEMBERS];

		vz_buf_init(&archive, MAX);
		for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++) {
			put_member(&archive, m, filler, sizes[i]);
			all[m] = sizes[i];
		}
		assert_int_equal(archive.len, vz_ustar_size(all));
		assert_int_equal(archive.len % VZ_USTAR_BLOCK, 0);
		assert_int_equal(read_archive(vz_buf_ptr(&archive), archive.len, 100, found), 0);
		for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
			assert_int_equal(found[m].len, sizes[i]);
		vz_buf_free(&archive);
	}
	buffers();
}

static void
an_archive_cut_at_any_byte_is_not_whole(void **state)
{
	struct vz_buf archive, *found = buffers();

	(void)state;
	put_archive(&archive);
	for (size_t n = 0; n < archive.len; n += step_of(1))
		assert_int_equal(read_archive(vz_buf_ptr(&archive), n, MAX, found), VZ_ECUT);
	vz_buf_free(&archive);
	buffers();
}

/* Is byte `at` of put_archive's one of a member's contents? */
static bool
is_content(size_t at)
{
	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++) {
		size_t from = VZ_USTAR_BLOCK * (2 * (size_t)m + 1);

		if (at >= from && at < from + strlen(contents[m]))
			return true;
	}
	return false;
}

static void
each_bit_outside_of_the_contents_counts(void **state)
{
	struct vz_buf archive, *found = buffers();

	(void)state;
	put_archive(&archive);
	for (size_t at = 0; at < archive.len; at += step_of(1))
		for (unsigned bit = 0; bit < 8; bit++) {
			archive.data[archive.off + at] ^= (uint8_t)(1 << bit);
			assert_int_equal(
			    read_archive(vz_buf_ptr(&archive), archive.len, MAX, found),
			    is_content(at) ? 0 : VZ_EFORMAT);
			archive.data[archive.off + at] ^= (uint8_t)(1 << bit);
		}
	vz_buf_free(&archive);
	buffers();
}

static void
members_left_out_repeated_or_in_another_order_are_refused(void **state)
{
	static const int orders[][5] = {{-1}, {0, -1}, {0, 1, -1}, {1, 0, 2, -1}, {0, 2, 1, -1},
	    {2, 1, 0, -1}, {0, 0, 1, 2, -1}, {0, 1, 1, 2, -1}, {0, 1, 2, 2, -1}, {0, 1, 2, 0, -1},
	    {1, 2, -1}, {0, 2, -1}};
	struct vz_buf archive, *found = buffers();

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		int err;

		vz_buf_init(&archive, MAX);
		for (const int *m = orders[i]; *m >= 0; m++)
			put_member(&archive, (enum vz_ustar_member) * m, "x", 1);
		/* With an end, where put_member gave none. */
		assert_int_equal(vz_buf_put(&archive, filler, 1024), 0);
		err = read_archive(vz_buf_ptr(&archive), archive.len, MAX, found);
		assert_int_equal(err, VZ_EFORMAT);
		vz_buf_free(&archive);
	}
	buffers();
}

static void
bytes_after_the_end_are_refused_even_zeros(void **state)
{
	struct vz_buf archive, *found = buffers();

	(void)state;
	put_archive(&archive);
	assert_int_equal(vz_buf_u8(&archive, 0), 0);
	assert_int_equal(read_archive(vz_buf_ptr(&archive), archive.len, MAX, found), VZ_EFORMAT);
	assert_int_equal(read_archive(vz_buf_ptr(&archive), archive.len, 1, found), VZ_EFORMAT);
	vz_buf_free(&archive);
	buffers();
}

static void
a_reader_that_refused_stays_so(void **state)
{
	struct vz_ustar_reader r;
	struct vz_ustar_event e;
	struct vz_buf archive;
	size_t used;

	(void)state;
	put_archive(&archive);
	vz_ustar_reader_init(&r);
	assert_int_equal(vz_ustar_next(&r, filler, 512, &used, &e), VZ_EFORMAT);
	assert_int_equal(vz_ustar_next(&r, vz_buf_ptr(&archive), 512, &used, &e), VZ_EFORMAT);
	assert_int_equal(e.what, VZ_USTAR_NOTHING);
	assert_false(vz_ustar_done(&r));
	vz_buf_free(&archive);
}

static void
the_largest_size_fits_its_field(void **state)
{
	struct vz_ustar_reader r;
	struct vz_ustar_event e;
	uint8_t header[VZ_USTAR_BLOCK];
	size_t used;

	(void)state;
	vz_ustar_header(VZ_USTAR_BODY, VZ_USTAR_SIZE_MAX, header);
	assert_memory_equal(header + 124, "77777777777", 12);
	vz_ustar_reader_init(&r);
	assert_int_equal(vz_ustar_next(&r, header, sizeof(header), &used, &e), 0);
	assert_int_equal(e.what, VZ_USTAR_BEGIN);
	assert_true(e.size == VZ_USTAR_SIZE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_members_are_read_as_they_were_written),
	    cmocka_unit_test(members_may_be_empty_or_fill_their_blocks),
	    cmocka_unit_test(an_archive_cut_at_any_byte_is_not_whole),
	    cmocka_unit_test(each_bit_outside_of_the_contents_counts),
	    cmocka_unit_test(members_left_out_repeated_or_in_another_order_are_refused),
	    cmocka_unit_test(bytes_after_the_end_are_refused_even_zeros),
	    cmocka_unit_test(a_reader_that_refused_stays_so),
	    cmocka_unit_test(the_largest_size_fits_its_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
