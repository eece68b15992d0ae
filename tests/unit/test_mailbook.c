/* What a host knows of its mail across its own end: keep/mailbook.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/err.h"
#include "keep/mailbook.h"
#include "mail/window.h"
#include "tests/unit/step.h"
#include "tempdir.h"

#define NOW_US UINT64_C(1800000000000000)

_Static_assert(VZ_MAILBOOK_WINDOW_LEN == VZ_WINDOW_LEN, "a window fits");
_Static_assert(VZ_MAILBOOK_HASH == VZ_MANIFEST_HASH, "a hash fits");

static struct tempdir t;
static const struct vz_key us = {{1}}, alice = {{2}}, bob = {{3}};
static const uint8_t fresh[VZ_MAILBOOK_STREAM] = {7};

static struct vz_mailbook *
book(void)
{
	struct vz_mailbook *b;

	assert_int_equal(vz_mailbook_open(&b, t.dir), 0);
	return b;
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

/* Runs SQL on the book behind its back. */
static void
meddle(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(tempdir_path(&t, "mail.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct vz_mailbook_number
next(struct vz_mailbook *b, const struct vz_key *to)
{
	struct vz_mailbook_number n;

	assert_int_equal(vz_mailbook_next(b, &us, to, fresh, NOW_US, &n), 0);
	return n;
}

static void
encode(const struct vz_key *sender, uint64_t highest, uint8_t out[static VZ_WINDOW_LEN])
{
	struct vz_manifest m = {.from = *sender, .sequence = highest};
	struct vz_window w;

	vz_window_init(&w, sender);
	vz_window_mark(&w, &m);
	vz_window_encode(&w, out);
}

/* The highest of what is kept of a sender. */
static uint64_t
highest(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *sender)
{
	uint8_t bytes[VZ_WINDOW_LEN];
	struct vz_window w;

	assert_int_equal(vz_mailbook_load(b, self, sender, bytes), 1);
	assert_int_equal(vz_window_decode(bytes, sizeof(bytes), sender, &w), 0);
	return w.highest;
}

static void
a_window_that_was_put_is_there_after_a_kill(void **state)
{
	uint8_t bytes[VZ_WINDOW_LEN];
	struct vz_mailbook *b;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		b = book();
		encode(&alice, 9, bytes);
		if (vz_mailbook_put(b, &us, &alice, bytes) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	b = book();
	assert_int_equal(highest(b, &us, &alice), 9);
	vz_mailbook_close(b);
}

static void
a_window_is_of_one_sender_to_one_identity(void **state)
{
	uint8_t bytes[VZ_WINDOW_LEN];
	struct vz_mailbook *b = book();

	(void)state;
	encode(&alice, 9, bytes);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), 0);
	assert_int_equal(vz_mailbook_load(b, &us, &bob, bytes), 0);
	assert_int_equal(vz_mailbook_load(b, &bob, &alice, bytes), 0);
	encode(&alice, 3, bytes);
	assert_int_equal(vz_mailbook_put(b, &bob, &alice, bytes), 0);
	assert_int_equal(highest(b, &us, &alice), 9);
	assert_int_equal(highest(b, &bob, &alice), 3);
	vz_mailbook_close(b);
}

static void
what_was_not_committed_is_not_there(void **state)
{
	uint8_t bytes[VZ_WINDOW_LEN];
	struct vz_mailbook *b = book();

	(void)state;
	encode(&alice, 9, bytes);
	assert_int_equal(vz_mailbook_begin(b), 0);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), 0);
	vz_mailbook_rollback(b);
	assert_int_equal(vz_mailbook_load(b, &us, &alice, bytes), 0);
	encode(&alice, 9, bytes);
	assert_int_equal(vz_mailbook_begin(b), 0);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), 0);
	assert_int_equal(vz_mailbook_commit(b), 0);
	vz_mailbook_close(b);
	b = book();
	assert_int_equal(highest(b, &us, &alice), 9);
	vz_mailbook_close(b);
}

/* Where cases are few, as each takes long, filling a table is for the others. */
static void
few_or_skip(struct vz_mailbook *b)
{
	if (test_step(1) == 1)
		return;
	vz_mailbook_close(b);
	skip();
}

static void
with_65536_senders_a_new_one_is_refused_and_the_known_ones_go_on(void **state)
{
	uint8_t bytes[VZ_WINDOW_LEN];
	struct vz_mailbook *b = book();

	(void)state;
	few_or_skip(b);
	encode(&alice, 1, bytes);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), 0);
	meddle("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 65535)"
	       " INSERT INTO window SELECT zeroblob(32), randomblob(32), zeroblob(217) FROM n");
	assert_int_equal(vz_mailbook_load(b, &us, &bob, bytes), VZ_EFULL);
	encode(&bob, 1, bytes);
	assert_int_equal(vz_mailbook_put(b, &us, &bob, bytes), VZ_EFULL);
	encode(&alice, 2, bytes);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), 0);
	assert_int_equal(highest(b, &us, &alice), 2);
	vz_mailbook_close(b);
}

