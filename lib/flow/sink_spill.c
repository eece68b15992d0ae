/*
 * Files under way, of the sinks that make them (sink_file.c, sink_dir.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "flow/sink_impl.h"

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

int
vz_spill_open(struct vz_spill *f, const char *path, mode_t mode, const struct vz_left *left)
{
	if (!left)
		return vz_fs_temp_open(&f->temp, path, mode);
	f->written = left->length;
	f->flushed = left->length;
	return vz_fs_temp_take_up(&f->temp, path, left->name, left->length);
}

ssize_t
vz_spill_write(struct vz_drop *d, const uint8_t *p, size_t n)
{
	struct vz_spill *f = (struct vz_spill *)d;
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

/* Fewer are faster one by one; of many, each would wait for the disk. */
#define TOGETHER_FROM 4

static struct vz_spill *
spill_of(struct vz_drop *d)
{
	return (struct vz_spill *)d;
}

static int
flush_one(struct vz_spill *f)
{
	int r = vz_fs_temp_flush(&f->temp);

	return r == 0 ? vz_beside_flush(f->beside) : r;
}

static void
flush(struct vz_drop *const *drops, int *results, size_t n)
{
	int all;

	for (size_t i = 0; i < n; i++)
		results[i] = vz_beside_write(spill_of(drops[i])->beside);
	all = n >= TOGETHER_FROM ? vz_fs_temp_flush_all(&spill_of(drops[0])->temp) : 0;
	for (size_t i = 0; i < n; i++)
		if (results[i] == 0)
			results[i] = n >= TOGETHER_FROM ? all : flush_one(spill_of(drops[i]));
}

void
vz_sink_place(struct vz_sink *s, struct vz_drop *const *drops, int *results, size_t n)
{
	int r;

	flush(drops, results, n);
	for (size_t i = 0; i < n; i++)
		if (results[i] == 0)
			results[i] = s->kind->place(drops[i]);
	r = vz_fs_temp_sync_folder(&spill_of(drops[0])->temp);
	for (size_t i = 0; i < n; i++) {
		if (results[i] == 0)
			results[i] = r;
		spill_of(drops[i])->placed = results[i] == 0;
	}
}

int
vz_spill_place(struct vz_spill *f)
{
	struct vz_drop *d = &f->drop;
	int r = 0;

	if (!f->placed)
		vz_sink_place(d->sink, &d, &r, 1);
	return r;
}

int
vz_spill_folder(struct vz_sink *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return VZ_ESYSTEM;
	if (!S_ISDIR(st.st_mode))
		return VZ_EMODE;
	if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0)
		return VZ_ESYSTEM;
	s->folder = realpath(path, NULL);
	return s->folder ? 0 : VZ_ESYSTEM;
}

bool
vz_sink_lasts(const struct vz_sink *s)
{
	return s->folder != NULL;
}

/* The name of `file` where it is in the sink's folder, else NULL. */
static const char *
name_in(const struct vz_sink *s, const char *file)
{
	size_t len = s->folder ? strlen(s->folder) : 0;

	if (len == 1) /* the root */
		len = 0;
	return s->folder && strncmp(file, s->folder, len) == 0 && file[len] == '/' ? file + len + 1
										   : NULL;
}

int
vz_sink_take_up(struct vz_sink *s, const struct vz_arrival *m, const char *file, uint64_t length,
    struct vz_drop **out)
{
	struct vz_left left = {.name = name_in(s, file), .length = length};

	*out = NULL;
	return left.name ? vz_sink_open(s, m, &left, out) : VZ_ENOTFOUND;
}

ssize_t
vz_drop_read(const struct vz_drop *d, uint64_t at, uint8_t *p, size_t n)
{
	const struct vz_spill *f = (const struct vz_spill *)d;
	ssize_t r;

	if (at >= f->written)
		return 0;
	if (n > f->written - at)
		n = (size_t)(f->written - at);
	do
		r = pread(f->temp.fd, p, n, (off_t)at);
	while (r < 0 && errno == EINTR);
	return r < 0 ? VZ_ESYSTEM : r;
}

int
vz_drop_sync(struct vz_drop *d)
{
	return vz_sink_lasts(d->sink) ? vz_fs_temp_sync(&((struct vz_spill *)d)->temp) : VZ_EINVAL;
}

void
vz_drop_leave(struct vz_drop *d)
{
	struct vz_fs_temp *t = &((struct vz_spill *)d)->temp;

	if (vz_sink_lasts(d->sink))
		t->name[0] = '\0'; /* nothing to be removed */
	vz_drop_abort(d);
}

int
vz_drop_file(const struct vz_drop *d, char out[static VZ_SINK_FILE_MAX])
{
	const struct vz_spill *f = (const struct vz_spill *)d;
	const char *folder = d->sink->folder;
	int n;

	if (!folder)
		return VZ_EINVAL;
	n = snprintf(out, VZ_SINK_FILE_MAX, "%s/%s", folder[1] ? folder : "", f->temp.name);
	return n > 0 && n < VZ_SINK_FILE_MAX ? 0 : VZ_ELIMIT;
}
