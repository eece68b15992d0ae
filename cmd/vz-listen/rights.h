/*
 * Who may send, from where the options say.
 */
#ifndef VZ_LISTEN_RIGHTS_H
#define VZ_LISTEN_RIGHTS_H

#include "cmd/vz-listen/server.h"

/* Adds the authorised keys to srv->me.acl, or ends the program with 78. */
void rights_load(struct server *srv);
/*
 * Reads all of it again (SIGHUP). What cannot be read leaves the old rights in force, except that a
 * damaged revoked list lets nobody new in until it is mended. Ends the sessions whose right is
 * gone.
 */
void rights_reload(struct server *srv);

#endif
