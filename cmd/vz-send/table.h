/*
 * The options of vz-send, and the values of those that have no letter.
 */
#ifndef VZ_SEND_TABLE_H
#define VZ_SEND_TABLE_H

#include "cmd/common/options.h"

enum send_long {
	OPT_RUN = OPT_PROGRAM,
	OPT_NAME,
	OPT_CHECK,
	OPT_LINES,
	OPT_NULL,
	OPT_FRAMES,
	OPT_IN_FLIGHT,
	OPT_UNORDERED,
	OPT_RAW,
	OPT_RETRY_FOR,
	OPT_SIGN,
	OPT_STORE,
	OPT_EXPIRES,
};

extern const struct option_table send_table;

#endif
