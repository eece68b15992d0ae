/*
 * faultio: a library to be preloaded, that makes calls of a program fail as the system may.
 *
 *	LD_PRELOAD=faultio.so FAULTIO='RULE...' [FAULTIO_SEED=N] [FAULTIO_COUNTS=FILE] PROGRAM ...
 *
 * Rules have blanks between them, and the first that has something to say about a call decides:
 *
 *	FUNCTION[/KIND][,FUNCTION[/KIND]...]:FAULT[@N|@N+|@N-M|%P]
 *
 *	FUNCTION  one of the list in faultio_calls.h: write, recv, accept4, fsync, malloc ...
 *	          (creat is open and openat where they may make a file)
 *	KIND      only where the descriptor is of that kind: reg, sock, fifo, dir, chr;
 *	          or has that number
 *	FAULT     the name of an error (ENOSPC, EINTR, EMFILE ...): the call is not made;
 *	          short: a random part of what was asked for is read or written;
 *	          byte: one byte of it
 *	@N        at the Nth such call only, of those that no rule before took, counted from 1;
 *	          @N+ from it on; @N-M from it up to M
 *	%P        at P calls of 100, by chance (0.5 is fine); without @ and %: always
 *
 * connect:EINTR and close:ERROR are made and then reported so, as the system does. EINTR says that
 * nothing was done. FAULTIO_SEED repeats the chance of a run that had that seed.
 *
 * FILE has a line `seed N`, and for each rule and function `FUNCTION FAULT calls N faults N`. They
 * are kept up to date at all times, so that a program that is killed leaves true counts too. Calls
 * that libc makes itself are not seen.
 *
 * Only the program that was started is treated: its children are not, neither those that exec (the
 * variables above and LD_PRELOAD are taken out of the environment) nor those that only fork. A bad
 * rule ends the program with status 64 before it starts. It does not go with sanitizers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/faultio_rules.h"

/* What has no length and is not made when it fails. */
#define PLAIN(type, name, parameters, fd, ...)                                        \
	type name parameters                                                          \
	{                                                                             \
		return judge(CALL_##name, fd) == FAIL ? -1 : REAL(name)(__VA_ARGS__); \
	}
/* What moves n bytes. */
#define MOVES(name, parameters, fd, n, ...)             \
	ssize_t name parameters                         \
	{                                               \
		enum answer a = judge(CALL_##name, fd); \
                                                        \
		if (a == FAIL)                          \
			return -1;                      \
		if (a == PART)                          \
			n = part_of(n);                 \
		return REAL(name)(__VA_ARGS__);         \
	}
/* What moves the bytes of a vector: a part of it is one of its first element. */
#define VECTOR(name, parameters, fd, iov, iovs, ...)               \
	ssize_t name parameters                                    \
	{                                                          \
		enum answer a = judge(CALL_##name, fd);            \
		struct iovec first;                                \
                                                                   \
		if (a == FAIL)                                     \
			return -1;                                 \
		if (a == PART && iovs > 0 && iov[0].iov_len > 0) { \
			first = iov[0];                            \
			first.iov_len = part_of(first.iov_len);    \
			iov = &first;                              \
			iovs = 1;                                  \
		}                                                  \
		return REAL(name)(__VA_ARGS__);                    \
	}

MOVES(read, (int fd, void *p, size_t n), fd, n, fd, p, n)
MOVES(write, (int fd, const void *p, size_t n), fd, n, fd, p, n)
MOVES(pread, (int fd, void *p, size_t n, off_t at), fd, n, fd, p, n, at)
MOVES(pwrite, (int fd, const void *p, size_t n, off_t at), fd, n, fd, p, n, at)
MOVES(recv, (int fd, void *p, size_t n, int flags), fd, n, fd, p, n, flags)
MOVES(send, (int fd, const void *p, size_t n, int flags), fd, n, fd, p, n, flags)
VECTOR(readv, (int fd, const struct iovec *iov, int n), fd, iov, n, fd, iov, n)
VECTOR(writev, (int fd, const struct iovec *iov, int n), fd, iov, n, fd, iov, n)

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	enum answer a = judge(CALL_sendmsg, fd);
	struct msghdr part = *m;
	struct iovec first;

	if (a == FAIL)
		return -1;
	if (a == PART && m->msg_iovlen > 0 && m->msg_iov[0].iov_len > 0) {
		first = m->msg_iov[0];
		first.iov_len = part_of(first.iov_len);
		part.msg_iov = &first;
		part.msg_iovlen = 1;
	}
	return REAL(sendmsg)(fd, &part, flags);
}

PLAIN(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), fd, fd, m, flags)
PLAIN(ssize_t, sendto,
    (int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len), fd, fd,
    p, n, flags, to, len)
PLAIN(int, accept4, (int fd, struct sockaddr *from, socklen_t *len, int flags), fd, fd, from, len,
    flags)
PLAIN(int, accept, (int fd, struct sockaddr *from, socklen_t *len), fd, fd, from, len)
PLAIN(int, socket, (int domain, int type, int protocol), -1, domain, type, protocol)
PLAIN(int, bind, (int fd, const struct sockaddr *at, socklen_t len), fd, fd, at, len)
PLAIN(int, listen, (int fd, int backlog), fd, fd, backlog)
PLAIN(int, fsync, (int fd), fd, fd)
PLAIN(int, fdatasync, (int fd), fd, fd)
PLAIN(int, syncfs, (int fd), fd, fd)
PLAIN(int, ftruncate, (int fd, off_t size), fd, fd, size)
PLAIN(int, fchmod, (int fd, mode_t mode), fd, fd, mode)
PLAIN(int, flock, (int fd, int how), fd, fd, how)
PLAIN(int, rename, (const char *from, const char *to), -1, from, to)
PLAIN(int, renameat, (int a, const char *from, int b, const char *to), a, a, from, b, to)
PLAIN(int, linkat, (int a, const char *from, int b, const char *to, int flags), a, a, from, b, to,
    flags)
PLAIN(int, unlinkat, (int at, const char *path, int flags), at, at, path, flags)
PLAIN(int, mkdirat, (int at, const char *path, mode_t mode), at, at, path, mode)
PLAIN(int, pipe2, (int p[2], int flags), -1, p, flags)
PLAIN(int, dup2, (int from, int to), from, from, to)
PLAIN(int, epoll_create1, (int flags), -1, flags)
PLAIN(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *ev), fd, ep, op, fd, ev)
PLAIN(int, epoll_wait, (int ep, struct epoll_event *ev, int n, int ms), -1, ep, ev, n, ms)
PLAIN(int, poll, (struct pollfd * p, nfds_t n, int ms), -1, p, n, ms)
PLAIN(pid_t, fork, (void), -1)
PLAIN(pid_t, waitpid, (pid_t pid, int *status, int options), -1, pid, status, options)

