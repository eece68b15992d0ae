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

/* Where messages go. */
enum listen_how {
	HOW_STREAM, /* standard output, as it comes */
	HOW_FILE,
	HOW_DIR,
	HOW_LINES, /* from here to HOW_JSON: standard output, whole messages */
	HOW_NULL,
	HOW_FRAMES,
	HOW_JSON,
	HOW_ECHO,
	HOW_COMMAND,
	HOW_COPROC,
};

struct listen_options {
	struct common common;
	bool keep;   /* for ever; else one session */
	bool single; /* one message in all */
	enum listen_how how;
	const char *file, *dir;
	bool raw;
	char **command; /* NULL when there is none */
	unsigned max_handlers;
	uint64_t handler_ms;    /* --handler-timeout; 0 = none */
	const char *authorized; /* NULL: the one beside the identity, unless somebody is allowed */
	struct vz_key *allow;
	size_t allowed;
	bool allow_any;
	const char *audit;
	const char *user;  /* NULL: as whom we were started */
	uint64_t max_size; /* 0 = any */
	unsigned max_conns;
	uint64_t resume_ms; /* --resume-window; 0 = a break is the end */
	int ready_fd;       /* -1 = none */
	uint64_t drain_ms;
	bool reuse_port;
	mode_t socket_mode;
	char **addresses;
	int n_addresses;
};

/* Parses argv, or ends the program: usage errors 64, --help and --version 0. */
void options_parse(int argc, char **argv, struct listen_options *o);
void options_free(struct listen_options *o);

#endif
