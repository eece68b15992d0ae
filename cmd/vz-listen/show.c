#include "cmd/vz-listen/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/vz-listen/visit.h"

#define LOOK_MOST  1024 /* messages that are looked at each time */
#define NAME_SHOWN 512
#define KEY_SHOWN  12 /* of a key that has no name */

static const char *
peer_of(const struct visit *v)
{
	static char peer[NAME_SHOWN];
	const char *name = v->who.grant.name;

	if (name[0])
		return diag_escape(peer, sizeof(peer), name, strlen(name));
	snprintf(peer, sizeof(peer), "%.*s...", KEY_SHOWN, v->who.key_text);
	return peer;
}

static const char *
name_of(const struct incoming *in)
{
	static char name[NAME_SHOWN];

	return in->name_len > 0 ? diag_escape(name, sizeof(name), in->name, in->name_len) : NULL;
}

static const char *
note_of(const struct incoming *in)
{
	enum listen_how how = in->visit->srv->options->how;

	if (in->visit->session)
		return "waiting for the sender";
	if (!in->whole)
		return NULL;
	return how == HOW_COMMAND || how == HOW_COPROC ? "being handled" : "finishing";
}

static void
show_message(struct progress *p, struct incoming *in, uint64_t now)
{
	struct progress_state s = {
	    .peer = peer_of(in->visit),
	    .name = name_of(in),
	    .done = in->bytes,
	    .total = in->length,
	    .note = note_of(in),
	};

	progress_rate_take(&in->rate, now, in->bytes);
	s.per_s = s.note ? 0 : in->rate.per_s;
	progress_add(p, &s);
}

static void
show(void *arg, struct progress *p)
{
	struct server *srv = arg;
	uint64_t now = vz_loop_now(srv->loop);
	size_t looked = 0;
	struct visit *v;
	struct incoming *in;

	if (srv->ask.asking)
		return; /* somebody is to read, and to type */
	TAILQ_FOREACH(v, &srv->visits, all)
	LIST_FOREACH(in, &v->incoming, list)
	{
		if (looked++ == LOOK_MOST) {
			progress_more(p, srv->messages - LOOK_MOST);
			return;
		}
		if (now - in->begun_at >= PROGRESS_FIRST_MS)
			show_message(p, in, now);
	}
}

/* The state, on request. */

struct sum {
	unsigned away;
	uint64_t bytes;
};

static struct sum
sum_of(const struct server *srv)
{
	struct sum sum = {0};
	const struct visit *v;
	const struct incoming *in;

	TAILQ_FOREACH(v, &srv->visits, all)
	{
		sum.away += v->session != NULL;
		LIST_FOREACH(in, &v->incoming, list)
		sum.bytes += in->bytes;
	}
	return sum;
}

static void
tell(void *arg)
{
	const struct server *srv = arg;
	struct sum sum = sum_of(srv);
	struct vz_json *j;
	char size[16];

	if (!diag_is_json()) {
		vz_format_size(sum.bytes, size);
		diag_verbose(-1,
		    "%u session%s, %u waited for, %u message%s under way with %s, %llu delivered%s",
		    srv->sessions, srv->sessions == 1 ? "" : "s", sum.away, srv->messages,
		    srv->messages == 1 ? "" : "s", size, (unsigned long long)srv->delivered,
		    srv->drain.on ? ", stopping" : "");
		return;
	}
	j = diag_event("progress");
	vz_json_u64(j, "sessions", srv->sessions);
	vz_json_u64(j, "away", sum.away);
	vz_json_u64(j, "messages", srv->messages);
	vz_json_u64(j, "bytes", sum.bytes);
	vz_json_u64(j, "delivered", srv->delivered);
	vz_json_bool(j, "stopping", srv->drain.on || srv->stopping);
	diag_event_end(j);
}

static bool
busy(void *arg)
{
	const struct server *srv = arg;

	return srv->messages > 0;
}

/* Messages that are printed there are not to be mixed with it; the paths of files are, one by one.
 */
static bool
terminal_is_taken(const struct listen_options *o)
{
	return (o->how == HOW_STREAM || (o->how >= HOW_LINES && o->how <= HOW_JSON)) &&
	    isatty(STDOUT_FILENO);
}

int
show_start(struct server *srv)
{
	const struct listen_options *o = srv->options;

	srv->progress = (struct progress){
	    .loop = srv->loop,
	    .tell = tell,
	    .show = show,
	    .busy = busy,
	    .arg = srv,
	    .wish = o->common.progress,
	    .quiet = o->common.level < 0,
	    .taken = terminal_is_taken(o),
	};
	return progress_start(&srv->progress);
}
