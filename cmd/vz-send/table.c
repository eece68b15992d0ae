#include "cmd/vz-send/table.h"

#define GROUP_WHAT  "What to send"
#define GROUP_REPLY "What comes back"
#define GROUP_BREAK "When it breaks, or nobody is there"

static const struct option_row rows[] = {
    {OPT_RUN, "run", "DEST", KIND_DEST, .group = GROUP_WHAT, .help = "what COMMAND prints"},
    {OPT_LINES, "lines", .group = GROUP_WHAT, .help = "each line of stdin"},
    {OPT_NULL, "null", .group = GROUP_WHAT, .help = "each of its items, by NUL"},
    {OPT_FRAMES, "frames", .group = GROUP_WHAT, .help = "each, after its length"},
    {'n', .group = GROUP_WHAT, .help = "an empty message"},
    {OPT_NAME, "name", "NAME", KIND_TEXT, .group = GROUP_WHAT, .help = "the message's name (FILE)"},
    {OPT_SIGN, "sign", .group = GROUP_WHAT, .help = "prove to all who sent it"},
    {'r', "reply", .group = GROUP_REPLY, .help = "ask; print the reply"},
    {OPT_UNORDERED, "unordered", .group = GROUP_REPLY, .help = "as they come, numbered"},
    {OPT_RAW, "raw", .group = GROUP_REPLY, .help = "unescaped on a tty"},
    {OPT_IN_FLIGHT, "in-flight", "N", KIND_NUMBER, .group = GROUP_REPLY,
	.help = "so many may wait"},
    {OPT_CHECK, "check", .group = GROUP_BREAK, .help = "say which step fails"},
    {OPT_RETRY_FOR, "retry-for", "TIME", KIND_TIME, .group = GROUP_BREAK,
	.help = "try again (30s)"},
    {OPT_STORE, "store", "WHEN", KIND_WORD, .words = "never auto only", .group = GROUP_BREAK,
	.help = "at the relay: never, auto (DEST is away), only"},
    {OPT_EXPIRES, "expires", "TIME", KIND_TIME, .group = GROUP_BREAK,
	.help = "stored so long (7d)"},
    {0},
};

const struct option_table send_table = {
    .program = "vz-send",
    .usage = "usage: vz-send [options] [--run] DEST[,DEST...] [FILE... | -- COMMAND [ARG...]]\n"
	     "Sends each FILE (- is standard input, the default) or what COMMAND prints as a\n"
	     "message. Exit status 0: the other side has all of it; else see vz-send(1).\n"
	     "DEST is KEY@HOST:PORT, KEY@[IPV6]:PORT, KEY@/SOCKET, KEY@RELAY, NAME or @GROUP.\n",
    .groups = (const char *const[]){GROUP_WHAT, GROUP_REPLY, GROUP_SELF, GROUP_BREAK, GROUP_WAY,
	GROUP_SAID, NULL},
    .rows = (const struct option_row *const[]){rows, rows_of_messages, rows_of_network, rows_of_all,
	NULL},
    .first = KIND_DEST,
    .rest = KIND_FILE,
    .command = "--run",
};
