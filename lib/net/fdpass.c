#include "net/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(VZ_FDPASS_MAX * sizeof(int))];
};

int
vz_fdpass_put(int sock, const void *p, size_t n, const int *fds, size_t count)
{
	struct iovec v = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	union control control = {0};
	ssize_t r;

	if (count > 0) {
		m.msg_control = control.room;
		/* size_t or socklen_t, as libc has it. */
		m.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, count * sizeof(int));
	}
	while (v.iov_len > 0) {
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return VZ_ESYSTEM;
		v.iov_base = (char *)v.iov_base + r;
		v.iov_len -= (size_t)r;
		m.msg_control = NULL; /* they went with the first byte */
		m.msg_controllen = 0;
	}
	return 0;
}

static void
take(struct cmsghdr *c, int *fds, size_t count)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (i < count)
			fds[i] = fd;
		else
			close(fd);
	}
}

ssize_t
vz_fdpass_get(int sock, void *p, size_t n, int *fds, size_t count)
{
	struct iovec v = {.iov_base = p, .iov_len = n};
	union control control;
	struct msghdr m = {.msg_iov = &v,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	ssize_t r;

	for (size_t i = 0; i < count; i++)
		fds[i] = -1;
	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return VZ_ESYSTEM;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take(c, fds, count);
	return r;
}
