#include "flow/source.h"

#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "flow/filemap.h"
#include "flow/ring.h"
#include "wire/frame.h"

struct vz_source {
	int fd; /* -1 = an empty source */
	unsigned flags;
	bool sized;   /* a long regular file: what it measured when opened counts */
	bool settled; /* a short one, all of it read when opened */
	bool mapped;  /* else it is read into the ring */
	bool regular;
	bool nonblock;   /* read(2) never waits, so it need not be asked before */
	bool eof;        /* nothing more comes */
	bool unfinished; /* the end counts only when the producer ended well */
	uint64_t start, length;
	int err, sys_errno;
	struct vz_ring ring;
	struct vz_filemap map;
};

static int
fail(struct vz_source *s, int err)
{
	if (s->err == 0) {
		s->err = err;
		s->sys_errno = errno;
	}
	errno = s->sys_errno;
	return s->err;
}

int
vz_source_empty(struct vz_source **out)
{
	struct vz_source *s = calloc(1, sizeof(*s));

	*out = s;
	if (!s)
		return VZ_ENOMEM;
	s->fd = -1;
	s->eof = true;
	vz_ring_init(&s->ring, 0);
	s->map.slot = -1;
	return 0;
}

/* Asked rather than made non-blocking: the file description may be shared with others. */
static bool
readable(const struct vz_source *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return s->nonblock || poll(&p, 1, 0) != 0;
}

static int
at_end(struct vz_source *s)
{
	s->eof = true;
	if (s->sized && s->ring.end != s->length)
		return fail(s, VZ_ECHANGED);
	return s->unfinished ? VZ_SOURCE_DRY : VZ_SOURCE_END;
}

/* One read(2) of at most `want` bytes: how many came, 0 at the end of file. */
static ssize_t
take(struct vz_source *s, uint8_t *p, size_t want)
{
	ssize_t r;

	do
		r = read(s->fd, p, want);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		vz_ring_added(&s->ring, (size_t)r);
	return r;
}

static int
fill_ring(struct vz_source *s, uint64_t goal)
{
	size_t n, want;
	uint8_t *p;
	ssize_t r;

	if (s->sized && goal > s->length)
		goal = s->length;
	while (s->ring.end < goal) {
		p = vz_ring_space(&s->ring, &n);
		if (!p)
			return s->ring.begin == s->ring.end ? fail(s, VZ_ENOMEM) : VZ_SOURCE_FULL;
		if (!readable(s))
			return VZ_SOURCE_DRY;
		want = goal - s->ring.end < n ? (size_t)(goal - s->ring.end) : n;
		r = take(s, p, want);
		if (r == 0)
			return at_end(s);
		if (r < 0)
			return errno == EAGAIN ? VZ_SOURCE_DRY : fail(s, VZ_ESYSTEM);
		/* A pipe that gave less than was asked for has no more. */
		if ((size_t)r < want && !s->regular)
			return VZ_SOURCE_DRY;
	}
	return s->sized && s->ring.end == s->length ? at_end(s) : VZ_SOURCE_MORE;
}

/* Short files are read whole at once. That settles the length: sysfs states a page for each file
 * and gives less, procfs nothing and gives more. */
static int
read_whole(struct vz_source *s, uint64_t stated)
{
	int got = fill_ring(s, stated + 1);

	if (got == VZ_SOURCE_END)
		s->settled = true;
	return got < 0 ? got : 0;
}

static int
look_at_file(struct vz_source *s, const struct stat *st)
{
	off_t at = lseek(s->fd, 0, SEEK_CUR);
	uint64_t length = at >= 0 && st->st_size > at ? (uint64_t)(st->st_size - at) : 0;

	s->regular = s->nonblock = true;
	if (length < VZ_SOURCE_MAP_MIN)
		return read_whole(s, length);
	s->start = (uint64_t)at;
	s->length = length;
	if (s->flags & VZ_SOURCE_READ)
		s->sized = true;
	else if (vz_filemap_open(&s->map, s->fd, s->start, length, VZ_SOURCE_WINDOW) == 0)
		s->sized = s->mapped = true;
	return 0;
}

