#include "cmd/vz-listen/recall_impl.h"

#include "base/err.h"
#include "cmd/common/exit.h"

static bool
put(struct visit *v, const struct vz_ledger_entry *e)
{
	struct vz_ledger_stream who = recall_who(v);
	int r = vz_ledger_put(v->srv->ledger, &who, e);

	if (r < 0)
		recall_complain(v->srv, r);
	v->recalled = true;
	return r == 0;
}

bool
recall_durable(const struct incoming *in, uint64_t length, const char *file)
{
	struct vz_ledger_entry e = {
	    .number = in->number, .length = length, .kind = in->kind, .file = file};

	return !in->visit->srv->ledger || put(in->visit, &e);
}

/* Within a transaction of all of them: one that fails is the end of it. */
static int
note_placed(struct server *srv, struct incoming *const *in, const int *results, size_t n)
{
	int r = vz_ledger_begin(srv->ledger);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct vz_ledger_stream who = recall_who(in[i]->visit);
		struct vz_ledger_entry e = {.number = in[i]->number,
		    .length = in[i]->bytes,
		    .kind = in[i]->kind,
		    .over = true};

		/* What is known of a letter is in the book of mail. */
		if (results[i] == 0 && !in[i]->visit->letter)
			r = vz_ledger_put(srv->ledger, &who, &e);
	}
	if (r == 0)
		return vz_ledger_commit(srv->ledger);
	vz_ledger_rollback(srv->ledger);
	return r;
}

void
recall_placed(struct server *srv, struct incoming *const *in, int *results, size_t n)
{
	int r;

	if (!srv->ledger)
		return;
	r = note_placed(srv, in, results, n);
	if (r < 0)
		recall_complain(srv, r);
	for (size_t i = 0; i < n; i++) {
		if (results[i] < 0)
			continue;
		results[i] = r;
		in[i]->noted = r == 0 && !in[i]->visit->letter;
		in[i]->visit->recalled |= in[i]->noted;
	}
}

void
recall_drop(const struct incoming *in)
{
	struct visit *v = in->visit;
	struct vz_ledger_stream who = recall_who(v);
	int r;

	if (!v->srv->ledger || !v->recalled)
		return;
	r = vz_ledger_drop(v->srv->ledger, &who, in->number);
	if (r < 0)
		recall_complain(v->srv, r);
}

static void
on_broken(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;
	struct visit *v, *next;

	(void)l;
	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	visit_drop(v);
	server_stop(srv, VZ_EXIT_IOERR);
}

/* Nobody may be told anything more. */
static void
broke(struct server *srv, int err)
{
	if (srv->recall_broken)
		return;
	srv->recall_broken = true;
	recall_complain(srv, err);
	srv->recall_end = (struct vz_timer){.fn = on_broken, .arg = srv};
	if (vz_timer_set(srv->loop, &srv->recall_end, 0) < 0)
		server_over(srv);
}

void
recall_verdict(struct visit *v, uint64_t number, uint8_t status)
{
	struct server *srv = v->srv;
	struct vz_ledger_entry e = {.number = number, .status = status, .over = true};
	const struct vz_session *s = visit_session(v);
	struct vz_ledger_stream who;
	int r = 0;

	if (!srv->ledger || srv->recall_broken || (srv->sink && vz_sink_lasts(srv->sink)))
		return;
	if (!s || vz_session_message(s, number, &e.kind, &e.length) < 0)
		return;
	who = recall_who(v);
	if (!srv->recall_open)
		r = vz_ledger_begin(srv->ledger);
	srv->recall_open = r == 0;
	if (r == 0)
		r = vz_ledger_put(srv->ledger, &who, &e);
	v->recalled = true;
	if (r < 0)
		broke(srv, r);
}

bool
recall_commit(struct server *srv)
{
	int r;

	if (srv->recall_open && !srv->recall_broken) {
		srv->recall_open = false;
		r = vz_ledger_commit(srv->ledger);
		if (r < 0)
			broke(srv, r);
	}
	return !srv->recall_broken;
}

void
recall_left(struct visit *v)
{
	const struct vz_session *s = visit_session(v);
	struct vz_ledger_stream who = recall_who(v);
	int r;

	if (!v->recalled || !s || vz_session_remembers(s) || v->srv->recall_broken)
		return;
	v->recalled = false;
	r = vz_ledger_forget(v->srv->ledger, &who);
	if (r < 0)
		recall_complain(v->srv, r);
}
