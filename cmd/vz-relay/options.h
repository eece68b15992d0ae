/*
 * What the command line asks for.
 */
#ifndef VZ_RELAY_OPTIONS_H
#define VZ_RELAY_OPTIONS_H

#include "cmd/common/options.h"
#include "cmd/serve/options.h"
#include "relay/store.h"

struct relay_options {
	struct common common;
	struct serve_options serve;
	unsigned max_listeners;
	uint64_t idle_ms; /* of a joined pair; 0 = for ever */
	const char *metrics;
	const char *spool; /* NULL: nothing is kept */
	struct vz_store_limits store;
	uint64_t ttl_s; /* of a message that says nothing else */
	bool fsck, stats;
};

/* Parses argv, or ends the program: usage errors 64, --help and --version 0. */
void options_parse(int argc, char **argv, struct relay_options *o);
void options_free(struct relay_options *o);

#endif