static void
a_count_begins_at_the_time_and_goes_up_by_one(void **state)
{
	struct vz_mailbook *b = book();
	struct vz_mailbook_number n;
	uint8_t other[VZ_MAILBOOK_STREAM] = {8};

	(void)state;
	n = next(b, &alice);
	assert_int_equal(n.sequence, NOW_US);
	assert_memory_equal(n.stream, fresh, sizeof(fresh));
	assert_false(n.has_previous);
	/* The clock has no part in it from then on, also when it is set back. */
	assert_int_equal(vz_mailbook_next(b, &us, &alice, other, 5, &n), 0);
	assert_int_equal(n.sequence, NOW_US + 1);
	assert_memory_equal(n.stream, fresh, sizeof(fresh));
	/* Each recipient, and each of our identities, has its own. */
	assert_int_equal(vz_mailbook_next(b, &us, &bob, other, 5, &n), 0);
	assert_int_equal(n.sequence, 5);
	assert_memory_equal(n.stream, other, sizeof(other));
	assert_int_equal(vz_mailbook_next(b, &bob, &alice, other, 6, &n), 0);
	assert_int_equal(n.sequence, 6);
	vz_mailbook_close(b);
}

static void
what_was_made_last_is_the_previous_of_those_that_follow(void **state)
{
	uint8_t hash[2][VZ_MAILBOOK_HASH] = {{1}, {2}};
	struct vz_mailbook *b = book();
	struct vz_mailbook_number one, two, three;

	(void)state;
	one = next(b, &alice);
	two = next(b, &alice);
	assert_int_equal(vz_mailbook_made(b, &us, &alice, &two, hash[1]), 0);
	/* One that took its number earlier, and was made later, does not come after it. */
	assert_int_equal(vz_mailbook_made(b, &us, &alice, &one, hash[0]), 0);
	vz_mailbook_close(b);
	b = book();
	three = next(b, &alice);
	assert_true(three.has_previous);
	assert_memory_equal(three.previous, hash[1], sizeof(hash[1]));
	assert_false(next(b, &bob).has_previous);
	/* Nor does one of another count, or one that was not given out. */
	three.stream[0]++;
	assert_int_equal(vz_mailbook_made(b, &us, &alice, &three, hash[0]), 0);
	three = next(b, &alice);
	three.sequence++;
	assert_int_equal(vz_mailbook_made(b, &us, &alice, &three, hash[0]), 0);
	assert_memory_equal(next(b, &alice).previous, hash[1], sizeof(hash[1]));
	vz_mailbook_close(b);
}

/* Takes numbers and says each, until it is killed or has taken `most`. */
static void
take(int fd, int most)
{
	for (int i = 0; i < most; i++) {
		struct vz_mailbook *b;
		struct vz_mailbook_number n;

		/* Opened each time, as by another vz-send. */
		if (vz_mailbook_open(&b, t.dir) != 0 ||
		    vz_mailbook_next(b, &us, &alice, fresh, NOW_US, &n) != 0 ||
		    write(fd, &n.sequence, sizeof(n.sequence)) != sizeof(n.sequence))
			_exit(1);
		vz_mailbook_close(b);
	}
	_exit(0);
}

