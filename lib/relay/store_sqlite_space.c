/*
 * Transactions, and the room that they take. A file of its own is kept full of nothing: when the
 * disk has no room any more it is emptied, so that removals and their checkpoints still work; until
 * it can be filled again deposits are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "relay/store_sqlite_impl.h"

#define CHECKPOINT_PAGES 1000
#define SWEEP_BYTES      (8 * 1024 * 1024)

int
sq_begin(void *e)
{
	struct sq *q = e;

	q->used = 0;
	q->numbered = q->tried = false;
	return sq_do(q, sq_bind(q, SQ_BEGIN, ""));
}

int
sq_commit(void *e)
{
	struct sq *q = e;
	int r = 0;

	if (q->numbered)
		r = sq_do(q, sq_bind(q, SQ_NEXT_SET, "i", (uint64_t)atomic_load(&q->next)));
	return r == 0 ? sq_do(q, sq_bind(q, SQ_COMMIT, "")) : r;
}

void
sq_rollback(void *e)
{
	struct sq *q = e;

	for (int i = 0; i < SQ_STATEMENTS; i++)
		sqlite3_reset(q->st[i]);
	/* SQLite may have done it already. */
	if (!sqlite3_get_autocommit(q->db))
		sq_do(q, sq_bind(q, SQ_ROLLBACK, ""));
}

/*
 * SQLite's own automatic checkpoint ignores what it meets. But after an fsync that failed a second
 * one may well succeed without having written anything, and then the log would go.
 */
static int
checkpoint(struct sq *q, int mode)
{
	int rc, r = 0;

	for (int tries = 0; tries < 2; tries++) {
		rc = sqlite3_wal_checkpoint_v2(q->db, NULL, mode, NULL, NULL);
		q->wal_pages = 0;
		if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
			return 0;
		r = sq_error(q, sqlite3_extended_errcode(q->db), "checkpoint");
		if (r != VZ_EFULL || ftruncate(q->reserve, 0) != 0)
			return r == VZ_EFULL ? VZ_ESYSTEM : r;
		/* At once, before somebody else has the room. */
		q->disk_full = true;
	}
	return 0;
}

int
sq_rest(void *e)
{
	struct sq *q = e;
	bool more;
	int r = 0;

	if (q->disk_full) {
		/* What was removed goes back to the disk at once: others wait for it. */
		r = sq_begin(q);
		if (r == 0)
			r = sq_vacuum(q, &more);
		if (r == 0)
			r = sq_commit(q);
		if (r != 0)
			sq_rollback(q);
		if (r == VZ_EFULL || r == VZ_ENOMEM)
			r = 0;
		return r == 0 ? checkpoint(q, SQLITE_CHECKPOINT_RESTART) : r;
	}
	return q->wal_pages >= CHECKPOINT_PAGES ? checkpoint(q, SQLITE_CHECKPOINT_PASSIVE) : 0;
}

int
sq_disk_full(void *e)
{
	struct sq *q = e;

	q->disk_full = true;
	if (ftruncate(q->reserve, 0) != 0)
		return VZ_ESYSTEM;
	return checkpoint(q, SQLITE_CHECKPOINT_RESTART);
}

/* Whether there is some room beside the reserve: without, the next deposit would need it again. */
static bool
has_room(struct sq *q)
{
	struct statvfs v;

	return fstatvfs(q->dir, &v) == 0 &&
	    (uint64_t)v.f_bavail * v.f_frsize >= q->limits.reserve_bytes / 4;
}

void
sq_try_reserve(struct sq *q)
{
	struct stat st;

	if (q->tried || fstat(q->reserve, &st) != 0)
		return;
	q->tried = true;
	if ((uint64_t)st.st_blocks * 512 >= q->limits.reserve_bytes) {
		q->disk_full = !has_room(q);
		return;
	}
	q->disk_full =
	    posix_fallocate(q->reserve, 0, (off_t)q->limits.reserve_bytes) != 0 || !has_room(q);
	/* A part of it set aside would only be in the way. */
	if (q->disk_full && ftruncate(q->reserve, 0) != 0)
		q->unsound = true;
}

int
sq_vacuum(struct sq *q, bool *more)
{
	uint64_t unused = 0;
	int r = sq_one(q, sq_bind(q, SQ_FREE_PAGES, ""), &unused, 1);

	*more = unused > 256;
	return r > 0 && unused > 0 ? sq_do(q, sq_bind(q, SQ_VACUUM, "")) : r < 0 ? r : 0;
}

/* One upload that was broken off; 1 when there was one. */
static int
sweep_upload(struct sq *q)
{
	uint64_t body;
	int r = sq_one(q, sq_bind(q, SQ_UPLOAD_STALE, "i", q->first), &body, 1);

	if (r <= 0)
		return r;
	r = sq_drop_upload(q, body);
	return r == 0 ? 1 : r;
}

/* The messages that have expired, up to what one slice may take. */
static int
sweep_messages(struct sq *q, struct vz_store_op *op)
{
	struct sq_message m[VZ_STORE_SWEEP_MAX];
	uint64_t bytes = 0;
	size_t n = 0;
	sqlite3_stmt *st =
	    sq_bind(q, SQ_EXPIRED, "ii", op->mail.now, (uint64_t)(op->max - op->answer.count));
	int r;

	while ((r = sq_message(q, st, &m[n])) == 1 && bytes < SWEEP_BYTES) {
		bytes += m[n].body != 0 ? m[n].size : 0;
		if (++n == op->max)
			break;
	}
	if (r == 1)
		sqlite3_reset(st);
	op->answer.more |= r == 1;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = sq_erase(q, &m[i]);
	op->answer.count += n;
	return r < 0 ? r : 0;
}

int
sq_sweep(void *e, struct vz_store_op *op)
{
	struct sq *q = e;
	bool more = false;
	int r = sweep_upload(q);

	if (r == 1) {
		op->answer.count = 1;
		op->answer.more = true;
	}
	if (r >= 0 && op->answer.count < op->max)
		r = sweep_messages(q, op);
	if (r >= 0)
		r = sq_vacuum(q, &more);
	op->answer.more |= more;
	if (r == 0 && q->disk_full)
		sq_try_reserve(q);
	return r < 0 ? r : 0;
}
