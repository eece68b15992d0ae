#include <string.h>

#include "base/err.h"
#include "keep/ledger_impl.h"

static void
bind_who(struct vz_ledger *l, enum ledger_statement i, const struct vz_ledger_stream *who)
{
	vz_database_bind_bytes(&l->d, i, 1, who->peer->b, (int)sizeof(who->peer->b));
	vz_database_bind_bytes(&l->d, i, 2, who->stream, VZ_STREAM_LEN);
}

/* Numbers of a database are signed: it is not ours if it has others than we put there. */
static bool
read_entry(sqlite3_stmt *st, struct vz_ledger_entry *e)
{
	sqlite3_int64 number = sqlite3_column_int64(st, 0), kind = sqlite3_column_int64(st, 1),
		      status = sqlite3_column_int64(st, 2), length = sqlite3_column_int64(st, 3);

	if (number < 0 || length < 0 || kind < 0 || kind > VZ_KIND_ASK || status < 0 ||
	    status > UINT8_MAX)
		return false;
	*e = (struct vz_ledger_entry){.number = (uint64_t)number,
	    .length = (uint64_t)length,
	    .kind = (uint8_t)kind,
	    .status = (uint8_t)status,
	    .over = sqlite3_column_type(st, 2) != SQLITE_NULL,
	    .file = (const char *)sqlite3_column_text(st, 4)};
	return e->over || e->file;
}

static int
each(struct vz_ledger *l, enum ledger_statement i, uint64_t id, vz_ledger_fn *fn, void *arg)
{
	struct vz_ledger_entry e;
	int r, said = 0;

	vz_database_bind_number(&l->d, i, 1, id);
	while (said == 0 && (r = sqlite3_step(l->d.st[i])) == SQLITE_ROW)
		said = read_entry(l->d.st[i], &e) ? fn(arg, &e) : VZ_EFORMAT;
	if (said == 0)
		return vz_database_done(&l->d, i, r);
	(void)vz_database_done(&l->d, i, SQLITE_DONE);
	return said;
}

int
vz_ledger_load(struct vz_ledger *l, const struct vz_ledger_stream *who, uint64_t *first,
    vz_ledger_fn *fn, void *arg)
{
	uint64_t id;
	int r;

	bind_who(l, LEDGER_FIND, who);
	r = vz_database_ask(&l->d, LEDGER_FIND, &id, first);
	if (r <= 0)
		return r;
	r = *first <= INT64_MAX ? each(l, LEDGER_ENTRIES, id, fn, arg) : VZ_EFORMAT;
	return r == 0 ? 1 : r;
}

/* Is there room for one stream more? */
static int
room(struct vz_ledger *l, const struct vz_ledger_stream *who)
{
	uint64_t n = 0;
	int r;

	bind_who(l, LEDGER_FIND, who);
	r = vz_database_ask(&l->d, LEDGER_FIND, &n, NULL);
	if (r != 0)
		return r < 0 ? r : 0;
	vz_database_bind_bytes(
	    &l->d, LEDGER_COUNT_OF_PEER, 1, who->peer->b, (int)sizeof(who->peer->b));
	r = vz_database_ask(&l->d, LEDGER_COUNT_OF_PEER, &n, NULL);
	if (r < 0 || n >= VZ_LEDGER_OF_PEER)
		return r < 0 ? r : VZ_EFULL;
	r = vz_database_ask(&l->d, LEDGER_COUNT, &n, NULL);
	if (r < 0)
		return r;
	return n < VZ_LEDGER_STREAMS ? 0 : VZ_EFULL;
}

static int
put_stream(struct vz_ledger *l, const struct vz_ledger_stream *who, uint64_t *id)
{
	int r;

	bind_who(l, LEDGER_PUT_STREAM, who);
	vz_database_bind_number(&l->d, LEDGER_PUT_STREAM, 3, who->first);
	vz_database_bind_number(&l->d, LEDGER_PUT_STREAM, 4, who->now);
	r = vz_database_ask(&l->d, LEDGER_PUT_STREAM, id, NULL);
	return r == 0 ? VZ_EFORMAT : r < 0 ? r : 0;
}

