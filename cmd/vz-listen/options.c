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

#define PROGRAM           "vz-listen"
#define MAX_CONNS         256
#define MAX_CONNS_MOST    65536
#define MAX_HANDLERS      16
#define MAX_HANDLERS_MOST 4096
#define HANDLER_MS_MOST   (366ull * 24 * 3600 * 1000)
#define RESUME_MS         (10 * 60 * 1000)
#define DRAIN_MS          (30 * 1000)
#define WHOLE_SIZE_MOST   (1024 * 1024 * 1024)
#define WHOLE_SIZE        (1024 * 1024) /* of messages that are held in memory */

enum {
	OPT_ALLOW = OPT_PROGRAM,
	OPT_ALLOW_ANY,
	OPT_AUDIT,
	OPT_USER,
	OPT_RAW,
	OPT_MAX_SIZE,
	OPT_MAX_CONNS,
	OPT_READY_FD,
	OPT_SOCKET_MODE,
	OPT_LINES,
	OPT_NULL,
	OPT_FRAMES,
	OPT_JSON,
	OPT_ECHO,
	OPT_COPROC,
	OPT_MAX_HANDLERS,
	OPT_HANDLER_TIMEOUT,
	OPT_RESUME_WINDOW,
	OPT_DRAIN,
	OPT_REUSE_PORT,
};

static const char help[] =
    "usage: vz-listen [options] ADDRESS... [-- COMMAND ARG...]\n"
    "Receive messages; ADDRESS: PORT (this host), *:PORT (all), HOST:PORT or /PATH.\n"
    "COMMAND is run for each message, which is its stdin; its stdout is the reply.\n"
    "  -k, --keep; -1, --once  go on for ever (--dir and COMMAND do), or one session\n"
    "  -o FILE; -d, --dir DIR  the message replaces FILE; or each is a file in DIR\n"
    "      --lines, --null, --frames, --json   whole messages on stdout, ended so\n"
    "      --echo; --coproc    answer each with itself; one COMMAND for all of them\n"
    "      --max-handlers N; --handler-timeout TIME   COMMANDs at once (16); of each\n"
    "  -a, --authorized FILE   who may send (default: authorized beside the identity)\n"
    "      --allow KEY; --allow-any   this key (repeatable); everybody\n"
    "      --audit FILE; --user NAME   record who did what; from root become NAME\n"
    "      --max-size SIZE; --max-conns N   longest message; sessions at once (256)\n"
    "      --raw; --socket-mode MODE   no escapes on a terminal; of Unix sockets\n"
    "      --ready-fd N; --reuse-port   write full addresses to it; share the ports\n"
    "      --resume-window TIME; --drain TIME   after a break (10m), at the end (30)\n" COMMON_HELP;

static const struct option longs[] = {
    COMMON_LONG,
    {"keep", no_argument, NULL, 'k'},
    {"once", no_argument, NULL, '1'},
    {"dir", required_argument, NULL, 'd'},
    {"lines", no_argument, NULL, OPT_LINES},
    {"null", no_argument, NULL, OPT_NULL},
    {"frames", no_argument, NULL, OPT_FRAMES},
    {"json", no_argument, NULL, OPT_JSON},
    {"echo", no_argument, NULL, OPT_ECHO},
    {"coproc", no_argument, NULL, OPT_COPROC},
    {"max-handlers", required_argument, NULL, OPT_MAX_HANDLERS},
    {"handler-timeout", required_argument, NULL, OPT_HANDLER_TIMEOUT},
    {"authorized", required_argument, NULL, 'a'},
    {"allow", required_argument, NULL, OPT_ALLOW},
    {"allow-any", no_argument, NULL, OPT_ALLOW_ANY},
    {"audit", required_argument, NULL, OPT_AUDIT},
    {"user", required_argument, NULL, OPT_USER},
    {"raw", no_argument, NULL, OPT_RAW},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    {"max-conns", required_argument, NULL, OPT_MAX_CONNS},
    {"resume-window", required_argument, NULL, OPT_RESUME_WINDOW},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"socket-mode", required_argument, NULL, OPT_SOCKET_MODE},
    {"drain", required_argument, NULL, OPT_DRAIN},
    {"reuse-port", no_argument, NULL, OPT_REUSE_PORT},
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

static uint64_t
duration_of(const char *option, const char *value)
{
	uint64_t ms = 0;

	if (vz_parse_duration(value, HANDLER_MS_MOST, &ms) < 0)
		bad_value(option, "not a duration", value);
	return ms;
}

/* -1 and -k: the last one wins, and neither leaves it to --dir and COMMAND. */
enum lasting { AS_USUAL, ONCE, KEEP };

/* What is gathered while the options come, and judged when all are known. */
struct wishes {
	enum lasting lasting;
	enum listen_how framing; /* HOW_STREAM: none */
	bool echo, coproc, sized;
};

