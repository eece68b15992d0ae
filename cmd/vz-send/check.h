/*
 * vz-send --check: each step of reaching a destination, and which one fails.
 */
#ifndef VZ_SEND_CHECK_H
#define VZ_SEND_CHECK_H

#include "cmd/vz-send/options.h"

/* Says each step on stderr; the exit status is that of sending. */
int check_run(const struct send_options *options);

#endif