int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	bool fails = judge(CALL_connect, fd) == FAIL;
	int error = errno, r;

	if (fails && error != EINTR)
		return -1;
	/* An interrupted connect goes on by itself. */
	r = REAL(connect)(fd, to, len);
	if (fails && r < 0 && errno == EINPROGRESS)
		errno = EINTR;
	return r;
}

int
close(int fd)
{
	bool fails = judge(CALL_close, fd) == FAIL;
	int error = errno, r = REAL(close)(fd);

	if (!fails)
		return r;
	errno = error;
	return -1;
}

static mode_t
mode_argument(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(ap, unsigned) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_argument(flags, ap);
	va_end(ap);
	return judge(flags & O_CREAT ? CALL_creat : CALL_open, -1) == FAIL
	    ? -1
	    : REAL(open)(path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_argument(flags, ap);
	va_end(ap);
	return judge(flags & O_CREAT ? CALL_creat : CALL_openat, at) == FAIL
	    ? -1
	    : REAL(openat)(at, path, flags, mode);
}

/* What a program calls as open(path, flags) when it is built with -D_FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int
__open_2(const char *path, int flags)
{
	return open(path, flags);
}

DIR *
opendir(const char *path)
{
	return judge(CALL_opendir, -1) == FAIL ? NULL : REAL(opendir)(path);
}

/* dlsym may ask for memory itself, so libc's own are called by their other names. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *
malloc(size_t n)
{
	return judge(CALL_malloc, -1) == FAIL ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return judge(CALL_calloc, -1) == FAIL ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return judge(CALL_realloc, -1) == FAIL ? NULL : __libc_realloc(p, n);
}
