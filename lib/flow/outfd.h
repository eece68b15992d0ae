/*
 * An inherited output descriptor, written without waiting and without changing what others see.
 *
 * O_NONBLOCK belongs to the open file description, which a standard output shares with the shell
 * and with every other program of its pipeline; setting it there breaks them. So a pipe or terminal
 * is opened once more by its name in /proc, which gives a description of our own; a socket is
 * written with MSG_DONTWAIT; a regular file or another device never waits. Where there is no such
 * name, poll(2) and writes of at most PIPE_BUF bytes, which POSIX promises not to wait, serve.
 */
#ifndef VZ_FLOW_OUTFD_H
#define VZ_FLOW_OUTFD_H

#include <stddef.h>
#include <sys/types.h>

enum vz_outfd_how { VZ_OUTFD_PLAIN, VZ_OUTFD_SOCKET, VZ_OUTFD_POLL };

struct vz_outfd {
	int fd; /* written to, and watched for when it would wait */
	enum vz_outfd_how how;
	int own; /* fd is ours to close */
};

/* `fd` stays the caller's. A pipe is made larger where the system allows it. VZ_ESYSTEM. */
int vz_outfd_open(struct vz_outfd *o, int fd);
void vz_outfd_close(struct vz_outfd *o);
/* How many of the n bytes were written, 0 when it would wait; VZ_ESYSTEM. SIGPIPE is the caller's
 * matter. */
ssize_t vz_outfd_write(const struct vz_outfd *o, const void *p, size_t n);

#endif
