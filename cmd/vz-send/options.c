#include "cmd/vz-send/options.h"

#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "cmd/common/diag.h"

static const char help[] =
    "usage: vz-send [options] DEST [FILE...]\n"
    "       vz-send [options] --run DEST -- COMMAND [ARG...]\n"
    "       vz-send [options] -n | --check DEST\n"
    "Sends each FILE (- is standard input, the default) or what COMMAND prints as a\n"
    "message. Exit status 0 means that the other side has all of it.\n"
    "DEST is KEY@HOST:PORT, KEY@[IPV6]:PORT, KEY@/SOCKET, or a name in peers.\n"
    "\n"
    "      --run DEST          run COMMAND without a shell; it has to exit 0\n"
    "  -n                      send an empty message; standard input is not read\n"
    "      --name NAME         the message's name (default: FILE's last component)\n"
    "      --check             say which step of connecting fails, send nothing\n" COMMON_HELP "\n"
    "Exit status: 0 delivered, 65 cut short, 66 cannot read input, 68 no such host,\n"
    "69 nobody there, 75 try later, 76 no valid answer, 77 refused; see vz-send(1).\n";

enum {
	OPT_RUN = OPT_PROGRAM,
	OPT_NAME,
	OPT_CHECK,
};

static const struct option longs[] = {
    COMMON_LONG,
    {"run", required_argument, NULL, OPT_RUN},
    {"name", required_argument, NULL, OPT_NAME},
    {"check", no_argument, NULL, OPT_CHECK},
    {NULL, 0, NULL, 0},
};

static void
set_name(struct send_options *o, const char *value)
{
	char shown[128];

	if (!vz_name_ok(value, strlen(value)))
		diag_usage("--name: more than 255 bytes, not UTF-8, or control characters: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
	o->name = value;
}

static void
parse_options(struct send_options *o, int argc, char **argv)
{
	int opt;

	while ((opt = common_next(argc, argv, COMMON_SHORT "n", longs)) != -1) {
		if (common_option(&o->common, opt, optarg, "vz-send", help))
			continue;
		switch (opt) {
		case 'n': o->empty = true; break;
		case OPT_RUN: o->dest = optarg; break;
		case OPT_NAME: set_name(o, optarg); break;
		case OPT_CHECK: o->check = true; break;
		}
	}
}

static void
parse_operands(struct send_options *o, int argc, char **argv)
{
	if (o->dest) {
		if (argc == 0)
			diag_usage("--run: no command given");
		o->command = argv;
		return;
	}
	if (argc == 0)
		diag_usage("no destination given");
	o->dest = argv[0];
	o->files = argv + 1;
	o->n_files = (size_t)argc - 1;
}

static void
refuse_contradictions(const struct send_options *o)
{
	if (strchr(o->dest, ','))
		diag_usage("one destination at a time: no comma in DEST");
	if (o->empty && o->command)
		diag_usage("-n and --run exclude each other");
	if (o->check && o->command)
		diag_usage("--check and --run exclude each other");
	if ((o->empty || o->check) && o->n_files > 0)
		diag_usage("%s takes no FILE", o->empty ? "-n" : "--check");
	if (o->empty && o->check)
		diag_usage("-n and --check exclude each other");
	if (o->name && o->n_files > 1)
		diag_usage("--name fits one message only");
}

void
send_options_parse(struct send_options *o, int argc, char **argv)
{
	memset(o, 0, sizeof(*o));
	common_defaults(&o->common);
	parse_options(o, argc, argv);
	parse_operands(o, argc - optind, argv + optind);
	refuse_contradictions(o);
}