static void
take_number(struct listen_options *o, int opt, const char *value, struct wishes *w)
{
	switch (opt) {
	case OPT_MAX_SIZE:
		o->max_size = size_of(value);
		w->sized = true;
		break;
	case OPT_MAX_CONNS:
		o->max_conns = number_of("--max-conns", value, 1, MAX_CONNS_MOST);
		break;
	case OPT_MAX_HANDLERS:
		o->max_handlers = number_of("--max-handlers", value, 1, MAX_HANDLERS_MOST);
		break;
	case OPT_HANDLER_TIMEOUT: o->handler_ms = duration_of("--handler-timeout", value); break;
	case OPT_RESUME_WINDOW: o->resume_ms = duration_of("--resume-window", value); break;
	case OPT_DRAIN: o->drain_ms = duration_of("--drain", value); break;
	case OPT_READY_FD: o->ready_fd = descriptor_of(value); break;
	case OPT_SOCKET_MODE: o->socket_mode = mode_of(value); break;
	default: common_option(&o->common, opt, value, PROGRAM, help); break;
	}
}

static void
take(struct listen_options *o, int opt, const char *value, struct wishes *w)
{
	switch (opt) {
	case 'k': w->lasting = KEEP; break;
	case '1': w->lasting = ONCE; break;
	case 'o': o->file = value; break;
	case 'd': o->dir = value; break;
	case 'a': o->authorized = value; break;
	case OPT_LINES: w->framing = HOW_LINES; break;
	case OPT_NULL: w->framing = HOW_NULL; break;
	case OPT_FRAMES: w->framing = HOW_FRAMES; break;
	case OPT_JSON: w->framing = HOW_JSON; break;
	case OPT_ECHO: w->echo = true; break;
	case OPT_COPROC: w->coproc = true; break;
	case OPT_ALLOW: add_allowed(o, value); break;
	case OPT_ALLOW_ANY: o->allow_any = true; break;
	case OPT_AUDIT: o->audit = value; break;
	case OPT_USER: o->user = value; break;
	case OPT_RAW: o->raw = true; break;
	case OPT_REUSE_PORT: o->reuse_port = true; break;
	default: take_number(o, opt, value, w); break;
	}
}

static void
check_together(const struct listen_options *o, const struct wishes *w)
{
	int places = (o->file != NULL) + (o->dir != NULL) + (w->framing != HOW_STREAM) + w->echo +
	    (o->command != NULL);

	if (o->file && o->dir)
		diag_usage("-o and --dir exclude each other");
	if (w->coproc && !o->command)
		diag_usage("--coproc needs a COMMAND");
	if (places > 1)
		diag_usage(
		    "-o, --dir, --lines and its like, --echo and COMMAND exclude each other");
	if (o->file && w->lasting == KEEP)
		diag_usage("-o takes one message; use --dir with --keep");
	if (o->file && !*o->file)
		diag_usage("-o: the name is empty");
	if (o->dir && !*o->dir)
		diag_usage("--dir: the name is empty");
	if (o->command && !*o->command[0])
		diag_usage("the name of COMMAND is empty");
}

static enum listen_how
how_of(const struct listen_options *o, const struct wishes *w)
{
	if (o->command)
		return w->coproc ? HOW_COPROC : HOW_COMMAND;
	return o->file ? HOW_FILE : o->dir ? HOW_DIR : w->echo ? HOW_ECHO : w->framing;
}

/* Whether whole messages are held in memory, which needs a limit. */
static bool
is_held(enum listen_how how)
{
	return (how >= HOW_LINES && how <= HOW_JSON) || how == HOW_COPROC;
}

static void
settle(struct listen_options *o, const struct wishes *w)
{
	check_together(o, w);
	o->how = how_of(o, w);
	if (is_held(o->how) && !w->sized)
		o->max_size = WHOLE_SIZE;
	if (is_held(o->how) && (o->max_size == 0 || o->max_size > WHOLE_SIZE_MOST))
		diag_usage("--max-size: whole messages are held in memory here: 1 to 1G");
	o->keep = w->lasting == KEEP ||
	    ((o->how == HOW_DIR || o->command != NULL) && w->lasting == AS_USUAL);
	o->single = o->how == HOW_FILE || (o->how == HOW_STREAM && !o->keep);
}

/* ADDRESS... [-- COMMAND ARG...] */
static void
take_operands(int argc, char **argv, struct listen_options *o)
{
	int i = optind;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	o->addresses = argv + optind;
	o->n_addresses = i - optind;
	if (i == argc)
		return;
	if (i + 1 == argc)
		diag_usage("a COMMAND is missing after --");
	o->command = argv + i + 1;
}

void
options_parse(int argc, char **argv, struct listen_options *o)
{
	struct wishes w = {.lasting = AS_USUAL, .framing = HOW_STREAM};
	int opt;

	*o = (struct listen_options){.max_conns = MAX_CONNS,
	    .max_handlers = MAX_HANDLERS,
	    .resume_ms = RESUME_MS,
	    .ready_fd = -1,
	    .drain_ms = DRAIN_MS,
	    .socket_mode = 0600};
	common_defaults(&o->common);
	o->common.psk_max = 2;
	while ((opt = common_next(argc, argv, COMMON_SHORT "k1o:d:a:", longs)) != -1)
		take(o, opt, optarg, &w);
	take_operands(argc, argv, o);
	settle(o, &w);
}

void
options_free(struct listen_options *o)
{
	free(o->allow);
	o->allow = NULL;
}
