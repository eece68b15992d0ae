/*
 * The options that every program has (DESIGN 8), and what they amount to.
 */
#ifndef VZ_CMD_OPTIONS_H
#define VZ_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <getopt.h>

struct common {
	const char *identity;    /* -i */
	const char *psk_file[2]; /* --psk-file, a second one only for vz-listen */
	unsigned psk_files;
	const char *state; /* --state */
	int passphrase_fd; /* --passphrase-fd, -1 = none */
	uint64_t wait_ms;  /* -w; 0 = each wait's own default */
	int family;        /* AF_UNSPEC, AF_INET, AF_INET6 */
	int level;         /* -q = -1, -v = 1, -vv = 2 */
	bool json;         /* --log-json */
};

#define COMMON_SHORT "+hVvqi:w:46"
enum common_long {
	OPT_PSK_FILE = 256,
	OPT_STATE,
	OPT_PASSPHRASE_FD,
	OPT_LOG_JSON,
	OPT_PROGRAM /* first of a program's own */
};
#define COMMON_LONG                                                                                \
	{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},                     \
	    {"verbose", no_argument, NULL, 'v'}, {"quiet", no_argument, NULL, 'q'},                \
	    {"identity", required_argument, NULL, 'i'}, {"timeout", required_argument, NULL, 'w'}, \
	    {"psk-file", required_argument, NULL, OPT_PSK_FILE},                                   \
	    {"state", required_argument, NULL, OPT_STATE},                                         \
	    {"passphrase-fd", required_argument, NULL, OPT_PASSPHRASE_FD},                         \
	{                                                                                          \
		"log-json", no_argument, NULL, OPT_LOG_JSON                                        \
	}

void common_defaults(struct common *c);
/*
 * Handles one option as getopt_long returned it. True when it was one of the common ones. A bad
 * value is a usage error and does not return; -h and -V print and exit 0.
 */
bool
common_option(struct common *c, int opt, const char *value, const char *program, const char *help);

#endif
