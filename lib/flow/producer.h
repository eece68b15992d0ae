/*
 * A command whose standard output is a message (`vz-send --run`): run without a shell, in a process
 * group of its own, believed only when it exits 0.
 */
#ifndef VZ_FLOW_PRODUCER_H
#define VZ_FLOW_PRODUCER_H

#include <stddef.h>
#include "net/loop.h"

struct vz_producer;

#define VZ_PRODUCER_GRACE_MS 2000 /* from SIGTERM to SIGKILL */

/* Called once, from the loop, when the command has ended, with its wait status (-1 = unknown). */
typedef void vz_producer_fn(void *arg, int status);

/*
 * Makes the process that is to become argv[0], while we may still fork; it waits, and ends with us.
 * Best before any secret is read, for until the exec it has what we have. VZ_ESYSTEM, VZ_ENOMEM.
 * The caller owns *out; argv stays until the start.
 */
int vz_producer_prepare(char *const argv[], struct vz_producer **out);
/*
 * Runs it, once; argv[0] is looked up in PATH. stdin and stderr are inherited; *fd is the read end
 * of its stdout, non-blocking, the caller's. From the terminal it can read nothing: being a
 * background group it would be stopped, and is told EIO instead. VZ_ESYSTEM: errno says why it
 * could not be run; VZ_ENOMEM.
 */
int
vz_producer_start(struct vz_producer *p, struct vz_loop *l, vz_producer_fn *fn, void *arg, int *fd);
/*
 * Ends it and frees p: SIGTERM to the group and, after the grace, SIGKILL; reaped when this
 * returns. For one that has ended only what it left behind in its group is sent SIGTERM, unless it
 * ended well. fn is not called any more. NULL is nothing.
 */
void vz_producer_free(struct vz_producer *p);
/* "exited 3", "was killed by signal 15 (Terminated)". Returns buf. */
const char *vz_producer_words(int status, char *buf, size_t cap);

#endif
