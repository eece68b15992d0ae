/*
 * --metrics: what is counted, as OpenMetrics text, for node_exporter's textfile collector and its
 * like.
 */
#ifndef VZ_RELAY_METRICS_H
#define VZ_RELAY_METRICS_H

#include "cmd/vz-relay/relay.h"

#define METRICS_EACH_MS 15000

/* Comes each second: writes the file when it is time to, in the place of the one before. */
void metrics_tick(struct relay *rl);
/* Now. */
void metrics_write(struct relay *rl);

#endif
