#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "id/address.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"
#include "net/unix.h"

/*
 * Two listeners that start at one moment must not both find the same dead socket: the second would
 * unlink what the first has just made (or has bound and does not listen on yet). So the folder is
 * locked from the look to the listen. It is a help among ourselves only: a folder that cannot be
 * opened, or a lock that somebody sits on for a second, stops nobody from listening.
 */
static int
folder_lock(const char *path)
{
	const struct timespec nap = {0, 10 * 1000 * 1000};
	char dir[VZ_PATH_MAX + 1];
	char *slash;
	int fd, i;

	strlcpy(dir, path, sizeof(dir));
	if ((slash = strrchr(dir, '/')) == NULL)
		strlcpy(dir, ".", sizeof(dir));
	else
		slash[slash == dir] = '\0';
	if ((fd = vz_fs_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) < 0)
		return -1;
	for (i = 0; i < 100 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&nap, NULL);
	}
	return fd; /* closing it unlocks */
}

/* Whether a connection is taken, or would be if there were room: then somebody listens. */
static int
answers(const struct vz_sockaddr *at)
{
	int fd = vz_stream_socket(AF_UNIX), r, saved;

	if (fd < 0)
		return VZ_ESYSTEM;
	r = connect(fd, &at->u.sa, at->len);
	saved = errno;
	close(fd);
	errno = saved;
	if (r == 0 || errno == EAGAIN || errno == EINPROGRESS || errno == EPROTOTYPE)
		return 1;
	return errno == ECONNREFUSED || errno == ENOENT ? 0 : VZ_ESYSTEM;
}

static int
remove_stale(const char *path, const struct vz_sockaddr *at)
{
	struct stat st;
	int r;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : VZ_ESYSTEM;
	if (!S_ISSOCK(st.st_mode))
		return VZ_EMODE;
	if ((r = answers(at)) != 0)
		return r > 0 ? VZ_EEXISTS : r;
	vz_unix_unlink(path, st.st_dev, st.st_ino);
	return 0;
}

/*
 * bind(2) gives the file the mode 0777 less the umask, so with this umask it has the wanted mode
 * at once: never wider for a moment, and no chmod(2) by a name that may be another file by then.
 */
static int
bind_mode(int fd, const struct vz_sockaddr *at, mode_t mode)
{
	mode_t old = umask(~mode & 0777);
	int r = bind(fd, &at->u.sa, at->len);

	umask(old);
	return r;
}

static int
bind_fresh(int fd, const struct vz_sockaddr *at, mode_t mode)
{
	int r;

	if (bind_mode(fd, at, mode) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return VZ_ESYSTEM;
	if ((r = remove_stale(at->u.un.sun_path, at)) != 0)
		return r;
	return bind_mode(fd, at, mode) == 0 ? 0 : VZ_ESYSTEM;
}

int
vz_unix_listen(const char *path, mode_t mode, int *out, dev_t *dev, ino_t *ino)
{
	struct vz_sockaddr at;
	int fd = -1, lock = -1, r, saved;
	struct stat st;

	*out = -1;
	if ((r = vz_sockaddr_unix(path, &at)) != 0)
		return r;
	lock = folder_lock(path);
	if ((fd = vz_stream_socket(AF_UNIX)) < 0) {
		r = VZ_ESYSTEM;
		goto out;
	}
	if ((r = bind_fresh(fd, &at, mode)) != 0)
		goto out;
	if (listen(fd, SOMAXCONN) != 0 || lstat(path, &st) != 0) {
		r = VZ_ESYSTEM;
		goto out;
	}
	*dev = st.st_dev;
	*ino = st.st_ino;
	*out = fd;
	fd = -1; /* moved */
out:
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (lock >= 0)
		close(lock);
	errno = saved;
	return r;
}

/* A name beside it that nobody can guess. */
static int
beside(const char *path, char out[static VZ_PATH_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	int n = snprintf(out, VZ_PATH_MAX + 1, "%.*s.vz-%08" PRIx32, (int)len, path, arc4random());

	if (n > 0 && n <= VZ_PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return VZ_ESYSTEM;
}

/* Only a socket gives its name away. */
static int
take_name(const char *path, const char *temporary)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return VZ_EMODE;
	return rename(temporary, path) == 0 ? 0 : VZ_ESYSTEM;
}

int
vz_unix_take_over(const char *path, mode_t mode, int *out, dev_t *dev, ino_t *ino)
{
	char temporary[VZ_PATH_MAX + 1];
	int r, saved;

	*out = -1;
	if ((r = beside(path, temporary)) != 0 ||
	    (r = vz_unix_listen(temporary, mode, out, dev, ino)) != 0)
		return r;
	if ((r = take_name(path, temporary)) == 0)
		return 0;
	saved = errno;
	vz_unix_unlink(temporary, *dev, *ino);
	close(*out);
	*out = -1;
	errno = saved;
	return r;
}

void
vz_unix_unlink(const char *path, dev_t dev, ino_t ino)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == dev && st.st_ino == ino)
		(void)unlink(path);
}
