#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/lines.h"
#include "guard/acl.h"
#include "keep/authorized.h"
#include "tempdir.h"

static struct tempdir tmp;
static struct vz_key key;
static char text[VZ_KEY_TEXT];

static int
setup(void **state)
{
	(void)state;
	memset(key.b, 0x66, sizeof(key.b));
	key.b[0] = 0x58; /* the base point (RFC 8032 5.1) */
	vz_key_format(&key, text);
	return tempdir_make(&tmp);
}

static int
teardown(void **state)
{
	(void)state;
	tempdir_remove(&tmp);
	return 0;
}

static const char *
path(void)
{
	static char keep[512];

	snprintf(keep, sizeof(keep), "%s", tempdir_path(&tmp, "authorized"));
	return keep;
}

static void
begins_as(const char *s, mode_t mode)
{
	assert_int_equal(tempdir_write(&tmp, "authorized", mode, s, strlen(s)), 0);
}

static void
holds(const char *before, const char *name)
{
	char want[2048], got[2048] = "";
	FILE *f = fopen(path(), "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	snprintf(want, sizeof(want), "%s%s%s%s\n", before, text, *name ? " " : "", name);
	assert_string_equal(got, want);
}

static mode_t
mode_of(void)
{
	struct stat st;

	assert_int_equal(stat(path(), &st), 0);
	return st.st_mode & 0777;
}

static void
a_file_that_is_not_there_is_made_for_its_owner_only(void **state)
{
	mode_t old = umask(0);

	(void)state;
	assert_int_equal(vz_authorized_add(path(), &key, "Bob"), 0);
	umask(old);
	holds("", "Bob");
	assert_int_equal(mode_of(), 0600);
}

static void
comments_order_and_mode_stay_and_the_line_comes_last(void **state)
{
	static const char before[] = "# who may send\n\n  send vz1x broken\r\n# the end\n";

	(void)state;
	begins_as(before, 0644);
	assert_int_equal(vz_authorized_add(path(), &key, ""), 0);
	holds(before, "");
	assert_int_equal(mode_of(), 0644);
}

static void
a_last_line_without_its_end_is_ended_first(void **state)
{
	(void)state;
	begins_as("# no newline", 0600);
	assert_int_equal(vz_authorized_add(path(), &key, "x y"), 0);
	holds("# no newline\n", "x y");
}

static void
what_was_added_is_understood_as_it_was_meant(void **state)
{
	struct vz_acl *acl = vz_acl_new();
	struct vz_grant grant;

	(void)state;
	begins_as("", 0600);
	assert_int_equal(vz_authorized_add(path(), &key, "M\xc3\xbcller, \"from\" #1"), 0);
	assert_int_equal(vz_acl_load(acl, path(), NULL, NULL), 0);
	assert_int_equal(vz_acl_check(acl, &key, &grant), 0);
	assert_string_equal(grant.name, "M\xc3\xbcller, \"from\" #1");
	assert_int_equal(grant.rights, VZ_RIGHT_SEND | VZ_RIGHT_ASK);
	vz_grant_release(&grant);
	vz_acl_free(acl);
}

static void
names_that_would_be_more_than_a_name_are_refused(void **state)
{
	static const char *const bad[] = {"a\nb", " a", "a ", "\x1b", "\xff", "\t"};
	char longest[257];

	(void)state;
	begins_as("# as it was\n", 0600);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vz_authorized_add(path(), &key, bad[i]), VZ_EFORMAT);
	memset(longest, 'n', 256);
	longest[256] = '\0';
	assert_int_equal(vz_authorized_add(path(), &key, longest), VZ_EFORMAT);
	longest[255] = '\0';
	assert_int_equal(vz_authorized_add(path(), &key, longest), 0);
	holds("# as it was\n", longest);
}

