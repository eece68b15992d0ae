#include "base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

#define LINKS_MAX    16
#define READ_CHUNK   65536
#define LOCK_STEP_MS 5

/* A FIFO or terminal named instead of a file must neither block us nor become our terminal. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static void
close_keeping_errno(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

int
vz_fs_openat(int at, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(at, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* The error code for an open that failed. */
static int
open_error(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR: return VZ_ENOTFOUND;
	case ELOOP: /* a link where none is followed */
	case ENXIO: /* a socket, or a device that is not there */ return VZ_EMODE;
	case ENOMEM: return VZ_ENOMEM;
	default: return VZ_ESYSTEM;
	}
}

static bool
is_ours(const struct stat *st, mode_t forbidden)
{
	return (st->st_uid == geteuid() || st->st_uid == 0) && (st->st_mode & forbidden) == 0;
}

/* A secret that a service manager lends: the mask of its access list shows as the group's right. */
static bool
is_lent(int file, const struct stat *st)
{
	struct statvfs fs;

	return st->st_uid == 0 && st->st_gid == 0 && (st->st_mode & 07777) == 0440 &&
	    fstatvfs(file, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

/* Judges the open file; on failure closes it. */
static int
judge(int file, mode_t forbidden, enum vz_fs_rule rule, int *fd)
{
	struct stat st;
	int r = 0;

	if (fstat(file, &st) < 0)
		r = VZ_ESYSTEM;
	else if (!S_ISREG(st.st_mode))
		r = VZ_EMODE;
	else if (rule != VZ_FS_ANY && !is_ours(&st, forbidden) &&
	    (rule != VZ_FS_SECRET || !is_lent(file, &st)))
		r = VZ_EMODE;
	if (r < 0) {
		close_keeping_errno(file);
		return r;
	}
	*fd = file;
	return 0;
}

int
vz_fs_split(const char *path, char *dir, size_t cap, const char **base)
{
	const char *slash = strrchr(path, '/');
	size_t n;

	*base = slash == NULL ? path : slash + 1;
	if (slash == NULL) {
		path = ".";
		n = 1;
	} else {
		/* The root keeps its slash. */
		n = slash == path ? 1 : (size_t)(slash - path);
	}
	if (n >= cap)
		return VZ_ELIMIT;
	memcpy(dir, path, n);
	dir[n] = '\0';
	return 0;
}

/* Steps from the folder *at into the one that holds path, which must be trusted. */
static int
step(int *at, const char *path, char *base, size_t cap)
{
	char dir[PATH_MAX];
	const char *last;
	struct stat st;
	int next;

	if (vz_fs_split(path, dir, sizeof dir, &last) < 0 || strlen(last) >= cap)
		return VZ_ENOTFOUND;
	next = vz_fs_openat(*at, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (next < 0)
		return open_error();
	if (*at != AT_FDCWD)
		close(*at);
	*at = next;
	memcpy(base, last, strlen(last) + 1);
	if (fstat(next, &st) < 0)
		return VZ_ESYSTEM;
	return is_ours(&st, S_IWGRP | S_IWOTH) ? 0 : VZ_EMODE;
}

/*
 * Goes from link to link by hand, so that each folder on the way is judged and then used by its
 * descriptor: whoever may write to one of them could point the name at another trusted file.
 */
static int
open_trusted(const char *path, int *fd)
{
	char base[NAME_MAX + 1], target[PATH_MAX];
	int at = AT_FDCWD, file, r = VZ_EMODE;

	for (unsigned links = 0; links < LINKS_MAX; links++) {
		ssize_t n;

		r = step(&at, path, base, sizeof base);
		if (r < 0)
			break;
		n = readlinkat(at, base, target, sizeof target - 1);
		if (n < 0) {
			file = vz_fs_openat(at, base, OPEN_FLAGS | O_NOFOLLOW, 0);
			r = file < 0 ? open_error()
				     : judge(file, S_IWGRP | S_IWOTH, VZ_FS_TRUSTED, fd);
			break;
		}
		target[n] = '\0';
		path = target;
		r = VZ_EMODE;
	}
	if (at != AT_FDCWD)
		close_keeping_errno(at);
	return r;
}

int
vz_fs_open(const char *path, enum vz_fs_rule rule, int *fd)
{
	int file;

	*fd = -1;
	if (rule == VZ_FS_TRUSTED)
		return open_trusted(path, fd);
	file =
	    vz_fs_openat(AT_FDCWD, path, OPEN_FLAGS | (rule == VZ_FS_SECRET ? O_NOFOLLOW : 0), 0);
	if (file < 0)
		return open_error();
	return judge(file, S_IRWXG | S_IRWXO, rule, fd);
}

/* Appends up to n bytes of fd; their number, 0 at the end. */
static ssize_t
read_some(int fd, struct vz_buf *out, size_t n)
{
	uint8_t *p;
	ssize_t got;
	int r = vz_buf_reserve(out, n, &p);

	if (r < 0)
		return r;
	do {
		got = read(fd, p, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return VZ_ESYSTEM;
	vz_buf_added(out, (size_t)got);
	return got;
}

/* 1 at the end of the file, else 0: what tells a file of exactly the limit from one beyond it. */
static int
at_end(int fd)
{
	char c;
	ssize_t got;

	do {
		got = read(fd, &c, 1);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? VZ_ESYSTEM : got == 0;
}

/* Reads to the end whatever fstat said: the file may grow, and files in /proc say 0. */
static int
read_all(int fd, struct vz_buf *out)
{
	size_t chunk = READ_CHUNK;
	struct stat st;

	/* A key file shall not cost, nor leave to be wiped, more memory than it needs. */
	if (fstat(fd, &st) == 0 && st.st_size < READ_CHUNK - 512)
		chunk = (size_t)st.st_size + 512;
	for (;;) {
		size_t room = out->max - out->len;
		ssize_t got;

		if (room == 0) {
			int end = at_end(fd);

			return end < 0 ? end : end ? 0 : VZ_ELIMIT;
		}
		got = read_some(fd, out, room < chunk ? room : chunk);
		if (got <= 0)
			return (int)got;
	}
}

int
vz_fs_read(const char *path, enum vz_fs_rule rule, struct vz_buf *out)
{
	size_t before = out->len;
	int fd, r;

	r = vz_fs_open(path, rule, &fd);
	if (r < 0)
		return r;
	r = read_all(fd, out);
	if (r < 0)
		vz_buf_truncate(out, before);
	close_keeping_errno(fd);
	return r;
}

int
vz_fs_write_all(int fd, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put > 0) {
			p += put;
			n -= (size_t)put;
		} else if (put < 0 && errno == EAGAIN) {
			/* A standard output that somebody made non-blocking. */
			struct pollfd wait = {.fd = fd, .events = POLLOUT};

			if (poll(&wait, 1, -1) < 0 && errno != EINTR)
				return VZ_ESYSTEM;
		} else if (put == 0) {
			errno = EIO;
			return VZ_ESYSTEM;
		} else if (errno != EINTR) {
			return VZ_ESYSTEM;
		}
	}
	return 0;
}

int
vz_fs_lock(int fd, unsigned ms)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	for (unsigned waited = 0; waited <= ms; waited += LOCK_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return VZ_ESYSTEM;
		nanosleep(&step, NULL);
	}
	return VZ_ETIMEOUT;
}

int
vz_fs_sync(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r == 0 ? 0 : VZ_ESYSTEM;
}
