/*
 * powercut: a library to be preloaded, that records what a program does to the files of one folder.
 *
 *	LD_PRELOAD=powercut.so POWERCUT_DIR=DIR POWERCUT_LOG=FILE PROGRAM ...
 *
 * FILE gets a record (powercut.h) for each file made in DIR (an absolute path; folders in it are
 *not looked into), each write, truncation, sync, rename and unlink of them, each sync of DIR
 *itself, and each write to standard output, in the order in which they happened and with the time:
 *a sync and a write to standard output when they are done, everything else before it is begun.
 *`recut` makes of it what the folder may look like after the power was cut.
 *
 * Files mapped into memory, and those that are only fallocated, are not followed. Only the program
 * that was started is recorded, not its children.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/powercut.h"

#define FDS   1024
#define FILES 64
#define DIR_  (-1)

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char dir[PATH_MAX];
static int out = -1;
static int of_fd[FDS];                  /* the number of its file, DIR_, or 0 */
static char names[FILES][NAME_MAX + 1]; /* by number, from 1; "" when it has none any more */
static int n_files;

static void
record(uint32_t op, int file, uint64_t at, const void *p, size_t n)
{
	struct powercut_record r = {.op = op, .file = (uint32_t)file, .at = at, .len = n};
	struct timespec t;
	struct iovec v[2] = {{&r, sizeof(r)}, {(void *)(uintptr_t)p, n}};

	clock_gettime(CLOCK_MONOTONIC, &t);
	r.when = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (out >= 0 && writev(out, v, 2) != (ssize_t)(sizeof(r) + n))
		_exit(71);
}

static int
file_of(int fd)
{
	return fd >= 0 && fd < FDS && out >= 0 ? of_fd[fd] : 0;
}

