#include "cmd/serve/options.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "id/typo.h"

#define DURATION_MS_MOST (366ull * 24 * 3600 * 1000)
#define DRAIN_MS         (30 * 1000)

_Noreturn void
serve_bad_value(const char *option, const char *what, const char *value)
{
	char shown[128];

	diag_usage(
	    "%s: %s: '%s'", option, what, diag_escape(shown, sizeof(shown), value, strlen(value)));
}

unsigned
serve_number(const char *option, const char *value, unsigned least, unsigned most)
{
	const char *bad;
	unsigned n = (unsigned)strtonum(value, least, most, &bad);

	if (bad)
		serve_bad_value(option, "not a number in its range", value);
	return n;
}

uint64_t
serve_duration(const char *option, const char *value)
{
	uint64_t ms = 0;

	if (vz_parse_duration(value, DURATION_MS_MOST, &ms) < 0)
		serve_bad_value(option, "not a duration", value);
	return ms;
}

uint64_t
serve_size(const char *option, const char *value)
{
	uint64_t n = 0;

	if (vz_parse_size(value, INT64_MAX, &n) < 0)
		serve_bad_value(option, "not a size", value);
	return n;
}

static void
add_allowed(struct serve_options *o, const char *value)
{
	struct vz_key key, *more;
	char typo[VZ_TYPO_WORDS], what[64 + VZ_TYPO_WORDS];
	int r = vz_key_parse(value, strlen(value), &key);

	if (r == VZ_EAUTH)
		serve_bad_value("--allow", "not a usable public key", value);
	if (r < 0) {
		const char *where = vz_key_typo(value, strlen(value), typo);

		snprintf(what, sizeof(what), "not a key (vz1...), or mistyped%s%s",
		    *where ? ": " : "", where);
		serve_bad_value("--allow", what, value);
	}
	if (o->allowed == ALLOW_MAX)
		diag_usage("--allow: too many; put the keys into a file for --authorized");
	more = reallocarray(o->allow, o->allowed + 1, sizeof(*o->allow));
	if (!more) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		exit(VZ_EXIT_OSERR);
	}
	o->allow = more;
	o->allow[o->allowed++] = key;
}

static int
descriptor_of(const char *value)
{
	int fd = (int)serve_number("--ready-fd", value, 3, INT_MAX);

	if (fcntl(fd, F_GETFD) < 0)
		serve_bad_value("--ready-fd", "not an open descriptor", value);
	return fd;
}

static mode_t
mode_of(const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (!isdigit((unsigned char)*value) || *end || mode > 0777)
		serve_bad_value("--socket-mode", "not an octal mode up to 777", value);
	return (mode_t)mode;
}

void
serve_defaults(struct serve_options *o, unsigned max_conns)
{
	*o = (struct serve_options){
	    .max_conns = max_conns, .ready_fd = -1, .drain_ms = DRAIN_MS, .socket_mode = 0600};
}

bool
serve_option(struct serve_options *o, int opt, const char *value)
{
	switch (opt) {
	case 'a': o->authorized = value; break;
	case OPT_ALLOW: add_allowed(o, value); break;
	case OPT_ALLOW_ANY: o->allow_any = true; break;
	case OPT_AUDIT: o->audit = value; break;
	case OPT_USER: o->user = value; break;
	case OPT_MAX_CONNS:
		o->max_conns = serve_number("--max-conns", value, 1, MAX_CONNS_MOST);
		break;
	case OPT_READY_FD: o->ready_fd = descriptor_of(value); break;
	case OPT_SOCKET_MODE: o->socket_mode = mode_of(value); break;
	case OPT_DRAIN: o->drain_ms = serve_duration("--drain", value); break;
	case OPT_REUSE_PORT: o->reuse_port = true; break;
	default: return false;
	}
	return true;
}

void
serve_options_free(struct serve_options *o)
{
	free(o->allow);
	o->allow = NULL;
}
