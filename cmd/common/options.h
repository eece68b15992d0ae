/*
 * The options that every program has (DESIGN 8), and what they amount to.
 */
#ifndef VZ_CMD_OPTIONS_H
#define VZ_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <getopt.h>

enum sandbox_mode {
	SANDBOX_AUTO, /* each layer that is there */
	SANDBOX_REQUIRE,
	SANDBOX_OFF,
};

struct common {
	const char *identity;    /* -i */
	const char *psk_file[2]; /* --psk-file, a second one only for vz-listen */
	unsigned psk_files;
	unsigned psk_max;           /* 1: the last one wins; 2: two, and a third is a usage error */
	const char *relay_psk_file; /* --relay-psk-file, of programs that call relays */
	const char *state;          /* --state */
	int passphrase_fd;          /* --passphrase-fd, -1 = none */
	uint64_t wait_ms;           /* -w; 0 = each wait's own default */
	int family;                 /* AF_UNSPEC, AF_INET, AF_INET6 */
	int level;                  /* -q = -1, -v = 1, -vv = 2 */
	bool json;                  /* --log-json */
	enum sandbox_mode sandbox;
};

/* For getopt_long by common_next: no permutation, and ours are the words about errors. */
#define COMMON_SHORT "+:hVvqi:w:46"
enum common_long {
	OPT_PSK_FILE = 256,
	OPT_STATE,
	OPT_PASSPHRASE_FD,
	OPT_LOG_JSON,
	OPT_SANDBOX,
	OPT_PROGRAM /* first of a program's own */
};
/* clang-format off */
#define COMMON_LONG \
	{"help", no_argument, NULL, 'h'}, \
	{"version", no_argument, NULL, 'V'}, \
	{"verbose", no_argument, NULL, 'v'}, \
	{"quiet", no_argument, NULL, 'q'}, \
	{"identity", required_argument, NULL, 'i'}, \
	{"timeout", required_argument, NULL, 'w'}, \
	{"psk-file", required_argument, NULL, OPT_PSK_FILE}, \
	{"state", required_argument, NULL, OPT_STATE}, \
	{"passphrase-fd", required_argument, NULL, OPT_PASSPHRASE_FD}, \
	{"log-json", no_argument, NULL, OPT_LOG_JSON}, \
	{"sandbox", required_argument, NULL, OPT_SANDBOX}
/* clang-format on */

/* What --help says about them. */
#define COMMON_HELP                                                                          \
	"  -i, --identity FILE     this host's identity (default ~/.config/vz/identity)\n"   \
	"      --psk-file FILE     a pre-shared key in addition, made by vz-keygen\n"        \
	"      --state DIR         memory of peers (default ~/.local/state/vz)\n"            \
	"      --passphrase-fd N   read the identity's passphrase from descriptor N\n"       \
	"  -w, --timeout TIME      bound on each wait for network or peer: 500ms, 10s, 5m\n" \
	"  -4, -6                  IPv4 or IPv6 only\n"                                      \
	"  -v, --verbose; -q, --quiet   say more (-vv: all), or errors only\n"               \
	"      --log-json; --sandbox MODE   JSON events on stderr; auto, require or off\n"   \
	"  -h, --help; -V, --version\n"

/* One identity, one pre-shared key, no limits but the defaults. */
void common_defaults(struct common *c);
/*
 * getopt_long(argc, argv, shorts, longs), but an unknown option or a missing argument is a usage
 * error in our words and does not return. -1 at the first operand.
 */
int common_next(int argc, char **argv, const char *shorts, const struct option *longs);
/*
 * Handles one option as common_next returned it, at once: -v, -q and --log-json change what diag
 * says from here on. True when it was one of the common ones. A bad value is a usage error and does
 * not return; -h prints `help`, -V the version, and both exit 0.
 */
bool
common_option(struct common *c, int opt, const char *value, const char *program, const char *help);

#endif
