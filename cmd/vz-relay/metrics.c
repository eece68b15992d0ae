#include "cmd/vz-relay/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/vz-relay/mail.h"

#define METRICS_MAX  65536
#define METRICS_MODE 0644 /* whoever collects them need not be us */

static const char *const reasons[REFUSALS] = {
    [REFUSED_KEY] = "key",
    [REFUSED_LIMIT] = "limit",
    [REFUSED_STOPPING] = "stopping",
    [REFUSED_RIGHT] = "right",
    [REFUSED_RATE] = "rate",
    [REFUSED_ABSENT] = "absent",
    [REFUSED_BUSY] = "busy",
    [REFUSED_DISPLACED] = "displaced",
    [REFUSED_PROTOCOL] = "protocol",
};

/* The text; err: it did not fit, or memory was short. */
struct text {
	struct vz_buf buf;
	int err;
};

static void add(struct text *t, const char *fmt, ...) DIAG_PRINTF(2, 3);

static void
add(struct text *t, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (t->err == 0)
		t->err = n < 0 || (size_t)n >= sizeof(line) ? VZ_ELIMIT
							    : vz_buf_put(&t->buf, line, (size_t)n);
}

static void
head(struct text *t, const char *name, const char *type, const char *help)
{
	add(t, "# TYPE vz_relay_%s %s\n# HELP vz_relay_%s %s\n", name, type, name, help);
}

static void
gauge(struct text *t, const char *name, uint64_t value, const char *help)
{
	head(t, name, "gauge", help);
	add(t, "vz_relay_%s %" PRIu64 "\n", name, value);
}

static void
counter(struct text *t, const char *name, uint64_t value, const char *help)
{
	head(t, name, "counter", help);
	add(t, "vz_relay_%s_total %" PRIu64 "\n", name, value);
}

static void
add_connections(struct text *t, const struct relay *rl)
{
	const struct counts *c = &rl->counts;

	counter(t, "accepted", rl->gate.accepted, "Connections accepted.");
	counter(t, "pushed_out", rl->gate.pushed_out,
	    "Connections that made room for newer ones before they proved a key.");
	counter(t, "authenticated", c->authenticated, "Connections let in.");
	gauge(t, "connections", rl->admitted, "Connections that were let in.");
	gauge(t, "strangers", rl->gate.pool.n_strangers + rl->gate.pool.n_callers,
	    "Connections that have proved no key yet.");
	head(t, "refusals", "counter", "Connections and requests refused, by reason.");
	for (size_t i = 0; i < REFUSALS; i++)
		add(t, "vz_relay_refusals_total{reason=\"%s\"} %" PRIu64 "\n", reasons[i],
		    c->refused[i]);
}

static void
add_live(struct text *t, const struct relay *rl)
{
	const struct counts *c = &rl->counts;

	counter(t, "requests", c->requests, "Requests of clients.");
	counter(t, "registrations", c->registrations, "Listeners registered.");
	gauge(t, "listeners", vz_match_listeners(rl->live.matches), "Listeners that are here.");
	gauge(t, "waiting", vz_match_count(rl->live.matches), "Senders that wait for a listener.");
	counter(t, "matches", c->matches, "Pairs joined.");
	gauge(t, "pairs", rl->pairs, "Pairs that are joined.");
	counter(t, "relayed_bytes", c->bytes, "Bytes moved between the two of a pair.");
	gauge(t, "pipes", vz_pipes_lent(rl->pipes), "Pipes that hold bytes in flight.");
}

static void
add_mail(struct text *t, const struct vz_mailbox_stats *m)
{
	counter(t, "deposits", m->deposits, "Messages that became durable here.");
	counter(t, "deposited_bytes", m->deposit_bytes, "Their bytes.");
	counter(t, "duplicates", m->duplicates, "Deposits of what was here already.");
	counter(t, "collected", m->collected, "Messages handed out whole.");
	counter(t, "collected_bytes", m->collected_bytes, "Their bytes.");
	counter(t, "taken", m->removed, "Messages that their recipients have.");
	counter(t, "bundles_given", m->bundles_given, "Bundles handed out.");
	head(t, "mail_refusals", "counter", "Requests to mailboxes refused, by reason.");
	for (int i = 0; i < VZ_MAILBOX_REASONS; i++)
		add(t, "vz_relay_mail_refusals_total{reason=\"%s\"} %" PRIu64 "\n",
		    vz_mailbox_reason_name((enum vz_mailbox_reason)i), m->refused[i]);
}

