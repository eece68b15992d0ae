#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "net/sockaddr.h"

int
vz_sockaddr_literal(const char *host, uint16_t port, int family, struct vz_sockaddr *out)
{
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai;

	memset(out, 0, sizeof(*out));
	if (family != AF_INET6 && inet_pton(AF_INET, host, &out->u.in4.sin_addr) == 1) {
		out->u.in4.sin_family = AF_INET;
		out->len = sizeof(out->u.in4);
	} else if (family != AF_INET && inet_pton(AF_INET6, host, &out->u.in6.sin6_addr) == 1) {
		out->u.in6.sin6_family = AF_INET6;
		out->len = sizeof(out->u.in6);
	} else if (family != AF_INET && strchr(host, '%') != NULL &&
	    getaddrinfo(host, NULL, &hints, &ai) == 0) { /* RFC 4007 11.2: a zone */
		memcpy(&out->u, ai->ai_addr, sizeof(out->u.in6));
		out->len = sizeof(out->u.in6);
		freeaddrinfo(ai);
	} else {
		return VZ_ENOTFOUND;
	}
	vz_sockaddr_set_port(out, port);
	return 0;
}

int
vz_sockaddr_unix(const char *path, struct vz_sockaddr *out)
{
	memset(out, 0, sizeof(*out));
	out->u.un.sun_family = AF_UNIX;
	if (strlcpy(out->u.un.sun_path, path, sizeof(out->u.un.sun_path)) >=
	    sizeof(out->u.un.sun_path))
		return VZ_ELIMIT;
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	return 0;
}

uint16_t
vz_sockaddr_port(const struct vz_sockaddr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return ntohs(a->u.in4.sin_port);
	if (a->u.sa.sa_family == AF_INET6)
		return ntohs(a->u.in6.sin6_port);
	return 0;
}

void
vz_sockaddr_set_port(struct vz_sockaddr *a, uint16_t port)
{
	if (a->u.sa.sa_family == AF_INET)
		a->u.in4.sin_port = htons(port);
	else if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

bool
vz_sockaddr_equal(const struct vz_sockaddr *a, const struct vz_sockaddr *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family || vz_sockaddr_port(a) != vz_sockaddr_port(b))
		return false;
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in4.sin_addr.s_addr == b->u.in4.sin_addr.s_addr;
	if (a->u.sa.sa_family == AF_INET6)
		return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, 16) == 0 &&
		    a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id;
	return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
}

void
vz_sockaddr_unmap(struct vz_sockaddr *a)
{
	struct vz_sockaddr v4 = {.len = sizeof(v4.u.in4)};

	if (a->u.sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		return;
	v4.u.in4.sin_family = AF_INET;
	v4.u.in4.sin_port = a->u.in6.sin6_port;
	memcpy(&v4.u.in4.sin_addr, a->u.in6.sin6_addr.s6_addr + 12, 4);
	*a = v4;
}

bool
vz_sockaddr_is_loopback(const struct vz_sockaddr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return ntohl(a->u.in4.sin_addr.s_addr) >> 24 == 127;
	if (a->u.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
	return a->u.sa.sa_family == AF_UNIX;
}

bool
vz_sockaddr_is_wildcard(const struct vz_sockaddr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in4.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

static void
unix_text(const struct vz_sockaddr *a, char *out, size_t cap)
{
	size_t head = offsetof(struct sockaddr_un, sun_path), n;

	n = a->len > head ? a->len - head : 0;
	if (n > sizeof(a->u.un.sun_path))
		n = sizeof(a->u.un.sun_path);
	if (n == 0)
		snprintf(out, cap, "unix");
	else if (a->u.un.sun_path[0] == '\0') /* unix(7): abstract, the whole length counts */
		snprintf(out, cap, "@%.*s", (int)(n - 1), a->u.un.sun_path + 1);
	else
		snprintf(out, cap, "%.*s", (int)n, a->u.un.sun_path);
}

void
vz_sockaddr_text(const struct vz_sockaddr *a, char *out, size_t cap)
{
	char host[INET6_ADDRSTRLEN + 32];

	if (a->u.sa.sa_family == AF_UNIX)
		unix_text(a, out, cap);
	else if (getnameinfo(&a->u.sa, a->len, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(out, cap, "unknown");
	else
		snprintf(out, cap, a->u.sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		    (unsigned)vz_sockaddr_port(a));
}
