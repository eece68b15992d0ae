#include "keep/database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"

#define BUSY_MS      5000
#define BUSY_STEP_MS 5
#define VERSION      1

/* Several programs may be there: ordinary locking. What is committed outlives a power cut. */
static const char settings[] = "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=FULL;"
			       "PRAGMA wal_autocheckpoint=1000;"
			       "PRAGMA journal_size_limit=4194304;"
			       "PRAGMA cache_size=-512;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA foreign_keys=ON;"
			       "PRAGMA trusted_schema=OFF;";

int
vz_database_error(sqlite3 *db, int r)
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
	int fd =
	    vz_fs_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
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

/* Both marks as they are at one moment: somebody else may be making the database. */
static int
read_marks(sqlite3 *db, int *application, int *version)
{
	static const char text[] =
	    "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version";
	sqlite3_stmt *st;
	int r = sqlite3_prepare_v2(db, text, -1, &st, NULL);

	if (r == SQLITE_OK && (r = sqlite3_step(st)) == SQLITE_ROW) {
		*application = sqlite3_column_int(st, 0);
		*version = sqlite3_column_int(st, 1);
		r = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return r;
}

/* A new one is ours from now on; another's is left alone. */
static int
set_up(sqlite3 *db, const struct vz_database_config *c)
{
	int application = 0, version = 0;
	int r = read_marks(db, &application, &version);

	if (r != SQLITE_OK)
		return r;
	if (application == c->application && version == VERSION)
		return sqlite3_exec(db, settings, NULL, NULL, NULL);
	if (application != 0 || version != 0)
		return SQLITE_NOTADB;
	r = sqlite3_exec(db, settings, NULL, NULL, NULL);
	return r == SQLITE_OK ? sqlite3_exec(db, c->schema, NULL, NULL, NULL) : r;
}

static time_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/*
 * Going over to WAL, and putting it away as the last one, take locks that SQLite does not wait for,
 * lest two wait for each other.
 */
static int
set_up_patiently(sqlite3 *db, const struct vz_database_config *c)
{
	const struct timespec step = {.tv_nsec = BUSY_STEP_MS * 1000000L};
	const time_t until = now_s() + BUSY_MS / 1000;
	int r;

	while (((r = set_up(db, c)) & 0xff) == SQLITE_BUSY && now_s() < until) {
		if (!sqlite3_get_autocommit(db))
			(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		nanosleep(&step, NULL);
	}
	return r;
}

static int
prepare(struct vz_database *d, const struct vz_database_config *c)
{
	int r = SQLITE_OK;

	for (d->count = 0; r == SQLITE_OK && d->count < c->count; d->count++)
		r = sqlite3_prepare_v3(
		    d->db, c->sql[d->count], -1, SQLITE_PREPARE_PERSISTENT, &d->st[d->count], NULL);
	return r;
}

int
vz_database_open(struct vz_database *d, const char *dir, const struct vz_database_config *c)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, c->name), r;

	memset(d, 0, sizeof(*d));
	if (c->count > VZ_DATABASE_STATEMENTS)
		return VZ_EINVAL;
	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	if ((r = vz_fs_mkdirs(dir)) < 0 || (r = make_file(path)) < 0)
		return r;
	r = sqlite3_open_v2(
	    path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(d->db, BUSY_MS);
	if (r == SQLITE_OK)
		r = set_up_patiently(d->db, c);
	if (r == SQLITE_OK)
		r = prepare(d, c);
	if (r != SQLITE_OK) {
		r = vz_database_error(d->db, r);
		vz_database_close(d);
	}
	return r;
}

void
vz_database_close(struct vz_database *d)
{
	int saved = errno;

	for (unsigned i = 0; i < d->count; i++)
		sqlite3_finalize(d->st[i]);
	sqlite3_close(d->db);
	memset(d, 0, sizeof(*d));
	errno = saved;
}

int
vz_database_done(struct vz_database *d, unsigned i, int r)
{
	sqlite3_reset(d->st[i]);
	sqlite3_clear_bindings(d->st[i]);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : vz_database_error(d->db, r);
}

int
vz_database_run(struct vz_database *d, unsigned i)
{
	int r;

	do
		r = sqlite3_step(d->st[i]);
	while (r == SQLITE_ROW);
	return vz_database_done(d, i, r);
}

int
vz_database_run_lazily(struct vz_database *d, unsigned i)
{
	int r, after;

	if (sqlite3_get_autocommit(d->db) == 0) /* what is under way waits for the disk anyway */
		return vz_database_run(d, i);
	r = sqlite3_exec(d->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	r = r == SQLITE_OK ? vz_database_run(d, i) : vz_database_error(d->db, r);
	after = sqlite3_exec(d->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
	return r < 0 || after == SQLITE_OK ? r : vz_database_error(d->db, after);
}

int
vz_database_ask(struct vz_database *d, unsigned i, uint64_t *first, uint64_t *second)
{
	int r = sqlite3_step(d->st[i]);

	if (r == SQLITE_ROW) {
		*first = (uint64_t)sqlite3_column_int64(d->st[i], 0);
		if (second)
			*second = (uint64_t)sqlite3_column_int64(d->st[i], 1);
	}
	return r == SQLITE_ROW ? (vz_database_done(d, i, r), 1) : vz_database_done(d, i, r);
}

void
vz_database_bind_number(struct vz_database *d, unsigned i, int at, uint64_t value)
{
	sqlite3_bind_int64(d->st[i], at, (sqlite3_int64)value);
}

void
vz_database_bind_bytes(struct vz_database *d, unsigned i, int at, const void *p, int n)
{
	sqlite3_bind_blob(d->st[i], at, p, n, SQLITE_STATIC);
}