static void
add_latency(struct text *t, const struct vz_store_stats *s)
{
	uint64_t n = 0;

	head(t, "store_commit_seconds", "histogram", "How long commits of the store took.");
	for (size_t i = 0; i < VZ_STORE_BUCKETS; i++) {
		n += s->latency[i];
		if (i < VZ_STORE_BUCKETS - 1)
			add(t, "vz_relay_store_commit_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
			    (double)vz_store_bucket_us[i] / 1e6, n);
		else
			add(t, "vz_relay_store_commit_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n",
			    n);
	}
	add(t, "vz_relay_store_commit_seconds_count %" PRIu64 "\n", n);
	add(t, "vz_relay_store_commit_seconds_sum %.6f\n", (double)s->commits_us / 1e6);
}

static void
add_store(struct text *t, const struct vz_store_stats *s)
{
	gauge(t, "stored_messages", s->messages, "Messages that wait.");
	gauge(t, "stored_bytes", s->bytes, "Their bytes.");
	gauge(t, "mailboxes", s->mailboxes, "Mailboxes in which messages wait.");
	gauge(t, "depositors", s->depositors, "Keys whose messages wait or are remembered.");
	gauge(t, "bundles", s->bundles, "Bundles kept.");
	gauge(t, "oldest_message_timestamp_seconds", s->oldest,
	    "When the oldest message that waits was deposited; 0 when none waits.");
	gauge(t, "store_file_bytes", s->file_bytes, "Size of the spool's file.");
	gauge(t, "store_free_bytes", s->free_bytes, "Unused bytes in it.");
	gauge(t, "store_disk_full", s->disk_full, "Whether deposits are refused for want of disk.");
	add_latency(t, s);
}

/* Beside the name first, so that nobody reads half of it. That it lasts is of no use. */
static int
put(const char *path, const struct text *t)
{
	struct vz_fs_temp temp = VZ_FS_TEMP_NONE;
	int r = vz_fs_temp_open(&temp, path, METRICS_MODE);

	if (r == 0)
		r = vz_fs_write_all(temp.fd, vz_buf_ptr(&t->buf), t->buf.len);
	if (r == 0)
		r = vz_fs_temp_place(&temp, path, 0);
	vz_fs_temp_abort(&temp);
	return r;
}

static void
tell(struct relay *rl, int r)
{
	const char *path = rl->options->metrics;
	char shown[512];

	if (r < 0 && !rl->metrics_failed)
		diag_error("%s: cannot be written: %s",
		    diag_escape(shown, sizeof(shown), path, strlen(path)), diag_words(r));
	rl->metrics_failed = r < 0;
}

void
metrics_write(struct relay *rl)
{
	struct text t = {.err = 0};
	int r;

	if (!rl->options->metrics || !rl->live.matches)
		return;
	vz_buf_init(&t.buf, METRICS_MAX);
	add_connections(&t, rl);
	add_live(&t, rl);
	if (rl->mail.box) {
		add_mail(&t, vz_mailbox_stats(rl->mail.box));
		add_store(&t, &rl->mail.stats);
	}
	add(&t, "# EOF\n");
	r = t.err;
	if (r == 0)
		r = put(rl->options->metrics, &t);
	tell(rl, r);
	vz_buf_free(&t.buf);
}

void
metrics_tick(struct relay *rl)
{
	uint64_t now = vz_loop_now(rl->loop);

	if (now < rl->metrics_at)
		return;
	rl->metrics_at = now + METRICS_EACH_MS;
	if (rl->options->metrics && !mail_look(rl))
		metrics_write(rl);
}
