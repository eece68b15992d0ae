/*
 * Accepting while descriptors run out: some are kept for the files and commands of those who are
 * in, and strangers make room for newer ones.
 */
#ifndef VZ_LISTEN_SHORTAGE_H
#define VZ_LISTEN_SHORTAGE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "cmd/vz-listen/server.h"

/*
 * As vz_listen_accept, or VZ_ESYSTEM with EMFILE already while those who are in may need the
 * descriptors that are left (srv->descriptors).
 */
int shortage_accept(struct server *srv, int listener, struct sockaddr_storage *from);
/*
 * That failed with sys_errno, so that nobody can be accepted for the moment, which is said now and
 * then. True when a stranger has made room: try again.
 */
bool shortage_relieve(struct server *srv, int sys_errno);

#endif
