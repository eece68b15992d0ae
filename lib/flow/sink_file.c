#include "flow/sink_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

struct file {
	struct vz_sink sink;
	mode_t mode;
	char path[];
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
file_begin(struct vz_sink *sink, const struct vz_arrival *m, const struct vz_left *left,
    struct vz_drop **out)
{
	struct file *f = (struct file *)sink;
	struct vz_spill *d = calloc(1, sizeof(*d));
	int r;

	(void)m;
	if (!d)
		return VZ_ENOMEM;
	r = vz_spill_open(d, f->path, mode_for(f), left);
	if (r < 0) {
		free(d);
		return r;
	}
	*out = &d->drop;
	return 0;
}

static int
file_place(struct vz_drop *d)
{
	const struct file *f = (const struct file *)d->sink;

	return vz_fs_temp_place(&((struct vz_spill *)d)->temp, f->path, 0);
}

static int
file_finish(struct vz_drop *d)
{
	return vz_spill_place((struct vz_spill *)d);
}

static void
file_end(struct vz_drop *d, bool whole)
{
	(void)whole;
	/* Nothing is left to be removed after it has its name. */
	vz_fs_temp_abort(&((struct vz_spill *)d)->temp);
	free(d);
}

static void
file_free(struct vz_sink *s)
{
	free(s->folder);
	free(s);
}

static const struct vz_sink_kind file_kind = {
    .begin = file_begin,
    .write = vz_spill_write,
    .place = file_place,
    .finish = file_finish,
    .end = file_end,
    .free = file_free,
};

static int
look_at(struct vz_sink *s, const char *path)
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
	return vz_spill_folder(s, dir);
}

int
vz_sink_file(const char *path, mode_t mode, struct vz_sink **out)
{
	size_t len = strlen(path) + 1;
	struct file *f;
	int r;

	*out = NULL;
	f = calloc(1, sizeof(*f) + len);
	if (!f)
		return VZ_ENOMEM;
	r = look_at(&f->sink, path);
	if (r < 0) {
		free(f);
		return r;
	}
	f->sink.kind = &file_kind;
	f->sink.fd = -1;
	f->mode = mode;
	memcpy(f->path, path, len);
	*out = &f->sink;
	return 0;
}
