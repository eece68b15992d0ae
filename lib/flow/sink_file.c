#include "flow/sink_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/*
 * The final fsync holds up everybody whom the loop serves, so that a long message may not leave it
 * much to do: every so many bytes the ones before are waited for.
 */
#define FLUSH_EVERY (8 * 1024 * 1024)

static void
flush_behind(struct vz_spill *f)
{
#ifdef SYNC_FILE_RANGE_WRITE
	if (f->written - f->flushed < FLUSH_EVERY)
		return;
	/* An error shows in fsync, which alone decides. */
	if (f->flushed >= FLUSH_EVERY)
		(void)sync_file_range(f->temp.fd, (off_t)(f->flushed - FLUSH_EVERY), FLUSH_EVERY,
		    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			SYNC_FILE_RANGE_WAIT_AFTER);
	(void)sync_file_range(f->temp.fd, (off_t)f->flushed, FLUSH_EVERY, SYNC_FILE_RANGE_WRITE);
	f->flushed += FLUSH_EVERY;
#else
	(void)f;
#endif
}

ssize_t
vz_spill_write(struct vz_spill *f, const uint8_t *p, size_t n)
{
	ssize_t r;

	do
		r = write(f->temp.fd, p, n);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		errno = EIO;
	if (r <= 0)
		return VZ_ESYSTEM;
	f->written += (uint64_t)r;
	flush_behind(f);
	return r;
}

int
vz_spill_folder_ok(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return VZ_ESYSTEM;
	if (!S_ISDIR(st.st_mode))
		return VZ_EMODE;
	return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : VZ_ESYSTEM;
}

struct file {
	struct vz_sink sink;
	mode_t mode;
	char path[];
};

struct file_drop {
	struct vz_drop drop;
	struct vz_spill spill;
};

/* What is replaced keeps its mode: a private file does not become everybody's. */
static mode_t
mode_for(const struct file *f)
{
	struct stat st;

	if (lstat(f->path, &st) == 0 && S_ISREG(st.st_mode))
		return st.st_mode & 0777;
	return f->mode;
}

static int
file_begin(struct vz_sink *sink, const struct vz_arrival *m, struct vz_drop **out)
{
	struct file *f = (struct file *)sink;
	struct file_drop *d = calloc(1, sizeof(*d));
	int r;

	(void)m;
	if (!d)
		return VZ_ENOMEM;
	r = vz_fs_temp_open(&d->spill.temp, f->path, mode_for(f));
	if (r < 0) {
		free(d);
		return r;
	}
	*out = &d->drop;
	return 0;
}

static ssize_t
file_write(struct vz_drop *d, const uint8_t *p, size_t n)
{
	return vz_spill_write(&((struct file_drop *)d)->spill, p, n);
}

static int
file_finish(struct vz_drop *d)
{
	const struct file *f = (const struct file *)d->sink;

	return vz_fs_temp_commit(&((struct file_drop *)d)->spill.temp, f->path);
}

static void
file_end(struct vz_drop *d, bool whole)
{
	(void)whole;
	/* Nothing is left to abort after a commit. */
	vz_fs_temp_abort(&((struct file_drop *)d)->spill.temp);
	free(d);
}

static void
file_free(struct vz_sink *s)
{
	free(s);
}

static const struct vz_sink_kind file_kind = {
    .begin = file_begin,
    .write = file_write,
    .finish = file_finish,
    .end = file_end,
    .free = file_free,
};

static int
target_ok(const char *path)
{
	char dir[PATH_MAX];
	const char *base;
	struct stat st;

	if (vz_fs_split(path, dir, sizeof(dir), &base) < 0) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	if (*base == '\0')
		return VZ_EMODE;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return VZ_EMODE;
	return vz_spill_folder_ok(dir);
}

int
vz_sink_file(const char *path, mode_t mode, struct vz_sink **out)
{
	size_t len = strlen(path) + 1;
	struct file *f;
	int r;

	*out = NULL;
	r = target_ok(path);
	if (r < 0)
		return r;
	f = calloc(1, sizeof(*f) + len);
	if (!f)
		return VZ_ENOMEM;
	f->sink.kind = &file_kind;
	f->sink.fd = -1;
	f->mode = mode;
	memcpy(f->path, path, len);
	*out = &f->sink;
	return 0;
}
