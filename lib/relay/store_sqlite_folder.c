/* The folder of the spool: who may have it open, and with what rights its files are made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "base/fsutil.h"
#include "relay/store_sqlite_impl.h"

int
sq_because(struct sq *q, int r, const char *what, const char *name)
{
	const char *why = r == VZ_ESYSTEM ? strerror(errno) : vz_strerror(r);

	snprintf(q->words, sizeof(q->words), "%s%s%s: %s", what, *name ? " " : "", name, why);
	return r;
}

static int
judge_mode(struct sq *q, const struct stat *st, bool right_kind, const char *name)
{
	if (!right_kind || st->st_uid != geteuid() || (st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return sq_because(q, VZ_EMODE, "the spool's", name);
	return 0;
}

/* The lock is on the folder, as SQLite's own files are not ours to open. */
int
sq_open_folder(struct sq *q, const char *dir)
{
	struct stat st;
	int r = vz_fs_mkdirs(dir);

	if (r != 0)
		return sq_because(q, r, "cannot make the spool", dir);
	q->dir = vz_fs_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (q->dir < 0 || fstat(q->dir, &st) != 0)
		return sq_because(q, VZ_ESYSTEM, "cannot open the spool", dir);
	if ((r = judge_mode(q, &st, true, "folder")) != 0)
		return r;
	if (flock(q->dir, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return sq_because(q, VZ_ESYSTEM, "cannot lock the spool", dir);
	snprintf(q->words, sizeof(q->words), "another process has the spool open: %s", dir);
	return VZ_EEXISTS;
}

int
sq_make_file(struct sq *q, const char *name, int *fd)
{
	struct stat st;
	int made =
	    vz_fs_openat(q->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (made < 0 && errno != EEXIST)
		return sq_because(q, VZ_ESYSTEM, "cannot make the spool's", name);
	if (made >= 0 && (fchmod(made, 0600) != 0 || fsync(q->dir) != 0)) {
		sq_because(q, VZ_ESYSTEM, "cannot make the spool's", name);
		close(made);
		return VZ_ESYSTEM;
	}
	if (fd != NULL)
		*fd = made;
	else if (made >= 0)
		close(made);
	if (fstatat(q->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return sq_because(q, VZ_ESYSTEM, "cannot look at the spool's", name);
	if (fd != NULL && *fd < 0)
		*fd = vz_fs_openat(q->dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd != NULL && *fd < 0)
		return sq_because(q, VZ_ESYSTEM, "cannot open the spool's", name);
	return judge_mode(q, &st, S_ISREG(st.st_mode), name);
}