static void
a_file_or_folder_that_others_may_write_to_is_left_alone(void **state)
{
	(void)state;
	begins_as("#\n", 0660);
	assert_int_equal(vz_authorized_add(path(), &key, ""), VZ_EMODE);
	assert_int_equal(unlink(path()), 0);
	assert_int_equal(chmod(tmp.dir, 0770), 0);
	assert_int_equal(vz_authorized_add(path(), &key, ""), VZ_EMODE);
	assert_int_equal(access(path(), F_OK), -1);
}

static void
a_folder_that_is_not_there_is_said_to_be(void **state)
{
	(void)state;
	assert_int_equal(
	    vz_authorized_add(tempdir_path(&tmp, "none/authorized"), &key, ""), VZ_ENOTFOUND);
}

static void
a_link_is_followed_and_stays_one(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(tempdir_write(&tmp, "real", 0600, "#\n", 2), 0);
	assert_int_equal(symlink("real", path()), 0);
	assert_int_equal(vz_authorized_add(path(), &key, "a"), 0);
	holds("#\n", "a");
	assert_int_equal(lstat(path(), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void
a_file_never_grows_beyond_what_is_read(void **state)
{
	size_t len = VZ_LINES_FILE_MAX - VZ_KEY_TEXT; /* the key's text and a newline fit */
	char *big = malloc(len + 1);

	(void)state;
	assert_non_null(big);
	for (size_t i = 0; i <= len; i++)
		big[i] = i % 64 == 63 ? '\n' : '#';
	big[len - 1] = big[len] = '\n';
	assert_int_equal(tempdir_write(&tmp, "authorized", 0600, big, len + 1), 0);
	assert_int_equal(vz_authorized_add(path(), &key, ""), VZ_ELIMIT);
	assert_int_equal(tempdir_write(&tmp, "authorized", 0600, big, len), 0);
	assert_int_equal(vz_authorized_add(path(), &key, ""), 0);
	free(big);
}

static void
a_file_that_somebody_has_locked_is_not_waited_for_long(void **state)
{
	int fd;

	(void)state;
	begins_as("#\n", 0600);
	fd = open(path(), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(vz_authorized_add(path(), &key, ""), VZ_ETIMEOUT);
	close(fd);
	assert_int_equal(vz_authorized_add(path(), &key, ""), 0);
	holds("#\n", "");
}

/* What an editor puts in the place of the file just before it is locked. */
static const char *swapped;

int
flock(int fd, int op)
{
	if (swapped && rename(swapped, path()) != 0)
		return -1;
	swapped = NULL;
	return (int)syscall(SYS_flock, fd, op);
}

static void
a_file_that_another_has_taken_the_place_of_is_not_added_to(void **state)
{
	static char other[512];

	(void)state;
	begins_as("#\n", 0600);
	assert_int_equal(tempdir_write(&tmp, "other", 0600, "# other\n", 8), 0);
	snprintf(other, sizeof(other), "%s", tempdir_path(&tmp, "other"));
	swapped = other;
	assert_int_equal(vz_authorized_add(path(), &key, "a"), VZ_ECHANGED);
	assert_null(swapped);
	assert_int_equal(vz_authorized_add(path(), &key, "a"), 0);
	holds("# other\n", "a");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_file_that_is_not_there_is_made_for_its_owner_only),
	    EACH(a_file_that_another_has_taken_the_place_of_is_not_added_to),
	    EACH(comments_order_and_mode_stay_and_the_line_comes_last),
	    EACH(a_last_line_without_its_end_is_ended_first),
	    EACH(what_was_added_is_understood_as_it_was_meant),
	    EACH(names_that_would_be_more_than_a_name_are_refused),
	    EACH(a_file_or_folder_that_others_may_write_to_is_left_alone),
	    EACH(a_folder_that_is_not_there_is_said_to_be),
	    EACH(a_link_is_followed_and_stays_one),
	    EACH(a_file_never_grows_beyond_what_is_read),
	    EACH(a_file_that_somebody_has_locked_is_not_waited_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
