/*
 * What changed rights mean for the sessions that there are.
 */
#ifndef VZ_LISTEN_RIGHTS_H
#define VZ_LISTEN_RIGHTS_H

#include "cmd/vz-listen/server.h"

/* Reads them again; ends the sessions whose right is gone, and gives the others what their lines
 * say now. */
void rights_renew(struct server *srv);
/* Ends the sessions whose right has expired. */
void rights_expire(struct server *srv);

#endif
