/*
 * What vz-relay says of itself when SIGUSR1 asks (progress.h).
 */
#ifndef VZ_RELAY_SHOW_H
#define VZ_RELAY_SHOW_H

struct relay;

/* VZ_ESYSTEM, VZ_ENOMEM. progress_stop ends it. */
int show_start(struct relay *rl);

#endif
