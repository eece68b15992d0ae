/*
 * Who may send, from where the options say.
 */
#ifndef VZ_LISTEN_RIGHTS_H
#define VZ_LISTEN_RIGHTS_H

#include "cmd/vz-listen/server.h"

#define RIGHTS_PATH_MAX (4096 + 16)

/* Adds the authorised keys to srv->me.acl, or ends the program with 78. */
void rights_load(struct server *srv);
/*
 * Reads all of it again. A file of authorised keys that cannot be read leaves the old rights in
 * force, less what is revoked; a damaged revoked list lets nobody new in until it is mended. Ends
 * the sessions whose right is gone, and gives the others what their lines say now.
 */
void rights_reload(struct server *srv);
/* Ends the sessions whose right has expired. */
void rights_expire(struct server *srv);
/* The files that are read; false when there is none. */
bool rights_authorized_path(const struct server *srv, char path[static RIGHTS_PATH_MAX]);
bool rights_revoked_path(const struct server *srv, char path[static RIGHTS_PATH_MAX]);

#endif
