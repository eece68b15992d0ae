/* What a listener remembers of its senders' messages across its own end: keep/ledger.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/err.h"
#include "keep/ledger.h"
#include "tempdir.h"

static struct tempdir t;
static struct vz_key alice = {{1}}, bob = {{2}};
static const uint8_t one[VZ_STREAM_LEN] = {1}, two[VZ_STREAM_LEN] = {2};

struct seen {
	struct vz_ledger_entry e[8];
	char file[8][64];
	int n;
};

static int
note(void *arg, const struct vz_ledger_entry *e)
{
	struct seen *s = arg;

	assert_true(s->n < 8);
	s->e[s->n] = *e;
	snprintf(s->file[s->n++], sizeof(s->file[0]), "%s", e->file ? e->file : "");
	return 0;
}

static struct vz_ledger *
ledger(void)
{
	struct vz_ledger *l;

	assert_int_equal(vz_ledger_open(&l, t.dir), 0);
	return l;
}

static struct vz_ledger_stream
who(const struct vz_key *peer, const uint8_t *stream, uint64_t first, uint64_t now)
{
	return (struct vz_ledger_stream){
	    .peer = peer, .stream = stream, .first = first, .now = now};
}

static int
put(struct vz_ledger *l, struct vz_ledger_stream w, uint64_t number, uint64_t length)
{
	struct vz_ledger_entry e = {.number = number, .length = length, .over = true};

	return vz_ledger_put(l, &w, &e);
}

static int
begun(struct vz_ledger *l, struct vz_ledger_stream w, uint64_t number, uint64_t length)
{
	struct vz_ledger_entry e = {.number = number, .length = length, .file = "/in/.vz-1"};

	return vz_ledger_put(l, &w, &e);
}

static int
load(struct vz_ledger *l, struct vz_ledger_stream w, uint64_t *first, struct seen *s)
{
	*s = (struct seen){0};
	return vz_ledger_load(l, &w, first, note, s);
}

static int
setup(void **state)
{
	(void)state;
	return tempdir_make(&t);
}

static int
teardown(void **state)
{
	(void)state;
	tempdir_remove(&t);
	return 0;
}

static void
what_was_put_is_there_after_a_kill(void **state)
{
	struct vz_ledger *l;
	struct seen s;
	uint64_t first;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		l = ledger();
		if (put(l, who(&alice, one, 3, 100), 5, 77) == 0 &&
		    begun(l, who(&alice, one, 4, 100), 9, 4096) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	l = ledger();
	assert_int_equal(load(l, who(&alice, one, 0, 0), &first, &s), 1);
	assert_int_equal(first, 4);
	assert_int_equal(s.n, 2);
	assert_true(s.e[0].number == 5 && s.e[0].over && s.e[0].length == 77);
	assert_true(s.e[1].number == 9 && !s.e[1].over && s.e[1].length == 4096);
	assert_string_equal(s.file[1], "/in/.vz-1");
	vz_ledger_close(l);
}

static void
a_stream_is_known_of_its_own_identity_only(void **state)
{
	struct vz_ledger *l = ledger();
	struct seen s;
	uint64_t first;

	(void)state;
	assert_int_equal(put(l, who(&alice, one, 0, 100), 0, 1), 0);
	assert_int_equal(load(l, who(&bob, one, 0, 0), &first, &s), 0);
	assert_int_equal(load(l, who(&alice, two, 0, 0), &first, &s), 0);
	assert_int_equal(load(l, who(&alice, one, 0, 0), &first, &s), 1);
	vz_ledger_close(l);
}

static void
what_the_sender_has_forgotten_goes_with_the_next_entry(void **state)
{
	struct vz_ledger *l = ledger();
	struct seen s;
	uint64_t first;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(put(l, who(&alice, one, 0, 100), i, i), 0);
	assert_int_equal(put(l, who(&alice, one, 3, 101), 4, 4), 0);
	assert_int_equal(load(l, who(&alice, one, 0, 0), &first, &s), 1);
	assert_int_equal(first, 3);
	assert_int_equal(s.n, 2);
	/* What is said late does not bring it back. */
	assert_int_equal(put(l, who(&alice, one, 1, 102), 5, 5), 0);
	assert_int_equal(load(l, who(&alice, one, 0, 0), &first, &s), 1);
	assert_int_equal(first, 3);
	assert_int_equal(put(l, who(&alice, one, 3, 101), 2, 4), VZ_EINVAL);
	vz_ledger_close(l);
}

static void
a_beginning_becomes_whole_or_goes(void **state)
{
	struct vz_ledger *l = ledger();
	struct vz_ledger_stream w = who(&alice, one, 0, 100);
	struct seen s;
	uint64_t first;

	(void)state;
	assert_int_equal(begun(l, w, 0, 10), 0);
	assert_int_equal(begun(l, w, 1, 20), 0);
	assert_int_equal(begun(l, w, 0, 30), 0);
	assert_int_equal(put(l, w, 0, 40), 0);
	assert_int_equal(vz_ledger_drop(l, &w, 1), 0);
	assert_int_equal(load(l, w, &first, &s), 1);
	assert_int_equal(s.n, 1);
	assert_true(s.e[0].over && s.e[0].length == 40);
	assert_int_equal(vz_ledger_forget(l, &w), 0);
	assert_int_equal(load(l, w, &first, &s), 0);
	vz_ledger_close(l);
}

