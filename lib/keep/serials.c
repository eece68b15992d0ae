#include "keep/serials.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/fsutil.h"
#include "base/hash.h"

/*
 * The file `serials`: 16 bytes of magic, then records in the order of their identities,
 *
 *     identity 32 | u64 serial | BLAKE2b-256 of the bundle's signed part 32
 *
 * so that a look-up is a binary search: one read while they are few, one pread a step when many.
 * It is replaced whole, under a lock on `serials.lock` beside it.
 */
#define MAGIC     "vz-serials-1\n\0\0"
#define HEAD      16
#define RECORD    72
#define AT_SERIAL 32
#define AT_HASH   40
#define FIRST     4096
#define FILE_MAX  (HEAD + (size_t)VZ_SERIALS_MAX * RECORD)

#define LOCK_WAIT_MS 5000

struct file {
	int fd;
	size_t count;
	uint8_t first[FIRST]; /* the beginning, as far as it goes */
	size_t first_len;
};

static int
name_in(const char *dir, const char *name, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	return n >= 0 && n < PATH_MAX ? 0 : VZ_ELIMIT;
}

static void
record_of(const struct vz_bundle *b, uint8_t out[static RECORD])
{
	uint8_t bytes[VZ_BUNDLE_LEN];

	vz_bundle_encode(b, bytes);
	memcpy(out, b->identity.b, 32);
	vz_store64(out + AT_SERIAL, b->serial);
	vz_blake2b_256(NULL, 0, bytes, VZ_BUNDLE_SIGNED, NULL, 0, out + AT_HASH);
}

static int
read_at(int fd, void *p, size_t n, size_t at)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t r = pread(fd, to, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return VZ_ESYSTEM;
		if (r == 0)
			return VZ_EFORMAT;
		to += r;
		n -= (size_t)r;
		at += (size_t)r;
	}
	return 0;
}

/* Opens and judges the file; a missing one has count 0 and fd -1. */
static int
file_open(struct file *f, const char *path)
{
	struct stat st;
	size_t size;
	int err;

	f->count = 0;
	err = vz_fs_open(path, VZ_FS_SECRET, &f->fd);
	if (err == VZ_ENOTFOUND)
		return 0;
	if (err)
		return err;
	if (fstat(f->fd, &st) < 0)
		return VZ_ESYSTEM;
	if (st.st_size < HEAD || (uintmax_t)st.st_size > FILE_MAX ||
	    (st.st_size - HEAD) % RECORD != 0)
		return VZ_EFORMAT;
	size = (size_t)st.st_size;
	f->count = (size - HEAD) / RECORD;
	f->first_len = size < FIRST ? size : FIRST;
	err = read_at(f->fd, f->first, f->first_len, 0);
	if (!err && memcmp(f->first, MAGIC, HEAD) != 0)
		err = VZ_EFORMAT;
	return err;
}

static void
file_close(struct file *f)
{
	int saved = errno;

	if (f->fd >= 0)
		close(f->fd);
	errno = saved;
}

static int
file_record(const struct file *f, size_t i, uint8_t out[static RECORD])
{
	size_t at = HEAD + i * RECORD;

	if (at + RECORD > f->first_len)
		return read_at(f->fd, out, RECORD, at);
	memcpy(out, f->first + at, RECORD);
	return 0;
}

