#include "flow/sink_impl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

struct dir {
	struct vz_sink sink;
	mode_t mode;
	bool print;
	struct vz_outfd out;
	struct dir_drop *printing; /* a line of its is half out: others wait */
	char path[];
};

struct dir_drop {
	struct vz_spill spill;
	bool there; /* the file has its name */
	char id[VZ_MESSAGE_ID_TEXT];
	size_t line_at, line_len;
	char line[]; /* path, newline, NUL */
};

static int
dir_begin(struct vz_sink *sink, const struct vz_arrival *m, const struct vz_left *left,
    struct vz_drop **out)
{
	struct dir *s = (struct dir *)sink;
	char name[VZ_SINK_NAME_MAX + 1];
	struct dir_drop *d;
	size_t len;
	int r;

	vz_sink_name_of(m, name);
	len = strlen(s->path) + 1 + strlen(name);
	d = calloc(1, sizeof(*d) + len + 2);
	if (!d)
		return VZ_ENOMEM;
	snprintf(d->line, len + 1, "%s/%s", s->path, name);
	d->line_len = len + 1;
	vz_message_id(m->stream, m->number, d->id);
	r = vz_spill_open(&d->spill, d->line, s->mode, left);
	if (r < 0) {
		free(d);
		return r;
	}
	*out = &d->spill.drop;
	return 0;
}

/* The line goes out whole before another's begins. */
static int
print(struct dir *s, struct dir_drop *d)
{
	if (s->printing && s->printing != d)
		return VZ_SINK_WAIT;
	while (d->line_at < d->line_len) {
		ssize_t r = vz_outfd_write(&s->out, d->line + d->line_at, d->line_len - d->line_at);

		if (r < 0) {
			s->sink.failed = true;
			return (int)r;
		}
		if (r == 0) {
			if (d->line_at > 0)
				s->printing = d;
			return VZ_SINK_WAIT;
		}
		d->line_at += (size_t)r;
	}
	s->printing = NULL;
	return 0;
}

static int
dir_prove(struct vz_drop *drop, const uint8_t *p, size_t text_len, size_t len)
{
	struct dir_drop *d = (struct dir_drop *)drop;
	const struct dir *s = (const struct dir *)drop->sink;
	char path[PATH_MAX];

	vz_beside_free(d->spill.beside, false);
	d->spill.beside = NULL;
	snprintf(path, sizeof(path), "%s/%s", s->path, d->id);
	return vz_beside_new(&d->spill.beside, path, s->mode, p, text_len, len);
}

/* What lies beside it first: who sees the file sees them too. */
static int
dir_place(struct vz_drop *drop)
{
	struct dir_drop *d = (struct dir_drop *)drop;
	int r = vz_beside_place(d->spill.beside);

	if (r == 0)
		r = vz_fs_temp_place(&d->spill.temp, d->line, 1);
	/* A listener that was killed may have put it there before it could say so. */
	if (r == VZ_EEXISTS && vz_fs_temp_equals(&d->spill.temp, d->line))
		r = 0;
	d->there = r == 0;
	return r;
}

static int
dir_finish(struct vz_drop *drop)
{
	struct dir_drop *d = (struct dir_drop *)drop;
	struct dir *s = (struct dir *)drop->sink;
	int r = vz_spill_place(&d->spill);

	if (r < 0)
		return r;
	if (d->line[d->line_len - 1] == '\0') /* said for the first time */
		d->line[d->line_len - 1] = '\n';
	return s->print ? print(s, d) : 0;
}

static void
dir_end(struct vz_drop *drop, bool whole)
{
	struct dir_drop *d = (struct dir_drop *)drop;
	struct dir *s = (struct dir *)drop->sink;

	if (s->printing == d) {
		/* Half a path cannot be taken back, and what follows would be read as its rest. */
		s->printing = NULL;
		s->sink.torn = true;
	}
	vz_fs_temp_abort(&d->spill.temp);
	vz_beside_free(d->spill.beside, !whole);
	if (!whole && d->there) {
		d->line[d->line_len - 1] = '\0';
		(void)unlink(d->line);
	}
	free(d);
}

static void
dir_free(struct vz_sink *sink)
{
	struct dir *s = (struct dir *)sink;

	if (s->print)
		vz_outfd_close(&s->out);
	free(sink->folder);
	free(s);
}

static const struct vz_sink_kind dir_kind = {
    .begin = dir_begin,
    .write = vz_spill_write,
    .prove = dir_prove,
    .place = dir_place,
    .finish = dir_finish,
    .end = dir_end,
    .free = dir_free,
};

int
vz_sink_dir(const char *path, mode_t mode, int print_fd, struct vz_sink **out)
{
	size_t len = strlen(path);
	struct dir *s;
	int r;

	*out = NULL;
	/* No double slash in what is printed; the root alone becomes "". */
	while (len > 0 && path[len - 1] == '/')
		len--;
	if (len + 1 + VZ_SINK_NAME_MAX >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	s = calloc(1, sizeof(*s) + len + 1);
	if (!s)
		return VZ_ENOMEM;
	r = vz_spill_folder(&s->sink, path);
	if (r < 0) {
		free(s);
		return r;
	}
	s->sink.kind = &dir_kind;
	s->sink.fd = -1;
	s->mode = mode;
	memcpy(s->path, path, len);
	if (print_fd >= 0) {
		r = vz_outfd_open(&s->out, print_fd);
		if (r < 0) {
			free(s->sink.folder);
			free(s);
			return r;
		}
		s->print = true;
		s->sink.fd = s->out.fd;
	}
	*out = &s->sink;
	return 0;
}
