#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "keep/serials.h"
#include "tests/unit/tempdir.h"

#define HEAD   16
#define RECORD 72

/* Serials are of verified bundles, so nothing here is signed. */
static struct vz_bundle
bundle_of(unsigned who, uint64_t serial)
{
	struct vz_bundle b = {.serial = serial};

	b.identity.b[0] = (uint8_t)(who * 167);
	b.identity.b[1] = (uint8_t)who;
	b.identity.b[2] = (uint8_t)(who >> 8);
	return b;
}

/* The state folder of a test: one level down, so that it has to be made. */
static const char *
folder(struct tempdir *t)
{
	static char dir[600];

	snprintf(dir, sizeof(dir), "%s/state/vz", t->dir);
	return dir;
}

static void
nothing_is_remembered_before_the_first(void **state)
{
	struct vz_bundle b = bundle_of(1, 5);
	struct stat st;

	assert_int_equal(vz_serials_check(folder(*state), &b), 0);
	assert_int_not_equal(stat(folder(*state), &st), 0);
}

static void
an_older_serial_is_refused_and_a_newer_one_is_not(void **state)
{
	const char *dir = folder(*state);
	struct vz_bundle five = bundle_of(1, 5), four = bundle_of(1, 4), six = bundle_of(1, 6),
			 other = bundle_of(2, 1);

	assert_int_equal(vz_serials_raise(dir, &five), 0);
	assert_int_equal(vz_serials_check(dir, &five), 0);
	assert_int_equal(vz_serials_raise(dir, &five), 0);
	assert_int_equal(vz_serials_check(dir, &four), VZ_EROLLBACK);
	assert_int_equal(vz_serials_raise(dir, &four), VZ_EROLLBACK);
	assert_int_equal(vz_serials_check(dir, &six), 0);
	assert_int_equal(vz_serials_check(dir, &other), 0);
	/* A check alone raises nothing. */
	assert_int_equal(vz_serials_check(dir, &five), 0);
	assert_int_equal(vz_serials_raise(dir, &six), 0);
	assert_int_equal(vz_serials_check(dir, &five), VZ_EROLLBACK);
}

static void
the_same_serial_with_other_bytes_is_a_second_host(void **state)
{
	const char *dir = folder(*state);
	struct vz_bundle a = bundle_of(1, 5), b = a, c = a, resigned = a;

	b.noise[31] ^= 1;
	c.not_after = 1;
	resigned.sig[0] ^= 1;
	assert_int_equal(vz_serials_raise(dir, &a), 0);
	assert_int_equal(vz_serials_check(dir, &b), VZ_ECLASH);
	assert_int_equal(vz_serials_raise(dir, &b), VZ_ECLASH);
	assert_int_equal(vz_serials_check(dir, &c), VZ_ECLASH);
	assert_int_equal(vz_serials_check(dir, &resigned), 0);
	b.serial++;
	assert_int_equal(vz_serials_raise(dir, &b), 0);
}

static void
every_one_of_many_is_remembered_in_any_order(void **state)
{
	const char *dir = folder(*state);

	/* More than fit in the first read. */
	for (unsigned i = 0; i < 150; i++) {
		struct vz_bundle b = bundle_of(i * 7 % 150, 100 + i * 7 % 150);

		assert_int_equal(vz_serials_raise(dir, &b), 0);
	}
	for (unsigned i = 0; i < 150; i++) {
		struct vz_bundle same = bundle_of(i, 100 + i), old = bundle_of(i, 99 + i);

		assert_int_equal(vz_serials_check(dir, &same), 0);
		assert_int_equal(vz_serials_check(dir, &old), VZ_EROLLBACK);
	}
}

