/*
 * The process that looks names up for one that may not fork, nor open what getaddrinfo(3) opens.
 * For net/resolve, and for the program that splits it off.
 */
#ifndef VZ_NET_RESOLVER_H
#define VZ_NET_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From here on names are looked up by children of a process that is made now, and ends with us.
 * `enter` is called there, when it has only what it needs: to wipe what it is not to know, and to
 * close its sandbox. NULL is nothing. VZ_ESYSTEM.
 */
int vz_resolver_split(void (*enter)(void *arg), void *arg);
bool vz_resolver_is_split(void);
/* Has `host` looked up; the answer goes to `out`, which stays the caller's. VZ_ESYSTEM; VZ_ELIMIT.
 */
int vz_resolver_ask(const char *host, int family, uint64_t ms, int out);
/* The child's part, in resolve.c: looks it up, writes the answer and exits. */
_Noreturn void vz_resolver_child(const char *host, int family, uint64_t ms, int out);

#endif
