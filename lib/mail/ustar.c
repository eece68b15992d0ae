#include "mail/ustar.h"

#include <string.h>
#include "base/err.h"

#define END_LEN (2 * VZ_USTAR_BLOCK)

/* Where the fields that are not zero begin, and how long the numbers are. */
enum {
	AT_NAME = 0,
	AT_MODE = 100,
	AT_UID = 108,
	AT_GID = 116,
	AT_SIZE = 124,
	AT_MTIME = 136,
	AT_CHECKSUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257, /* "ustar", NUL, and the version without one */
	AT_DEVMAJOR = 329,
	AT_DEVMINOR = 337,
	DIGITS = 7,
	SIZE_DIGITS = 11,
	CHECKSUM_DIGITS = 6,
};

static const char *const names[VZ_USTAR_MEMBERS] = {
    [VZ_USTAR_BODY] = "body",
    [VZ_USTAR_MANIFEST] = "manifest",
    [VZ_USTAR_SIG] = "manifest.sig",
};

static void
put_octal(uint8_t *p, unsigned digits, uint64_t v)
{
	while (digits > 0) {
		p[--digits] = (uint8_t)('0' + (v & 7));
		v >>= 3;
	}
}

void
vz_ustar_header(enum vz_ustar_member member, uint64_t size, uint8_t out[static VZ_USTAR_BLOCK])
{
	unsigned sum = 0;

	memset(out, 0, VZ_USTAR_BLOCK);
	memcpy(out + AT_NAME, names[member], strlen(names[member]));
	put_octal(out + AT_MODE, DIGITS, 0644);
	put_octal(out + AT_UID, DIGITS, 0);
	put_octal(out + AT_GID, DIGITS, 0);
	put_octal(out + AT_SIZE, SIZE_DIGITS, size);
	put_octal(out + AT_MTIME, SIZE_DIGITS, 0);
	out[AT_TYPE] = '0';
	memcpy(out + AT_MAGIC, "ustar\00000", 8);
	put_octal(out + AT_DEVMAJOR, DIGITS, 0);
	put_octal(out + AT_DEVMINOR, DIGITS, 0);
	/* The sum is taken with blanks in its own place. */
	memset(out + AT_CHECKSUM, ' ', 8);
	for (size_t i = 0; i < VZ_USTAR_BLOCK; i++)
		sum += out[i];
	put_octal(out + AT_CHECKSUM, CHECKSUM_DIGITS, sum);
	out[AT_CHECKSUM + CHECKSUM_DIGITS] = '\0';
}

/* Zeros up to the next block, and behind the last member those of the end. */
static size_t
zeros_after(unsigned member, uint64_t size)
{
	size_t pad = (size_t)(-size % VZ_USTAR_BLOCK);

	return member == VZ_USTAR_MEMBERS - 1 ? pad + END_LEN : pad;
}

int
vz_ustar_padding(enum vz_ustar_member member, uint64_t size, struct vz_buf *to)
{
	static const uint8_t zeros[VZ_USTAR_BLOCK + END_LEN];

	return vz_buf_put(to, zeros, zeros_after(member, size));
}

uint64_t
vz_ustar_size(const uint64_t size[static VZ_USTAR_MEMBERS])
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VZ_USTAR_MEMBERS; i++)
		sum += VZ_USTAR_BLOCK + size[i] + zeros_after(i, size[i]);
	return sum;
}

static void
expect(struct vz_ustar_reader *r, enum vz_ustar_at what, uint64_t left)
{
	r->at = what;
	r->left = left;
}

void
vz_ustar_reader_init(struct vz_ustar_reader *r)
{
	memset(r, 0, sizeof(*r));
	expect(r, USTAR_HEADER, VZ_USTAR_BLOCK);
}

/* The contents are over: what follows are zeros, or at once the next header. */
static void
after_contents(struct vz_ustar_reader *r)
{
	expect(r, USTAR_ZEROS, zeros_after(r->member, r->size));
	if (r->left > 0)
		return;
	r->member++;
	expect(r, USTAR_HEADER, VZ_USTAR_BLOCK);
}

/* The one header that this member of the size said there can have. */
static int
read_header(struct vz_ustar_reader *r, struct vz_ustar_event *event)
{
	uint8_t want[VZ_USTAR_BLOCK];

	r->size = 0;
	for (size_t i = 0; i < SIZE_DIGITS; i++)
		r->size = r->size << 3 | (r->block[AT_SIZE + i] & 7);
	vz_ustar_header(r->member, r->size, want);
	if (memcmp(r->block, want, sizeof(want)) != 0)
		return VZ_EFORMAT;
	*event =
	    (struct vz_ustar_event){.what = VZ_USTAR_BEGIN, .member = r->member, .size = r->size};
	expect(r, USTAR_CONTENTS, r->size);
	if (r->left == 0)
		after_contents(r);
	return 0;
}

/* Of the bytes that are awaited, these came; how many they are. */
static size_t
arrived(struct vz_ustar_reader *r, size_t n)
{
	if (n > r->left)
		n = (size_t)r->left;
	r->left -= n;
	return n;
}

static int
take_header(struct vz_ustar_reader *r, const uint8_t *p, size_t n, size_t *used,
    struct vz_ustar_event *event)
{
	size_t held = VZ_USTAR_BLOCK - (size_t)r->left;

	*used = arrived(r, n);
	memcpy(r->block + held, p, *used);
	return r->left == 0 ? read_header(r, event) : 0;
}

static int
take_zeros(struct vz_ustar_reader *r, const uint8_t *p, size_t n, size_t *used)
{
	*used = arrived(r, n);
	for (size_t i = 0; i < *used; i++)
		if (p[i] != 0)
			return VZ_EFORMAT;
	if (r->left == 0) {
		r->member++;
		expect(r, USTAR_HEADER, VZ_USTAR_BLOCK);
	}
	return 0;
}

int
vz_ustar_next(struct vz_ustar_reader *r, const uint8_t *p, size_t n, size_t *used,
    struct vz_ustar_event *event)
{
	*used = 0;
	*event = (struct vz_ustar_event){.what = VZ_USTAR_NOTHING};
	if (r->err || n == 0)
		return r->err;
	if (vz_ustar_done(r)) {
		r->err = VZ_EFORMAT;
	} else if (r->at == USTAR_HEADER) {
		r->err = take_header(r, p, n, used, event);
	} else if (r->at == USTAR_ZEROS) {
		r->err = take_zeros(r, p, n, used);
	} else {
		*used = arrived(r, n);
		*event = (struct vz_ustar_event){.what = VZ_USTAR_DATA,
		    .member = r->member,
		    .size = r->size,
		    .data = p,
		    .len = *used};
		if (r->left == 0)
			after_contents(r);
	}
	return r->err;
}

bool
vz_ustar_done(const struct vz_ustar_reader *r)
{
	return !r->err && r->member == VZ_USTAR_MEMBERS;
}
