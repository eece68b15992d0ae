/*
 * The end of the start: from root to --user, and the sandbox closed around what may be needed from
 * here on: files that are read again, folders that are written to, sockets that are removed.
 */
#ifndef VZ_LISTEN_CLOSING_H
#define VZ_LISTEN_CLOSING_H

#include "cmd/vz-listen/server.h"

/* 0, or the exit status, which was explained. */
int closing(struct server *srv);

#endif
