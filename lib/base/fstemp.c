#include "base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"

/* What is at base may be replaced: nothing, or a regular file. A link is not written through. */
static int
may_replace(int dir, const char *base)
{
	struct stat st;

	if (*base == '\0')
		return VZ_EMODE;
	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : VZ_ESYSTEM;
	return S_ISREG(st.st_mode) ? 0 : VZ_EMODE;
}

/* A folder that may be written but not read, like a drop box, still takes files. */
static int
open_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

static void
random_name(char name[static 64])
{
	uint8_t bytes[VZ_FS_TEMP_RANDOM];

	randombytes_buf(bytes, sizeof bytes);
	memcpy(name, VZ_FS_TEMP_PREFIX, sizeof VZ_FS_TEMP_PREFIX);
	sodium_bin2hex(
	    name + sizeof VZ_FS_TEMP_PREFIX - 1, 2 * VZ_FS_TEMP_RANDOM + 1, bytes, sizeof bytes);
}

/* The folder of path, and that path may be made or replaced there. */
static int
begin(struct vz_fs_temp *t, const char *path)
{
	char dir[PATH_MAX];
	const char *base;

	*t = (struct vz_fs_temp)VZ_FS_TEMP_NONE;
	if (vz_fs_split(path, dir, sizeof dir, &base) < 0) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	t->dir = open_folder(dir);
	return t->dir < 0 ? VZ_ESYSTEM : may_replace(t->dir, base);
}

int
vz_fs_temp_open(struct vz_fs_temp *t, const char *path, mode_t mode)
{
	int r = begin(t, path);

	if (r == 0) {
		/* The name is known before the file is there: a signal's abort finds it. */
		random_name(t->name);
		t->fd = openat(t->dir, t->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode & 0600);
		/* The umask is not asked: the mode is part of the promise. */
		if (t->fd < 0 || fchmod(t->fd, mode) < 0)
			r = VZ_ESYSTEM;
	}
	if (r < 0)
		vz_fs_temp_abort(t);
	return r;
}

