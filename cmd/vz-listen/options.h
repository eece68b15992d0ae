/*
 * What the command line asks for.
 */
#ifndef VZ_LISTEN_OPTIONS_H
#define VZ_LISTEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cmd/common/options.h"
#include "id/key.h"

#define ALLOW_MAX 1024

struct listen_options {
	struct common common;
	bool keep;   /* for ever; else one session */
	bool single; /* one message in all */
	const char *file, *dir;
	bool raw;
	const char *authorized; /* NULL: the one beside the identity, unless somebody is allowed */
	struct vz_key *allow;
	size_t allowed;
	bool allow_any;
	const char *audit; /* NULL: no record is kept */
	uint64_t max_size; /* 0 = any */
	unsigned max_conns;
	int ready_fd; /* -1 = none */
	mode_t socket_mode;
	char **addresses;
	int n_addresses;
};

/* Parses argv, or ends the program: usage errors 64, --help and --version 0. */
void options_parse(int argc, char **argv, struct listen_options *o);
void options_free(struct listen_options *o);

#endif
