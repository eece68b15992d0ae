/*
 * The archive in a sealed message: what is read, in pieces of any size, is written again to the
 * same bytes, so that one message has one archive.
 *
 * The first byte of an input: the size of the pieces, and whether the rest edits a good archive
 * (network.h) or is one.
 *
 * Aims at: lib/mail/ustar.c
 */
#include "base/buf.h"
#include "base/err.h"
#include "mail/ustar.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/network.h"

#define ARCHIVE_MAX (32 * 1024)

static struct vz_buf good;

static void
put_member(struct vz_buf *to, enum vz_ustar_member m, const void *p, size_t n)
{
	uint8_t header[VZ_USTAR_BLOCK];

	vz_ustar_header(m, n, header);
	PROMISE(vz_buf_put(to, header, sizeof(header)) == 0 && vz_buf_put(to, p, n) == 0);
	PROMISE(vz_ustar_padding(m, n, to) == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	vz_buf_init(&good, ARCHIVE_MAX);
	put_member(&good, VZ_USTAR_BODY, "body\n", 5);
	put_member(&good, VZ_USTAR_MANIFEST, "", 0);
	put_member(&good, VZ_USTAR_SIG, "sig", 3);
	return 0;
}

/* Reads an archive to its members; true when it is one. */
static bool
read_archive(const uint8_t *p, size_t n, size_t piece, struct vz_buf member[VZ_USTAR_MEMBERS])
{
	struct vz_ustar_reader r;
	struct vz_ustar_event e = {0};
	unsigned begun = 0;
	size_t used;
	int err = 0;

	vz_ustar_reader_init(&r);
	while (!err && n > 0) {
		err = vz_ustar_next(&r, p, n < piece ? n : piece, &used, &e);
		PROMISE(err == 0 || err == VZ_EFORMAT);
		if (err)
			break;
		PROMISE(used > 0 && used <= n);
		if (e.what == VZ_USTAR_BEGIN)
			PROMISE(e.member == begun++ && e.size <= VZ_USTAR_SIZE_MAX);
		if (e.what == VZ_USTAR_DATA) {
			PROMISE(e.member == begun - 1 && e.data >= p && e.data + e.len <= p + n);
			PROMISE(vz_buf_put(&member[e.member], e.data, e.len) == 0);
			PROMISE(member[e.member].len <= e.size);
		}
		p += used;
		n -= used;
	}
	return vz_ustar_done(&r);
}

static void
check(const uint8_t *p, size_t n, size_t piece)
{
	struct vz_buf member[VZ_USTAR_MEMBERS], again;

	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
		vz_buf_init(&member[m], ARCHIVE_MAX);
	if (read_archive(p, n, piece, member)) {
		vz_buf_init(&again, ARCHIVE_MAX);
		for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
			put_member(&again, m, vz_buf_ptr(&member[m]), member[m].len);
		PROMISE(again.len == n && memcmp(vz_buf_ptr(&again), p, n) == 0);
		vz_buf_free(&again);
	}
	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
		vz_buf_free(&member[m]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t archive[ARCHIVE_MAX];
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);
	size_t len = good.len;

	if (size < 1 || size > ARCHIVE_MAX)
		return 0;
	if (how & 1) {
		check(in.p, in.len, 1 + how / 2 * 16);
		return 0;
	}
	memcpy(archive, vz_buf_ptr(&good), good.len);
	len = network_tamper(&in, archive, len, sizeof(archive));
	check(archive, len, 1 + how / 2 * 16);
	return 0;
}
