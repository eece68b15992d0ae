#include "flow/outfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "net/sockopt.h"

#define PIPE_SIZE (1024 * 1024)

/* A description of our own for the same pipe or terminal, or -1. */
static int
open_again(int fd)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return vz_fs_openat(AT_FDCWD, name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

static bool
may_wait(const struct stat *st, int fd)
{
	return S_ISFIFO(st->st_mode) || (S_ISCHR(st->st_mode) && isatty(fd));
}

int
vz_outfd_open(struct vz_outfd *o, int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL), again;

	*o = (struct vz_outfd){.fd = fd, .how = VZ_OUTFD_PLAIN};
	if (flags < 0 || fstat(fd, &st) < 0)
		return VZ_ESYSTEM;
	if ((flags & O_ACCMODE) == O_RDONLY) {
		errno = EBADF;
		return VZ_ESYSTEM;
	}
	if (S_ISSOCK(st.st_mode))
		o->how = VZ_OUTFD_SOCKET;
	if (S_ISFIFO(st.st_mode))
		(void)vz_pipe_grow(fd, PIPE_SIZE);
	if (!may_wait(&st, fd) || (flags & O_NONBLOCK))
		return 0;
	again = open_again(fd);
	if (again >= 0) {
		o->fd = again;
		o->own = 1;
	} else {
		o->how = VZ_OUTFD_POLL;
	}
	return 0;
}

void
vz_outfd_close(struct vz_outfd *o)
{
	if (o->own)
		close(o->fd);
	o->fd = -1;
	o->own = 0;
}

/* 1 when PIPE_BUF bytes can be written without waiting, or an error can be met. */
static int
ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int r;

	do
		r = poll(&p, 1, 0);
	while (r < 0 && errno == EINTR);
	return r;
}

ssize_t
vz_outfd_write(const struct vz_outfd *o, const void *p, size_t n)
{
	ssize_t put;

	if (n == 0)
		return 0;
	if (o->how == VZ_OUTFD_POLL) {
		int r = ready(o->fd);

		if (r <= 0)
			return r < 0 ? VZ_ESYSTEM : 0;
		if (n > PIPE_BUF)
			n = PIPE_BUF;
	}
	do {
		if (o->how == VZ_OUTFD_SOCKET)
			put = send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			put = write(o->fd, p, n);
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : VZ_ESYSTEM;
	if (put == 0) {
		/* Neither waiting nor failing: without this the caller would try for ever. */
		errno = EIO;
		return VZ_ESYSTEM;
	}
	return put;
}
