/*
 * What vz-send shows of how far it is (progress.h): what the other side says that it has taken, of
 * several destinations the one that is furthest behind.
 */
#ifndef VZ_SEND_SHOW_H
#define VZ_SEND_SHOW_H

struct run;

/* Before the sandbox closes: 0, or the exit status. progress_stop ends it. */
int show_start(struct run *r);

#endif
