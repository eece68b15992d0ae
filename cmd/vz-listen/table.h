/*
 * The options of vz-listen, and the values of those that have no letter.
 */
#ifndef VZ_LISTEN_TABLE_H
#define VZ_LISTEN_TABLE_H

#include "cmd/serve/options.h"

enum listen_long {
	OPT_RAW = OPT_SERVE_PROGRAM,
	OPT_MAX_SIZE,
	OPT_LINES,
	OPT_NULL,
	OPT_FRAMES,
	OPT_JSON,
	OPT_ECHO,
	OPT_COPROC,
	OPT_MAX_HANDLERS,
	OPT_HANDLER_TIMEOUT,
	OPT_RESUME_WINDOW,
	OPT_ASK,
};

extern const struct option_table listen_table;

#endif
