/*
 * An SQLite database in the state folder, which several programs may use at a time: how it is
 * opened, and how its statements are run. What is in it is its user's (ledger.h, mailbook.h).
 */
#ifndef VZ_KEEP_DATABASE_H
#define VZ_KEEP_DATABASE_H

#include <stdint.h>

#include <sqlite3.h>

#define VZ_DATABASE_STATEMENTS 16

struct vz_database {
	sqlite3 *db;
	sqlite3_stmt *st[VZ_DATABASE_STATEMENTS];
	unsigned count;
};

struct vz_database_config {
	const char *name;       /* of the file */
	int application;        /* PRAGMA application_id; the user_version is 1 */
	const char *schema;     /* statements that set both too; no harm if they were run before */
	const char *const *sql; /* what st[] are, `count` of them */
	unsigned count;
};

/*
 * Opens or makes it, in a folder that is made (0700) where it is missing. VZ_ESYSTEM, VZ_EFORMAT
 * (no such database, or damaged), VZ_EMODE (others may read or write it), VZ_ETIMEOUT (somebody
 * else has held it for seconds), VZ_ENOMEM; then nothing is open. Closing keeps errno.
 */
int vz_database_open(struct vz_database *d, const char *dir, const struct vz_database_config *c);
void vz_database_close(struct vz_database *d);

/* The code for what SQLite said; errno is set for VZ_ESYSTEM. */
int vz_database_error(sqlite3 *db, int r);
/* A statement that gives rows goes on until it is told that it is over; r is what step said last.
 */
int vz_database_done(struct vz_database *d, unsigned i, int r);
/* Runs it to its end, for what it does. */
int vz_database_run(struct vz_database *d, unsigned i);
/* The same for what may be lost without harm, and so is not waited for. */
int vz_database_run_lazily(struct vz_database *d, unsigned i);
/*
 * One row of one number, or of two where `second` is not NULL: what a count or a key is. 1, 0 when
 * there is none, or an error.
 */
int vz_database_ask(struct vz_database *d, unsigned i, uint64_t *first, uint64_t *second);
void vz_database_bind_number(struct vz_database *d, unsigned i, int at, uint64_t value);
/* Not copied: it stays as it is until the statement was run. */
void vz_database_bind_bytes(struct vz_database *d, unsigned i, int at, const void *p, int n);

#endif
