#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "net/listen.h"
#include "net/resolve.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"
#include "net/unix.h"

#define FIRST_INHERITED 3  /* sd_listen_fds(3): SD_LISTEN_FDS_START */
#define PORT_TRIES      64 /* picks of a port that is free in one family and taken in the other */

static void
describe(struct vz_listener *li, const struct vz_sockaddr *at)
{
	struct vz_sockaddr dial = *at;

	li->loopback = vz_sockaddr_is_loopback(at);
	li->wildcard = vz_sockaddr_is_wildcard(at);
	if (li->wildcard) /* nobody dials 0.0.0.0; this host itself answers there */
		(void)vz_sockaddr_literal(at->u.sa.sa_family == AF_INET ? "127.0.0.1" : "::1",
		    vz_sockaddr_port(at), AF_UNSPEC, &dial);
	vz_sockaddr_text(&dial, li->text, sizeof(li->text));
}

static int
own_address(int fd, struct vz_sockaddr *at)
{
	memset(at, 0, sizeof(*at));
	at->len = sizeof(at->u);
	return getsockname(fd, &at->u.sa, &at->len) == 0 ? 0 : VZ_ESYSTEM;
}

/* IPV6_V6ONLY so that both families can have the port, each with its own socket. TCP_NODELAY is
 * passed on to what is accepted, which spares a system call for each. */
static int
open_one(struct vz_sockaddr *at, bool shared, struct vz_listener *li)
{
	int fd, on = 1, saved;

	*li = (struct vz_listener){.fd = -1};
	if ((fd = vz_stream_socket(at->u.sa.sa_family)) < 0)
		return VZ_ESYSTEM;
	vz_tcp_nodelay(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (shared && vz_reuse_port(fd) != 0) ||
	    (at->u.sa.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
	    bind(fd, &at->u.sa, at->len) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    own_address(fd, at) != 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return VZ_ESYSTEM;
	}
	li->fd = fd;
	li->shared = shared;
	describe(li, at);
	return 0;
}

/* ::1 and 127.0.0.1 are there only when their family is. */
static bool
host_lacks(const struct vz_sockaddr *at, int err)
{
	return err == EAFNOSUPPORT || (err == EADDRNOTAVAIL && vz_sockaddr_is_loopback(at));
}

/* All of them with one port, or none; a family that this host lacks is passed over. */
static int
open_all(
    const struct vz_sockaddr *at, size_t n_at, bool shared, struct vz_listener *list, size_t *made)
{
	uint16_t port = vz_sockaddr_port(&at[0]);
	int r = VZ_ENOTFOUND, saved;
	size_t i;

	*made = 0;
	for (i = 0; i < n_at; i++) {
		struct vz_sockaddr one = at[i];

		vz_sockaddr_set_port(&one, port);
		if ((r = open_one(&one, shared, &list[*made])) == 0) {
			port = vz_sockaddr_port(&one);
			(*made)++;
		} else if (!host_lacks(&one, errno)) {
			saved = errno;
			vz_listen_close(list, *made);
			*made = 0;
			errno = saved;
			return r;
		}
	}
	return *made > 0 ? 0 : r;
}

static int
open_tcp(
    const struct vz_sockaddr *at, size_t n_at, bool shared, struct vz_listener *list, size_t *made)
{
	bool pick = vz_sockaddr_port(&at[0]) == 0;
	int r, i;

	for (i = 0; i < PORT_TRIES; i++) {
		r = open_all(at, n_at, shared, list, made);
		if (r != VZ_ESYSTEM || errno != EADDRINUSE || !pick)
			break;
	}
	return r;
}

/* The addresses that are meant; at holds VZ_RESOLVE_MAX. */
static int
addresses(const struct vz_listen_address *a, int family, struct vz_sockaddr *at, size_t *n)
{
	const char *pair[2] = {"0.0.0.0", "::"};
	const struct vz_endpoint *e = &a->at;
	size_t i;

	*n = 0;
	if (a->loopback) {
		pair[0] = "127.0.0.1";
		pair[1] = "::1";
	} else if (!a->any && e->host[0] != '\0') {
		if (!e->numeric)
			return vz_resolve_wait(e->host, e->port, family, 0, at, n);
		*n = 1;
		return vz_sockaddr_literal(e->host, e->port, family, &at[0]);
	}
	for (i = 0; i < 2; i++)
		if (vz_sockaddr_literal(pair[i], e->port, family, &at[*n]) == 0)
			(*n)++;
	return 0;
}

static int
open_unix(const char *path, mode_t mode, bool shared, struct vz_listener *li)
{
	struct vz_sockaddr at;
	int r;

	*li = (struct vz_listener){.fd = -1};
	r = (shared ? vz_unix_take_over : vz_unix_listen)(path, mode, &li->fd, &li->dev, &li->ino);
	if (r != 0)
		return r;
	li->shared = shared;
	(void)vz_sockaddr_unix(path, &at);
	describe(li, &at);
	strlcpy(li->path, path, sizeof(li->path));
	return 0;
}

static int
open_how(const struct vz_listen_address *a, int family, mode_t mode, bool shared,
    struct vz_listener *list, size_t *n)
{
	struct vz_sockaddr at[VZ_RESOLVE_MAX];
	size_t n_at, made = 1;
	int r;

	if (a->relay)
		return VZ_EINVAL;
	if (*n >= VZ_LISTEN_MAX)
		return VZ_ELIMIT;
	if (a->at.kind == VZ_ADDRESS_UNIX) {
		r = open_unix(a->at.path, mode, shared, &list[*n]);
	} else {
		if ((r = addresses(a, family, at, &n_at)) != 0)
			return r;
		if (n_at > VZ_LISTEN_MAX - *n)
			return VZ_ELIMIT;
		r = open_tcp(at, n_at, shared, &list[*n], &made);
	}
	if (r == 0)
		*n += made;
	return r;
}

int
vz_listen_open(
    const struct vz_listen_address *a, int family, mode_t mode, struct vz_listener *list, size_t *n)
{
	return open_how(a, family, mode, false, list, n);
}

int
vz_listen_open_shared(
    const struct vz_listen_address *a, int family, mode_t mode, struct vz_listener *list, size_t *n)
{
	return open_how(a, family, mode, true, list, n);
}

static int
option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int v;

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) == 0 ? v : -1;
}

