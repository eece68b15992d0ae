#include "keep/mailbook.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "keep/database.h"

#define APPLICATION_ID 1987734882 /* "vzmb" */

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	WINDOW,
	WINDOWS,
	PUT_WINDOW,
	COUNT,
	COUNTS,
	BEGIN_COUNT,
	STEP,
	MADE,
	STATEMENTS
};

/* `last` is the last number given out, `made` the last one whose manifest `hash` is of. */
static const char schema[] = "BEGIN IMMEDIATE;"
			     "CREATE TABLE IF NOT EXISTS window ("
			     " self BLOB NOT NULL CHECK (length(self) = 32),"
			     " sender BLOB NOT NULL CHECK (length(sender) = 32),"
			     " window BLOB NOT NULL CHECK (length(window) = 217),"
			     " PRIMARY KEY (self, sender)"
			     ") STRICT, WITHOUT ROWID;"
			     "CREATE TABLE IF NOT EXISTS count ("
			     " self BLOB NOT NULL CHECK (length(self) = 32),"
			     " recipient BLOB NOT NULL CHECK (length(recipient) = 32),"
			     " stream BLOB NOT NULL CHECK (length(stream) = 16),"
			     " last INTEGER NOT NULL CHECK (last > 0),"
			     " made INTEGER NOT NULL CHECK (made >= 0 AND made <= last),"
			     " hash BLOB CHECK ((hash IS NULL) = (made = 0)"
			     "  AND (hash IS NULL OR length(hash) = 64)),"
			     " PRIMARY KEY (self, recipient)"
			     ") STRICT, WITHOUT ROWID;"
			     "PRAGMA application_id=1987734882;"
			     "PRAGMA user_version=1;"
			     "COMMIT;";

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [WINDOW] = "SELECT window FROM window WHERE self = ?1 AND sender = ?2",
    [WINDOWS] = "SELECT count(*) FROM window",
    [PUT_WINDOW] = "INSERT OR REPLACE INTO window VALUES (?1, ?2, ?3)",
    [COUNT] = "SELECT stream, last, hash FROM count WHERE self = ?1 AND recipient = ?2",
    [COUNTS] = "SELECT count(*) FROM count",
    [BEGIN_COUNT] = "INSERT INTO count VALUES (?1, ?2, ?3, ?4, 0, NULL)",
    [STEP] = "UPDATE count SET last = last + 1 WHERE self = ?1 AND recipient = ?2",
    [MADE] = ("UPDATE count SET made = ?4, hash = ?5"
	      " WHERE self = ?1 AND recipient = ?2 AND stream = ?3 AND made < ?4 AND ?4 <= last"),
};

struct vz_mailbook {
	struct vz_database d;
};

/* Whoever can write into the folder can put an older book there. */
static int
judge_folder(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return VZ_ESYSTEM;
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return VZ_EMODE;
	return 0;
}

int
vz_mailbook_open(struct vz_mailbook **out, const char *dir)
{
	static const struct vz_database_config config = {
	    "mail.db", APPLICATION_ID, schema, sql, STATEMENTS};
	struct vz_mailbook *b;
	int r;

	*out = NULL;
	if ((r = vz_fs_mkdirs(dir)) < 0 || (r = judge_folder(dir)) < 0)
		return r;
	b = calloc(1, sizeof(*b));
	if (!b)
		return VZ_ENOMEM;
	r = vz_database_open(&b->d, dir, &config);
	if (r < 0) {
		free(b);
		return r;
	}
	*out = b;
	return 0;
}

void
vz_mailbook_close(struct vz_mailbook *b)
{
	if (!b)
		return;
	vz_database_close(&b->d);
	free(b);
}

const char *
vz_mailbook_words(const struct vz_mailbook *b)
{
	return sqlite3_errmsg(b->d.db);
}

int
vz_mailbook_begin(struct vz_mailbook *b)
{
	return vz_database_run(&b->d, BEGIN);
}

int
vz_mailbook_commit(struct vz_mailbook *b)
{
	int r = vz_database_run(&b->d, COMMIT);

	if (r < 0)
		vz_mailbook_rollback(b);
	return r;
}

void
vz_mailbook_rollback(struct vz_mailbook *b)
{
	if (!sqlite3_get_autocommit(b->d.db)) /* an error may have done so itself */
		(void)vz_database_run(&b->d, ROLLBACK);
}

/* Ends what was begun: by commit after success. */
static int
settle(struct vz_mailbook *b, int r)
{
	if (r == 0)
		return vz_mailbook_commit(b);
	vz_mailbook_rollback(b);
	return r;
}

static void
bind_pair(
    struct vz_mailbook *b, enum statement i, const struct vz_key *self, const struct vz_key *other)
{
	vz_database_bind_bytes(&b->d, i, 1, self->b, (int)sizeof(self->b));
	vz_database_bind_bytes(&b->d, i, 2, other->b, (int)sizeof(other->b));
}

/* The bytes of a column, which are so many in a book that is ours. */
static bool
column(sqlite3_stmt *st, int at, void *out, int len)
{
	const void *p = sqlite3_column_blob(st, at);

	if (!p || sqlite3_column_bytes(st, at) != len)
		return false;
	memcpy(out, p, (size_t)len);
	return true;
}

