#include "cmd/vz-relay/options.h"

#include <limits.h>
#include <unistd.h>

#include "cmd/common/diag.h"
#include "cmd/vz-relay/table.h"
#include "relay/match.h"

#define MAX_CONNS      12000 /* registered listeners, and pairs */
#define LISTENERS_MOST 1000000
#define TTL_S_MOST     (30ull * 24 * 3600)
#define IDLE_MS        (5 * 60 * 1000)

/* 1 or more: a limit of the store's where 0 is its default. */
static uint64_t
quota_of(const char *option, const char *value)
{
	uint64_t n = serve_size(option, value);

	if (n == 0)
		serve_bad_value(option, "not a size above 0", value);
	return n;
}

static uint64_t
ttl_of(const char *value)
{
	uint64_t ms = serve_duration("--ttl", value);

	if (ms < 1000 || ms > TTL_S_MOST * 1000)
		serve_bad_value("--ttl", "not between 1s and 30d", value);
	return ms / 1000;
}

static bool
take_of_spool(struct relay_options *o, int opt, const char *value)
{
	switch (opt) {
	case OPT_SPOOL: o->spool = value; break;
	case OPT_SPOOL_SIZE: o->store.disk_bytes = quota_of("--spool-size", value); break;
	case OPT_MAILBOX_SIZE:
		o->store.each.mailbox_bytes = quota_of("--mailbox-size", value);
		break;
	case OPT_MAILBOX_MESSAGES:
		o->store.each.mailbox_messages =
		    serve_number("--mailbox-messages", value, 1, INT_MAX);
		break;
	case OPT_SENDER_SIZE:
		o->store.each.depositor_bytes = quota_of("--sender-size", value);
		break;
	case OPT_TTL: o->ttl_s = ttl_of(value); break;
	case OPT_FSCK: o->fsck = true; break;
	case OPT_STATS: o->stats = true; break;
	default: return false;
	}
	return true;
}

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
		if (!take_of_spool(o, opt, value) && !serve_option(&o->serve, opt, value) &&
		    !common_option(&o->common, opt, value, &relay_table))
			common_unhandled(opt);
		break;
	}
}

static bool
has_quota(const struct vz_store_limits *l)
{
	return l->disk_bytes != 0 || l->each.mailbox_bytes != 0 || l->each.mailbox_messages != 0 ||
	    l->each.depositor_bytes != 0;
}

static void
check(const struct relay_options *o)
{
	if (o->metrics && !*o->metrics)
		diag_usage("--metrics: the name is empty");
	if (o->spool && !*o->spool)
		diag_usage("--spool: the name is empty");
	if ((o->fsck || o->stats) && !o->spool)
		diag_usage("--fsck and --stats need --spool");
	if (o->fsck && o->stats)
		diag_usage("--fsck and --stats exclude each other");
	if ((o->fsck || o->stats) && o->serve.n_addresses > 0)
		diag_usage("--fsck and --stats take no address: no relay may be using the spool");
	if (!o->spool && (o->ttl_s != 0 || has_quota(&o->store)))
		diag_usage("--ttl and sizes of what is kept need --spool");
}

void
options_parse(int argc, char **argv, struct relay_options *o)
{
	struct option_lists lists;
	int opt;

	*o = (struct relay_options){.max_listeners = VZ_MATCH_LISTENERS, .idle_ms = IDLE_MS};
	serve_defaults(&o->serve, MAX_CONNS);
	common_defaults(&o->common);
	o->common.psk_max = 2;
	table_lists(&relay_table, &lists);
	while ((opt = common_next(argc, argv, &lists)) != -1)
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
