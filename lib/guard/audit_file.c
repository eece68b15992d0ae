#include "guard/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"

#define FLAGS     (O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define BEGINNING "{\"seq\":"
#define END_SIZE  (2 * VZ_AUDIT_LINE_MAX)

static int
failed(int fd, int err)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return err;
}

/* A new name outlives a power cut only with its folder. */
static int
sync_folder(const char *path)
{
	char dir[PATH_MAX];
	const char *base;
	int fd, err;

	if (vz_fs_split(path, dir, sizeof(dir), &base) < 0) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	fd = vz_fs_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return VZ_ESYSTEM;
	err = vz_fs_sync(fd);
	return failed(fd, err);
}

static int
judge(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return VZ_ESYSTEM;
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return VZ_EMODE;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		errno = EBUSY;
	return VZ_ESYSTEM;
}

int
vz_audit_file_open(const char *path, int *fd)
{
	int file = vz_fs_openat(AT_FDCWD, path, FLAGS | O_CREAT | O_EXCL, 0600), err;

	*fd = -1;
	if (file >= 0) {
		/* Whatever the umask. */
		err = fchmod(file, 0600) == 0 ? sync_folder(path) : VZ_ESYSTEM;
		if (err)
			return failed(file, err);
	} else if (errno == EEXIST) {
		file = vz_fs_openat(AT_FDCWD, path, FLAGS, 0);
	}
	if (file < 0)
		return errno == ELOOP || errno == ENXIO || errno == EISDIR ? VZ_EMODE : VZ_ESYSTEM;
	err = judge(file);
	if (err)
		return failed(file, err);
	*fd = file;
	return 0;
}

/* Reads the last bytes of the file to buf. */
static int
read_end(int fd, char *buf, uint64_t size, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(fd, buf + have, n - have, (off_t)(size - n + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return VZ_ESYSTEM;
		have += (size_t)got;
	}
	return 0;
}

/* True for what a line that was not written to its end leaves; a power cut leaves zeros after it.
 */
static bool
is_torn_line(const char *s, size_t len)
{
	if (len >= VZ_AUDIT_LINE_MAX)
		return false;
	while (len > 0 && s[len - 1] == '\0')
		len--;
	return memcmp(s, BEGINNING, len < strlen(BEGINNING) ? len : strlen(BEGINNING)) == 0;
}

/* The end of the file in buf; all of it when `whole`. */
static int
judge_end(const char *buf, size_t len, bool whole, struct vz_audit_line *last,
    char hash[static VZ_AUDIT_HASH], uint64_t *torn)
{
	const char *newline = memrchr(buf, '\n', len), *before;

	*torn = newline ? (uint64_t)(buf + len - newline - 1) : len;
	if (!is_torn_line(buf + len - *torn, *torn) || (!newline && !whole))
		return VZ_EFORMAT;
	if (!newline)
		return 0;
	len = (size_t)(newline - buf);
	before = memrchr(buf, '\n', len);
	if (!before && !whole)
		return VZ_EFORMAT;
	buf = before ? before + 1 : buf;
	len = (size_t)(newline + 1 - buf);
	if (!vz_audit_line_read(buf, len, last))
		return VZ_EFORMAT;
	vz_audit_hash(buf, len, hash);
	return 0;
}

int
vz_audit_file_end(
    int fd, struct vz_audit_line *last, char hash[static VZ_AUDIT_HASH], uint64_t *torn)
{
	struct stat st;
	uint64_t size;
	size_t n;
	char *buf;
	int err;

	memset(last, 0, sizeof(*last));
	vz_audit_hash_none(hash);
	*torn = 0;
	if (fstat(fd, &st) < 0)
		return VZ_ESYSTEM;
	if (st.st_size == 0)
		return 0;
	size = (uint64_t)st.st_size;
	n = size < END_SIZE ? (size_t)size : END_SIZE;
	buf = malloc(n);
	if (!buf)
		return VZ_ENOMEM;
	err = read_end(fd, buf, size, n);
	if (!err)
		err = judge_end(buf, n, n == size, last, hash, torn);
	free(buf);
	return err;
}

int
vz_audit_file_cut(int fd, uint64_t n)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return VZ_ESYSTEM;
	if ((uint64_t)st.st_size < n) {
		errno = EIO;
		return VZ_ESYSTEM;
	}
	return ftruncate(fd, st.st_size - (off_t)n) == 0 ? 0 : VZ_ESYSTEM;
}

int
vz_audit_file_append(int fd, const void *line, size_t len, uint64_t *torn)
{
	const uint8_t *p = line;

	*torn = 0;
	while (*torn < len) {
		ssize_t n = write(fd, p + *torn, len - *torn);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return VZ_ESYSTEM;
		*torn += (uint64_t)n;
	}
	*torn = 0;
	return 0;
}
