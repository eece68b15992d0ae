/*
 * Listening sockets: TCP of both families, Unix sockets, inherited ones (LISTEN_FDS).
 */
#ifndef VZ_NET_LISTEN_H
#define VZ_NET_LISTEN_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include "id/address.h"

#define VZ_LISTEN_MAX 32

struct vz_listener {
	int fd;
	char text[VZ_HOST_MAX +
	    16]; /* host:port, [v6]:port or /path as a peer can dial it on this host */
	char path[VZ_PATH_MAX + 1]; /* a Unix socket that we made and must unlink, or "" */
	dev_t dev;
	ino_t ino;               /* of that socket file: unlinked only while it is still ours */
	bool loopback, wildcard; /* this host only (Unix sockets too); every address of a family */
	bool inherited;          /* others may hold the same socket */
	bool shared;             /* others may listen on the same port: vz_listen_open_shared */
};

/*
 * Binds and listens on every socket that the address stands for (PORT: 127.0.0.1 and ::1 with one
 * port number; *: both families), appending to list[*n .. VZ_LISTEN_MAX). All non-blocking,
 * close-on-exec. Port 0 picks one. A Unix socket is made with `mode`; a stale one is replaced only
 * if nobody answers on it. family limits to AF_INET or AF_INET6. VZ_ESYSTEM (errno), VZ_ENOTFOUND,
 * VZ_EEXISTS (somebody answers there), VZ_EMODE (a file that is no socket), VZ_ELIMIT, VZ_ETIMEOUT
 * (a name, no answer). All or none, but a family that this host lacks is passed over.
 */
int vz_listen_open(const struct vz_listen_address *a, int family, mode_t mode,
    struct vz_listener *list, size_t *n);
/*
 * The same for a listener that takes the place of another one. Other processes of the same user may
 * open a TCP port in this way too (SO_REUSEPORT): the system gives each new connection to one of
 * them. The name of a Unix socket is taken from who has it.
 */
int vz_listen_open_shared(const struct vz_listen_address *a, int family, mode_t mode,
    struct vz_listener *list, size_t *n);
/*
 * Takes the sockets that a service manager passed: LISTEN_PID and LISTEN_FDS as values (NULL =
 * none; a LISTEN_PID that is not ours = none). Descriptors 3.. are checked to be listening stream
 * sockets and made non-blocking and close-on-exec. VZ_EMODE (one is not), VZ_EFORMAT (no numbers),
 * VZ_ELIMIT, VZ_ESYSTEM; then *n is as before and the descriptors stay open.
 */
int vz_listen_inherit(
    const char *listen_pid, const char *listen_fds, struct vz_listener *list, size_t *n);
/* Closes all, unlinks the Unix sockets that are still ours. */
void vz_listen_close(struct vz_listener *list, size_t n);

/* One accept: fd >= 0 non-blocking, close-on-exec; VZ_ESYSTEM (EAGAIN when there is none). */
int vz_listen_accept(int fd, struct sockaddr_storage *from, socklen_t *from_len);
/* "192.0.2.1:5000", "[::1]:5000" or "unix:uid=1000" of the other end of a connected socket. */
void vz_listen_remote(int fd, char *out, size_t cap);

#endif
