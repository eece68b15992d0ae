#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "keep/ledger_impl.h"

#define NAME           "streams.db"
#define BUSY_MS        5000
#define APPLICATION_ID 1987734631 /* "vzlg" */
#define VERSION        1

/* Several listeners may be there: ordinary locking. What is committed outlives a power cut. */
static const char settings[] = "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=FULL;"
			       "PRAGMA wal_autocheckpoint=1000;"
			       "PRAGMA journal_size_limit=4194304;"
			       "PRAGMA cache_size=-512;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA foreign_keys=ON;"
			       "PRAGMA trusted_schema=OFF;";

/* A message with a status has its verdict; one without is a beginning, in a file. */
static const char schema[] = "BEGIN IMMEDIATE;"
			     "CREATE TABLE IF NOT EXISTS stream ("
			     " id INTEGER PRIMARY KEY,"
			     " peer BLOB NOT NULL CHECK (length(peer) = 32),"
			     " stream BLOB NOT NULL CHECK (length(stream) = 16),"
			     " first INTEGER NOT NULL,"
			     " seen INTEGER NOT NULL,"
			     " UNIQUE (peer, stream)"
			     ") STRICT;"
			     "CREATE INDEX IF NOT EXISTS stream_seen ON stream (seen);"
			     "CREATE TABLE IF NOT EXISTS message ("
			     " stream INTEGER NOT NULL REFERENCES stream (id) ON DELETE CASCADE,"
			     " number INTEGER NOT NULL,"
			     " kind INTEGER NOT NULL,"
			     " status INTEGER,"
			     " length INTEGER NOT NULL,"
			     " file TEXT CHECK ((file IS NULL) = (status IS NOT NULL)),"
			     " PRIMARY KEY (stream, number)"
			     ") STRICT, WITHOUT ROWID;"
			     "PRAGMA application_id=1987734631;"
			     "PRAGMA user_version=1;"
			     "COMMIT;";

static const char *const sql[LEDGER_STATEMENTS] = {
    [LEDGER_BEGIN] = "BEGIN IMMEDIATE",
    [LEDGER_COMMIT] = "COMMIT",
    [LEDGER_ROLLBACK] = "ROLLBACK",
    [LEDGER_FIND] = "SELECT id, first FROM stream WHERE peer = ?1 AND stream = ?2",
    [LEDGER_ENTRIES] = "SELECT number, kind, status, length, file FROM message"
		       " WHERE stream = ?1 ORDER BY number",
    [LEDGER_COUNT_OF_PEER] = "SELECT count(*) FROM stream WHERE peer = ?1",
    [LEDGER_COUNT] = "SELECT count(*) FROM stream",
    [LEDGER_PUT_STREAM] = "INSERT INTO stream (peer, stream, first, seen) VALUES (?1, ?2, ?3, ?4)"
			  " ON CONFLICT DO UPDATE SET first = max(first, ?3), seen = ?4"
			  " RETURNING id",
    [LEDGER_PUT] = "INSERT OR REPLACE INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [LEDGER_PRUNE] = "DELETE FROM message WHERE stream = ?1 AND number < ?2",
    [LEDGER_DROP] = "DELETE FROM message WHERE number = ?3 AND stream ="
		    " (SELECT id FROM stream WHERE peer = ?1 AND stream = ?2)",
    [LEDGER_FORGET] = "DELETE FROM stream WHERE peer = ?1 AND stream = ?2",
    [LEDGER_OLD] = "SELECT id FROM stream WHERE seen < ?1 AND id > ?2 ORDER BY id LIMIT 1",
    [LEDGER_FILES] = "SELECT number, kind, status, length, file FROM message"
		     " WHERE stream = ?1 AND file IS NOT NULL ORDER BY number",
    [LEDGER_FORGET_ID] = "DELETE FROM stream WHERE id = ?1",
};

int
ledger_error(sqlite3 *db, int r)
{
	int saved = db ? sqlite3_system_errno(db) : 0;

	switch (r & 0xff) {
	case SQLITE_OK: return 0;
	case SQLITE_NOMEM: return VZ_ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return VZ_ETIMEOUT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR: return VZ_EFORMAT;
	case SQLITE_FULL: saved = ENOSPC; break;
	default: break;
	}
	errno = saved != 0 ? saved : EIO;
	return VZ_ESYSTEM;
}

/* SQLite would make it for everybody whom the umask lets. It must not be a link, nor others'. */
static int
make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	/* Not opened: closing it would take the locks of whoever has it open in this process. */
	if (errno != EEXIST || lstat(path, &st) != 0)
		return VZ_ESYSTEM;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return VZ_EMODE;
	return 0;
}

static int
one_number(sqlite3 *db, const char *text, int *out)
{
	sqlite3_stmt *st;
	int r = sqlite3_prepare_v2(db, text, -1, &st, NULL);

	if (r == SQLITE_OK && (r = sqlite3_step(st)) == SQLITE_ROW) {
		*out = sqlite3_column_int(st, 0);
		r = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return r;
}

/* A new one is ours from now on; another's is left alone. */
static int
set_up(sqlite3 *db)
{
	int application = 0, version = 0;
	int r = one_number(db, "PRAGMA application_id", &application);

	if (r == SQLITE_OK)
		r = one_number(db, "PRAGMA user_version", &version);
	if (r != SQLITE_OK)
		return r;
	if (application == APPLICATION_ID && version == VERSION)
		return sqlite3_exec(db, settings, NULL, NULL, NULL);
	if (application != 0 || version != 0)
		return SQLITE_NOTADB;
	r = sqlite3_exec(db, settings, NULL, NULL, NULL);
	return r == SQLITE_OK ? sqlite3_exec(db, schema, NULL, NULL, NULL) : r;
}

static int
prepare(struct vz_ledger *l)
{
	int r = SQLITE_OK;

	for (int i = 0; r == SQLITE_OK && i < LEDGER_STATEMENTS; i++)
		r = sqlite3_prepare_v3(
		    l->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &l->st[i], NULL);
	return r;
}

int
vz_ledger_open(struct vz_ledger **out, const char *dir)
{
	char path[PATH_MAX];
	struct vz_ledger *l;
	int n = snprintf(path, sizeof(path), "%s/" NAME, dir), r;

	*out = NULL;
	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	if ((r = vz_fs_mkdirs(dir)) < 0 || (r = make_file(path)) < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return VZ_ENOMEM;
	r = sqlite3_open_v2(
	    path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(l->db, BUSY_MS);
	if (r == SQLITE_OK)
		r = set_up(l->db);
	if (r == SQLITE_OK)
		r = prepare(l);
	if (r != SQLITE_OK) {
		r = ledger_error(l->db, r);
		vz_ledger_close(l);
		return r;
	}
	*out = l;
	return 0;
}

void
vz_ledger_close(struct vz_ledger *l)
{
	int saved = errno;

	if (!l)
		return;
	for (int i = 0; i < LEDGER_STATEMENTS; i++)
		sqlite3_finalize(l->st[i]);
	sqlite3_close(l->db);
	free(l);
	errno = saved;
}

const char *
vz_ledger_words(const struct vz_ledger *l)
{
	return sqlite3_errmsg(l->db);
}
