/* What the parts of the SQLite engine share. */
#ifndef VZ_RELAY_STORE_SQLITE_IMPL_H
#define VZ_RELAY_STORE_SQLITE_IMPL_H

#include <sqlite3.h>
#include "relay/store_engine.h"

/* Each statement is prepared when it is first needed, and kept. */
enum sq_statement {
	SQ_BEGIN,
	SQ_COMMIT,
	SQ_ROLLBACK,
	SQ_PAGES,
	SQ_FREE_PAGES,
	SQ_NEXT_SET,
	SQ_FIND,
	SQ_FIND_SEQ,
	SQ_CHUNK_ADD,
	SQ_CHUNK_GET,
	SQ_CHUNKS_DROP,
	SQ_MESSAGE_ADD,
	SQ_MESSAGE_REMOVED,
	SQ_MESSAGE_DROP,
	SQ_UPLOAD_ADD,
	SQ_UPLOAD_STEP,
	SQ_UPLOAD_DROP,
	SQ_UPLOAD_STALE,
	SQ_MAILBOX_GET,
	SQ_MAILBOX_ADD,
	SQ_MAILBOX_SUB,
	SQ_MAILBOX_DROP,
	SQ_DEPOSITOR_GET,
	SQ_DEPOSITOR_ADD,
	SQ_DEPOSITOR_SUB,
	SQ_DEPOSITOR_DROP,
	SQ_LIST,
	SQ_EXPIRED,
	SQ_VACUUM,
	SQ_BUNDLE_GET,
	SQ_BUNDLE_PUT,
	SQ_BUNDLE_COUNT,
	SQ_STATS,
	SQ_STATEMENTS
};

struct sq {
	sqlite3 *db;
	sqlite3_stmt *st[SQ_STATEMENTS];
	struct vz_store_limits limits;
	atomic_uint_least64_t next; /* the lowest number never given away */
	uint64_t first;             /* `next` when it was opened: lower uploads were broken off */
	int dir, reserve;           /* descriptors; the folder's has the lock */
	uint64_t used;  /* bytes of the file that are in use, in this transaction; 0: not known */
	bool numbered;  /* this transaction has given numbers away */
	bool disk_full; /* deposits are refused, the reserve may be gone */
	bool tried;     /* this transaction has tried to set the reserve aside */
	bool unsound;   /* something failed that leaves the disk in doubt */
	int wal_pages;  /* after the last commit */
	char words[VZ_STORE_WORDS];
};

/* A kept or remembered message, as the statements SQ_FIND_* give it. */
struct sq_message {
	uint64_t seq, body, size, expires; /* body 0: removed */
	struct vz_key recipient, depositor;
};

/* The engine's code for a result of SQLite's; keeps the words. */
int sq_error(struct sq *q, int rc, const char *doing);
/*
 * The statement with its parameters bound, in order: `i` uint64_t, `k` const struct vz_key *,
 * `b` const void * and size_t. Bytes are borrowed until sq_step says that it is over. NULL: sq_step
 * tells why.
 */
sqlite3_stmt *sq_bind(struct sq *q, enum sq_statement which, const char *types, ...);
/* 1 with a row, 0 at the end (and the statement is reset), or an error. */
int sq_step(struct sq *q, sqlite3_stmt *st);
/* The same for one that gives at most one row, whose columns are integers: `n` of them into `out`,
 * left alone when there is none. */
int sq_one(struct sq *q, sqlite3_stmt *st, uint64_t *out, int n);
/* Runs one that gives no rows. */
int sq_do(struct sq *q, sqlite3_stmt *st);
/* Runs SQL that is needed once; `doing` tells what for. */
int sq_exec(struct sq *q, const char *sql, const char *doing);
uint64_t sq_u64(sqlite3_stmt *st, int column);
/* A column of exactly n bytes to out; zeros when it is not. */
void sq_bytes(sqlite3_stmt *st, int column, void *out, size_t n);

/* Keeps the words for what is wrong (with errno's for VZ_ESYSTEM); gives r back. */
int sq_because(struct sq *q, int r, const char *what, const char *name);
/* Makes and judges the folder and locks it: q->dir, which holds the lock. */
int sq_open_folder(struct sq *q, const char *dir);
/* A file of the folder with the right mode, made when it is missing. *fd only when it is wanted:
 * closing a descriptor of a database gives SQLite's locks away. */
int sq_make_file(struct sq *q, const char *name, int *fd);

/* The transaction's work, see store_engine.h. */
int sq_begin(void *e);
int sq_commit(void *e);
void sq_rollback(void *e);
int sq_rest(void *e);
int sq_disk_full(void *e);
int sq_deposit(void *e, struct vz_store_op *op);
int sq_list(void *e, struct vz_store_op *op);
int sq_read(void *e, struct vz_store_op *op);
int sq_remove(void *e, struct vz_store_op *op);
int sq_sweep(void *e, struct vz_store_op *op);
int sq_put_bundle(void *e, struct vz_store_op *op);
int sq_get_bundle(void *e, struct vz_store_op *op);
int sq_stats(void *e, struct vz_store_op *op, struct vz_store_stats *out);
int sq_fsck(void *e, bool repair, vz_store_say_fn *say, void *arg, struct vz_store_check *out);

/* A number for a message, above all given before. */
uint64_t sq_number(struct sq *q);
/* 1 and *m for the message under a statement's row, 0 when there is none. */
int sq_message(struct sq *q, sqlite3_stmt *st, struct sq_message *m);
/* Takes a message out of the tables, remembered or not. */
int sq_erase(struct sq *q, const struct sq_message *m);
/* Takes a message out of its mailbox and its depositor's bytes, not entries. */
int sq_uncount(struct sq *q, const struct sq_message *m);
int sq_drop_chunks(struct sq *q, uint64_t body);
int sq_drop_upload(struct sq *q, uint64_t body);
/* Sets op's answer when there is no room for so many bytes more; true then. */
int sq_no_room(struct sq *q, struct vz_store_op *op, uint64_t bytes, bool *none);
/* Sets the reserve aside again, if it can: disk_full is over then. */
void sq_try_reserve(struct sq *q);
/* One slice of giving unused pages back to the disk. *more: there are others. */
int sq_vacuum(struct sq *q, bool *more);

#endif
