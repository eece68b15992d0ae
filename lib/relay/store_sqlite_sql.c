/* Statements and errors of SQLite's, as the engine wants them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "relay/store_sqlite_impl.h"

#define MESSAGE "SELECT seq, body, size, expires, recipient, depositor FROM message "

/* What the pieces of a message are numbered by: its body's number and their own. */
static const char *const statements[SQ_STATEMENTS] = {
    [SQ_BEGIN] = "BEGIN IMMEDIATE",
    [SQ_COMMIT] = "COMMIT",
    [SQ_ROLLBACK] = "ROLLBACK",
    [SQ_PAGES] = "PRAGMA page_count",
    [SQ_FREE_PAGES] = "PRAGMA freelist_count",
    [SQ_NEXT_SET] = "UPDATE meta SET next = ?1",
    [SQ_FIND] = MESSAGE "WHERE recipient = ?1 AND depositor = ?2 AND content = ?3",
    [SQ_FIND_SEQ] = MESSAGE "WHERE seq = ?1",
    [SQ_CHUNK_ADD] = "INSERT INTO chunk (id, bytes) VALUES (?1 * 256 + ?2, ?3)",
    [SQ_CHUNK_GET] = "SELECT bytes FROM chunk WHERE id = ?1 * 256 + ?2",
    [SQ_CHUNKS_DROP] = "DELETE FROM chunk WHERE id BETWEEN ?1 * 256 AND ?1 * 256 + 255",
    [SQ_MESSAGE_ADD] = "INSERT INTO message (seq, body, size, deposited, expires, recipient, "
		       "depositor, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQ_MESSAGE_REMOVED] = "UPDATE message SET body = 0 WHERE seq = ?1",
    [SQ_MESSAGE_DROP] = "DELETE FROM message WHERE seq = ?1",
    [SQ_UPLOAD_ADD] = "INSERT INTO upload (body, chunks) VALUES (?1, 1)",
    [SQ_UPLOAD_STEP] = "UPDATE upload SET chunks = chunks + 1 WHERE body = ?1 AND chunks = ?2",
    [SQ_UPLOAD_DROP] = "DELETE FROM upload WHERE body = ?1",
    [SQ_UPLOAD_STALE] = "SELECT body FROM upload WHERE body < ?1 LIMIT 1",
    [SQ_MAILBOX_GET] = "SELECT messages, bytes FROM mailbox WHERE recipient = ?1",
    [SQ_MAILBOX_ADD] = "INSERT INTO mailbox (recipient, messages, bytes) VALUES (?1, 1, ?2) "
		       "ON CONFLICT (recipient) DO UPDATE SET messages = messages + 1, "
		       "bytes = bytes + ?2",
    [SQ_MAILBOX_SUB] = "UPDATE mailbox SET messages = messages - 1, bytes = bytes - ?2 "
		       "WHERE recipient = ?1",
    [SQ_MAILBOX_DROP] = "DELETE FROM mailbox WHERE recipient = ?1 AND messages <= 0",
    [SQ_DEPOSITOR_GET] = "SELECT entries, bytes FROM depositor WHERE depositor = ?1",
    [SQ_DEPOSITOR_ADD] = "INSERT INTO depositor (depositor, entries, bytes) VALUES (?1, 1, ?2) "
			 "ON CONFLICT (depositor) DO UPDATE SET entries = entries + 1, "
			 "bytes = bytes + ?2",
    [SQ_DEPOSITOR_SUB] = "UPDATE depositor SET entries = entries - ?2, bytes = bytes - ?3 "
			 "WHERE depositor = ?1",
    [SQ_DEPOSITOR_DROP] = "DELETE FROM depositor WHERE depositor = ?1 AND entries <= 0",
    [SQ_LIST] = "SELECT seq, size, deposited, expires, depositor, content FROM message "
		"WHERE recipient = ?1 AND body <> 0 AND seq > ?2 AND expires > ?3 "
		"ORDER BY seq LIMIT ?4",
    [SQ_EXPIRED] = MESSAGE "WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    [SQ_VACUUM] = "PRAGMA incremental_vacuum(256)",
    [SQ_BUNDLE_GET] = "SELECT serial, bytes FROM bundle WHERE identity = ?1",
    [SQ_BUNDLE_PUT] = "INSERT INTO bundle (identity, serial, bytes) VALUES (?1, ?2, ?3) "
		      "ON CONFLICT (identity) DO UPDATE SET serial = ?2, bytes = ?3",
    [SQ_BUNDLE_COUNT] = "SELECT count(*) FROM bundle",
    [SQ_STATS] = "SELECT (SELECT coalesce(sum(messages), 0) FROM mailbox), "
		 "(SELECT coalesce(sum(bytes), 0) FROM mailbox), (SELECT count(*) FROM mailbox), "
		 "(SELECT coalesce(sum(entries), 0) FROM depositor), "
		 "(SELECT count(*) FROM depositor), (SELECT count(*) FROM upload), "
		 "(SELECT count(*) FROM bundle), (SELECT coalesce(min((SELECT deposited "
		 "FROM message WHERE recipient = mailbox.recipient AND body <> 0 "
		 "ORDER BY seq LIMIT 1)), 0) FROM mailbox)",
};

