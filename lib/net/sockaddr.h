/*
 * Socket addresses with their length, and their text.
 */
#ifndef VZ_NET_SOCKADDR_H
#define VZ_NET_SOCKADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct vz_sockaddr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

/*
 * A literal IPv4 or IPv6 address (with a %zone), no resolver asked. VZ_ENOTFOUND: no literal, or
 * not of this family (AF_UNSPEC: either).
 */
int vz_sockaddr_literal(const char *host, uint16_t port, int family, struct vz_sockaddr *out);
/* A Unix socket's path. VZ_ELIMIT when it is too long. */
int vz_sockaddr_unix(const char *path, struct vz_sockaddr *out);
/* Port in host order; 0 for Unix sockets. */
uint16_t vz_sockaddr_port(const struct vz_sockaddr *a);
void vz_sockaddr_set_port(struct vz_sockaddr *a, uint16_t port);
bool vz_sockaddr_equal(const struct vz_sockaddr *a, const struct vz_sockaddr *b);
/* ::ffff:192.0.2.1, as a socket of both families has it, becomes 192.0.2.1. */
void vz_sockaddr_unmap(struct vz_sockaddr *a);
/* 127.0.0.0/8, ::1, any Unix socket; and the address that stands for all of a family. */
bool vz_sockaddr_is_loopback(const struct vz_sockaddr *a);
bool vz_sockaddr_is_wildcard(const struct vz_sockaddr *a);
/* "192.0.2.1:5000", "[::1]:5000", "/path", "@abstract", or "unix" for an unnamed socket. */
void vz_sockaddr_text(const struct vz_sockaddr *a, char *out, size_t cap);

#endif
