#include "cmd/vz-relay/options.h"

#include <unistd.h>

#include "cmd/common/diag.h"
#include "relay/match.h"

#define PROGRAM        "vz-relay"
#define MAX_CONNS      12000 /* registered listeners, and pairs */
#define LISTENERS_MOST 1000000
#define IDLE_MS        (5 * 60 * 1000)

enum {
	OPT_IDLE = OPT_SERVE_PROGRAM,
	OPT_MAX_LISTENERS,
	OPT_METRICS,
};

static const char help[] =
    "usage: vz-relay [options] ADDRESS...\n"
    "Introduce hosts that cannot reach each other; ADDRESS: PORT (this host),\n"
    "*:PORT (all), HOST:PORT or /PATH.\n"
    "  -a, --authorized FILE   who may do what: register, connect, deposit\n"
    "                          (default: authorized beside the identity)\n"
    "      --allow KEY; --allow-any   all of it: this key (repeatable); everybody\n"
    "      --audit FILE; --user NAME   record who did what; from root become NAME\n"
    "      --idle TIME         end pairs through which nothing goes for so long (5m)\n"
    "      --max-listeners N; --max-conns N   at once (5000; 12000)\n"
    "      --metrics FILE      OpenMetrics text, new every 15 s\n"
    "      --ready-fd N; --socket-mode MODE   write full addresses to it; Unix sockets\n"
    "      --drain TIME; --reuse-port   for pairs at the end (30); share the ports\n" COMMON_HELP;

static const struct option longs[] = {
    COMMON_LONG,
    SERVE_LONG,
    {"idle", required_argument, NULL, OPT_IDLE},
    {"max-listeners", required_argument, NULL, OPT_MAX_LISTENERS},
    {"metrics", required_argument, NULL, OPT_METRICS},
    {NULL, 0, NULL, 0},
};

static void
take(struct relay_options *o, int opt, const char *value)
{
	switch (opt) {
	case OPT_IDLE: o->idle_ms = serve_duration("--idle", value); break;
	case OPT_MAX_LISTENERS:
		o->max_listeners = serve_number("--max-listeners", value, 1, LISTENERS_MOST);
		break;
	case OPT_METRICS: o->metrics = value; break;
	default:
		if (!serve_option(&o->serve, opt, value))
			common_option(&o->common, opt, value, PROGRAM, help);
		break;
	}
}

static void
check(const struct relay_options *o)
{
	if (o->metrics && !*o->metrics)
		diag_usage("--metrics: the name is empty");
}

void
options_parse(int argc, char **argv, struct relay_options *o)
{
	int opt;

	*o = (struct relay_options){.max_listeners = VZ_MATCH_LISTENERS, .idle_ms = IDLE_MS};
	serve_defaults(&o->serve, MAX_CONNS);
	common_defaults(&o->common);
	o->common.psk_max = 2;
	while ((opt = common_next(argc, argv, COMMON_SHORT SERVE_SHORT, longs)) != -1)
		take(o, opt, optarg);
	o->serve.addresses = argv + optind;
	o->serve.n_addresses = argc - optind;
	check(o);
}

void
options_free(struct relay_options *o)
{
	serve_options_free(&o->serve);
}
