/*
 * The options of vz-relay, and the values of those that have no letter.
 */
#ifndef VZ_RELAY_TABLE_H
#define VZ_RELAY_TABLE_H

#include "cmd/serve/options.h"

enum relay_long {
	OPT_IDLE = OPT_SERVE_PROGRAM,
	OPT_MAX_LISTENERS,
	OPT_METRICS,
	OPT_SPOOL,
	OPT_SPOOL_SIZE,
	OPT_MAILBOX_SIZE,
	OPT_MAILBOX_MESSAGES,
	OPT_SENDER_SIZE,
	OPT_TTL,
	OPT_FSCK,
	OPT_STATS,
};

extern const struct option_table relay_table;

#endif
