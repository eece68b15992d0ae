/*
 * Accepting while descriptors run out: some are kept for the files and commands of those who are
 * in, and strangers make room for newer ones.
 */
#ifndef VZ_SERVE_SHORTAGE_H
#define VZ_SERVE_SHORTAGE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "cmd/serve/gate.h"

/* Before the sandbox: lets the process have `need` descriptors, if it can. */
void shortage_raise_limit(uint64_t need);
/* What accepting may not go beyond (gate.h: descriptors). */
int shortage_reserve(void);
/*
 * As vz_listen_accept, or VZ_ESYSTEM with EMFILE already while those who are in may need the
 * descriptors that are left.
 */
int shortage_accept(struct gate *g, int listener, struct sockaddr_storage *from);
/*
 * That failed with sys_errno, so that nobody can be accepted for the moment, which is said now and
 * then. True when a stranger has made room: try again.
 */
bool shortage_relieve(struct gate *g, int sys_errno);
/* Whether we may make a connection ourselves for somebody who comes in over it; for that, too, a
 * stranger makes room. */
bool shortage_allows(struct gate *g);

#endif