/* Verdicts of a moment are written together, and a sender may leave in that moment. */
static void
what_is_forgotten_while_others_are_written_goes_with_them(void **state)
{
	struct vz_ledger *l = ledger();
	struct vz_ledger_stream w = who(&alice, one, 0, 100), other = who(&alice, two, 0, 100);
	struct seen s;
	uint64_t first;

	(void)state;
	assert_int_equal(put(l, w, 0, 10), 0);
	assert_int_equal(begun(l, other, 0, 20), 0);
	assert_int_equal(vz_ledger_begin(l), 0);
	assert_int_equal(put(l, other, 1, 30), 0);
	assert_int_equal(vz_ledger_drop(l, &other, 0), 0);
	assert_int_equal(vz_ledger_forget(l, &w), 0);
	assert_int_equal(vz_ledger_commit(l), 0);
	assert_int_equal(load(l, w, &first, &s), 0);
	assert_int_equal(load(l, other, &first, &s), 1);
	assert_int_equal(s.n, 1);
	assert_true(s.e[0].number == 1 && s.e[0].over);
	vz_ledger_close(l);
}

static int
keep(void *arg, const struct vz_ledger_entry *e)
{
	(void)note(arg, e);
	return e->length == 11;
}

static void
what_is_old_is_forgotten_but_for_what_is_in_use(void **state)
{
	struct vz_ledger *l = ledger();
	struct seen s = {.n = 0};
	uint64_t first;

	(void)state;
	assert_int_equal(begun(l, who(&alice, one, 0, 100), 0, 10), 0);
	assert_int_equal(begun(l, who(&alice, two, 0, 100), 0, 11), 0);
	assert_int_equal(put(l, who(&bob, two, 0, 100), 0, 12), 0);
	assert_int_equal(put(l, who(&bob, one, 0, 200), 0, 13), 0);
	assert_int_equal(vz_ledger_expire(l, 50, 60, 10, keep, &s), 0);
	assert_int_equal(vz_ledger_expire(l, 160, 60, 10, keep, &s), 0);
	assert_int_equal(vz_ledger_expire(l, 161, 60, 10, keep, &s), 2);
	assert_int_equal(s.n, 2);
	assert_int_equal(load(l, who(&alice, one, 0, 0), &first, &s), 0);
	assert_int_equal(load(l, who(&alice, two, 0, 0), &first, &s), 1);
	assert_int_equal(load(l, who(&bob, one, 0, 0), &first, &s), 1);
	assert_int_equal(load(l, who(&bob, two, 0, 0), &first, &s), 0);
	vz_ledger_close(l);
}

static void
an_identity_has_4096_streams_and_another_is_not_in_its_way(void **state)
{
	struct vz_ledger *l = ledger();
	uint8_t stream[VZ_STREAM_LEN] = {0};
	sqlite3 *db;

	(void)state;
	/* Not each made durable by itself: that is not what is tested. */
	assert_int_equal(sqlite3_open(tempdir_path(&t, "streams.db"), &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4096)"
		" INSERT INTO stream (peer, stream, first, seen)"
		" SELECT X'0100000000000000000000000000000000000000000000000000000000000000', "
		"randomblob(16), 0, 100 FROM n",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(put(l, who(&alice, stream, 0, 100), 0, 1), VZ_EFULL);
	assert_int_equal(put(l, who(&bob, stream, 0, 100), 0, 1), 0);
	vz_ledger_close(l);
}

static void
two_listeners_share_it(void **state)
{
	struct vz_ledger *l = ledger(), *m = ledger();
	struct seen s;
	uint64_t first;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(put(i % 2 ? l : m, who(&alice, one, 0, 100), i, i), 0);
	assert_int_equal(load(m, who(&alice, one, 0, 0), &first, &s), 1);
	assert_int_equal(s.n, 4);
	vz_ledger_close(m);
	assert_int_equal(load(l, who(&alice, one, 0, 0), &first, &s), 1);
	vz_ledger_close(l);
}

static void
it_is_nobody_elses_and_no_link(void **state)
{
	struct vz_ledger *l = ledger();
	struct stat st;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s", tempdir_path(&t, "streams.db"));
	assert_int_equal(put(l, who(&alice, one, 0, 100), 0, 1), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(tempdir_path(&t, "streams.db-wal"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	vz_ledger_close(l);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(vz_ledger_open(&l, t.dir), VZ_EMODE);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rename(path, tempdir_path(&t, "elsewhere")), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(vz_ledger_open(&l, t.dir), VZ_EMODE);
}

static void
a_damaged_one_is_an_error_and_not_an_empty_one(void **state)
{
	static const char junk[8192] = "this is no database";
	struct vz_ledger *l = ledger();
	FILE *f;

	(void)state;
	assert_int_equal(put(l, who(&alice, one, 0, 100), 0, 1), 0);
	vz_ledger_close(l);
	f = fopen(tempdir_path(&t, "streams.db"), "r+");
	assert_non_null(f);
	assert_int_equal(fwrite(junk, sizeof(junk), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(vz_ledger_open(&l, t.dir), VZ_EFORMAT);
	assert_null(l);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_put_is_there_after_a_kill),
	    TEST(a_stream_is_known_of_its_own_identity_only),
	    TEST(what_the_sender_has_forgotten_goes_with_the_next_entry),
	    TEST(a_beginning_becomes_whole_or_goes),
	    TEST(what_is_forgotten_while_others_are_written_goes_with_them),
	    TEST(what_is_old_is_forgotten_but_for_what_is_in_use),
	    TEST(an_identity_has_4096_streams_and_another_is_not_in_its_way),
	    TEST(two_listeners_share_it),
	    TEST(it_is_nobody_elses_and_no_link),
	    TEST(a_damaged_one_is_an_error_and_not_an_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
