/* Checks of the whole store, and repairs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash_stream.h"
#include "relay/store_sqlite_impl.h"

#define SLICE      256  /* messages looked up at once */
#define COMPLAINTS "20" /* of SQLite's own check, at most */

struct check {
	struct sq *q;
	bool repair;
	vz_store_say_fn *say;
	void *arg;
	struct vz_store_check *out;
	struct vz_hash_stream *hash;
};

__attribute__((format(printf, 2, 3))) static void
found(struct check *c, const char *format, ...)
{
	char words[VZ_STORE_WORDS];
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	c->say(c->arg, words);
}

/* Counts n things wrong, and repairs them by this SQL. */
static int
mend(struct check *c, uint64_t n, const char *sql)
{
	int r = 0;

	c->out->found += n;
	if (n > 0 && c->repair && (r = sq_exec(c->q, sql, "repairing")) == 0)
		c->out->repaired += n;
	return r;
}

/* The number that a query gives. */
static int
count(struct check *c, const char *sql, uint64_t *n)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(c->q->db, sql, -1, &st, NULL), r;

	*n = 0;
	r = rc == SQLITE_OK ? sq_one(c->q, st, n, 1) : sq_error(c->q, rc, sql);
	sqlite3_finalize(st);
	return r < 0 ? r : 0;
}

/* It says several things at a time, a line each, under a headline. */
static uint64_t
complain(struct check *c, const char *words)
{
	uint64_t n = 0;

	while (*words != '\0') {
		size_t len = strcspn(words, "\n");

		if (len > 0 && strncmp(words, "***", 3) != 0) {
			found(c, "the file: %.*s", (int)len, words);
			n++;
		}
		words += len + (words[len] != '\0');
	}
	return n;
}

/* What SQLite finds; the number of complaints. */
static int
integrity(struct check *c, uint64_t *complaints)
{
	sqlite3_stmt *st = NULL;
	const char *sql = "PRAGMA integrity_check(" COMPLAINTS ")", *words;
	int rc = sqlite3_prepare_v2(c->q->db, sql, -1, &st, NULL), r;

	*complaints = 0;
	r = rc == SQLITE_OK ? 0 : sq_error(c->q, rc, sql);
	while (r == 0 && (r = sq_step(c->q, st)) == 1) {
		r = 0;
		words = (const char *)sqlite3_column_text(st, 0);
		if (words != NULL && strcmp(words, "ok") != 0)
			*complaints += complain(c, words);
	}
	sqlite3_finalize(st);
	/* A file too damaged to be looked at is one that was looked at. */
	if (r == VZ_EFORMAT) {
		++*complaints;
		found(c, "the file: %s", c->q->words);
		r = 0;
	}
	return r;
}

/* The file itself. Indexes are made anew; what else is wrong with it is for other tools. 1: it is
 * not sound enough for a look at what it holds. */
static int
check_file(struct check *c)
{
	uint64_t before = 0, after = 0;
	int r = integrity(c, &before);

	if (r != 0 || before == 0)
		return r;
	c->out->found += before;
	if (!c->repair)
		return 1;
	if (sq_exec(c->q, "REINDEX", "repairing") == 0)
		r = integrity(c, &after);
	else
		after = before;
	if (r != 0 || after > 0) {
		found(c,
		    "the file is damaged beyond repair by this program: try .recover of sqlite3");
		return r != 0 ? r : VZ_EFORMAT;
	}
	found(c, "the indexes were made anew");
	c->out->repaired += before;
	return 0;
}

