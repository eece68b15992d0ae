/*
 * Descriptors through a Unix socket, with the bytes that say what they are for.
 */
#ifndef VZ_NET_FDPASS_H
#define VZ_NET_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#define VZ_FDPASS_MAX 4

/* Sends all n bytes (n > 0) with `count` descriptors, which stay the caller's. VZ_ESYSTEM. */
int vz_fdpass_put(int sock, const void *p, size_t n, const int *fds, size_t count);
/*
 * One recvmsg(2): how many bytes came, 0 = the other side is gone, VZ_ESYSTEM. fds gets what came
 * with them, close-on-exec and the caller's, and -1 in the places that are left.
 */
ssize_t vz_fdpass_get(int sock, void *p, size_t n, int *fds, size_t count);

#endif
