/*
 * The archive inside a sealed message: a ustar (POSIX.1, pax(1)) of exactly three members, in this
 * order: body, manifest, manifest.sig.
 *
 * One message has one archive. Each header is what vz_ustar_header writes, byte for byte: a regular
 * file with mode 0644, owner and group 0 without names, modification time 0, and "00" for version;
 * contents are padded with zeros to 512 bytes, and two blocks of zeros are the end. So nothing is
 * left that two readers could understand in two ways.
 *
 * By hand: tar --format=ustar --owner=:0 --group=:0 --numeric-owner --mtime=@0 --mode=644 -b1 -c
 * body manifest manifest.sig
 */
#ifndef VZ_MAIL_USTAR_H
#define VZ_MAIL_USTAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum vz_ustar_member {
	VZ_USTAR_BODY,
	VZ_USTAR_MANIFEST,
	VZ_USTAR_SIG,
	VZ_USTAR_MEMBERS,
};

#define VZ_USTAR_BLOCK 512
/* Eleven octal digits. */
#define VZ_USTAR_SIZE_MAX (((uint64_t)1 << 33) - 1)

/* The header of a member of this size, at most VZ_USTAR_SIZE_MAX. */
void
vz_ustar_header(enum vz_ustar_member member, uint64_t size, uint8_t out[static VZ_USTAR_BLOCK]);
/* Appends the zeros that follow the contents of a member of this size, and after the last one those
 * of the end. VZ_ELIMIT, VZ_ENOMEM. */
int vz_ustar_padding(enum vz_ustar_member member, uint64_t size, struct vz_buf *to);
/* The length of the whole archive. */
uint64_t vz_ustar_size(const uint64_t size[static VZ_USTAR_MEMBERS]);

/* What vz_ustar_next found. */
struct vz_ustar_event {
	enum {
		VZ_USTAR_NOTHING, /* more bytes are needed */
		VZ_USTAR_BEGIN,   /* a member begins, whose contents have this size */
		VZ_USTAR_DATA,    /* the next of its contents */
	} what;
	enum vz_ustar_member member;
	uint64_t size;
	const uint8_t *data; /* inside the bytes given */
	size_t len;
};

/* An archive that is being read. For callers to hold; fields are private. */
struct vz_ustar_reader {
	int err;
	unsigned member; /* the one being read; VZ_USTAR_MEMBERS in the end */
	enum vz_ustar_at { USTAR_HEADER, USTAR_CONTENTS, USTAR_ZEROS } at;
	uint64_t size, left; /* of what is read */
	uint8_t block[VZ_USTAR_BLOCK];
};

void vz_ustar_reader_init(struct vz_ustar_reader *r);
/*
 * Takes bytes of p[0..n), at least one if n is not 0, and sets *used; call it again with the rest
 * until *used is n. VZ_EFORMAT for good when it is any other archive.
 */
int vz_ustar_next(struct vz_ustar_reader *r, const uint8_t *p, size_t n, size_t *used,
    struct vz_ustar_event *event);
/* True when the archive is whole. */
bool vz_ustar_done(const struct vz_ustar_reader *r);

#endif
