#include "cmd/vz-listen/recall_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"

#define EXPIRE_EACH_S 60
#define EXPIRE_MOST   64 /* at a time: each is a transaction */
#define PARTS_MAX     16 /* of a session, as it may have open */

uint64_t
recall_now(void)
{
	time_t t = time(NULL);

	return t > 0 ? (uint64_t)t : 0;
}

struct vz_ledger_stream
recall_who(const struct visit *v)
{
	const struct vz_session *s = visit_session(v);

	return (struct vz_ledger_stream){.peer = &v->who.key,
	    .stream = v->stream,
	    .first = s ? vz_session_oldest(s) : 0,
	    .now = recall_now()};
}

void
recall_complain(const struct server *srv, int err)
{
	char shown[512];

	diag_escape(shown, sizeof(shown), srv->me.state_dir, strlen(srv->me.state_dir));
	switch (err) {
	case VZ_EFORMAT:
		diag_error("%s/streams.db: damaged, or not of this program", shown);
		diag_hint("without it messages that are under way may come twice: "
			  "look at it with sqlite3, or remove it");
		break;
	case VZ_EMODE:
		diag_error("%s/streams.db: must be a file of ours that nobody else can read or "
			   "write",
		    shown);
		break;
	case VZ_EFULL:
		diag_error("%s/streams.db: too many streams that were not closed", shown);
		break;
	default: diag_error("%s/streams.db: %s", shown, diag_words(err));
	}
}

static bool
is_kept(const struct server *srv)
{
	return (srv->sink && vz_sink_lasts(srv->sink)) || srv->options->common.state;
}

/* Nobody will go on with it: the window is over, or it is a day old. */
static int
on_expired(void *arg, const struct vz_ledger_entry *e)
{
	(void)arg;
	vz_fs_temp_remove_left(AT_FDCWD, e->file, time(NULL) + 1);
	return 0;
}

static void
expire(struct server *srv)
{
	int r = vz_ledger_expire(
	    srv->ledger, recall_now(), VZ_LEDGER_KEPT_S, EXPIRE_MOST, on_expired, NULL);

	if (r < 0)
		recall_complain(srv, r);
}

int
recall_open(struct server *srv)
{
	int r;

	if (!is_kept(srv))
		return 0;
	r = vz_ledger_open(&srv->ledger, srv->me.state_dir);
	if (r < 0) {
		recall_complain(srv, r);
		return r == VZ_EFORMAT || r == VZ_EMODE ? VZ_EXIT_CONFIG : VZ_EXIT_CANTCREAT;
	}
	expire(srv);
	/* What it does not know of was not durable when it was left. */
	if (srv->options->dir)
		vz_fs_temp_sweep(srv->options->dir, time(NULL) - VZ_LEDGER_KEPT_S);
	return 0;
}

void
recall_close(struct server *srv)
{
	(void)recall_commit(srv);
	vz_ledger_close(srv->ledger);
	srv->ledger = NULL;
}

void
recall_tick(struct server *srv)
{
	if (srv->ledger && ++srv->recall_seconds % EXPIRE_EACH_S == 0)
		expire(srv);
}

/* What is known of a stream. */

struct known {
	struct visit *visit;
	uint64_t first;
	unsigned parts, over;
	bool restored;
};

static int
keep_part(struct visit *v, const struct vz_ledger_entry *e)
{
	size_t len = strlen(e->file) + 1;
	struct part *p = malloc(sizeof(*p) + len);

	if (!p)
		return VZ_ENOMEM;
	*p = (struct part){.number = e->number, .length = e->length};
	memcpy(p->file, e->file, len);
	SLIST_INSERT_HEAD(&v->parts, p, list);
	return 0;
}

static int
restore(struct known *k)
{
	if (k->restored)
		return 0;
	k->restored = true;
	return vz_session_restore(visit_session(k->visit), k->first);
}

static int
on_entry(void *arg, const struct vz_ledger_entry *e)
{
	struct known *k = arg;
	int r = restore(k);

	if (r < 0 || e->number < k->first)
		return r;
	if (!e->over)
		return k->parts++ < PARTS_MAX ? keep_part(k->visit, e) : 0;
	k->over++;
	return vz_session_restore_over(
	    visit_session(k->visit), e->number, e->kind, e->status, e->length);
}

/* This is the session that we are for: it began with the process before us. */
static void
choose(struct visit *v, bool delivered)
{
	struct server *srv = v->srv;

	if (!srv->options->keep && !srv->served)
		server_serve(srv, v);
	if (!srv->options->single || !delivered)
		return;
	srv->used = true;
	v->delivered++;
	deliver_last(v, 0);
}

bool
recall_stream(struct visit *v)
{
	struct known k = {.visit = v};
	struct vz_ledger_stream who;
	int r;

	if (!v->srv->ledger)
		return true;
	who = recall_who(v);
	r = vz_ledger_load(v->srv->ledger, &who, &k.first, on_entry, &k);
	if (r == 1)
		r = restore(&k);
	else if (r == 0)
		return true;
	if (r < 0) {
		recall_complain(v->srv, r);
		visit_dismiss(
		    v, VZ_EXIT_TEMPFAIL, "this listener cannot read what it knows of the stream");
		return false;
	}
	v->recalled = true;
	choose(v, k.over > 0);
	return true;
}

struct part *
recall_part(const struct visit *v, uint64_t number)
{
	struct part *p;

	SLIST_FOREACH(p, &v->parts, list)
	if (p->number == number)
		return p;
	return NULL;
}

void
recall_part_free(struct visit *v, struct part *p)
{
	SLIST_REMOVE(&v->parts, p, part, list);
	vz_drop_abort(p->drop);
	free(p);
}

void
recall_free(struct visit *v)
{
	while (!SLIST_EMPTY(&v->parts))
		recall_part_free(v, SLIST_FIRST(&v->parts));
}
