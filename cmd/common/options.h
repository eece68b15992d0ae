/*
 * The options that every program has (DESIGN 8), and what they amount to.
 */
#ifndef VZ_CMD_OPTIONS_H
#define VZ_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/common/table.h"

enum sandbox_mode {
	SANDBOX_AUTO, /* each layer that is there */
	SANDBOX_REQUIRE,
	SANDBOX_OFF,
};

enum progress_wish {
	PROGRESS_AS_USUAL,
	PROGRESS_ALWAYS,
	PROGRESS_NEVER,
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
	enum progress_wish progress; /* --progress, --no-progress */
};

/* Values of the options that have no letter. */
enum common_long {
	OPT_PSK_FILE = 256,
	OPT_STATE,
	OPT_PASSPHRASE_FD,
	OPT_LOG_JSON,
	OPT_SANDBOX,
	OPT_RELAY_PSK_FILE,
	OPT_PROGRESS,
	OPT_NO_PROGRESS,
	OPT_PROGRAM /* first of a program's own */
};

/* One identity, one pre-shared key, no limits but the defaults. */
void common_defaults(struct common *c);
/*
 * getopt_long(3) with the lists of a program's table, but an unknown option or a missing argument
 * is a usage error in our words and does not return. -1 at the first operand.
 */
int common_next(int argc, char **argv, const struct option_lists *lists);
/*
 * Handles one option as common_next returned it, at once: -v, -q and --log-json change what diag
 * says from here on. True when it was one of the common ones. A bad value is a usage error and does
 * not return; -h prints help, -V the version, and both exit 0.
 */
bool common_option(struct common *c, int opt, const char *value, const struct option_table *table);
/*
 * The last resort for what common_next returned: a row of the table that nothing handles is a bug
 * in the program, and ends it as such.
 */
_Noreturn void common_unhandled(int opt);

#endif
