#include "cmd/serve/options.h"

const struct option_row rows_of_rights[] = {
    {'a', "authorized", "FILE", KIND_FILE, .group = GROUP_RIGHTS, .help = "list of keys"},
    {OPT_ALLOW, "allow", "KEY", KIND_KEY, .group = GROUP_RIGHTS, .help = "this one (repeatable)"},
    {OPT_ALLOW_ANY, "allow-any", .group = GROUP_RIGHTS, .help = "everybody"},
    {OPT_AUDIT, "audit", "FILE", KIND_FILE, .group = GROUP_RIGHTS, .help = "record what they do"},
    {0},
};

const struct option_row rows_of_service[] = {
    {OPT_USER, "user", "NAME", KIND_USER, .group = GROUP_WAY, .help = "from root become NAME"},
    {OPT_READY_FD, "ready-fd", "N", KIND_NUMBER, .group = GROUP_WAY,
	.help = "write addresses there"},
    {OPT_SOCKET_MODE, "socket-mode", "MODE", KIND_TEXT, .group = GROUP_WAY,
	.help = "Unix sockets (600)"},
    {OPT_DRAIN, "drain", "TIME", KIND_TIME, .group = GROUP_WAY, .help = "to end well in (30s)"},
    {OPT_REUSE_PORT, "reuse-port", .group = GROUP_WAY, .help = "share ports"},
    {OPT_MAX_CONNS, "max-conns", "N", KIND_NUMBER, .group = GROUP_MUCH, .help = "sessions at once"},
    {0},
};
