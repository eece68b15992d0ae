#include "cmd/vz-send/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/vz-send/table.h"
#include "wire/session.h"

#define ASK_IN_FLIGHT 1024 /* questions, unless --in-flight says otherwise */
#define RETRY_MS      (30 * 1000)
#define RETRY_MS_MOST (12ull * 3600 * 1000)
#define EXPIRES_S     (7ull * 86400)
#define EXPIRES_MOST  (30ull * 86400 * 1000)

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
set_in_flight(struct send_options *o, const char *value)
{
	char shown[64];
	const char *bad;

	o->in_flight = (unsigned)strtonum(value, 1, VZ_UNFINISHED_MAX, &bad);
	if (bad)
		diag_usage("--in-flight: not a number from 1 to %d: '%s'", VZ_UNFINISHED_MAX,
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
}

static void
set_retry_for(struct send_options *o, const char *value)
{
	char shown[64];

	if (vz_parse_duration(value, RETRY_MS_MOST, &o->retry_ms) < 0)
		diag_usage("--retry-for: not a duration up to 12h: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
	o->retry_given = true;
}

static void
set_store(struct send_options *o, const char *value)
{
	static const char *const whens[] = {
	    [STORE_NEVER] = "never", [STORE_AUTO] = "auto", [STORE_ONLY] = "only"};
	char shown[64];

	for (unsigned i = 0; i < sizeof(whens) / sizeof(whens[0]); i++)
		if (strcmp(value, whens[i]) == 0) {
			o->store = (enum store_when)i;
			return;
		}
	diag_usage("--store: never, auto or only, not '%s'",
	    diag_escape(shown, sizeof(shown), value, strlen(value)));
}

static void
set_expires(struct send_options *o, const char *value)
{
	uint64_t ms;
	char shown[64];

	if (vz_parse_duration(value, EXPIRES_MOST, &ms) < 0 || ms < 1000)
		diag_usage("--expires: not a duration from 1s to 30d: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
	o->expires_s = ms / 1000;
}

static void
set_mode(struct send_options *o, enum vz_items_mode mode)
{
	o->batch = true;
	o->mode = mode;
}

static void
parse_options(struct send_options *o, int argc, char **argv)
{
	struct option_lists lists;
	int opt;

	table_lists(&send_table, &lists);
	while ((opt = common_next(argc, argv, &lists)) != -1) {
		if (common_option(&o->common, opt, optarg, &send_table))
			continue;
		switch (opt) {
		case 'n': o->empty = true; break;
		case OPT_RUN: o->dest = optarg; break;
		case OPT_NAME: set_name(o, optarg); break;
		case OPT_CHECK: o->check = true; break;
		case 'r': o->reply = true; break;
		case OPT_LINES: set_mode(o, VZ_ITEMS_LINES); break;
		case OPT_NULL: set_mode(o, VZ_ITEMS_NULL); break;
		case OPT_FRAMES: set_mode(o, VZ_ITEMS_FRAMES); break;
		case OPT_IN_FLIGHT: set_in_flight(o, optarg); break;
		case OPT_UNORDERED: o->unordered = true; break;
		case OPT_RAW: o->raw = true; break;
		case OPT_SIGN: o->sign = true; break;
		case OPT_RETRY_FOR: set_retry_for(o, optarg); break;
		case OPT_STORE: set_store(o, optarg); break;
		case OPT_EXPIRES: set_expires(o, optarg); break;
		default: common_unhandled(opt);
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

static void
refuse_misfits(const struct send_options *o)
{
	if (o->batch && (o->command || o->empty || o->check || o->n_files > 0))
		diag_usage("--lines, --null and --frames are about standard input only");
	if (o->batch && o->name)
		diag_usage("--name fits one message only");
	if (o->sign && o->batch)
		diag_usage(
		    "--sign goes with one message each, not with --lines, --null or --frames");
	if (o->sign && o->check)
		diag_usage("--sign and --check exclude each other");
	if (o->reply && o->check)
		diag_usage("-r and --check exclude each other");
	if (o->reply && o->n_files > 1)
		diag_usage("-r takes one FILE");
	if (o->reply && (strchr(o->dest, ',') || o->dest[0] == '@'))
		diag_usage("-r takes one destination");
	if (!o->batch && (o->in_flight || o->unordered))
		diag_usage("%s needs --lines, --null or --frames",
		    o->in_flight ? "--in-flight" : "--unordered");
	if ((o->unordered || o->raw) && !o->reply)
		diag_usage("%s is about replies: it needs -r", o->raw ? "--raw" : "--unordered");
}

static void
refuse_storing(const struct send_options *o)
{
	if (o->store != STORE_NEVER && (o->reply || o->check))
		diag_usage("--store and %s exclude each other", o->reply ? "-r" : "--check");
	if (o->expires_s && o->store == STORE_NEVER)
		diag_usage("--expires is about messages that are stored: it needs --store");
}

void
send_options_parse(struct send_options *o, int argc, char **argv)
{
	memset(o, 0, sizeof(*o));
	common_defaults(&o->common);
	o->retry_ms = RETRY_MS;
	parse_options(o, argc, argv);
	parse_operands(o, argc - optind, argv + optind);
	refuse_contradictions(o);
	refuse_misfits(o);
	refuse_storing(o);
	if (!o->expires_s)
		o->expires_s = EXPIRES_S;
	if (!o->in_flight)
		o->in_flight = o->reply ? ASK_IN_FLIGHT : VZ_UNFINISHED_MAX;
}
