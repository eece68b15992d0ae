/*
 * The signals of a program that serves.
 */
#ifndef VZ_SERVE_SIGNALS_H
#define VZ_SERVE_SIGNALS_H

#include "net/loop.h"

/*
 * SIGTERM and SIGINT call `end`, SIGHUP `hangup` (NULL: its default action). An interrupt that we
 * were started deaf to stays without effect. VZ_ESYSTEM, VZ_ENOMEM.
 */
int signals_start(struct vz_loop *l, vz_signal_fn *end, vz_signal_fn *hangup, void *arg);

#endif