static int
open_again(const struct vz_fs_temp *t, const char *name)
{
	int fd;

	do
		fd = openat(t->dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Whoever may write to the folder could have put something else there. */
static int
is_as_it_was(int fd, uint64_t length)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return VZ_ESYSTEM;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 &&
		st.st_size >= 0 && (uint64_t)st.st_size >= length
	    ? 0
	    : VZ_ENOTFOUND;
}

int
vz_fs_temp_take_up(struct vz_fs_temp *t, const char *path, const char *name, uint64_t length)
{
	int r = begin(t, path);

	if (r == 0 &&
	    (strncmp(name, VZ_FS_TEMP_PREFIX, sizeof VZ_FS_TEMP_PREFIX - 1) != 0 ||
		strchr(name, '/') != NULL || strlen(name) >= sizeof t->name))
		r = VZ_ENOTFOUND;
	if (r == 0 && (t->fd = open_again(t, name)) < 0)
		r = errno == ENOENT || errno == ELOOP || errno == ENXIO ? VZ_ENOTFOUND : VZ_ESYSTEM;
	if (r == 0)
		r = is_as_it_was(t->fd, length);
	if (r == 0 &&
	    (flock(t->fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(t->fd, (off_t)length) < 0 ||
		lseek(t->fd, (off_t)length, SEEK_SET) < 0))
		r = VZ_ESYSTEM;
	if (r < 0) {
		vz_fs_temp_abort(t); /* without a name yet: the file stays as it is */
		return r;
	}
	memcpy(t->name, name, strlen(name) + 1);
	t->lasting = 1;
	return 0;
}

/* Makes the new name outlive a power cut. */
int
vz_fs_temp_sync_folder(const struct vz_fs_temp *t)
{
	if (vz_fs_sync(t->dir) == 0 || errno == EINVAL)
		return 0; /* EINVAL: this file system has no such notion */
	/* A folder that could not be opened for reading: all of its file system, then. */
	if (errno == EBADF && syncfs(t->fd) == 0)
		return 0;
	return VZ_ESYSTEM;
}

int
vz_fs_temp_flush(struct vz_fs_temp *t)
{
	return vz_fs_sync(t->fd) < 0 && errno != EINVAL ? VZ_ESYSTEM : 0;
}

int
vz_fs_temp_flush_all(struct vz_fs_temp *t)
{
	return syncfs(t->fd) < 0 ? VZ_ESYSTEM : 0;
}

int
vz_fs_temp_sync(struct vz_fs_temp *t)
{
	if (!t->lasting && flock(t->fd, LOCK_EX | LOCK_NB) < 0)
		return VZ_ESYSTEM;
	if (vz_fs_temp_flush(t) < 0)
		return VZ_ESYSTEM;
	if (!t->lasting && vz_fs_temp_sync_folder(t) < 0)
		return VZ_ESYSTEM;
	t->lasting = 1;
	return 0;
}

static int
move_into_place(struct vz_fs_temp *t, const char *base)
{
	int r = may_replace(t->dir, base);

	if (r < 0)
		return r;
	if (renameat(t->dir, t->name, t->dir, base) < 0)
		return VZ_ESYSTEM;
	t->name[0] = '\0'; /* moved */
	return 0;
}

/* A link fails where a name is taken, whatever came between; rename would not. */
static int
link_into_place(struct vz_fs_temp *t, const char *base)
{
	if (linkat(t->dir, t->name, t->dir, base, 0) < 0)
		return errno == EEXIST ? VZ_EEXISTS : VZ_ESYSTEM;
	(void)unlinkat(t->dir, t->name, 0);
	t->name[0] = '\0'; /* moved */
	return 0;
}

/* A new name whose durability is unknown goes, so that a failure leaves nothing and can be tried
 * again. What was replaced cannot come back. */
static void
take_back(const struct vz_fs_temp *t, const char *base)
{
	int saved = errno;

	(void)unlinkat(t->dir, base, 0);
	errno = saved;
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

int
vz_fs_temp_place(struct vz_fs_temp *t, const char *path, int exclusive)
{
	return exclusive ? link_into_place(t, base_of(path)) : move_into_place(t, base_of(path));
}

static int
commit(struct vz_fs_temp *t, const char *path, bool exclusive)
{
	int r;

	if (t->dir < 0 || t->fd < 0)
		return VZ_EINVAL;
	r = vz_fs_temp_flush(t);
	if (r == 0)
		r = vz_fs_temp_place(t, path, exclusive);
	if (r == 0 && (r = vz_fs_temp_sync_folder(t)) < 0 && exclusive)
		take_back(t, base_of(path));
	vz_fs_temp_abort(t); /* closes; unlinks what did not get its name */
	return r;
}

static int
same_bytes(int a, int b, off_t size)
{
	uint8_t x[16384], y[16384];

	for (off_t at = 0; at < size;) {
		ssize_t n = pread(a, x, sizeof x, at);

		if (n < 0 && errno == EINTR)
			continue;
		/* Of a file, as much as was asked for comes, up to its end. */
		if (n <= 0 || pread(b, y, (size_t)n, at) != n || memcmp(x, y, (size_t)n) != 0)
			return 0;
		at += n;
	}
	return 1;
}

int
vz_fs_temp_equals(const struct vz_fs_temp *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), same;
	struct stat ours, theirs;

	if (fd < 0)
		return 0;
	same = fstat(t->fd, &ours) == 0 && fstat(fd, &theirs) == 0 && S_ISREG(theirs.st_mode) &&
	    ours.st_size == theirs.st_size && same_bytes(t->fd, fd, ours.st_size);
	close(fd);
	return same;
}

void
vz_fs_temp_abort(struct vz_fs_temp *t)
{
	int saved = errno, dir = t->dir, fd = t->fd;

	t->fd = -1;
	if (fd >= 0)
		close(fd);
	if (dir >= 0 && t->name[0] != '\0')
		(void)unlinkat(dir, t->name, 0);
	t->name[0] = '\0';
	t->dir = -1;
	if (dir >= 0)
		close(dir);
	errno = saved;
}

int
vz_fs_replace(const char *path, mode_t mode, int exclusive, const void *data, size_t len)
{
	struct vz_fs_temp t;
	struct stat st;
	int r;

	if (exclusive && lstat(path, &st) == 0)
		return VZ_EEXISTS;
	r = vz_fs_temp_open(&t, path, mode);
	if (r < 0)
		return r;
	r = vz_fs_write_all(t.fd, data, len);
	if (r < 0) {
		vz_fs_temp_abort(&t);
		return r;
	}
	return commit(&t, path, exclusive != 0);
}
