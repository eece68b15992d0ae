#include "cmd/vz-listen/options.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

#define PROGRAM        "vz-listen"
#define MAX_CONNS      256
#define MAX_CONNS_MOST 65536

enum {
	OPT_ALLOW = OPT_PROGRAM,
	OPT_ALLOW_ANY,
	OPT_AUDIT,
	OPT_RAW,
	OPT_MAX_SIZE,
	OPT_MAX_CONNS,
	OPT_READY_FD,
	OPT_SOCKET_MODE,
};

static const char help[] =
    "usage: vz-listen [options] ADDRESS...\n"
    "Receive messages; ADDRESS: PORT (this host), *:PORT (all), HOST:PORT or /PATH.\n"
    "  -k, --keep              go on for ever; else one session, then exit\n"
    "  -1, --once              one session, also with --dir\n"
    "  -o FILE                 the message replaces FILE when it is whole\n"
    "  -d, --dir DIR           a new file in DIR for each message, its path on stdout\n"
    "  -a, --authorized FILE   who may send (default: authorized beside the identity)\n"
    "      --allow KEY         this key may send (repeatable, replaces that default)\n"
    "      --allow-any         everybody may send\n"
    "      --max-size SIZE     longest message, K M G (default none)\n"
    "      --max-conns N       sessions at once (default 256)\n"
    "      --audit FILE        record in FILE who did what\n"
    "      --raw               do not escape what is shown on a terminal\n"
    "      --ready-fd N        write the full addresses to descriptor N once ready\n"
    "      --socket-mode MODE  of Unix sockets made (default 600)\n" COMMON_HELP;

static const struct option longs[] = {
    COMMON_LONG,
    {"keep", no_argument, NULL, 'k'},
    {"once", no_argument, NULL, '1'},
    {"dir", required_argument, NULL, 'd'},
    {"authorized", required_argument, NULL, 'a'},
    {"allow", required_argument, NULL, OPT_ALLOW},
    {"allow-any", no_argument, NULL, OPT_ALLOW_ANY},
    {"audit", required_argument, NULL, OPT_AUDIT},
    {"raw", no_argument, NULL, OPT_RAW},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    {"max-conns", required_argument, NULL, OPT_MAX_CONNS},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"socket-mode", required_argument, NULL, OPT_SOCKET_MODE},
    {NULL, 0, NULL, 0},
};

_Noreturn static void
bad_value(const char *option, const char *what, const char *value)
{
	char shown[128];

	diag_usage(
	    "%s: %s: '%s'", option, what, diag_escape(shown, sizeof(shown), value, strlen(value)));
}

static void
add_allowed(struct listen_options *o, const char *value)
{
	struct vz_key key, *more;
	int r = vz_key_parse(value, strlen(value), &key);

	if (r == VZ_EAUTH)
		bad_value("--allow", "not a usable public key", value);
	if (r < 0)
		bad_value("--allow", "not a key (vz1...), or mistyped", value);
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

static uint64_t
size_of(const char *value)
{
	uint64_t n = 0;

	if (strcmp(value, "none") == 0)
		return 0;
	if (vz_parse_size(value, INT64_MAX, &n) < 0)
		bad_value("--max-size", "not a size", value);
	return n;
}

static unsigned
number_of(const char *option, const char *value, unsigned least, unsigned most)
{
	const char *bad;
	unsigned n = (unsigned)strtonum(value, least, most, &bad);

	if (bad)
		bad_value(option, "not a number in its range", value);
	return n;
}

static int
descriptor_of(const char *value)
{
	int fd = (int)number_of("--ready-fd", value, 3, INT_MAX);

	if (fcntl(fd, F_GETFD) < 0)
		bad_value("--ready-fd", "not an open descriptor", value);
	return fd;
}

static mode_t
mode_of(const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (!isdigit((unsigned char)*value) || *end || mode > 0777)
		bad_value("--socket-mode", "not an octal mode up to 777", value);
	return (mode_t)mode;
}

/* -1 and -k: the last one wins, and neither leaves it to --dir. */
enum lasting { AS_USUAL, ONCE, KEEP };

static void
take(struct listen_options *o, int opt, const char *value, enum lasting *lasting)
{
	switch (opt) {
	case 'k': *lasting = KEEP; break;
	case '1': *lasting = ONCE; break;
	case 'o': o->file = value; break;
	case 'd': o->dir = value; break;
	case 'a': o->authorized = value; break;
	case OPT_ALLOW: add_allowed(o, value); break;
	case OPT_ALLOW_ANY: o->allow_any = true; break;
	case OPT_AUDIT: o->audit = value; break;
	case OPT_RAW: o->raw = true; break;
	case OPT_MAX_SIZE: o->max_size = size_of(value); break;
	case OPT_MAX_CONNS:
		o->max_conns = number_of("--max-conns", value, 1, MAX_CONNS_MOST);
		break;
	case OPT_READY_FD: o->ready_fd = descriptor_of(value); break;
	case OPT_SOCKET_MODE: o->socket_mode = mode_of(value); break;
	default: common_option(&o->common, opt, value, PROGRAM, help); break;
	}
}

static void
check_together(const struct listen_options *o, enum lasting lasting)
{
	if (o->file && o->dir)
		diag_usage("-o and --dir exclude each other");
	if (o->file && lasting == KEEP)
		diag_usage("-o takes one message; use --dir with --keep");
	if (o->file && !*o->file)
		diag_usage("-o: the name is empty");
	if (o->dir && !*o->dir)
		diag_usage("--dir: the name is empty");
}

/* What comes after -- looks like an address to nobody. */
static void
check_operands(int argc, char **argv)
{
	if (optind > 0 && optind < argc && strcmp(argv[optind - 1], "--") == 0)
		return;
	for (int i = optind; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			diag_usage("unexpected argument after the addresses: '--'");
}

void
options_parse(int argc, char **argv, struct listen_options *o)
{
	enum lasting lasting = AS_USUAL;
	int opt;

	*o = (struct listen_options){.max_conns = MAX_CONNS, .ready_fd = -1, .socket_mode = 0600};
	common_defaults(&o->common);
	o->common.psk_max = 2;
	while ((opt = common_next(argc, argv, COMMON_SHORT "k1o:d:a:", longs)) != -1)
		take(o, opt, optarg, &lasting);
	check_together(o, lasting);
	check_operands(argc, argv);
	o->keep = lasting == KEEP || (o->dir && lasting == AS_USUAL);
	o->single = o->file || (!o->dir && !o->keep);
	o->addresses = argv + optind;
	o->n_addresses = argc - optind;
}

void
options_free(struct listen_options *o)
{
	free(o->allow);
	o->allow = NULL;
}