/* What is wrong with the bytes of a message, or NULL. */
static int
judge_bytes(struct check *c, const struct sq_message *m, const uint8_t content[static 32],
    const char **wrong)
{
	unsigned chunks = vz_store_chunks(m->size);
	uint64_t left = m->size, n;
	uint8_t sum[32];
	int r = 0;

	*wrong = NULL;
	for (unsigned i = 0; i < chunks && *wrong == NULL; i++, left -= n) {
		sqlite3_stmt *st = sq_bind(c->q, SQ_CHUNK_GET, "ii", m->body, (uint64_t)i);

		n = left < VZ_STORE_CHUNK ? left : VZ_STORE_CHUNK;
		if ((r = sq_step(c->q, st)) < 0)
			return r;
		if (r == 0)
			*wrong = "a part is missing";
		else if ((uint64_t)sqlite3_column_bytes(st, 0) != n)
			*wrong = "a part has the wrong size";
		else
			vz_hash_stream_feed(c->hash, sqlite3_column_blob(st, 0), (size_t)n);
		if (r == 1)
			sqlite3_reset(st);
	}
	vz_hash_stream_end(c->hash, sum);
	if (*wrong == NULL && memcmp(sum, content, sizeof(sum)) != 0)
		*wrong = "its bytes are not those that were deposited";
	return 0;
}

static int
check_message(struct check *c, const struct sq_message *m, const uint8_t content[static 32])
{
	char to[VZ_KEY_TEXT], from[VZ_KEY_TEXT];
	const char *wrong;
	int r = judge_bytes(c, m, content, &wrong);

	c->out->messages++;
	if (r != 0 || wrong == NULL)
		return r;
	c->out->found++;
	vz_key_format(&m->recipient, to);
	vz_key_format(&m->depositor, from);
	found(c, "message %llu for %s from %s: %s%s", (unsigned long long)m->seq, to, from, wrong,
	    c->repair ? "; removed, it can be deposited again" : "");
	if (!c->repair)
		return 0;
	c->out->repaired++;
	return sq_erase(c->q, m);
}

/* Every byte of every message, slice by slice. */
static int
check_messages(struct check *c)
{
	static const char sql[] =
	    "SELECT seq, body, size, expires, recipient, depositor, content FROM message "
	    "WHERE seq > ?1 AND body <> 0 ORDER BY seq LIMIT 256";
	struct sq_message m[SLICE];
	uint8_t content[SLICE][32];
	uint64_t after = 0;
	sqlite3_stmt *st = NULL;
	size_t n = SLICE;
	int rc = sqlite3_prepare_v2(c->q->db, sql, -1, &st, NULL), r = 0;

	if (rc != SQLITE_OK)
		return sq_error(c->q, rc, sql);
	while (r == 0 && n == SLICE) {
		sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
		for (n = 0; n < SLICE && (r = sq_message(c->q, st, &m[n])) == 1; n++)
			sq_bytes(st, 6, content[n], 32);
		sqlite3_reset(st);
		r = r < 0 ? r : 0;
		for (size_t i = 0; r == 0 && i < n; i++)
			r = check_message(c, &m[i], content[i]);
		if (n > 0)
			after = m[n - 1].seq;
	}
	sqlite3_finalize(st);
	return r;
}

/* Pieces of nothing; uploads that were broken off are no fault, but go too. */
static int
check_orphans(struct check *c)
{
	uint64_t n;
	int r = sq_exec(c->q,
	    "CREATE TEMP TABLE IF NOT EXISTS fsck_body (body INTEGER PRIMARY KEY);"
	    "DELETE FROM fsck_body;"
	    "INSERT OR IGNORE INTO fsck_body SELECT body FROM message "
	    "WHERE body <> 0 UNION SELECT body FROM upload",
	    "looking for orphans");

	if (r == 0)
		r = count(c,
		    "SELECT count(*) FROM chunk WHERE id / 256 NOT IN (SELECT body FROM fsck_body)"
		    " OR id < 0",
		    &n);
	if (r != 0)
		return r;
	if (n > 0)
		found(c, "%llu parts belong to no message%s", (unsigned long long)n,
		    c->repair ? "; removed" : "");
	r = mend(
	    c, n, "DELETE FROM chunk WHERE id / 256 NOT IN (SELECT body FROM fsck_body) OR id < 0");
	if (r == 0)
		r = count(c,
		    "SELECT count(*) FROM chunk JOIN message ON body = id / 256"
		    " WHERE id % 256 >= (size + 65535) / 65536",
		    &n);
	if (r != 0)
		return r;
	if (n > 0)
		found(c, "%llu parts beyond the end of their messages%s", (unsigned long long)n,
		    c->repair ? "; removed" : "");
	return mend(c, n,
	    "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk JOIN message ON body = id / 256"
	    " WHERE id % 256 >= (size + 65535) / 65536)");
}

