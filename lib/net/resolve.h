/*
 * Host names to addresses, off the loop: getaddrinfo(3) runs in a child process, because it knows
 * no bound in time and cannot be stopped otherwise. The child is killed and reaped by its pid.
 */
#ifndef VZ_NET_RESOLVE_H
#define VZ_NET_RESOLVE_H

#include <netdb.h>
#include "net/loop.h"
#include "net/sockaddr.h"

#define VZ_RESOLVE_MAX 32 /* answers beyond are dropped */

struct vz_resolve;

/*
 * Called once: 0 and 1..VZ_RESOLVE_MAX different addresses in the order of RFC 6724, each with the
 * port; or VZ_ENOTFOUND (no such host, or none of this family), VZ_ETIMEOUT (the bound is over, or
 * no name server answered), VZ_ENOMEM, VZ_ESYSTEM with sys_errno. The list is gone after the call,
 * and so is the request.
 */
typedef void
vz_resolve_fn(void *arg, int err, int sys_errno, const struct vz_sockaddr *list, size_t n);

/* Never calls fn itself. ms = 0: 10 s. VZ_ENOMEM, VZ_ESYSTEM. */
int vz_resolve_start(struct vz_loop *l, const char *host, uint16_t port, int family, uint64_t ms,
    vz_resolve_fn *fn, void *arg, struct vz_resolve **out);
/* Gives up without calling fn. */
void vz_resolve_cancel(struct vz_resolve *r);
/* The same with a loop of its own, for use before there is one. list holds VZ_RESOLVE_MAX. */
int vz_resolve_wait(
    const char *host, uint16_t port, int family, uint64_t ms, struct vz_sockaddr *list, size_t *n);

/* What the child calls in place of getaddrinfo (tests); NULL brings getaddrinfo back. */
typedef int vz_resolver_fn(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **res);
void vz_resolve_use(vz_resolver_fn *fn);

#endif
