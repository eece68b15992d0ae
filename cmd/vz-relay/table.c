#include "cmd/vz-relay/table.h"

#define GROUP_SPOOL "Messages for hosts that are away"

static const struct option_row rows[] = {
    {OPT_MAX_LISTENERS, "max-listeners", "N", KIND_NUMBER, .group = GROUP_MUCH,
	.help = "at once (5000)"},
    {OPT_IDLE, "idle", "TIME", KIND_TIME, .group = GROUP_MUCH, .help = "ends a pair (5m)"},
    {OPT_SPOOL, "spool", "DIR", KIND_DIR, .group = GROUP_SPOOL, .help = "keep them there"},
    {OPT_SPOOL_SIZE, "spool-size", "SIZE", KIND_SIZE, .group = GROUP_SPOOL, .help = "in all (4G)"},
    {OPT_SENDER_SIZE, "sender-size", "SIZE", KIND_SIZE, .group = GROUP_SPOOL,
	.help = "of one (256M)"},
    {OPT_MAILBOX_SIZE, "mailbox-size", "SIZE", KIND_SIZE, .group = GROUP_SPOOL,
	.help = "for one (64M)"},
    {OPT_MAILBOX_MESSAGES, "mailbox-messages", "N", KIND_NUMBER, .group = GROUP_SPOOL,
	.help = "for one (1000)"},
    {OPT_TTL, "ttl", "TIME", KIND_TIME, .group = GROUP_SPOOL, .help = "for so long (7d)"},
    {OPT_FSCK, "fsck", .group = GROUP_SPOOL, .help = "check and repair"},
    {OPT_STATS, "stats", .group = GROUP_SPOOL, .help = "its state as JSON"},
    {OPT_METRICS, "metrics", "FILE", KIND_FILE, .group = GROUP_WAY,
	.help = "OpenMetrics, each 15s"},
    {0},
};

const struct option_table relay_table = {
    .program = "vz-relay",
    .usage = "usage: vz-relay [options] ADDRESS...\n"
	     "       vz-relay --spool DIR --fsck|--stats\n"
	     "Introduce hosts that cannot reach each other, and keep messages for those that\n"
	     "are away; ADDRESS: PORT (this host), *:PORT (all), HOST:PORT or /PATH.\n",
    .groups = (const char *const[]){GROUP_RIGHTS, GROUP_MUCH, GROUP_SPOOL, GROUP_SELF, GROUP_WAY,
	GROUP_SAID, NULL},
    .rows = (const struct option_row *const[]){rows, rows_of_rights, rows_of_service,
	rows_of_network, rows_of_all, NULL},
    .first = KIND_ADDRESS,
    .rest = KIND_ADDRESS,
};
