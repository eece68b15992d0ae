/*
 * What vz-listen shows of what is under way (progress.h): a line for each message.
 */
#ifndef VZ_LISTEN_SHOW_H
#define VZ_LISTEN_SHOW_H

struct server;

/* Before the sandbox closes. VZ_ESYSTEM, VZ_ENOMEM. progress_stop ends it. */
int show_start(struct server *srv);

#endif