static int
put_message(struct vz_ledger *l, uint64_t id, const struct vz_ledger_entry *e)
{
	vz_database_bind_number(&l->d, LEDGER_PUT, 1, id);
	vz_database_bind_number(&l->d, LEDGER_PUT, 2, e->number);
	vz_database_bind_number(&l->d, LEDGER_PUT, 3, e->kind);
	if (e->over)
		vz_database_bind_number(&l->d, LEDGER_PUT, 4, e->status);
	else
		sqlite3_bind_text(l->d.st[LEDGER_PUT], 6, e->file, -1, SQLITE_STATIC);
	vz_database_bind_number(&l->d, LEDGER_PUT, 5, e->length);
	return vz_database_run(&l->d, LEDGER_PUT);
}

static int
prune(struct vz_ledger *l, uint64_t id, uint64_t first)
{
	vz_database_bind_number(&l->d, LEDGER_PRUNE, 1, id);
	vz_database_bind_number(&l->d, LEDGER_PRUNE, 2, first);
	return vz_database_run(&l->d, LEDGER_PRUNE);
}

int
vz_ledger_put(
    struct vz_ledger *l, const struct vz_ledger_stream *who, const struct vz_ledger_entry *e)
{
	bool alone = sqlite3_get_autocommit(l->d.db) != 0;
	uint64_t id = 0;
	int r;

	if (e->number > INT64_MAX || e->length > INT64_MAX || who->now > INT64_MAX ||
	    e->number < who->first || (!e->over && !e->file))
		return VZ_EINVAL;
	if (alone && (r = vz_database_run(&l->d, LEDGER_BEGIN)) < 0)
		return r;
	if ((r = room(l, who)) == 0 && (r = put_stream(l, who, &id)) == 0 &&
	    (r = prune(l, id, who->first)) == 0 && (r = put_message(l, id, e)) == 0 && alone)
		r = vz_database_run(&l->d, LEDGER_COMMIT);
	if (r < 0 && alone)
		vz_ledger_rollback(l);
	return r;
}

int
vz_ledger_begin(struct vz_ledger *l)
{
	return vz_database_run(&l->d, LEDGER_BEGIN);
}

int
vz_ledger_commit(struct vz_ledger *l)
{
	int r = vz_database_run(&l->d, LEDGER_COMMIT);

	if (r < 0)
		vz_ledger_rollback(l);
	return r;
}

void
vz_ledger_rollback(struct vz_ledger *l)
{
	if (!sqlite3_get_autocommit(l->d.db)) /* an error may have done so itself */
		(void)vz_database_run(&l->d, LEDGER_ROLLBACK);
}

int
vz_ledger_drop(struct vz_ledger *l, const struct vz_ledger_stream *who, uint64_t number)
{
	bind_who(l, LEDGER_DROP, who);
	vz_database_bind_number(&l->d, LEDGER_DROP, 3, number);
	return vz_database_run_lazily(&l->d, LEDGER_DROP);
}

int
vz_ledger_forget(struct vz_ledger *l, const struct vz_ledger_stream *who)
{
	bind_who(l, LEDGER_FORGET, who);
	return vz_database_run_lazily(&l->d, LEDGER_FORGET);
}

int
vz_ledger_expire(
    struct vz_ledger *l, uint64_t now, uint64_t kept_s, unsigned most, vz_ledger_fn *fn, void *arg)
{
	uint64_t id = 0;
	int gone = 0, r;

	if (now <= kept_s)
		return 0;
	while ((unsigned)gone < most) {
		vz_database_bind_number(&l->d, LEDGER_OLD, 1, now - kept_s);
		vz_database_bind_number(&l->d, LEDGER_OLD, 2, id);
		if ((r = vz_database_ask(&l->d, LEDGER_OLD, &id, NULL)) <= 0)
			return r < 0 ? r : gone;
		r = each(l, LEDGER_FILES, id, fn, arg);
		if (r > 0)
			continue;
		vz_database_bind_number(&l->d, LEDGER_FORGET_ID, 1, id);
		if (r < 0 || (r = vz_database_run_lazily(&l->d, LEDGER_FORGET_ID)) < 0)
			return r;
		gone++;
	}
	return gone;
}
