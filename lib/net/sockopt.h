/*
 * What differs between systems about descriptors: one function for each, nothing elsewhere.
 */
#ifndef VZ_NET_SOCKOPT_H
#define VZ_NET_SOCKOPT_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A stream socket, non-blocking and close-on-exec; or -1 and errno. */
int vz_stream_socket(int domain);
/* A pipe, close-on-exec; flags 0 or O_NONBLOCK (for both ends). VZ_ESYSTEM. */
int vz_pipe(int p[static 2], int flags);
/* accept(2) with a non-blocking, close-on-exec result; or -1 and errno. */
int vz_accept(int fd, struct sockaddr *from, socklen_t *from_len);
/* Sets both flags. VZ_ESYSTEM. */
int vz_nonblock_cloexec(int fd);
/* Small writes go out at once; no error where it means nothing. */
void vz_tcp_nodelay(int fd);
/* Before bind(2): others of the same user may do this with the same port. VZ_ESYSTEM. */
int vz_reuse_port(int fd);
/*
 * From here on a listening TCP socket lets nobody new in: a SYN to it is dropped, so that its
 * sender asks again in a second, and may find another socket of the port by then. Handshakes that
 * have begun end well, and come out of accept(2). What is accepted is not disturbed. Of the socket,
 * not of the descriptor. VZ_ESYSTEM; ENOSYS where there is no such thing.
 */
int vz_turn_away(int fd);
/* Asks for a pipe that holds `size` bytes; returns what it holds now, or 0 when that is unknown. */
size_t vz_pipe_grow(int fd, size_t size);
/*
 * Moves up to n bytes between a pipe and a socket without copying them, neither of which is waited
 * for: as read(2) does, with SIGPIPE as of write(2). -1 and ENOSYS where there is no such thing,
 * EINVAL where this descriptor has none.
 */
ssize_t vz_splice(int from, int to, size_t n);
/* The user at the other end of a connected Unix socket. VZ_ESYSTEM. */
int vz_peer_uid(int fd, uid_t *uid);

#endif