#define MAILBOX_SUMS                                                                               \
	"SELECT recipient, count(*) AS messages, sum(size) AS bytes FROM message WHERE body <> 0 " \
	"GROUP BY recipient"
#define DEPOSITOR_SUMS                                            \
	"SELECT depositor, count(*) AS entries, "                 \
	"sum(CASE WHEN body <> 0 THEN size ELSE 0 END) AS bytes " \
	"FROM message GROUP BY depositor"
#define DIFFER(table, sums)                                                          \
	"SELECT (SELECT count(*) FROM (SELECT * FROM " table " EXCEPT " sums ")) + " \
	"(SELECT count(*) FROM (SELECT * FROM (" sums ") EXCEPT SELECT * FROM " table "))"

static int
check_sums(struct check *c, const char *what, const char *differ, const char *again)
{
	uint64_t n;
	int r = count(c, differ, &n);

	if (r != 0 || n == 0)
		return r;
	found(c, "the sums of %s are wrong%s", what, c->repair ? "; counted again" : "");
	return mend(c, 1, again);
}

static int
check_numbers(struct check *c)
{
	uint64_t n;
	int r = count(c,
	    "SELECT (SELECT count(*) FROM meta) <> 1 OR coalesce((SELECT next FROM meta), 0) <= "
	    "max((SELECT coalesce(max(seq), 0) FROM message), "
	    "(SELECT coalesce(max(body), 0) FROM message), "
	    "(SELECT coalesce(max(body), 0) FROM upload))",
	    &n);

	if (r != 0 || n == 0)
		return r;
	found(c, "the next number was given away before%s", c->repair ? "; raised" : "");
	r = mend(c, 1,
	    "INSERT OR REPLACE INTO meta (one, next) SELECT 1, 1 + max("
	    "(SELECT coalesce(max(next), 0) FROM meta), "
	    "(SELECT coalesce(max(seq), 0) FROM message), "
	    "(SELECT coalesce(max(body), 0) FROM message), "
	    "(SELECT coalesce(max(body), 0) FROM upload))");
	if (r == 0 && c->repair)
		r = count(c, "SELECT next FROM meta", &n);
	if (r == 0 && c->repair)
		atomic_store(&c->q->next, n);
	return r;
}

static int
check_all(struct check *c)
{
	int r = check_file(c);

	if (r == 0)
		r = check_messages(c);
	if (r == 0)
		r = check_orphans(c);
	if (r == 0)
		r = check_sums(c, "mailboxes", DIFFER("mailbox", MAILBOX_SUMS),
		    "DELETE FROM mailbox; INSERT INTO mailbox " MAILBOX_SUMS);
	if (r == 0)
		r = check_sums(c, "depositors", DIFFER("depositor", DEPOSITOR_SUMS),
		    "DELETE FROM depositor; INSERT INTO depositor " DEPOSITOR_SUMS);
	return r == 0 ? check_numbers(c) : r;
}

int
sq_fsck(void *e, bool repair, vz_store_say_fn *say, void *arg, struct vz_store_check *out)
{
	struct sq *q = e;
	struct check c = {.q = q, .repair = repair, .say = say, .arg = arg, .out = out};
	int r = vz_hash_stream_new(&c.hash);

	if (r != 0)
		return r;
	r = sq_begin(q);
	if (r == 0)
		r = check_all(&c);
	if (r == 1)
		r = 0;
	if (r == 0 && repair)
		r = sq_commit(q);
	if (r != 0 || !repair)
		sq_rollback(q);
	if (r != 0)
		out->repaired = 0;
	vz_hash_stream_free(c.hash);
	return r;
}