/* The name of a path within the folder, "" for the folder itself, or NULL. */
static const char *
name_of(int at, const char *path)
{
	size_t n = strlen(dir);

	if (out < 0)
		return NULL;
	if (path[0] != '/')
		return file_of(at) == DIR_ ? path : NULL;
	if (strncmp(path, dir, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return NULL;
	path += n + (path[n] == '/');
	return strchr(path, '/') == NULL ? path : NULL;
}

static int
find(const char *name)
{
	for (int i = 1; i <= n_files; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

/* A file was opened; it is new when it was not there before. */
static void
opened(int fd, const char *name, bool existed)
{
	int i;

	if (fd < 0 || fd >= FDS)
		return;
	of_fd[fd] = *name == '\0' ? DIR_ : 0;
	if (*name == '\0')
		return;
	i = find(name);
	if (i == 0 || !existed) {
		if (++n_files >= FILES)
			_exit(71);
		i = n_files;
		snprintf(names[i], sizeof(names[i]), "%s", name);
		record(POWERCUT_CREATE, i, 0, name, strlen(name));
	}
	of_fd[fd] = i;
}

#define OPEN(function, parameters, at, path, flags, ...)                                       \
	int function parameters                                                                \
	{                                                                                      \
		const char *name;                                                              \
		bool existed;                                                                  \
		mode_t mode = 0;                                                               \
		va_list ap;                                                                    \
		int fd;                                                                        \
                                                                                               \
		va_start(ap, flags);                                                           \
		if (flags & (O_CREAT | __O_TMPFILE))                                           \
			mode = (mode_t)va_arg(ap, unsigned);                                   \
		va_end(ap);                                                                    \
		pthread_mutex_lock(&lock);                                                     \
		name = name_of(at, path);                                                      \
		existed = name == NULL || faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0; \
		fd = REAL(function)(__VA_ARGS__, flags, mode);                                 \
		if (name != NULL)                                                              \
			opened(fd, name, existed);                                             \
		else if (fd >= 0 && fd < FDS)                                                  \
			of_fd[fd] = 0;                                                         \
		pthread_mutex_unlock(&lock);                                                   \
		return fd;                                                                     \
	}

OPEN(open, (const char *path, int flags, ...), AT_FDCWD, path, flags, path)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD, path, flags, path)
OPEN(openat, (int at, const char *path, int flags, ...), at, path, flags, at, path)
OPEN(openat64, (int at, const char *path, int flags, ...), at, path, flags, at, path)

int
close(int fd)
{
	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FDS)
		of_fd[fd] = 0;
	pthread_mutex_unlock(&lock);
	return REAL(close)(fd);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	ssize_t r;

	if (fd != STDOUT_FILENO && file_of(fd) <= 0)
		return REAL(write)(fd, p, n);
	pthread_mutex_lock(&lock);
	if (fd != STDOUT_FILENO)
		record(POWERCUT_WRITE, file_of(fd), (uint64_t)lseek(fd, 0, SEEK_CUR), p, n);
	r = REAL(write)(fd, p, n);
	if (fd == STDOUT_FILENO && r > 0)
		record(POWERCUT_SAID, 0, 0, p, (size_t)r);
	pthread_mutex_unlock(&lock);
	return r;
}

#define PWRITE(name, type)                                                       \
	ssize_t name(int fd, const void *p, size_t n, type at)                   \
	{                                                                        \
		ssize_t r;                                                       \
                                                                                 \
		pthread_mutex_lock(&lock);                                       \
		if (file_of(fd) > 0)                                             \
			record(POWERCUT_WRITE, file_of(fd), (uint64_t)at, p, n); \
		r = REAL(name)(fd, p, n, at);                                    \
		pthread_mutex_unlock(&lock);                                     \
		return r;                                                        \
	}

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define FTRUNCATE(name, type)                                                            \
	int name(int fd, type size)                                                      \
	{                                                                                \
		int r;                                                                   \
                                                                                         \
		pthread_mutex_lock(&lock);                                               \
		if (file_of(fd) > 0)                                                     \
			record(POWERCUT_TRUNCATE, file_of(fd), (uint64_t)size, NULL, 0); \
		r = REAL(name)(fd, size);                                                \
		pthread_mutex_unlock(&lock);                                             \
		return r;                                                                \
	}

FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                                      \
	int name(int fd)                                                                \
	{                                                                               \
		int r = REAL(name)(fd);                                                 \
                                                                                        \
		pthread_mutex_lock(&lock);                                              \
		if (r == 0 && file_of(fd) != 0)                                         \
			record(file_of(fd) == DIR_ ? POWERCUT_SYNC_DIR : POWERCUT_SYNC, \
			    file_of(fd) == DIR_ ? 0 : file_of(fd), 0, NULL, 0);         \
		pthread_mutex_unlock(&lock);                                            \
		return r;                                                               \
	}

SYNC(fsync)
SYNC(fdatasync)

/* The name goes; what it named may still be open. */
static void
unnamed(const char *name)
{
	int i = name == NULL ? 0 : find(name);

	if (i == 0)
		return;
	record(POWERCUT_UNLINK, i, 0, name, strlen(name));
	names[i][0] = '\0';
}

int
unlinkat(int at, const char *path, int flags)
{
	int r;

	pthread_mutex_lock(&lock);
	unnamed(name_of(at, path));
	r = REAL(unlinkat)(at, path, flags);
	pthread_mutex_unlock(&lock);
	return r;
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
renameat(int at, const char *from, int to_at, const char *to)
{
	const char *old, *new;
	int r, i;

	pthread_mutex_lock(&lock);
	old = name_of(at, from);
	new = name_of(to_at, to);
	i = old == NULL ? 0 : find(old);
	if (i > 0 && new != NULL) {
		unnamed(new);
		snprintf(names[i], sizeof(names[i]), "%s", new);
		record(POWERCUT_RENAME, i, 0, new, strlen(new));
	}
	r = REAL(renameat)(at, from, to_at, to);
	pthread_mutex_unlock(&lock);
	return r;
}

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void
in_child(void)
{
	out = -1;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *folder = getenv("POWERCUT_DIR"), *log = getenv("POWERCUT_LOG");

	if (folder == NULL || log == NULL || strlen(folder) >= sizeof(dir))
		return;
	strcpy(dir, folder);
	/* Not through ourselves, and out of the way of the program's own. */
	out = REAL(open)(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out >= 0)
		out = fcntl(out, F_DUPFD_CLOEXEC, FDS);
	if (out < 0)
		_exit(71);
	unsetenv("LD_PRELOAD");
	pthread_atfork(NULL, NULL, in_child);
}
