#include "base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"

#define PREFIX       ".vz-"
#define RANDOM_BYTES 16

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
	int fd = vz_fs_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0 && errno == EACCES)
		fd = vz_fs_openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	return fd;
}

static void
random_name(char name[static 64])
{
	uint8_t bytes[RANDOM_BYTES];

	randombytes_buf(bytes, sizeof bytes);
	memcpy(name, PREFIX, sizeof PREFIX);
	sodium_bin2hex(name + sizeof PREFIX - 1, 2 * RANDOM_BYTES + 1, bytes, sizeof bytes);
}

int
vz_fs_temp_open(struct vz_fs_temp *t, const char *path, mode_t mode)
{
	char dir[PATH_MAX];
	const char *base;
	int r;

	*t = (struct vz_fs_temp)VZ_FS_TEMP_NONE;
	if (vz_fs_split(path, dir, sizeof dir, &base) < 0) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	t->dir = open_folder(dir);
	if (t->dir < 0)
		return VZ_ESYSTEM;
	r = may_replace(t->dir, base);
	if (r == 0) {
		/* The name is known before the file is there: a signal's abort finds it. */
		random_name(t->name);
		t->fd = vz_fs_openat(t->dir, t->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600);
		/* The umask is not asked: the mode is part of the promise. */
		if (t->fd < 0 || fchmod(t->fd, mode) < 0)
			r = VZ_ESYSTEM;
	}
	if (r < 0)
		vz_fs_temp_abort(t);
	return r;
}

/* Makes the new name outlive a power cut. */
static int
sync_folder(const struct vz_fs_temp *t)
{
	if (vz_fs_sync(t->dir) == 0 || errno == EINVAL)
		return 0; /* EINVAL: this file system has no such notion */
	/* A folder that could not be opened for reading: all of its file system, then. */
	if (errno == EBADF && syncfs(t->fd) == 0)
		return 0;
	return VZ_ESYSTEM;
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

static int
commit(struct vz_fs_temp *t, const char *path, bool exclusive)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	int r;

	if (t->dir < 0 || t->fd < 0)
		return VZ_EINVAL;
	if (vz_fs_sync(t->fd) < 0 && errno != EINVAL)
		r = VZ_ESYSTEM;
	else
		r = exclusive ? link_into_place(t, base) : move_into_place(t, base);
	if (r == 0 && (r = sync_folder(t)) < 0 && exclusive)
		take_back(t, base);
	vz_fs_temp_abort(t); /* closes; unlinks what did not get its name */
	return r;
}

int
vz_fs_temp_commit(struct vz_fs_temp *t, const char *path)
{
	return commit(t, path, false);
}

int
vz_fs_temp_commit_new(struct vz_fs_temp *t, const char *path)
{
	return commit(t, path, true);
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