static int
inherit_one(int fd, struct vz_listener *li)
{
	struct vz_sockaddr at;

	*li = (struct vz_listener){.fd = fd, .inherited = true};
	if (option(fd, SO_TYPE) != SOCK_STREAM || option(fd, SO_ACCEPTCONN) != 1)
		return VZ_EMODE;
	if (vz_nonblock_cloexec(fd) != 0 || own_address(fd, &at) != 0)
		return VZ_ESYSTEM;
	if (at.u.sa.sa_family != AF_UNIX)
		vz_tcp_nodelay(fd);
	describe(li, &at);
	return 0;
}

int
vz_listen_inherit(
    const char *listen_pid, const char *listen_fds, struct vz_listener *list, size_t *n)
{
	const char *bad;
	long long pid;
	int i, count, r;

	if (listen_pid == NULL || listen_fds == NULL)
		return 0;
	pid = strtonum(listen_pid, 1, INT_MAX, &bad);
	if (bad != NULL)
		return VZ_EFORMAT;
	if (pid != getpid()) /* meant for another process of this environment */
		return 0;
	count = (int)strtonum(listen_fds, 0, INT_MAX - FIRST_INHERITED, &bad);
	if (bad != NULL)
		return VZ_EFORMAT;
	if ((size_t)count > VZ_LISTEN_MAX - *n)
		return VZ_ELIMIT;
	for (i = 0; i < count; i++)
		if ((r = inherit_one(FIRST_INHERITED + i, &list[*n + (size_t)i])) != 0)
			return r;
	*n += (size_t)count;
	return 0;
}

void
vz_listen_close(struct vz_listener *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (list[i].path[0] != '\0')
			vz_unix_unlink(list[i].path, list[i].dev, list[i].ino);
		if (list[i].fd >= 0)
			close(list[i].fd);
		list[i].fd = -1;
		list[i].path[0] = '\0';
	}
}

/* accept(2): on Linux the errors of a connection that died while it queued come out here; the next
 * one is not to wait for them. */
static bool
of_that_connection(int err)
{
	switch (err) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT: return true;
	default: return false;
	}
}

int
vz_listen_accept(int fd, struct sockaddr_storage *from, socklen_t *from_len)
{
	int r;

	do {
		*from_len = sizeof(*from);
		r = vz_accept(fd, (struct sockaddr *)from, from_len);
	} while (r < 0 && of_that_connection(errno));
	return r < 0 ? VZ_ESYSTEM : r;
}

void
vz_listen_remote(int fd, char *out, size_t cap)
{
	struct vz_sockaddr at = {.len = sizeof(at.u)};
	uid_t uid;

	if (getpeername(fd, &at.u.sa, &at.len) != 0)
		snprintf(out, cap, "unknown");
	else if (at.u.sa.sa_family != AF_UNIX) {
		vz_sockaddr_unmap(&at);
		vz_sockaddr_text(&at, out, cap);
	} else if (vz_peer_uid(fd, &uid) == 0)
		snprintf(out, cap, "unix:uid=%lu", (unsigned long)uid);
	else
		snprintf(out, cap, "unix");
}
