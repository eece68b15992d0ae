/*
 * The signals of a program that serves.
 */
#ifndef VZ_SERVE_SIGNALS_H
#define VZ_SERVE_SIGNALS_H

#include <stdbool.h>
#include "net/loop.h"

/*
 * SIGTERM and SIGINT call `end`, SIGHUP `hangup` (NULL: its default action). An interrupt that we
 * were started deaf to stays without effect. VZ_ESYSTEM, VZ_ENOMEM.
 */
int signals_start(struct vz_loop *l, vz_signal_fn *end, vz_signal_fn *hangup, void *arg);

/* Which of the standard descriptors are terminals: at the start, before the sandbox closes. */
unsigned signals_terminals(void);
/* One of these is none any more: a hangup then means that nobody is there, and not "read again". */
bool signals_terminal_gone(unsigned terminals);

#endif