static void
no_number_is_used_twice_whenever_its_taker_is_killed(void **state)
{
	uint64_t last = 0, n;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		int p[2], status;
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		if (pid == 0)
			take(p[1], 1000000);
		close(p[1]);
		for (unsigned i = 0; i <= round % 5; i++) {
			assert_int_equal(read(p[0], &n, sizeof(n)), sizeof(n));
			assert_true(n > last);
			last = n;
		}
		usleep(round * 97 % 1000); /* anywhere within the next one */
		kill(pid, SIGKILL);
		while (read(p[0], &n, sizeof(n)) == sizeof(n)) {
			assert_true(n > last);
			last = n;
		}
		close(p[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
several_at_a_time_get_different_numbers(void **state)
{
	enum { TAKERS = 6, EACH = 10 };
	uint64_t n[TAKERS * EACH];
	int p[2], status;

	(void)state;
	assert_int_equal(pipe(p), 0);
	for (int i = 0; i < TAKERS; i++)
		if (fork() == 0)
			take(p[1], EACH);
	close(p[1]);
	for (int i = 0; i < TAKERS * EACH; i++)
		assert_int_equal(read(p[0], &n[i], sizeof(n[i])), sizeof(n[i]));
	for (int i = 0; i < TAKERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	close(p[0]);
	qsort(n, TAKERS * EACH, sizeof(n[0]), by_value);
	for (unsigned i = 0; i < TAKERS * EACH; i++)
		assert_int_equal(n[i], NOW_US + i);
}

static void
counts_and_their_numbers_come_to_an_end(void **state)
{
	struct vz_mailbook *b = book();
	struct vz_mailbook_number n;

	(void)state;
	assert_int_equal(vz_mailbook_next(b, &us, &alice, fresh, 0, &n), VZ_EINVAL);
	assert_int_equal(
	    vz_mailbook_next(b, &us, &alice, fresh, (uint64_t)INT64_MAX + 1, &n), VZ_EINVAL);
	assert_int_equal(vz_mailbook_next(b, &us, &alice, fresh, INT64_MAX, &n), 0);
	assert_int_equal(vz_mailbook_next(b, &us, &alice, fresh, 1, &n), VZ_EFULL);
	assert_int_equal(n.sequence, 0);
	few_or_skip(b);
	meddle("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 65535)"
	       " INSERT INTO count SELECT zeroblob(32), randomblob(32), zeroblob(16), 1, 0, NULL"
	       " FROM n");
	assert_int_equal(vz_mailbook_next(b, &us, &bob, fresh, 1, &n), VZ_EFULL);
	vz_mailbook_close(b);
}

static void
it_is_nobody_elses_and_no_link(void **state)
{
	struct vz_mailbook *b = book();
	struct stat st;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s", tempdir_path(&t, "mail.db"));
	(void)next(b, &alice);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(tempdir_path(&t, "mail.db-wal"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	vz_mailbook_close(b);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(vz_mailbook_open(&b, t.dir), VZ_EMODE);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(t.dir, 0770), 0);
	assert_int_equal(vz_mailbook_open(&b, t.dir), VZ_EMODE);
	assert_int_equal(chmod(t.dir, 0700), 0);
	assert_int_equal(rename(path, tempdir_path(&t, "elsewhere")), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(vz_mailbook_open(&b, t.dir), VZ_EMODE);
	assert_null(b);
}

static void
who_waits_for_somebody_else_does_so_for_seconds(void **state)
{
	struct vz_mailbook *b = book(), *c;
	uint8_t bytes[VZ_WINDOW_LEN];

	(void)state;
	c = book();
	assert_int_equal(vz_mailbook_begin(b), 0);
	encode(&alice, 1, bytes);
	assert_int_equal(vz_mailbook_put(c, &us, &alice, bytes), VZ_ETIMEOUT);
	assert_int_equal(vz_mailbook_commit(b), 0);
	assert_int_equal(vz_mailbook_put(c, &us, &alice, bytes), 0);
	vz_mailbook_close(b);
	vz_mailbook_close(c);
}

static void
a_damaged_one_is_an_error_and_not_an_empty_one(void **state)
{
	static const char junk[8192] = "this is no database";
	struct vz_mailbook *b = book();
	struct vz_mailbook_number n;
	uint8_t bytes[VZ_WINDOW_LEN];
	FILE *f;

	(void)state;
	encode(&alice, 1, bytes);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), 0);
	(void)next(b, &alice);
	meddle("PRAGMA ignore_check_constraints=ON; UPDATE count SET last = -5, made = 0;"
	       " UPDATE window SET window = X'00'");
	assert_int_equal(vz_mailbook_next(b, &us, &alice, fresh, NOW_US, &n), VZ_EFORMAT);
	assert_int_equal(vz_mailbook_load(b, &us, &alice, bytes), VZ_EFORMAT);
	assert_int_equal(vz_mailbook_put(b, &us, &alice, bytes), VZ_EFORMAT);
	vz_mailbook_close(b);
	f = fopen(tempdir_path(&t, "mail.db"), "r+");
	assert_non_null(f);
	assert_int_equal(fwrite(junk, sizeof(junk), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(vz_mailbook_open(&b, t.dir), VZ_EFORMAT);
	assert_null(b);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_window_that_was_put_is_there_after_a_kill),
	    TEST(a_window_is_of_one_sender_to_one_identity),
	    TEST(what_was_not_committed_is_not_there),
	    TEST(with_65536_senders_a_new_one_is_refused_and_the_known_ones_go_on),
	    TEST(a_count_begins_at_the_time_and_goes_up_by_one),
	    TEST(what_was_made_last_is_the_previous_of_those_that_follow),
	    TEST(no_number_is_used_twice_whenever_its_taker_is_killed),
	    TEST(several_at_a_time_get_different_numbers),
	    TEST(counts_and_their_numbers_come_to_an_end),
	    TEST(it_is_nobody_elses_and_no_link),
	    TEST(who_waits_for_somebody_else_does_so_for_seconds),
	    TEST(a_damaged_one_is_an_error_and_not_an_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
