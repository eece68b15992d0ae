/* One program at a time delivers the mail of an identity: keep/hold.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/err.h"
#include "keep/hold.h"
#include "tempdir.h"

static struct tempdir t;
static const struct vz_key us = {{1}}, them = {{2}};

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

static struct vz_hold
opened(void)
{
	struct vz_hold h;

	assert_int_equal(vz_hold_open(&h, t.dir), 0);
	return h;
}

static void
what_one_has_taken_another_waits_for(void **state)
{
	struct vz_hold a = opened(), b = opened();

	(void)state;
	assert_int_equal(vz_hold_take(&a, &us), 0);
	assert_int_equal(vz_hold_take(&b, &us), VZ_EEXISTS);
	vz_hold_give_back(&a);
	assert_int_equal(vz_hold_take(&b, &us), 0);
	assert_int_equal(vz_hold_take(&a, &us), VZ_EEXISTS);
	vz_hold_close(&b);
	assert_int_equal(vz_hold_take(&a, &us), 0);
	vz_hold_close(&a);
}

static void
it_is_given_back_as_often_as_it_was_taken(void **state)
{
	struct vz_hold a = opened(), b = opened();

	(void)state;
	assert_int_equal(vz_hold_take(&a, &us), 0);
	assert_int_equal(vz_hold_take(&a, &us), 0);
	vz_hold_give_back(&a);
	assert_int_equal(vz_hold_take(&b, &us), VZ_EEXISTS);
	vz_hold_give_back(&a);
	assert_int_equal(vz_hold_take(&b, &us), 0);
	vz_hold_close(&a);
	vz_hold_close(&b);
}

static void
another_identity_is_held_by_itself(void **state)
{
	struct vz_hold a = opened(), b = opened();

	(void)state;
	assert_int_equal(vz_hold_take(&a, &us), 0);
	assert_int_equal(vz_hold_take(&b, &them), 0);
	assert_int_equal(vz_hold_take(&a, &them), VZ_EEXISTS);
	vz_hold_give_back(&a);
	vz_hold_give_back(&b);
	assert_int_equal(vz_hold_take(&a, &them), 0);
	vz_hold_close(&a);
	vz_hold_close(&b);
}

static void
who_is_killed_holds_nothing(void **state)
{
	struct vz_hold a = opened();
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct vz_hold b;

		if (vz_hold_open(&b, t.dir) < 0 || vz_hold_take(&b, &us) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(vz_hold_take(&a, &us), 0);
	vz_hold_close(&a);
}

static void
a_link_in_its_place_and_no_folder_are_errors(void **state)
{
	struct vz_hold h;

	(void)state;
	assert_int_equal(symlink("elsewhere", tempdir_path(&t, "mail.lock")), 0);
	assert_int_equal(vz_hold_open(&h, t.dir), VZ_ESYSTEM);
	assert_int_equal(vz_hold_open(&h, tempdir_path(&t, "none")), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_one_has_taken_another_waits_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		it_is_given_back_as_often_as_it_was_taken, setup, teardown),
	    cmocka_unit_test_setup_teardown(another_identity_is_held_by_itself, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_is_killed_holds_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_link_in_its_place_and_no_folder_are_errors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