/* Where the identity's record is (*found, and `old` is it), or where it would go. */
static int
file_find(const struct file *f, const uint8_t id[static 32], size_t *at, bool *found,
    uint8_t old[static RECORD])
{
	size_t low = 0, high = f->count;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int err = file_record(f, mid, old), c;

		if (err)
			return err;
		c = memcmp(id, old, 32);
		if (c == 0) {
			*at = mid;
			*found = true;
			return 0;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	*at = low;
	return 0;
}

/* A lower serial is an old bundle; the same one with other bytes is a second host. */
static int
compare(const uint8_t old[static RECORD], const uint8_t new[static RECORD])
{
	uint64_t a = vz_load64(old + AT_SERIAL), b = vz_load64(new + AT_SERIAL);

	if (a < 1 || a > VZ_SERIAL_MAX)
		return VZ_EFORMAT;
	if (b < a)
		return VZ_EROLLBACK;
	if (b == a && memcmp(old + AT_HASH, new + AT_HASH, 32) != 0)
		return VZ_ECLASH;
	return 0;
}

/* What the file says about this record: an error, or whether it holds it already. */
static int
look(const char *path, const uint8_t record[static RECORD], bool *same)
{
	uint8_t old[RECORD];
	struct file f;
	bool found = false;
	size_t at;
	int err = file_open(&f, path);

	*same = false;
	if (!err)
		err = file_find(&f, record, &at, &found, old);
	if (!err && found) {
		err = compare(old, record);
		*same = memcmp(old, record, RECORD) == 0;
	}
	file_close(&f);
	return err;
}

int
vz_serials_check(const char *dir, const struct vz_bundle *bundle)
{
	uint8_t record[RECORD];
	char path[PATH_MAX];
	bool same;
	int err = name_in(dir, "serials", path);

	if (err)
		return err;
	record_of(bundle, record);
	return look(path, record, &same);
}

/* Whoever can write into the folder can make us forget. */
static int
judge_folder(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return VZ_ESYSTEM;
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return VZ_EMODE;
	return 0;
}

/* The lock's descriptor; closing it lets go. A stopped holder costs a bounded wait. */
static int
lock(const char *dir, int *fd)
{
	char path[PATH_MAX];
	int err = name_in(dir, "serials.lock", path);

	*fd = -1;
	if (err)
		return err;
	*fd = vz_fs_openat(
	    AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (*fd < 0)
		return errno == ELOOP ? VZ_EMODE : VZ_ESYSTEM;
	return vz_fs_lock(*fd, LOCK_WAIT_MS);
}

/* Appends records [from, to) of f. */
static int
copy(const struct file *f, size_t from, size_t to, struct vz_buf *out)
{
	size_t n = (to - from) * RECORD;
	uint8_t *p;
	int err;

	if (n == 0)
		return 0;
	err = vz_buf_reserve(out, n, &p);
	if (!err)
		err = read_at(f->fd, p, n, HEAD + from * RECORD);
	if (!err)
		vz_buf_added(out, n);
	return err;
}

/* The file with this record in its place, put where the old one was. */
static int
rewrite(const char *path, const struct file *f, size_t at, bool found,
    const uint8_t record[static RECORD])
{
	size_t rest = found ? at + 1 : at;
	struct vz_buf out;
	uint8_t *room;
	int err;

	vz_buf_init(&out, FILE_MAX);
	err = vz_buf_reserve(&out, HEAD + (f->count + !found) * RECORD, &room);
	if (!err)
		err = vz_buf_put(&out, MAGIC, HEAD);
	if (!err)
		err = copy(f, 0, at, &out);
	if (!err)
		err = vz_buf_put(&out, record, RECORD);
	if (!err)
		err = copy(f, rest, f->count, &out);
	if (!err)
		err = vz_fs_replace(path, 0600, 0, vz_buf_ptr(&out), out.len);
	vz_buf_free(&out);
	return err;
}

static int
raise_locked(const char *path, const uint8_t record[static RECORD])
{
	uint8_t old[RECORD];
	struct file f;
	bool found;
	size_t at;
	int err = file_open(&f, path);

	if (!err)
		err = file_find(&f, record, &at, &found, old);
	if (!err && found)
		err = compare(old, record);
	/* Another process may have been here between our look and our lock. */
	if (!err && !(found && memcmp(old, record, RECORD) == 0)) {
		if (!found && f.count == VZ_SERIALS_MAX)
			err = VZ_EFULL;
		else
			err = rewrite(path, &f, at, found, record);
	}
	file_close(&f);
	return err;
}

int
vz_serials_raise(const char *dir, const struct vz_bundle *bundle)
{
	uint8_t record[RECORD];
	char path[PATH_MAX];
	bool same;
	int err = name_in(dir, "serials", path), fd;

	if (err)
		return err;
	record_of(bundle, record);
	err = look(path, record, &same);
	if (err || same)
		return err;
	err = vz_fs_mkdirs(dir);
	if (!err)
		err = judge_folder(dir);
	if (err)
		return err;
	err = lock(dir, &fd);
	if (!err)
		err = raise_locked(path, record);
	if (fd >= 0)
		close(fd);
	return err;
}
