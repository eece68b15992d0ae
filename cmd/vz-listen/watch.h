/*
 * What a running listener looks after each second: files of rights that changed, rights that
 * expired, the record that is to be signed.
 */
#ifndef VZ_LISTEN_WATCH_H
#define VZ_LISTEN_WATCH_H

#include "cmd/vz-listen/server.h"

/* From here on, as the files are now. VZ_ENOMEM. */
int watch_start(struct server *srv);
void watch_stop(struct server *srv);
/* The files are about to be read: only what changes after this is a change. */
void watch_note(struct server *srv);

#endif
