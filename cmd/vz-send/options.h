/*
 * What vz-send was asked to do.
 */
#ifndef VZ_SEND_OPTIONS_H
#define VZ_SEND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "cmd/common/options.h"
#include "flow/items.h"

enum store_when {
	STORE_NEVER,
	STORE_AUTO, /* if the destination is away */
	STORE_ONLY,
};

struct send_options {
	struct common common;
	const char *dest; /* DEST[,DEST...] */
	char **command;   /* --run: COMMAND ARG... NULL; else NULL */
	char **files;     /* FILE..., each a message; none = standard input */
	size_t n_files;
	const char *name; /* --name, or NULL */
	bool empty;       /* -n */
	bool check;       /* --check */
	bool reply;       /* --reply */
	bool raw;         /* --raw */
	bool sign;        /* --sign */
	bool batch;       /* --lines, --null or --frames: then */
	enum vz_items_mode mode;
	bool unordered;        /* --unordered */
	unsigned in_flight;    /* --in-flight, or what is sensible */
	uint64_t retry_ms;     /* --retry-for, */
	enum store_when store; /* --store */
	uint64_t expires_s;    /* --expires, or what is usual */
	bool retry_given;      /* also for the first connection then */
};

/* Fills *o from the command line; a usage error does not return. Borrows argv. */
void send_options_parse(struct send_options *o, int argc, char **argv);

#endif