static void
the_folder_is_0700_and_the_file_0600(void **state)
{
	struct vz_bundle b = bundle_of(1, 5);
	char path[700];
	struct stat st;
	mode_t before = umask(0);

	assert_int_equal(vz_serials_raise(folder(*state), &b), 0);
	umask(before);
	assert_int_equal(stat(folder(*state), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/serials", folder(*state));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, HEAD + RECORD);
}

static void
what_is_known_is_not_written_again(void **state)
{
	struct vz_bundle b = bundle_of(1, 5);
	struct stat first, second;
	char path[700];

	assert_int_equal(vz_serials_raise(folder(*state), &b), 0);
	snprintf(path, sizeof(path), "%s/serials", folder(*state));
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(vz_serials_raise(folder(*state), &b), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	b.serial++;
	assert_int_equal(vz_serials_raise(folder(*state), &b), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
}

/* A file of n records as the library writes it. */
static void
write_many(struct tempdir *t, size_t n)
{
	uint8_t *p = calloc(n, RECORD);
	int fd;

	assert_int_equal(vz_fs_mkdirs(folder(t)), 0);
	fd = open(tempdir_path(t, "state/vz/serials"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(vz_fs_write_all(fd, "vz-serials-1\n\0\0", HEAD), 0);
	for (size_t i = 0; i < n; i++) {
		p[i * RECORD] = (uint8_t)(i >> 8);
		p[i * RECORD + 1] = (uint8_t)i;
		p[i * RECORD + 39] = 9;
	}
	assert_int_equal(vz_fs_write_all(fd, p, n * RECORD), 0);
	close(fd);
	free(p);
}

static void
a_full_memory_refuses_the_new_and_keeps_serving_the_known(void **state)
{
	const char *dir = folder(*state);
	struct vz_bundle new = bundle_of(1, 5), known = {.serial = 10}, old = {.serial = 8};

	new.identity.b[5] = 1;
	known.identity.b[0] = old.identity.b[0] = 0xab;
	known.identity.b[1] = old.identity.b[1] = 0xcd;
	write_many(*state, VZ_SERIALS_MAX);
	assert_int_equal(vz_serials_raise(dir, &new), VZ_EFULL);
	assert_int_equal(vz_serials_check(dir, &old), VZ_EROLLBACK);
	assert_int_equal(vz_serials_raise(dir, &known), 0);
	known.serial--;
	assert_int_equal(vz_serials_check(dir, &known), VZ_EROLLBACK);
	write_many(*state, VZ_SERIALS_MAX - 1);
	assert_int_equal(vz_serials_raise(dir, &new), 0);
	new.serial--;
	assert_int_equal(vz_serials_check(dir, &new), VZ_EROLLBACK);
}

static void
a_damaged_file_is_no_reason_to_forget(void **state)
{
	struct tempdir *t = *state;
	struct vz_bundle b = bundle_of(1, 5);
	uint8_t text[HEAD + RECORD + 1] = "vz-serials-1\n";

	assert_int_equal(vz_fs_mkdirs(folder(t)), 0);
	for (size_t n = 0; n <= sizeof(text); n++) {
		assert_int_equal(tempdir_write(t, "state/vz/serials", 0600, text, n), 0);
		if (n == HEAD || n == HEAD + RECORD)
			continue;
		assert_int_equal(vz_serials_check(folder(t), &b), VZ_EFORMAT);
		assert_int_equal(vz_serials_raise(folder(t), &b), VZ_EFORMAT);
	}
	/* Its own record with serial 0, which no bundle has. */
	memcpy(text + HEAD, b.identity.b, 32);
	assert_int_equal(tempdir_write(t, "state/vz/serials", 0600, text, HEAD + RECORD), 0);
	assert_int_equal(vz_serials_check(folder(t), &b), VZ_EFORMAT);
	text[0] = 'V';
	assert_int_equal(tempdir_write(t, "state/vz/serials", 0600, text, HEAD), 0);
	assert_int_equal(vz_serials_check(folder(t), &b), VZ_EFORMAT);
}

static void
links_and_loose_modes_in_the_state_folder_are_refused(void **state)
{
	struct tempdir *t = *state;
	struct vz_bundle b = bundle_of(1, 5);

	assert_int_equal(vz_fs_mkdirs(folder(t)), 0);
	assert_int_equal(symlink("/etc/passwd", tempdir_path(t, "state/vz/serials")), 0);
	assert_int_equal(vz_serials_check(folder(t), &b), VZ_EMODE);
	assert_int_equal(unlink(t->path), 0);
	assert_int_equal(symlink("elsewhere", tempdir_path(t, "state/vz/serials.lock")), 0);
	assert_int_equal(vz_serials_raise(folder(t), &b), VZ_EMODE);
	assert_int_equal(unlink(t->path), 0);
	assert_int_equal(chmod(folder(t), 0770), 0);
	assert_int_equal(vz_serials_raise(folder(t), &b), VZ_EMODE);
	assert_int_equal(chmod(folder(t), 0700), 0);
	assert_int_equal(vz_serials_raise(folder(t), &b), 0);
	assert_int_equal(chmod(tempdir_path(t, "state/vz/serials"), 0640), 0);
	assert_int_equal(vz_serials_check(folder(t), &b), VZ_EMODE);
}

static void
processes_that_raise_at_once_lose_nothing(void **state)
{
	enum { PROCESSES = 4, EACH = 10 };
	const char *dir = folder(*state);
	pid_t pids[PROCESSES];
	int status;

	for (unsigned p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		for (unsigned i = 0; pids[p] == 0 && i < EACH; i++) {
			struct vz_bundle b = bundle_of(p * EACH + i, 5);

			if (vz_serials_raise(dir, &b) != 0)
				_exit(1);
		}
		if (pids[p] == 0)
			_exit(0);
	}
	for (unsigned p = 0; p < PROCESSES; p++) {
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 0; i < PROCESSES * EACH; i++) {
		struct vz_bundle b = bundle_of(i, 4);

		assert_int_equal(vz_serials_check(dir, &b), VZ_EROLLBACK);
	}
}

static void
a_lock_that_is_never_let_go_costs_a_bounded_wait(void **state)
{
	struct tempdir *t = *state;
	struct vz_bundle b = bundle_of(1, 5), newer = bundle_of(1, 6);
	int fd;

	assert_int_equal(vz_serials_raise(folder(t), &b), 0);
	fd = open(tempdir_path(t, "state/vz/serials.lock"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(vz_serials_raise(folder(t), &newer), VZ_ETIMEOUT);
	/* What needs no writing needs no lock. */
	assert_int_equal(vz_serials_raise(folder(t), &b), 0);
	close(fd);
	assert_int_equal(vz_serials_raise(folder(t), &newer), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(nothing_is_remembered_before_the_first),
	    TEST(an_older_serial_is_refused_and_a_newer_one_is_not),
	    TEST(the_same_serial_with_other_bytes_is_a_second_host),
	    TEST(every_one_of_many_is_remembered_in_any_order),
	    TEST(the_folder_is_0700_and_the_file_0600),
	    TEST(what_is_known_is_not_written_again),
	    TEST(a_full_memory_refuses_the_new_and_keeps_serving_the_known),
	    TEST(a_damaged_file_is_no_reason_to_forget),
	    TEST(links_and_loose_modes_in_the_state_folder_are_refused),
	    TEST(processes_that_raise_at_once_lose_nothing),
	    TEST(a_lock_that_is_never_let_go_costs_a_bounded_wait),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
