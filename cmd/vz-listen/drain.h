/*
 * The end of a listener that keeps: what is under way is finished, for as long as --drain has it.
 *
 * New messages and sessions are told to try again (75). Where somebody else may accept on our
 * sockets (--reuse-port, LISTEN_FDS) those are closed instead, and the sessions that came in before
 * go on until they have been idle for a while, so that whoever replaces us is not noticed.
 */
#ifndef VZ_LISTEN_DRAIN_H
#define VZ_LISTEN_DRAIN_H

#include "cmd/vz-listen/server.h"

/* Begins, because of signo, which ends the program too when the time is over before the work. */
void drain_begin(struct server *srv, int signo);
/* Begins by itself: nobody finds us any more; handed: but who takes our place. */
void drain_deserted(struct server *srv, bool handed);
/* Whether v may begin nothing new. */
bool drain_refuses(const struct visit *v);
/* A visit ended, or a message: that may have been the last one. */
void drain_wake(struct server *srv);
/* It is over, however: nothing of it happens any more. */
void drain_stop(struct server *srv);

#endif
