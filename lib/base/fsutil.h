/*
 * Safe files (DESIGN 4): opened without following links, judged on the open descriptor, replaced
 * whole.
 */
#ifndef VZ_BASE_FSUTIL_H
#define VZ_BASE_FSUTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include "base/buf.h"

enum vz_fs_rule {
	VZ_FS_ANY,     /* any regular file */
	VZ_FS_TRUSTED, /* file and its folder owned by us or root and not writable by group or
			  others; the sticky bit excuses nothing */
	VZ_FS_SECRET,  /* owned by us or root; nothing for group or others, but see below */
};

/*
 * openat(2), again when a signal interrupts it, as network and user file systems let it; a FIFO is
 * not to be waited for by this (O_NONBLOCK). `mode` counts only with O_CREAT. -1 with errno.
 */
int vz_fs_openat(int at, const char *path, int flags, mode_t mode);
/*
 * Opens a regular file for reading (close-on-exec) and checks the rule by fstat on the descriptor.
 * VZ_FS_ANY and VZ_FS_TRUSTED follow links (a trusted link's target is what is judged, and every
 * folder on the way that holds a link to it), VZ_FS_SECRET follows none in the last component.
 * A secret may be root's to read for root's group when nobody can write to its file system: so look
 * the credentials of a service manager that lends them by an access list (systemd 254 and later).
 * VZ_ENOTFOUND, VZ_EMODE, VZ_ESYSTEM. The caller closes *fd.
 */
int vz_fs_open(const char *path, enum vz_fs_rule rule, int *fd);
/*
 * Opens as above and appends the whole file to out (whose bound is the limit: VZ_ELIMIT). On
 * failure out holds what it held before.
 */
int vz_fs_read(const char *path, enum vz_fs_rule rule, struct vz_buf *out);
/*
 * Makes path and its missing parents, mode 0700 each whatever the umask; an existing folder is left
 * as it is. VZ_ESYSTEM, with ENOTDIR in errno when something else is in the way.
 */
int vz_fs_mkdirs(const char *path);
/*
 * Writes a whole file: temporary with an unpredictable name in the same folder
 * (O_EXCL|O_NOFOLLOW), mode whatever the umask, fsync, rename, fsync of the folder. With
 * `exclusive`, an existing path is VZ_EEXISTS and is left alone (link, not rename).
 */
int vz_fs_replace(const char *path, mode_t mode, int exclusive, const void *data, size_t len);
/* Writes all of it, retrying EINTR and short writes, waiting where fd would block. VZ_ESYSTEM. */
int vz_fs_write_all(int fd, const void *p, size_t n);
/*
 * flock(2), exclusively, for at most ms: whoever holds such locks does so for moments, and one that
 * is stopped costs a bounded wait. VZ_ETIMEOUT, VZ_ESYSTEM.
 */
int vz_fs_lock(int fd, unsigned ms);
/* fsync(2), again when a signal interrupts it, as some file systems let it. VZ_ESYSTEM. */
int vz_fs_sync(int fd);
/*
 * Splits a path: its folder ("." when it names none) to dir, its last component in place to *base
 * ("" when the path ends in a slash). VZ_ELIMIT when the folder does not fit.
 */
int vz_fs_split(const char *path, char *dir, size_t cap, const char **base);

#define VZ_FS_TEMP_PREFIX ".vz-"
#define VZ_FS_TEMP_RANDOM 16 /* bytes, in hexadecimal after it */

/* A file being written that appears under its name only when whole. */
struct vz_fs_temp {
	int dir;       /* the folder, or -1 */
	int fd;        /* open for reading and writing, or -1 */
	char name[64]; /* temporary name in dir; "" when there is none */
	int lasting;   /* the name is durable */
};

/*
 * Creates a temporary file beside `path` (in its folder). VZ_ESYSTEM; VZ_EMODE when path exists and
 * is not a regular file (a device or FIFO is never renamed over). Abort ends it.
 */
int vz_fs_temp_open(struct vz_fs_temp *t, const char *path, mode_t mode);
/*
 * Takes up a temporary that an earlier process left when it was killed: `name` beside `path`, its
 * first `length` bytes; the rest goes. VZ_ENOTFOUND: it is not there any more, is shorter, or is
 * not what it was (no regular file of ours with one name). VZ_ESYSTEM; EWOULDBLOCK in errno says
 * that another process has it. Abort ends it, and leaves it where it is if it was not taken up.
 */
int vz_fs_temp_take_up(struct vz_fs_temp *t, const char *path, const char *name, uint64_t length);
/*
 * What was written, and the temporary's name, outlive a kill and a power cut from now on; nobody
 * else can take it up while we have it. VZ_ESYSTEM.
 */
int vz_fs_temp_sync(struct vz_fs_temp *t);
/*
 * How it gets its name, many at a time where there are many. What was written becomes durable: of
 * this one, or with one call of all that are on its file system. Then it is renamed to the last
 * component of `path`, in the folder that was opened before, or with `exclusive` linked, which
 * leaves what is there alone (VZ_EEXISTS). Then the names become durable: of all in that folder by
 * sync_folder of any of them. Then abort closes it. VZ_ESYSTEM; VZ_EMODE as above.
 */
int vz_fs_temp_flush(struct vz_fs_temp *t);
int vz_fs_temp_flush_all(struct vz_fs_temp *t);
int vz_fs_temp_place(struct vz_fs_temp *t, const char *path, int exclusive);
int vz_fs_temp_sync_folder(const struct vz_fs_temp *t);
/*
 * Removes the temporary at `path` (relative to the folder `at`, or AT_FDCWD) that a process left
 * when it was killed: a file of ours, named as they are, that nobody has by vz_fs_temp_sync, and
 * unchanged since `before` (seconds since 1970). Anything else is left alone.
 */
void vz_fs_temp_remove_left(int at, const char *path, time_t before);
/* All such in the folder `dir`. */
void vz_fs_temp_sweep(const char *dir, time_t before);
/* True when a regular file at `path` has the same bytes as the temporary; no link is followed. */
int vz_fs_temp_equals(const struct vz_fs_temp *t, const char *path);
/* Closes and unlinks; safe on a zeroed-with-minus-ones or ended one, and async-signal-safe. */
void vz_fs_temp_abort(struct vz_fs_temp *t);
#define VZ_FS_TEMP_NONE       \
	{                     \
		-1, -1, "", 0 \
	}

#endif
