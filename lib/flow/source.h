/*
 * Where the bytes of a message come from (DESIGN 5, 8): a file, or anything that is read as it
 * comes. Bytes stay where they are until released, so that they are sealed straight from there.
 *
 *	what = vz_source_fill(s, sent + goal);
 *	while ((n = vz_source_peek(s, sent, &p)) > 0) sent += send(p, n);
 *	vz_source_release(s, taken);
 *	if (what == VZ_SOURCE_END && sent == vz_source_end(s)) vz_source_verify(s);
 */
#ifndef VZ_FLOW_SOURCE_H
#define VZ_FLOW_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vz_source;

#define VZ_SOURCE_MAP_MIN (256u * 1024)      /* files shorter than this are short */
#define VZ_SOURCE_WINDOW  (4u * 1024 * 1024) /* of a mapped file in memory at once */

enum vz_source_flags {
	VZ_SOURCE_OWN = 1,      /* close fd at the end */
	VZ_SOURCE_READ = 2,     /* read(2) regular files too, never map them */
	VZ_SOURCE_PRODUCER = 4, /* the end counts only after vz_source_finish */
};

/*
 * Over a descriptor. A regular file goes from its offset to its end and its length is known: a
 * short one is read here and now, whatever length it states (procfs, sysfs); a long one is mapped,
 * or read in blocks, and has to keep its size. One that cannot be mapped is read until its end,
 * like all else. fd is taken over with VZ_SOURCE_OWN, also
 * on failure. The file mode is not changed: no O_NONBLOCK on what others share. VZ_ENOMEM,
 * VZ_ESYSTEM (EISDIR for a folder).
 */
int vz_source_new(struct vz_source **out, int fd, unsigned flags);
/* One of no bytes. VZ_ENOMEM. */
int vz_source_empty(struct vz_source **out);
void vz_source_free(struct vz_source *s);

/* The length, or VZ_LENGTH_UNKNOWN. */
uint64_t vz_source_length(const struct vz_source *s);
/* True when it could be read again from the start of this message. */
bool vz_source_rereadable(const struct vz_source *s);
/* True when any byte can be peeked at any time: releasing changes nothing. */
bool vz_source_holds(const struct vz_source *s);
/* Bytes that are waiting in the descriptor and here, as far as that can be known at once. */
uint64_t vz_source_waiting(const struct vz_source *s);

enum vz_source_got {
	VZ_SOURCE_MORE = 0, /* as much as asked for; there may be more at once */
	VZ_SOURCE_DRY = 1,  /* nothing more now: wait until vz_source_fd is readable, or finished */
	VZ_SOURCE_FULL = 2, /* the ring is full: release first */
	VZ_SOURCE_END = 3,  /* the end is at vz_source_end */
};
/*
 * Takes in what is there, without waiting, until bytes below `goal` are held. VZ_ESYSTEM (reading
 * failed), VZ_ECHANGED (a file grew or shrank), VZ_ENOMEM; errors stay.
 */
int vz_source_fill(struct vz_source *s, uint64_t goal);
/* What to wait on for reading after VZ_SOURCE_DRY, or -1: the end was read, see vz_source_finish.
 */
int vz_source_fd(const struct vz_source *s);
/* The offset after the last byte taken in so far. */
uint64_t vz_source_end(const struct vz_source *s);
/*
 * Contiguous bytes from `offset` (not below what was released): how many, at *p, until the next
 * fill, peek or release. 0 when there are none now, or a window could not be mapped: then fill says
 * the error.
 */
size_t vz_source_peek(struct vz_source *s, uint64_t offset, const uint8_t **p);
/* The other side has taken the bytes below `offset`. */
void vz_source_release(struct vz_source *s, uint64_t offset);
/* The producer ended well: from now on the end of file is the end. */
void vz_source_finish(struct vz_source *s);
/*
 * Call when all bytes were sealed, before the message's END: VZ_ECHANGED when the file changed its
 * size meanwhile or part of it could not be read (then zeros stood in for it, DESIGN 10 item 9).
 * Leaves the offset of the descriptor at the end, as cat would.
 */
int vz_source_verify(struct vz_source *s);

#endif