/* Is there room for one row more? */
static int
room(struct vz_mailbook *b, enum statement i, uint64_t most)
{
	uint64_t n = 0;
	int r = vz_database_ask(&b->d, i, &n, NULL);

	if (r < 0)
		return r;
	return n < most ? 0 : VZ_EFULL;
}

static int
find_window(
    struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *sender, uint8_t *window)
{
	bool well = true;
	int r;

	bind_pair(b, WINDOW, self, sender);
	r = sqlite3_step(b->d.st[WINDOW]);
	if (r != SQLITE_ROW)
		return vz_database_done(&b->d, WINDOW, r);
	well = column(b->d.st[WINDOW], 0, window, VZ_MAILBOOK_WINDOW_LEN);
	(void)vz_database_done(&b->d, WINDOW, r);
	return well ? 1 : VZ_EFORMAT;
}

int
vz_mailbook_load(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *sender,
    uint8_t window[static VZ_MAILBOOK_WINDOW_LEN])
{
	int r = find_window(b, self, sender, window);

	return r != 0 ? r : room(b, WINDOWS, VZ_MAILBOOK_WINDOWS);
}

int
vz_mailbook_put(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *sender,
    const uint8_t window[static VZ_MAILBOOK_WINDOW_LEN])
{
	bool alone = sqlite3_get_autocommit(b->d.db) != 0;
	uint8_t old[VZ_MAILBOOK_WINDOW_LEN];
	int r;

	if (alone && (r = vz_mailbook_begin(b)) < 0)
		return r;
	r = vz_mailbook_load(b, self, sender, old);
	if (r >= 0) {
		bind_pair(b, PUT_WINDOW, self, sender);
		vz_database_bind_bytes(&b->d, PUT_WINDOW, 3, window, VZ_MAILBOOK_WINDOW_LEN);
		r = vz_database_run(&b->d, PUT_WINDOW);
	}
	return alone ? settle(b, r) : r;
}

/* The count as it is: 1, 0 when there is none; `sequence` is the last one given out. */
static int
find_count(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    struct vz_mailbook_number *n)
{
	sqlite3_stmt *st = b->d.st[COUNT];
	sqlite3_int64 last;
	bool well;
	int r;

	bind_pair(b, COUNT, self, to);
	r = sqlite3_step(st);
	if (r != SQLITE_ROW)
		return vz_database_done(&b->d, COUNT, r);
	last = sqlite3_column_int64(st, 1);
	n->sequence = (uint64_t)last;
	n->has_previous = sqlite3_column_type(st, 2) != SQLITE_NULL;
	well = last > 0 && column(st, 0, n->stream, VZ_MAILBOOK_STREAM) &&
	    (!n->has_previous || column(st, 2, n->previous, VZ_MAILBOOK_HASH));
	(void)vz_database_done(&b->d, COUNT, r);
	return well ? 1 : VZ_EFORMAT;
}

static int
begin_count(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    const struct vz_mailbook_number *n)
{
	int r = room(b, COUNTS, VZ_MAILBOOK_COUNTS);

	if (r < 0)
		return r;
	bind_pair(b, BEGIN_COUNT, self, to);
	vz_database_bind_bytes(&b->d, BEGIN_COUNT, 3, n->stream, VZ_MAILBOOK_STREAM);
	vz_database_bind_number(&b->d, BEGIN_COUNT, 4, n->sequence);
	return vz_database_run(&b->d, BEGIN_COUNT);
}

static int
step(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    struct vz_mailbook_number *n)
{
	if (n->sequence >= INT64_MAX)
		return VZ_EFULL;
	n->sequence++;
	bind_pair(b, STEP, self, to);
	return vz_database_run(&b->d, STEP);
}

int
vz_mailbook_next(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    const uint8_t fresh[static VZ_MAILBOOK_STREAM], uint64_t now_us, struct vz_mailbook_number *out)
{
	struct vz_mailbook_number n = {.sequence = now_us};
	int r;

	memset(out, 0, sizeof(*out));
	if (now_us == 0 || now_us > INT64_MAX)
		return VZ_EINVAL;
	memcpy(n.stream, fresh, sizeof(n.stream));
	if ((r = vz_mailbook_begin(b)) < 0)
		return r;
	r = find_count(b, self, to, &n);
	if (r >= 0)
		r = r == 1 ? step(b, self, to, &n) : begin_count(b, self, to, &n);
	r = settle(b, r);
	if (r == 0)
		*out = n;
	return r;
}

int
vz_mailbook_made(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    const struct vz_mailbook_number *number, const uint8_t hash[static VZ_MAILBOOK_HASH])
{
	if (number->sequence == 0 || number->sequence > INT64_MAX)
		return VZ_EINVAL;
	bind_pair(b, MADE, self, to);
	vz_database_bind_bytes(&b->d, MADE, 3, number->stream, VZ_MAILBOOK_STREAM);
	vz_database_bind_number(&b->d, MADE, 4, number->sequence);
	vz_database_bind_bytes(&b->d, MADE, 5, hash, VZ_MAILBOOK_HASH);
	return vz_database_run_lazily(&b->d, MADE);
}
