/*
 * The spool on disk: opening it, and what is done to it without a relay (--fsck, --stats).
 */
#ifndef VZ_RELAY_SPOOL_H
#define VZ_RELAY_SPOOL_H

#include "cmd/vz-relay/options.h"

/* 0, or the exit status, and that was said. */
int spool_open(const struct relay_options *o, struct vz_store **out);
/* The exit status: 0 when nothing is wrong, or no more; 65 when it cannot be repaired. */
int spool_fsck(const struct relay_options *o);
/* What is in it, one JSON object on standard output. The exit status. */
int spool_stats(const struct relay_options *o);

#endif
