/* Opening: the folder, the lock, the settings, the tables. */
#include "relay/store_sqlite.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "relay/store_sqlite_impl.h"

#define VERSION        1
#define OPENING        "opening the spool"
#define APPLICATION_ID 0x767a7370 /* "vzsp" */

/* auto_vacuum and page_size count before the first table only, the locking mode before the log is
 * first looked at: then there is no -shm file. */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA page_size = 4096;"
			       "PRAGMA auto_vacuum = INCREMENTAL;"
			       "PRAGMA journal_mode = WAL;"
			       "PRAGMA journal_size_limit = 16777216;"
			       "PRAGMA wal_autocheckpoint = 0;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA cache_size = -16384;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA trusted_schema = OFF;";

/*
 * A message that was removed stays until its time to live ends, with body 0. Its bytes are the
 * chunks body * 256 + 0, 1, ... of 64 KiB, the last one shorter. `mailbox` and `depositor` are sums
 * over `message`. Numbers of messages and bodies come from meta.next.
 */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL) STRICT;"
    "INSERT INTO meta (one, next) VALUES (1, 1);"
    "CREATE TABLE message (seq INTEGER PRIMARY KEY, body INTEGER NOT NULL,"
    " size INTEGER NOT NULL CHECK (size BETWEEN 1 AND 16777216),"
    " deposited INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " recipient BLOB NOT NULL CHECK (length(recipient) = 32),"
    " depositor BLOB NOT NULL CHECK (length(depositor) = 32),"
    " content BLOB NOT NULL CHECK (length(content) = 32),"
    " UNIQUE (recipient, depositor, content)) STRICT;"
    "CREATE INDEX message_mailbox ON message (recipient, seq) WHERE body <> 0;"
    "CREATE INDEX message_expires ON message (expires);"
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE upload (body INTEGER PRIMARY KEY, chunks INTEGER NOT NULL) STRICT;"
    "CREATE TABLE mailbox (recipient BLOB PRIMARY KEY NOT NULL, messages INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE depositor (depositor BLOB PRIMARY KEY NOT NULL, entries INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bundle (identity BLOB PRIMARY KEY NOT NULL, serial INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = 1987736432;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static const char *
engine_words(void *e)
{
	struct sq *q = e;

	return q->words;
}

static void
engine_close(void *e)
{
	struct sq *q = e;

	for (int i = 0; i < SQ_STATEMENTS; i++)
		sqlite3_finalize(q->st[i]);
	/* After an fsync that failed the log is all that there is. */
	if (q->unsound)
		sqlite3_db_config(q->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(q->db);
	if (q->reserve >= 0)
		close(q->reserve);
	if (q->dir >= 0)
		close(q->dir);
	free(q);
}

static const struct vz_store_engine engine = {
    .begin = sq_begin,
    .deposit = sq_deposit,
    .list = sq_list,
    .read = sq_read,
    .remove = sq_remove,
    .sweep = sq_sweep,
    .put_bundle = sq_put_bundle,
    .get_bundle = sq_get_bundle,
    .stats = sq_stats,
    .commit = sq_commit,
    .rollback = sq_rollback,
    .disk_full = sq_disk_full,
    .rest = sq_rest,
    .fsck = sq_fsck,
    .words = engine_words,
    .close = engine_close,
};

static int
log_grew(void *e, sqlite3 *db, const char *name, int pages)
{
	struct sq *q = e;

	(void)db;
	(void)name;
	q->wal_pages = pages;
	return SQLITE_OK;
}

static int
open_database(struct sq *q, const char *dir)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, VZ_STORE_SQLITE_FILE), rc;

	if (n < 0 || n >= (int)sizeof(path))
		return sq_because(q, VZ_ELIMIT, "the spool's name", dir);
	rc = sqlite3_open_v2(path, &q->db, flags, NULL);
	if (rc != SQLITE_OK)
		return sq_error(q, rc, OPENING);
	sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return 0;
}

/* The one number that a pragma gives. */
static int
pragma(struct sq *q, const char *sql, uint64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(q->db, sql, -1, &st, NULL), r;

	r = rc == SQLITE_OK ? sq_one(q, st, out, 1) : sq_error(q, rc, sql);
	sqlite3_finalize(st);
	return r < 0 ? r : r == 1 ? 0 : VZ_EFORMAT;
}

