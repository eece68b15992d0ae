#include "cmd/common/options.h"

const struct option_row rows_of_all[] = {
    {'v', "verbose", .group = GROUP_SAID, .help = "more; -vv: all of it", .both = "more, less"},
    {'q', "quiet", .group = GROUP_SAID, .help = "errors only"},
    {OPT_LOG_JSON, "log-json", .group = GROUP_SAID, .help = "events, as JSON"},
    {'h', "help", .group = GROUP_SAID, .help = "print the options", .both = "print it"},
    {'V', "version", .group = GROUP_SAID, .help = "print the version"},
    {0},
};

const struct option_row rows_of_messages[] = {
    {OPT_RELAY_PSK_FILE, "relay-psk-file", "FILE", KIND_FILE, .group = GROUP_SELF,
	.help = "for the relay"},
    {OPT_PROGRESS, "progress", .group = GROUP_SAID, .help = "how far it is, anywhere",
	.both = "how far"},
    {OPT_NO_PROGRESS, "no-progress", .group = GROUP_SAID, .help = "not how far it is"},
    {0},
};

const struct option_row rows_of_network[] = {
    {'i', "identity", "FILE", KIND_FILE, .group = GROUP_SELF, .help = "this host's keys"},
    {OPT_PASSPHRASE_FD, "passphrase-fd", "N", KIND_NUMBER, .group = GROUP_SELF,
	.help = "has the passphrase"},
    {OPT_PSK_FILE, "psk-file", "FILE", KIND_FILE, .group = GROUP_SELF, .help = "a pre-shared key"},
    {OPT_STATE, "state", "DIR", KIND_DIR, .group = GROUP_SELF, .help = "memory of peers"},
    {'w', "timeout", "TIME", KIND_TIME, .group = GROUP_WAY, .help = "of each wait (10s)"},
    {'4', .group = GROUP_WAY, .help = "IPv4 only", .both = "IPv4 or IPv6 only"},
    {'6', .group = GROUP_WAY, .help = "IPv6 only"},
    {OPT_SANDBOX, "sandbox", "MODE", KIND_WORD, .words = "auto require off", .group = GROUP_WAY,
	.help = "auto, require or off"},
    {0},
};
