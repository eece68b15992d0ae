/*
 * The process that starts our commands (flow/starter.h), and what it lets us run: we may be in the
 * hands of somebody else by then.
 */
#ifndef VZ_LISTEN_COMMANDS_H
#define VZ_LISTEN_COMMANDS_H

#include "cmd/vz-listen/server.h"

/* Splits it off, where there is a COMMAND, or ends the program. Before any secret is read. */
void commands_split(struct server *srv);
/* Ends the listener when that process is gone, each second: it could not do what it is for. */
void commands_check(struct server *srv);

#endif