/* The tables, when the file is new; else whether they are ours. */
static int
open_schema(struct sq *q)
{
	uint64_t version = 0, id = 0, tables = 0, vacuum = 0, wal = 0;
	int r = pragma(q, "PRAGMA user_version", &version);

	if (r == 0)
		r = pragma(q, "PRAGMA application_id", &id);
	if (r == 0)
		r = pragma(q, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r == 0 && version == 0 && id == 0 && tables == 0) {
		r = sq_exec(q, schema, "making the spool");
		version = VERSION;
		id = APPLICATION_ID;
	}
	if (r == 0)
		r = pragma(q, "PRAGMA auto_vacuum", &vacuum);
	if (r == 0)
		r = pragma(
		    q, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'", &wal);
	if (r != 0)
		return r;
	if (id != APPLICATION_ID || vacuum != 2 || wal != 1)
		return sq_because(q, VZ_EFORMAT, "this is no spool:", VZ_STORE_SQLITE_FILE);
	if (version == VERSION)
		return 0;
	snprintf(q->words, sizeof(q->words), "the spool is of version %llu, known is %d",
	    (unsigned long long)version, VERSION);
	return VZ_EFORMAT;
}

static int
open_numbers(struct sq *q)
{
	uint64_t next = 0;
	char ceiling[64];
	int r = pragma(q, "SELECT next FROM meta", &next);

	if (r != 0)
		return r;
	atomic_store(&q->next, next);
	q->first = next;
	/* Going back has to work when there is no memory. */
	if (sq_bind(q, SQ_ROLLBACK, "") == NULL)
		return VZ_ENOMEM;
	/* For the case that our own reckoning is wrong. */
	snprintf(ceiling, sizeof(ceiling), "PRAGMA max_page_count = %llu",
	    (unsigned long long)(q->limits.disk_bytes / 4096 + 8192));
	return sq_exec(q, ceiling, OPENING);
}

static int
open_all(struct sq *q, const char *dir, bool weak)
{
	int r = sq_open_folder(q, dir);

	if (r == 0)
		r = sq_make_file(q, VZ_STORE_SQLITE_FILE, NULL);
	if (r == 0)
		r = sq_make_file(q, VZ_STORE_SQLITE_RESERVE, &q->reserve);
	if (r == 0)
		r = open_database(q, dir);
	if (r == 0)
		r = sq_exec(q, settings, OPENING);
	/* After the setting of wal_autocheckpoint, which is such a hook itself. */
	if (r == 0)
		sqlite3_wal_hook(q->db, log_grew, q);
	if (r == 0)
		r = sq_exec(
		    q, weak ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", OPENING);
	if (r == 0)
		r = open_schema(q);
	if (r == 0)
		r = open_numbers(q);
	if (r == 0)
		sq_try_reserve(q);
	return r;
}

static int
open_store(const char *dir, const struct vz_store_limits *limits, bool weak, char *words,
    struct vz_store **out)
{
	struct sq *q = calloc(1, sizeof(*q));
	int r;

	*out = NULL;
	words[0] = '\0';
	if (q == NULL)
		return VZ_ENOMEM;
	q->dir = q->reserve = -1;
	q->limits = vz_store_limits_of(limits);
	r = open_all(q, dir, weak);
	if (r == 0 && (r = vz_store_new(&engine, q, &q->limits, &q->next, out)) != 0)
		sq_because(q, r, "cannot open the spool", dir);
	if (r != 0) {
		memcpy(words, q->words, VZ_STORE_WORDS);
		engine_close(q);
	}
	return r;
}

int
vz_store_sqlite_open(const char *dir, const struct vz_store_limits *limits,
    char words[static VZ_STORE_WORDS], struct vz_store **out)
{
	return open_store(dir, limits, false, words, out);
}

int
vz_store_sqlite_open_weak(const char *dir, const struct vz_store_limits *limits,
    char words[static VZ_STORE_WORDS], struct vz_store **out)
{
	return open_store(dir, limits, true, words, out);
}
