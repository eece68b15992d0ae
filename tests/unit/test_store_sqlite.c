/* The SQLite engine: what every engine does, and what only this one can. */
#include "tests/unit/store_suite.h"

#include <errno.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "relay/store_sqlite.h"

static int
suite_open(
    const char *dir, const struct vz_store_limits *limits, char *words, struct vz_store **out)
{
	return vz_store_sqlite_open(dir, limits, words, out);
}

/* In the place of libc's, for SQLite too: the next one of a file whose name ends so fails, once. */
static const char *_Atomic breaks;

int
fdatasync(int fd)
{
	const char *end = atomic_load(&breaks);
	char link[64], path[600];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = end == NULL ? 0 : readlink(link, path, sizeof(path) - 1);
	if (n > 0 && (size_t)n >= strlen(end) &&
	    memcmp(path + n - strlen(end), end, strlen(end)) == 0) {
		atomic_store(&breaks, NULL);
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static const char *
spool_file(struct tempdir *t, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "spool/%s", name);
	return tempdir_path(t, path);
}

/* Changes a closed store behind its back. */
static void
tamper(struct tempdir *t, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(spool_file(t, VZ_STORE_SQLITE_FILE), &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static int
open_fails(struct tempdir *t, const char *because)
{
	char words[VZ_STORE_WORDS];
	struct vz_store *s;
	int r = vz_store_sqlite_open(tempdir_path(t, "spool"), NULL, words, &s);

	assert_null(s);
	if (strstr(words, because) == NULL)
		fail_msg("\"%s\" does not tell of \"%s\"", words, because);
	return r;
}

static void
the_folder_is_0700_and_its_files_0600_and_there_is_no_shm(void **state)
{
	mode_t before = umask(0);
	struct vz_store *s = opened(*state, NULL);
	struct stat st;

	put(s, 1, 2, 1, 100);
	assert_int_equal(stat(tempdir_path(*state, "spool"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(spool_file(*state, "spool.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(spool_file(*state, "spool.db-wal"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(spool_file(*state, "reserve"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(stat(spool_file(*state, "spool.db-shm"), &st), 0);
	umask(before);
	closed_sound(*state, s);
}

static void
a_spool_that_others_may_open_is_refused(void **state)
{
	struct vz_store *s = opened(*state, NULL);

	vz_store_close(s);
	chmod(tempdir_path(*state, "spool"), 0750);
	assert_int_equal(open_fails(*state, "folder"), VZ_EMODE);
	chmod(tempdir_path(*state, "spool"), 0700);
	chmod(spool_file(*state, "spool.db"), 0644);
	assert_int_equal(open_fails(*state, "spool.db"), VZ_EMODE);
	chmod(spool_file(*state, "spool.db"), 0600);
	assert_int_equal(unlink(spool_file(*state, "reserve")), 0);
	assert_int_equal(symlink("/dev/null", spool_file(*state, "reserve")), 0);
	assert_int_not_equal(open_fails(*state, "reserve"), 0);
	assert_int_equal(unlink(spool_file(*state, "reserve")), 0);
	closed_sound(*state, opened(*state, NULL));
}

static const char *program;

/* Another process of this program: its status. */
static int
in_another(const char *what, const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, what, path, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* What it does there: 0 when it is kept out. */
static int
another(const char *what, const char *path)
{
	char words[VZ_STORE_WORDS];
	struct vz_store *s;
	sqlite3 *db;

	if (strcmp(what, "--open") == 0)
		return vz_store_sqlite_open(path, NULL, words, &s) != VZ_EEXISTS;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		return 2;
	return sqlite3_exec(db, "SELECT * FROM meta", NULL, NULL, NULL) != SQLITE_BUSY;
}

static void
only_one_process_has_it_open(void **state)
{
	struct vz_store *s = opened(*state, NULL);

	put(s, 1, 2, 1, 100);
	assert_int_equal(open_fails(*state, "another process has the spool open"), VZ_EEXISTS);
	assert_int_equal(in_another("--open", tempdir_path(*state, "spool")), 0);
	/* And the one who has it did not lose SQLite's own lock by that. */
	assert_int_equal(in_another("--peek", spool_file(*state, VZ_STORE_SQLITE_FILE)), 0);
	assert_true(put(s, 1, 2, 2, 100) > 0);
	closed_sound(*state, s);
}

static void
what_is_no_spool_or_a_newer_one_is_refused(void **state)
{
	struct tempdir *t = *state;

	vz_store_close(opened(t, NULL));
	tamper(t, "PRAGMA user_version = 2");
	assert_int_equal(open_fails(t, "version 2"), VZ_EFORMAT);
	tamper(t, "PRAGMA user_version = 1; PRAGMA application_id = 5");
	assert_int_equal(open_fails(t, "no spool"), VZ_EFORMAT);
	assert_int_equal(
	    tempdir_write(t, "spool/spool.db", 0600, "this is no database at all....", 30), 0);
	assert_int_equal(open_fails(t, "not a database"), VZ_EFORMAT);
}

static void
after_an_fsync_that_failed_nothing_is_acknowledged_any_more(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(2, 100);
	struct vz_store_mail m = mail_of(1, 2, p, 100);

	put(s, 1, 2, 1, 100);
	atomic_store(&breaks, "-wal");
	assert_int_equal(deposit(s, &m, p, &last), 0);
	assert_int_equal(vz_store_wait(s, PATIENT), VZ_ESYSTEM);
	assert_int_equal(last.calls, 1);
	assert_int_equal(last.err, VZ_ESYSTEM);
	assert_non_null(strstr(vz_store_words(s), "I/O error"));
	/* Though the next one would succeed. */
	for (int i = 0; i < 3; i++) {
		int r;

		assert_int_equal(deposit(s, &m, p, &last), 0);
		while ((r = vz_store_run(s)) == VZ_ESYSTEM && last.calls == 0)
			poll(&(struct pollfd){.fd = vz_store_fd(s), .events = POLLIN}, 1, 1000);
		assert_int_equal(r, VZ_ESYSTEM);
		assert_int_equal(last.err, VZ_ESYSTEM);
	}
	vz_store_close(s);
	s = opened(*state, NULL);
	assert_kept(s, 1, 1, 1, 100);
	free(p);
	closed_sound(*state, s);
}

static void
a_checkpoint_whose_fsync_failed_ends_the_store_too(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(1, VZ_STORE_MESSAGE_MAX / 2);
	struct vz_store_mail m = mail_of(1, 2, p, VZ_STORE_MESSAGE_MAX / 2);
	struct vz_store_deposit *d;
	uint64_t at = 0;
	int r = 0;

	/* More than the log may grow to. */
	atomic_store(&breaks, ".db");
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), 0);
	while (r == 0 && at < m.size - VZ_STORE_CHUNK) {
		at += (uint64_t)vz_store_append(d, p + at, VZ_STORE_CHUNK);
		r = vz_store_wait(s, PATIENT);
	}
	assert_null(atomic_load(&breaks));
	/* It may have failed when all was answered. */
	for (int i = 0; r == 0 && i < 10; i++) {
		assert_int_equal(vz_store_get_stats(s, get, &last, NULL), 0);
		r = vz_store_wait(s, PATIENT);
	}
	assert_int_equal(r, VZ_ESYSTEM);
	assert_non_null(strstr(vz_store_words(s), "checkpoint"));
	free(p);
	closed_sound(*state, s);
}

struct said {
	char text[4096];
};

static void
say(void *arg, const char *words)
{
	struct said *said = arg;

	strncat(said->text, words, sizeof(said->text) - strlen(said->text) - 2);
	strcat(said->text, "\n");
}

#define SOME UINT64_MAX

/* What fsck finds after this was done to it (so many things, or SOME), and that it mends it. */
static void
assert_mended(struct tempdir *t, const char *sql, const char *words, uint64_t found)
{
	struct vz_store_check look, mend, again;
	struct said said = {""}, done = {""};
	char why[VZ_STORE_WORDS];
	struct vz_store *s;

	tamper(t, sql);
	assert_int_equal(vz_store_sqlite_open(tempdir_path(t, "spool"), NULL, why, &s), 0);
	assert_int_equal(vz_store_fsck(s, false, say, &said, &look), 0);
	if (found == SOME && look.found > 0)
		found = look.found;
	if (strstr(said.text, words) == NULL || look.found != found)
		fail_msg("%s: found %d: %s", sql, (int)look.found, said.text);
	assert_int_equal(look.repaired, 0);
	assert_int_equal(vz_store_fsck(s, true, say, &done, &mend), 0);
	assert_int_equal(mend.found, found);
	assert_int_equal(mend.repaired, found);
	assert_int_equal(vz_store_fsck(s, true, say, &done, &again), 0);
	assert_int_equal(again.found, 0);
	vz_store_close(s);
}

static void
fsck_finds_what_is_wrong_and_mends_it(void **state)
{
	struct tempdir *t = *state;
	struct vz_store *s = opened(t, NULL);
	uint64_t a = put(s, 1, 2, 1, 100), b = put(s, 1, 2, 2, 200000), c = put(s, 3, 2, 3, 300);
	uint64_t d = put(s, 3, 2, 4, 400);

	vz_store_close(s);
	assert_mended(t, "UPDATE mailbox SET bytes = bytes + 1", "sums of mailboxes", 1);
	assert_mended(t, "DELETE FROM depositor", "sums of depositors", 1);
	assert_mended(t, "UPDATE meta SET next = 2", "given away before", 1);
	assert_mended(t, "INSERT INTO chunk VALUES (99 * 256, x'00'), (99 * 256 + 1, x'00')",
	    "2 parts belong to no message", 2);
	assert_mended(t,
	    "INSERT INTO chunk SELECT body * 256 + 9, x'00' FROM message WHERE "
	    "size = 200000",
	    "beyond the end", 1);
	assert_mended(t,
	    "UPDATE chunk SET bytes = zeroblob(length(bytes)) WHERE id = "
	    "(SELECT body * 256 FROM message WHERE size = 400)",
	    "its bytes are not those", 1);
	assert_mended(t,
	    "DELETE FROM chunk WHERE id = (SELECT body * 256 + 1 FROM message WHERE "
	    "size = 200000)",
	    "a part is missing", 1);
	s = opened(t, NULL);
	assert_kept(s, 1, a, 1, 100);
	assert_kept(s, 3, c, 3, 300);
	assert_int_equal(read_at(s, 1, b, 0), VZ_ENOTFOUND);
	/* What was lost may be deposited again. */
	assert_true(put(s, 3, 2, 4, 400) > d);
	assert_false(last.duplicate);
	closed_sound(t, s);
}

static void
fsck_makes_broken_indexes_anew_and_tells_what_it_cannot_mend(void **state)
{
	struct tempdir *t = *state;
	struct vz_store *s = opened(t, NULL);
	struct vz_store_check check;
	struct said said = {""};
	char why[VZ_STORE_WORDS];
	int fd;

	for (unsigned i = 0; i < 50; i++)
		put(s, i % 5, 2, i, 5000);
	vz_store_close(s);
	s = opened(t, NULL);
	assert_int_equal(remove_it(s, 0, 1), 0);
	sweep(s, NOW + HOUR, 1);
	for (unsigned i = 0; i < 50; i++)
		put(s, i % 5, 2, 100 + i, 5000);
	vz_store_close(s);
	/* A row is changed while the index is said to hold no such rows. */
	assert_mended(t,
	    "PRAGMA writable_schema = ON;"
	    "UPDATE sqlite_schema SET sql = replace(sql, 'body <> 0', 'body = -1') WHERE name = "
	    "'message_mailbox';"
	    "PRAGMA writable_schema = RESET;"
	    "UPDATE message SET seq = 1 WHERE seq = (SELECT min(seq) FROM message);"
	    "PRAGMA writable_schema = ON;"
	    "UPDATE sqlite_schema SET sql = replace(sql, 'body = -1', 'body <> 0') WHERE name = "
	    "'message_mailbox';"
	    "PRAGMA writable_schema = RESET;",
	    "index message_mailbox", SOME);
	fd = open(spool_file(t, "spool.db"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int page = 20; page < 40; page++)
		assert_int_equal(pwrite(fd, "damaged!", 8, page * 4096), 8);
	close(fd);
	assert_int_equal(vz_store_sqlite_open(tempdir_path(t, "spool"), NULL, why, &s), 0);
	assert_int_equal(vz_store_fsck(s, true, say, &said, &check), VZ_EFORMAT);
	assert_true(check.found > 0);
	assert_int_equal(check.repaired, 0);
	assert_non_null(strstr(said.text, "beyond repair"));
	vz_store_close(s);
}

/* Runs the rest of a test in a folder on a disk of a few MiB; where that cannot be had it is
 * skipped.
 */
static void
small_disk(struct tempdir *t, const char *size)
{
	const char *dir = tempdir_path(t, "disk");

	if (mkdir(dir, 0700) != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, size) != 0) {
		print_message("no small disk can be mounted here\n");
		skip();
	}
}

static void
a_full_disk_is_an_answer_and_removing_makes_room(void **state)
{
	const struct vz_store_limits l = {.reserve_bytes = 5 << 20};
	struct tempdir *t = *state;
	char words[VZ_STORE_WORDS];
	struct vz_store *s;
	uint64_t seq[300];
	unsigned n = 0, removed;

	small_disk(t, "size=14m,mode=700");
	assert_int_equal(vz_store_sqlite_open(tempdir_path(t, "disk/spool"), &l, words, &s), 0);
	assert_int_equal(vz_store_start(s), 0);
	while (n < 300 && (seq[n] = put(s, 1, 2, n, 60000)) != 0)
		n++;
	assert_in_range(n, 20, 160);
	assert_int_equal(last.err, VZ_EFULL);
	assert_int_equal(last.full, VZ_STORE_FULL_DISK);
	/* It stays so: this is a small one. */
	assert_int_equal(put(s, 1, 2, 1000, 1000), 0);
	assert_int_equal(last.full, VZ_STORE_FULL_DISK);
	assert_true(stats(s).disk_full);
	/* Also one that comes in pieces, of which none is left. */
	assert_int_equal(put(s, 1, 2, 1001, 3000000), 0);
	assert_int_equal(last.full, VZ_STORE_FULL_DISK);
	assert_int_equal(stats(s).uploads, 0);
	for (unsigned i = 0; i < n; i++)
		assert_kept(s, 1, seq[i], i, 60000);
	for (removed = 0; removed < n; removed++) {
		assert_int_equal(remove_it(s, 1, seq[removed]), 0);
		sweep(s, NOW, 10);
		if (!stats(s).disk_full)
			break;
	}
	assert_in_range(removed, 1, n - 1);
	assert_true(put(s, 1, 2, 1000, 1000) > 0);
	for (unsigned i = removed + 1; i < n; i++)
		assert_kept(s, 1, seq[i], i, 60000);
	vz_store_close(s);
	assert_int_equal(vz_store_sqlite_open(tempdir_path(t, "disk/spool"), &l, words, &s), 0);
	{
		struct vz_store_check c;

		assert_int_equal(vz_store_fsck(s, false, say_nothing, NULL, &c), 0);
		assert_int_equal(c.found, 0);
	}
	vz_store_close(s);
	umount(tempdir_path(t, "disk"));
}

/* Takes what room there is. */
static void
fill(const char *path)
{
	static const uint8_t nothing[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, nothing, sizeof(nothing)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void
removing_works_on_a_disk_that_others_have_filled(void **state)
{
	const struct vz_store_limits l = {.reserve_bytes = 5 << 20};
	struct tempdir *t = *state;
	char words[VZ_STORE_WORDS];
	struct vz_store *s;
	uint64_t seq[25];

	small_disk(t, "size=14m,mode=700");
	assert_int_equal(vz_store_sqlite_open(tempdir_path(t, "disk/spool"), &l, words, &s), 0);
	assert_int_equal(vz_store_start(s), 0);
	/* All of it is in the log still, and the file has to grow to take it: but not while the
	 * disk is being filled. */
	for (unsigned i = 0; i < 25; i++)
		assert_true((seq[i] = put(s, 1, 2, i, 60000)) != 0);
	fill(tempdir_path(t, "disk/filler"));
	while (put(s, 1, 2, 1000 + (unsigned)last.seq, 60000) != 0)
		continue;
	assert_int_equal(last.full, VZ_STORE_FULL_DISK);
	for (unsigned i = 0; i < 25; i++) {
		assert_kept(s, 1, seq[i], i, 60000);
		assert_int_equal(remove_it(s, 1, seq[i]), 0);
	}
	assert_int_equal(unlink(tempdir_path(t, "disk/filler")), 0);
	assert_true(put(s, 1, 2, 1000, 60000) != 0);
	assert_int_equal(put(s, 1, 2, 0, 60000), seq[0]);
	assert_true(last.duplicate);
	assert_true((seq[0] = put(s, 1, 2, 1001, 60000)) != 0);
	vz_store_close(s);
	/* Now there is no log, so that it has to grow. */
	assert_int_equal(vz_store_sqlite_open(tempdir_path(t, "disk/spool"), &l, words, &s), 0);
	assert_int_equal(vz_store_start(s), 0);
	fill(tempdir_path(t, "disk/filler"));
	assert_int_equal(remove_it(s, 1, seq[0]), 0);
	vz_store_close(s);
	umount(tempdir_path(t, "disk"));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    STORE_SUITE,
	    STORE_TEST(the_folder_is_0700_and_its_files_0600_and_there_is_no_shm),
	    STORE_TEST(a_spool_that_others_may_open_is_refused),
	    STORE_TEST(only_one_process_has_it_open),
	    STORE_TEST(what_is_no_spool_or_a_newer_one_is_refused),
	    STORE_TEST(after_an_fsync_that_failed_nothing_is_acknowledged_any_more),
	    STORE_TEST(a_checkpoint_whose_fsync_failed_ends_the_store_too),
	    STORE_TEST(fsck_finds_what_is_wrong_and_mends_it),
	    STORE_TEST(fsck_makes_broken_indexes_anew_and_tells_what_it_cannot_mend),
	    STORE_TEST(a_full_disk_is_an_answer_and_removing_makes_room),
	    STORE_TEST(removing_works_on_a_disk_that_others_have_filled),
	};

	program = argv[0];
	if (vz_secret_init() != 0)
		return 1;
	if (argc == 3)
		return another(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