/* A write that the file system has no room for, whatever it calls that. */
static bool
is_no_room(struct sq *q, int rc)
{
	int e = q->db == NULL ? 0 : sqlite3_system_errno(q->db);

	return rc == SQLITE_FULL ||
	    (rc == SQLITE_IOERR_WRITE && (e == ENOSPC || e == EDQUOT || e == EFBIG));
}

int
sq_error(struct sq *q, int rc, const char *doing)
{
	int e = q->db == NULL ? 0 : sqlite3_system_errno(q->db);

	snprintf(q->words, sizeof(q->words), "%s%s%s%s (%s)", sqlite3_errstr(rc),
	    e == 0 ? "" : " (", e == 0 ? "" : strerror(e), e == 0 ? "" : ")", doing);
	if (is_no_room(q, rc))
		return VZ_EFULL;
	switch (rc & 0xff) {
	case SQLITE_NOMEM: return VZ_ENOMEM;
	case SQLITE_BUSY: return VZ_EEXISTS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return VZ_EFORMAT;
	case SQLITE_IOERR:
		/* What cannot be read is damaged as well. */
		if (rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ)
			return VZ_EFORMAT;
	}
	q->unsound = true;
	return VZ_ESYSTEM;
}

static int
bind_one(sqlite3_stmt *st, int at, char type, va_list *ap)
{
	const void *p;

	switch (type) {
	case 'i': return sqlite3_bind_int64(st, at, (sqlite3_int64)va_arg(*ap, uint64_t));
	case 'k': p = va_arg(*ap, const struct vz_key *)->b; break;
	default:
		p = va_arg(*ap, const void *);
		return sqlite3_bind_blob64(st, at, p, va_arg(*ap, size_t), SQLITE_STATIC);
	}
	return sqlite3_bind_blob(st, at, p, 32, SQLITE_STATIC);
}

sqlite3_stmt *
sq_bind(struct sq *q, enum sq_statement which, const char *types, ...)
{
	sqlite3_stmt *st = q->st[which];
	int rc = SQLITE_OK;
	va_list ap;

	if (st == NULL) {
		rc = sqlite3_prepare_v3(
		    q->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, &q->st[which], NULL);
		st = q->st[which];
	}
	va_start(ap, types);
	for (int i = 0; rc == SQLITE_OK && types[i] != '\0'; i++)
		rc = bind_one(st, i + 1, types[i], &ap);
	va_end(ap);
	return rc == SQLITE_OK ? st : NULL;
}

int
sq_step(struct sq *q, sqlite3_stmt *st)
{
	int rc;

	if (st == NULL)
		return sq_error(q, sqlite3_extended_errcode(q->db), "preparing a statement");
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE) {
		rc = sqlite3_extended_errcode(q->db);
		rc = sq_error(q, rc, sqlite3_sql(st));
		sqlite3_reset(st);
		return rc;
	}
	sqlite3_reset(st);
	return 0;
}

int
sq_one(struct sq *q, sqlite3_stmt *st, uint64_t *out, int n)
{
	int r = sq_step(q, st);

	if (r <= 0)
		return r;
	for (int i = 0; i < n; i++)
		out[i] = sq_u64(st, i);
	sqlite3_reset(st);
	return 1;
}

int
sq_do(struct sq *q, sqlite3_stmt *st)
{
	int r = sq_step(q, st);

	while (r == 1)
		r = sq_step(q, st);
	return r;
}

int
sq_exec(struct sq *q, const char *sql, const char *doing)
{
	int rc = sqlite3_exec(q->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sq_error(q, sqlite3_extended_errcode(q->db), doing);
}

uint64_t
sq_u64(sqlite3_stmt *st, int column)
{
	sqlite3_int64 v = sqlite3_column_int64(st, column);

	return v < 0 ? 0 : (uint64_t)v;
}

void
sq_bytes(sqlite3_stmt *st, int column, void *out, size_t n)
{
	const void *p = sqlite3_column_blob(st, column);

	memset(out, 0, n);
	if (p != NULL && (size_t)sqlite3_column_bytes(st, column) == n)
		memcpy(out, p, n);
}
