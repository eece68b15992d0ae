/* A folder of a test's own, mode 0700, removed with all that is in it. */
#ifndef VZ_TEST_TEMPDIR_H
#define VZ_TEST_TEMPDIR_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tempdir {
	char dir[256];
	char path[512]; /* of tempdir_path */
};

static inline int
tempdir_make(struct tempdir *t)
{
	const char *base = getenv("TMPDIR");

	snprintf(t->dir, sizeof(t->dir), "%s/vz-test-XXXXXX", base && *base ? base : "/tmp");
	return mkdtemp(t->dir) ? 0 : -1;
}

/* dir/name; valid until the next call. */
static inline const char *
tempdir_path(struct tempdir *t, const char *name)
{
	snprintf(t->path, sizeof(t->path), "%s/%s", t->dir, name);
	return t->path;
}

/* Writes a file with exactly this mode. */
static inline int
tempdir_write(struct tempdir *t, const char *name, mode_t mode, const void *data, size_t len)
{
	int fd = open(tempdir_path(t, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int bad;

	if (fd < 0)
		return -1;
	bad = write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) < 0;
	close(fd);
	return bad ? -1 : 0;
}

static inline int
tempdir_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void
tempdir_remove(struct tempdir *t)
{
	nftw(t->dir, tempdir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* cmocka's setup and teardown: *state is the struct tempdir. */
static inline int
tempdir_setup(void **state)
{
	struct tempdir *t = calloc(1, sizeof(*t));

	*state = t;
	return t ? tempdir_make(t) : -1;
}

static inline int
tempdir_teardown(void **state)
{
	tempdir_remove(*state);
	free(*state);
	return 0;
}

#endif
