#include <stdlib.h>

#include "base/err.h"
#include "keep/ledger_impl.h"

#define APPLICATION_ID 1987734631 /* "vzlg" */

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
vz_ledger_open(struct vz_ledger **out, const char *dir)
{
	static const struct vz_database_config config = {
	    "streams.db", APPLICATION_ID, schema, sql, LEDGER_STATEMENTS};
	struct vz_ledger *l = calloc(1, sizeof(*l));
	int r;

	*out = NULL;
	if (!l)
		return VZ_ENOMEM;
	r = vz_database_open(&l->d, dir, &config);
	if (r < 0) {
		free(l);
		return r;
	}
	*out = l;
	return 0;
}

void
vz_ledger_close(struct vz_ledger *l)
{
	if (!l)
		return;
	vz_database_close(&l->d);
	free(l);
}

const char *
vz_ledger_words(const struct vz_ledger *l)
{
	return sqlite3_errmsg(l->d.db);
}
