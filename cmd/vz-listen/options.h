/*
 * What the command line asks for.
 */
#ifndef VZ_LISTEN_OPTIONS_H
#define VZ_LISTEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/common/options.h"
#include "cmd/serve/options.h"

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
	struct serve_options serve;
	bool keep;   /* for ever; else one session */
	bool single; /* one message in all */
	enum listen_how how;
	const char *file, *dir;
	bool raw;
	bool ask;       /* about keys that nobody has allowed */
	char **command; /* NULL when there is none */
	unsigned max_handlers;
	uint64_t handler_ms; /* --handler-timeout; 0 = none */
	uint64_t max_size;   /* 0 = any */
	uint64_t resume_ms;  /* --resume-window; 0 = a break is the end */
};

/* Parses argv, or ends the program: usage errors 64, --help and --version 0. */
void options_parse(int argc, char **argv, struct listen_options *o);
void options_free(struct listen_options *o);

#endif
