/*
 * The options of every program that others connect to, beside those that all have.
 */
#ifndef VZ_SERVE_OPTIONS_H
#define VZ_SERVE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cmd/common/options.h"
#include "id/key.h"

#define ALLOW_MAX      1024
#define MAX_CONNS_MOST 65536

struct serve_options {
	const char *authorized; /* NULL: the one beside the identity, unless somebody is allowed */
	struct vz_key *allow;
	size_t allowed;
	bool allow_any;
	const char *audit;
	const char *user; /* NULL: as whom we were started */
	unsigned max_conns;
	int ready_fd; /* -1 = none */
	uint64_t drain_ms;
	bool reuse_port;
	mode_t socket_mode;
	char **addresses;
	int n_addresses;
};

/* Values of the options that have no letter. */
enum serve_long {
	OPT_ALLOW = OPT_PROGRAM,
	OPT_ALLOW_ANY,
	OPT_AUDIT,
	OPT_USER,
	OPT_MAX_CONNS,
	OPT_READY_FD,
	OPT_SOCKET_MODE,
	OPT_DRAIN,
	OPT_REUSE_PORT,
	OPT_SERVE_PROGRAM /* first of a program's own */
};
/* The rows of these options in two lists: who may do what, and as a service. */
extern const struct option_row rows_of_rights[];
extern const struct option_row rows_of_service[];

void serve_defaults(struct serve_options *o, unsigned max_conns);
/* Handles one option as common_next returned it. False when it is none of these. A bad value is a
 * usage error and does not return. */
bool serve_option(struct serve_options *o, int opt, const char *value);
void serve_options_free(struct serve_options *o);

/* The values of options, or the usage error about them. */
_Noreturn void serve_bad_value(const char *option, const char *what, const char *value);
unsigned serve_number(const char *option, const char *value, unsigned least, unsigned most);
/* Milliseconds, up to a year. */
uint64_t serve_duration(const char *option, const char *value);
/* Bytes, below 2^63. */
uint64_t serve_size(const char *option, const char *value);

#endif
