#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#ifdef __linux__
#include <linux/filter.h>
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <unistd.h>
#include "base/err.h"
#include "net/sockopt.h"

/* Linux and the BSDs take these flags in the call itself; macOS has none of the three. */
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
#define AT_ONCE 1
#else
#define AT_ONCE 0
#endif

int
vz_nonblock_cloexec(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return VZ_ESYSTEM;
	return 0;
}

#if AT_ONCE

int
vz_stream_socket(int domain)
{
	return socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
vz_pipe(int p[static 2], int flags)
{
	return pipe2(p, O_CLOEXEC | flags) == 0 ? 0 : VZ_ESYSTEM;
}

int
vz_accept(int fd, struct sockaddr *from, socklen_t *from_len)
{
	return accept4(fd, from, from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

#else

static int
flagged(int fd)
{
	if (fd >= 0 && vz_nonblock_cloexec(fd) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int
vz_stream_socket(int domain)
{
	return flagged(socket(domain, SOCK_STREAM, 0));
}

int
vz_pipe(int p[static 2], int flags)
{
	int i, ok = 1;

	if (pipe(p) != 0)
		return VZ_ESYSTEM;
	for (i = 0; i < 2; i++)
		ok = ok && fcntl(p[i], F_SETFD, FD_CLOEXEC) == 0 &&
		    (flags == 0 || fcntl(p[i], F_SETFL, flags) == 0);
	if (ok)
		return 0;
	close(p[0]);
	close(p[1]);
	return VZ_ESYSTEM;
}

int
vz_accept(int fd, struct sockaddr *from, socklen_t *from_len)
{
	return flagged(accept(fd, from, from_len));
}

#endif

void
vz_tcp_nodelay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int
vz_reuse_port(int fd)
{
#ifdef SO_REUSEPORT
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 ? 0 : VZ_ESYSTEM;
#else
	(void)fd;
	errno = ENOSYS;
	return VZ_ESYSTEM;
#endif
}

int
vz_turn_away(int fd)
{
#ifdef SO_ATTACH_FILTER
	/* Of the TCP header (RFC 9293 3.1): flags at 13, SYN without ACK is a beginning. */
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0
	    ? 0
	    : VZ_ESYSTEM;
#else
	(void)fd;
	errno = ENOSYS;
	return VZ_ESYSTEM;
#endif
}

size_t
vz_pipe_grow(int fd, size_t size)
{
#ifdef F_SETPIPE_SZ
	int n = fcntl(fd, F_SETPIPE_SZ, size > INT_MAX ? INT_MAX : (int)size);

	if (n < 0) /* over the user's share, or over the system's limit */
		n = fcntl(fd, F_GETPIPE_SZ);
	return n < 0 ? 0 : (size_t)n;
#else
	(void)fd;
	(void)size;
	return 0;
#endif
}

ssize_t
vz_splice(int from, int to, size_t n)
{
#ifdef SPLICE_F_NONBLOCK
	return splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
#else
	(void)from;
	(void)to;
	(void)n;
	errno = ENOSYS;
	return -1;
#endif
}

/* getpeereid(3) is the BSDs' own; elsewhere libbsd has it over SO_PEERCRED and its likes. */
int
vz_peer_uid(int fd, uid_t *uid)
{
	gid_t gid;

	return getpeereid(fd, uid, &gid) == 0 ? 0 : VZ_ESYSTEM;
}