static int
look(struct vz_source *s)
{
	struct stat st;
	int mode = fcntl(s->fd, F_GETFL);

	if (mode < 0 || fstat(s->fd, &st) != 0)
		return VZ_ESYSTEM;
	if ((mode & O_ACCMODE) == O_WRONLY) {
		errno = EBADF;
		return VZ_ESYSTEM;
	}
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return VZ_ESYSTEM;
	}
	s->nonblock = (mode & O_NONBLOCK) != 0;
	if (S_ISREG(st.st_mode))
		return look_at_file(s, &st);
	return 0;
}

int
vz_source_new(struct vz_source **out, int fd, unsigned flags)
{
	int err = vz_source_empty(out);

	if (!err) {
		(*out)->fd = fd;
		(*out)->flags = flags;
		(*out)->eof = false;
		(*out)->unfinished = (flags & VZ_SOURCE_PRODUCER) != 0;
		vz_ring_init(&(*out)->ring, VZ_RING_MAX);
		err = look(*out);
		if (!err)
			return 0;
		vz_source_free(*out);
		*out = NULL;
	} else if (flags & VZ_SOURCE_OWN) {
		close(fd);
	}
	return err;
}

void
vz_source_free(struct vz_source *s)
{
	int saved = errno;

	if (!s)
		return;
	vz_filemap_close(&s->map);
	vz_ring_free(&s->ring);
	if (s->flags & VZ_SOURCE_OWN)
		close(s->fd);
	free(s);
	errno = saved;
}

uint64_t
vz_source_length(const struct vz_source *s)
{
	if (s->fd < 0 || s->settled)
		return s->ring.end;
	return s->sized ? s->length : VZ_LENGTH_UNKNOWN;
}

bool
vz_source_rereadable(const struct vz_source *s)
{
	return s->fd < 0 || s->sized || s->settled;
}

bool
vz_source_holds(const struct vz_source *s)
{
	return s->fd < 0 || s->mapped || s->settled;
}

uint64_t
vz_source_waiting(const struct vz_source *s)
{
	uint64_t n = s->ring.end - s->ring.begin;
	int more = 0;

	if (s->sized)
		return s->length;
	if (!s->eof && ioctl(s->fd, FIONREAD, &more) == 0 && more > 0)
		n += (uint64_t)more;
	return n;
}

int
vz_source_fill(struct vz_source *s, uint64_t goal)
{
	if (s->err)
		return fail(s, s->err);
	if (s->mapped)
		return vz_filemap_torn(&s->map) ? fail(s, VZ_ECHANGED) : VZ_SOURCE_END;
	if (s->eof)
		return s->unfinished ? VZ_SOURCE_DRY : VZ_SOURCE_END;
	return fill_ring(s, goal);
}

int
vz_source_fd(const struct vz_source *s)
{
	return s->eof ? -1 : s->fd;
}

uint64_t
vz_source_end(const struct vz_source *s)
{
	return s->mapped ? s->length : s->ring.end;
}

size_t
vz_source_peek(struct vz_source *s, uint64_t offset, const uint8_t **p)
{
	size_t n;

	if (!s->mapped)
		return vz_ring_peek(&s->ring, offset, p);
	n = vz_filemap_peek(&s->map, offset, VZ_DATA_MAX, p);
	if (n == 0 && offset < s->length)
		fail(s, VZ_ESYSTEM);
	return n;
}

void
vz_source_release(struct vz_source *s, uint64_t offset)
{
	if (!vz_source_holds(s))
		vz_ring_release(&s->ring, offset);
}

void
vz_source_finish(struct vz_source *s)
{
	s->unfinished = false;
}

int
vz_source_verify(struct vz_source *s)
{
	struct stat st;

	if (s->err)
		return fail(s, s->err);
	if (!s->sized)
		return 0;
	if (fstat(s->fd, &st) != 0)
		return fail(s, VZ_ESYSTEM);
	if (vz_filemap_torn(&s->map) || st.st_size < 0 ||
	    (uint64_t)st.st_size != s->start + s->length)
		return fail(s, VZ_ECHANGED);
	if (s->mapped && lseek(s->fd, (off_t)(s->start + s->length), SEEK_SET) < 0)
		return fail(s, VZ_ESYSTEM);
	return 0;
}
