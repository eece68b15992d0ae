#include "cmd/vz-listen/table.h"

#define GROUP_WHERE "Where messages go, if not to COMMAND"

static const struct option_row rows[] = {
    {'o', .arg = "FILE", .kind = KIND_FILE, .group = GROUP_WHERE, .help = "one, replacing FILE"},
    {'d', "dir", "DIR", KIND_DIR, .group = GROUP_WHERE, .help = "each, a file in DIR"},
    {OPT_LINES, "lines", .group = GROUP_WHERE, .help = "stdout, each and a newline",
	.both = "stdout, ended so"},
    {OPT_NULL, "null", .group = GROUP_WHERE, .help = "stdout, each and a NUL"},
    {OPT_FRAMES, "frames", .group = GROUP_WHERE, .help = "stdout, each after its length",
	.both = "stdout, in that form"},
    {OPT_JSON, "json", .group = GROUP_WHERE, .help = "stdout, each as JSON"},
    {OPT_RAW, "raw", .group = GROUP_WHERE, .help = "unescaped on a tty"},
    {OPT_ECHO, "echo", .group = GROUP_WHERE, .help = "back to the sender"},
    {OPT_COPROC, "coproc", .group = GROUP_WHERE, .help = "all to one COMMAND"},
    {OPT_MAX_HANDLERS, "max-handlers", "N", KIND_NUMBER, .group = GROUP_WHERE,
	.help = "COMMANDs (16)"},
    {OPT_HANDLER_TIMEOUT, "handler-timeout", "TIME", KIND_TIME, .group = GROUP_WHERE,
	.help = "of a COMMAND"},
    {'k', "keep", .group = GROUP_MUCH, .help = "for ever, as -d and COMMAND do",
	.both = "for ever, once"},
    {'1', "once", .group = GROUP_MUCH, .help = "one session"},
    {OPT_MAX_SIZE, "max-size", "SIZE", KIND_SIZE, .group = GROUP_MUCH, .help = "of a message"},
    {OPT_RESUME_WINDOW, "resume-window", "TIME", KIND_TIME, .group = GROUP_MUCH,
	.help = "on a break (10m)"},
    {OPT_ASK, "ask", .group = GROUP_RIGHTS, .help = "about unknown keys"},
    {0},
};

const struct option_table listen_table = {
    .program = "vz-listen",
    .usage = "usage: vz-listen [options] ADDRESS... [-- COMMAND ARG...]\n"
	     "ADDRESS: PORT (this host), *:PORT (all), HOST:PORT, /PATH, vz1RELAY@HOST:PORT\n",
    .groups = (const char *const[]){GROUP_WHERE, GROUP_MUCH, GROUP_RIGHTS, GROUP_SELF, GROUP_WAY,
	GROUP_SAID, NULL},
    .rows = (const struct option_row *const[]){rows, rows_of_messages, rows_of_rights,
	rows_of_service, rows_of_network, rows_of_all, NULL},
    .first = KIND_ADDRESS,
    .rest = KIND_ADDRESS,
    .command = "",
};
