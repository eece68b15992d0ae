#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "keep/keyfile.h"
#include "tests/unit/tempdir.h"

/* The least that libsodium allows: these tests are about the file, not about the cost. */
#define OPS 1
#define MEM 8192

static struct vz_identity *
identity_of(uint8_t byte)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96];

	memset(random, byte, sizeof(random));
	random[40] ^= 1;
	random[80] ^= 2;
	assert_int_equal(vz_identity_make(id, random, 42, "a comment"), 0);
	return id;
}

static int
answer(void *arg, const char *path, char *out, size_t cap, size_t *len)
{
	(void)path;
	*len = strlen(arg);
	assert_true(*len <= cap);
	memcpy(out, arg, *len);
	return 0;
}

static int
never(void *arg, const char *path, char *out, size_t cap, size_t *len)
{
	(void)arg, (void)path, (void)out, (void)cap, (void)len;
	fail_msg("nobody was to be asked");
	return VZ_ELOCKED;
}

static int
load(const char *path, const char *passphrase)
{
	struct vz_identity *id = NULL;
	int err = vz_keyfile_load(path, answer, (void *)(uintptr_t)passphrase, &id);

	assert_true((err == 0) == (id != NULL));
	vz_identity_free(id);
	return err;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
a_saved_identity_loads_and_nobody_is_asked(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1), *back;

	assert_int_equal(vz_keyfile_save(tempdir_path(t, "id"), id, NULL, 0, true), 0);
	assert_int_equal(vz_keyfile_load(t->path, never, NULL, &back), 0);
	assert_memory_equal(back, id, sizeof(*id));
	vz_identity_free(id);
	vz_identity_free(back);
}

static void
with_60_old_keys_and_the_longest_comment_it_loads_in_the_clear_and_sealed(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1), *back;
	uint8_t random[VZ_ROTATED_RANDOM];
	char words[] = "words";

	memset(id->comment, 'c', sizeof(id->comment) - 1);
	for (unsigned i = 0; i < VZ_RETIRED_MAX; i++) {
		memset(random, (int)i + 2, sizeof(random));
		random[40] ^= 1;
		assert_int_equal(vz_identity_rotate(id, random, UINT64_C(1) << 60), 0);
	}
	assert_int_equal(vz_keyfile_save(tempdir_path(t, "id"), id, NULL, 0, true), 0);
	assert_int_equal(vz_keyfile_load(t->path, never, NULL, &back), 0);
	assert_memory_equal(back, id, sizeof(*id));
	vz_identity_free(back);
	assert_int_equal(vz_keyfile_save_cost(t->path, id, words, 5, false, OPS, MEM), 0);
	assert_int_equal(vz_keyfile_load(t->path, answer, words, &back), 0);
	assert_memory_equal(back, id, sizeof(*id));
	vz_identity_free(back);
	vz_identity_free(id);
}

static void
who_changes_it_waits_for_who_does_and_for_seconds_only(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1);
	int one, two;

	assert_int_equal(vz_keyfile_lock(tempdir_path(t, "id"), &one), VZ_ENOTFOUND);
	assert_int_equal(vz_keyfile_save(t->path, id, NULL, 0, true), 0);
	assert_int_equal(vz_keyfile_lock(t->path, &one), 0);
	assert_int_equal(vz_keyfile_lock(t->path, &two), VZ_ETIMEOUT);
	assert_int_equal(two, -1);
	/* The file that was locked is no more: the lock is on the one in its place. */
	assert_int_equal(vz_keyfile_save(t->path, id, NULL, 0, false), 0);
	assert_int_equal(vz_keyfile_lock(t->path, &two), 0);
	close(one);
	assert_int_equal(vz_fs_open(t->path, VZ_FS_SECRET, &one), 0);
	assert_int_equal(flock(one, LOCK_EX | LOCK_NB), -1);
	close(two);
	assert_int_equal(flock(one, LOCK_EX | LOCK_NB), 0);
	close(one);
	vz_identity_free(id);
}

static void
a_file_is_0600_and_its_new_folder_0700_under_any_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 077, 0277, 0777};
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1);
	mode_t before = umask(0);
	char name[32];

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		snprintf(name, sizeof(name), "d%zu/vz/id", i);
		umask(masks[i]);
		assert_int_equal(vz_keyfile_save(tempdir_path(t, name), id, NULL, 0, true), 0);
		assert_int_equal(mode_of(t->path), 0600);
		*strrchr(t->path, '/') = '\0';
		assert_int_equal(mode_of(t->path), 0700);
		*strrchr(t->path, '/') = '\0';
		assert_int_equal(mode_of(t->path), 0700);
	}
	umask(before);
	vz_identity_free(id);
}

static void
a_file_that_others_may_touch_or_that_is_no_file_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666};
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1);
	char target[512];
	uint8_t psk[VZ_PSK_LEN];

	assert_int_equal(vz_keyfile_save(tempdir_path(t, "id"), id, NULL, 0, true), 0);
	strcpy(target, t->path);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(target, modes[i]), 0);
		assert_int_equal(load(target, ""), VZ_EMODE);
		assert_int_equal(vz_psk_load(target, psk), VZ_EMODE);
	}
	assert_int_equal(chmod(target, 0400), 0);
	assert_int_equal(load(target, ""), 0);
	assert_int_equal(symlink(target, tempdir_path(t, "link")), 0);
	assert_int_equal(load(t->path, ""), VZ_EMODE);
	assert_int_equal(load(t->dir, ""), VZ_EMODE);
	assert_int_equal(mkfifo(tempdir_path(t, "fifo"), 0600), 0);
	assert_int_equal(load(t->path, ""), VZ_EMODE);
	assert_int_equal(load(tempdir_path(t, "none"), ""), VZ_ENOTFOUND);
	vz_identity_free(id);
}

static void
an_existing_file_is_replaced_only_when_asked_to(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *a = identity_of(1), *b = identity_of(2), *back;

	assert_int_equal(vz_keyfile_save(tempdir_path(t, "id"), a, NULL, 0, true), 0);
	assert_int_equal(vz_keyfile_save(t->path, b, NULL, 0, true), VZ_EEXISTS);
	assert_int_equal(vz_keyfile_load(t->path, NULL, NULL, &back), 0);
	assert_true(vz_key_equal(&back->bundle.identity, &a->bundle.identity));
	vz_identity_free(back);
	assert_int_equal(vz_keyfile_save(t->path, b, NULL, 0, false), 0);
	assert_int_equal(vz_keyfile_load(t->path, NULL, NULL, &back), 0);
	assert_true(vz_key_equal(&back->bundle.identity, &b->bundle.identity));
	vz_identity_free(back);
	/* A planted link is not written through. */
	assert_int_equal(symlink("id", tempdir_path(t, "link")), 0);
	assert_int_equal(vz_keyfile_save(t->path, a, NULL, 0, true), VZ_EEXISTS);
	assert_int_equal(vz_keyfile_save(t->path, a, NULL, 0, false), VZ_EMODE);
	vz_identity_free(a);
	vz_identity_free(b);
}

static void
a_passphrase_opens_what_it_closed_and_no_other_does(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1), *back;
	struct vz_bundle bundle;
	char comment[256];
	bool encrypted;

	assert_int_equal(
	    vz_keyfile_save_cost(tempdir_path(t, "id"), id, "secret", 6, true, OPS, MEM), 0);
	assert_int_equal(vz_keyfile_load(t->path, answer, (void *)(uintptr_t) "secret", &back), 0);
	assert_memory_equal(back, id, sizeof(*id));
	vz_identity_free(back);
	assert_int_equal(load(t->path, "Secret"), VZ_ELOCKED);
	assert_int_equal(load(t->path, "secre"), VZ_ELOCKED);
	assert_int_equal(load(t->path, ""), VZ_ELOCKED);
	assert_int_equal(vz_keyfile_load(t->path, NULL, NULL, &back), VZ_ELOCKED);
	assert_int_equal(vz_keyfile_public(t->path, &bundle, comment, &encrypted), 0);
	assert_true(encrypted);
	assert_string_equal(comment, "a comment");
	assert_true(vz_key_equal(&bundle.identity, &id->bundle.identity));
	vz_identity_free(id);
}

static size_t
read_file(const char *path, char *out, size_t cap)
{
	struct vz_buf b;
	size_t n;

	vz_buf_init(&b, cap);
	assert_int_equal(vz_fs_read(path, VZ_FS_ANY, &b), 0);
	n = b.len;
	memcpy(out, vz_buf_ptr(&b), n);
	vz_buf_free(&b);
	return n;
}

static void
an_encrypted_file_shows_no_secret(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1);
	char text[4096];
	size_t n;

	assert_int_equal(
	    vz_keyfile_save_cost(tempdir_path(t, "id"), id, "secret", 6, true, OPS, MEM), 0);
	n = read_file(t->path, text, sizeof(text) - 1);
	text[n] = '\0';
	assert_null(strstr(text, "ed25519"));
	assert_null(strstr(text, "AGE-SECRET"));
	assert_non_null(strstr(text, "\nencrypted argon2id 1 8192 "));
	vz_identity_free(id);
}

static void
an_encrypted_file_with_any_byte_changed_or_cut_is_refused(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1);
	char text[4096];
	size_t n;

	assert_int_equal(
	    vz_keyfile_save_cost(tempdir_path(t, "id"), id, "secret", 6, true, OPS, MEM), 0);
	n = read_file(t->path, text, sizeof(text));
	assert_int_equal(load(t->path, "secret"), 0);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 1;
		assert_int_equal(tempdir_write(t, "id", 0600, text, n), 0);
		assert_int_not_equal(load(t->path, "secret"), 0);
		text[i] ^= 1;
		assert_int_equal(tempdir_write(t, "id", 0600, text, i), 0);
		assert_int_not_equal(load(t->path, "secret"), 0);
	}
	vz_identity_free(id);
}

static void
the_public_part_of_another_file_does_not_fit_the_box(void **state)
{
	struct tempdir *t = *state;
	struct vz_identity *a = identity_of(1), *b = identity_of(2);
	char one[4096], two[4096], mixed[8192];
	size_t n;

	assert_int_equal(
	    vz_keyfile_save_cost(tempdir_path(t, "a"), a, "secret", 6, true, OPS, MEM), 0);
	one[read_file(t->path, one, sizeof(one) - 1)] = '\0';
	assert_int_equal(
	    vz_keyfile_save_cost(tempdir_path(t, "b"), b, "secret", 6, true, OPS, MEM), 0);
	two[read_file(t->path, two, sizeof(two) - 1)] = '\0';
	n = (size_t)(strstr(one, "encrypted") - one);
	memcpy(mixed, one, n);
	strcpy(mixed + n, strstr(two, "encrypted"));
	assert_int_equal(tempdir_write(t, "c", 0600, mixed, strlen(mixed)), 0);
	assert_int_equal(load(t->path, "secret"), VZ_ELOCKED);
	vz_identity_free(a);
	vz_identity_free(b);
}

static void
a_file_that_asks_for_absurd_work_is_refused_before_any(void **state)
{
	static const struct {
		const char *cost;
		int err;
	} costs[] = {{"17 8192", VZ_ELIMIT}, {"4294967295 8192", VZ_ELIMIT},
	    {"1 1073741825", VZ_ELIMIT}, {"1 18446744073709551615", VZ_ELIMIT},
	    {"1 99999999999999999999999", VZ_ELIMIT}, {"1 8191", VZ_ELIMIT}, {"0 8192", VZ_EFORMAT},
	    {"-1 8192", VZ_EFORMAT}, {"01 8192", VZ_EFORMAT}, {"1 +8192", VZ_EFORMAT},
	    {"1  8192", VZ_EFORMAT}, {"", VZ_EFORMAT}};
	struct tempdir *t = *state;
	struct vz_identity *id = identity_of(1);
	char text[4096], changed[8192], *at;

	assert_int_equal(
	    vz_keyfile_save_cost(tempdir_path(t, "id"), id, "secret", 6, true, OPS, MEM), 0);
	text[read_file(t->path, text, sizeof(text) - 1)] = '\0';
	at = strstr(text, "1 8192");
	assert_non_null(at);
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text,
		    costs[i].cost, at + strlen("1 8192"));
		assert_int_equal(tempdir_write(t, "id", 0600, changed, strlen(changed)), 0);
		assert_int_equal(load(t->path, "secret"), costs[i].err);
	}
	vz_identity_free(id);
}

static void
a_file_that_is_too_long_is_no_identity(void **state)
{
	struct tempdir *t = *state;
	char *text = calloc(1, 100000);

	memcpy(text, "vz-identity-1\ncomment ", 22);
	memset(text + 22, 'a', 99978);
	assert_int_equal(tempdir_write(t, "id", 0600, text, 100000), 0);
	assert_int_equal(load(t->path, ""), VZ_EFORMAT);
	assert_int_equal(tempdir_write(t, "id", 0600, "", 0), 0);
	assert_int_equal(load(t->path, ""), VZ_EFORMAT);
	free(text);
}

static void
a_psk_file_is_one_line_and_never_a_passphrase(void **state)
{
	static const char *const bad[] = {"", "\n", "correct horse battery staple\n", "%s\n\n",
	    " %s\n", "%s \n", "# %s\n", "%s\n%s\n", "%s\r\n", "0123456789abcdef0123456789abcdef\n"};
	struct tempdir *t = *state;
	uint8_t psk[VZ_PSK_LEN], back[VZ_PSK_LEN];
	char line[VZ_PSK_TEXT], text[512];

	memset(psk, 7, sizeof(psk));
	assert_int_equal(vz_psk_format(psk, line, sizeof(line)), 0);
	assert_int_equal(tempdir_write(t, "psk", 0600, line, strlen(line)), 0);
	assert_int_equal(vz_psk_load(t->path, back), 0);
	assert_memory_equal(psk, back, sizeof(psk));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = strstr(bad[i], "%s");

		strcpy(text, bad[i]);
		if (at)
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - bad[i]), bad[i], line,
			    strcmp(at, "%s\n%s\n") ? at + 2 : "\nvzpsk1\n");
		assert_int_equal(tempdir_write(t, "psk", 0600, text, strlen(text)), 0);
		assert_int_equal(vz_psk_load(t->path, back), VZ_EFORMAT);
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_saved_identity_loads_and_nobody_is_asked),
	    TEST(with_60_old_keys_and_the_longest_comment_it_loads_in_the_clear_and_sealed),
	    TEST(who_changes_it_waits_for_who_does_and_for_seconds_only),
	    TEST(a_file_is_0600_and_its_new_folder_0700_under_any_umask),
	    TEST(a_file_that_others_may_touch_or_that_is_no_file_is_refused),
	    TEST(an_existing_file_is_replaced_only_when_asked_to),
	    TEST(a_passphrase_opens_what_it_closed_and_no_other_does),
	    TEST(an_encrypted_file_shows_no_secret),
	    TEST(an_encrypted_file_with_any_byte_changed_or_cut_is_refused),
	    TEST(the_public_part_of_another_file_does_not_fit_the_box),
	    TEST(a_file_that_asks_for_absurd_work_is_refused_before_any),
	    TEST(a_file_that_is_too_long_is_no_identity),
	    TEST(a_psk_file_is_one_line_and_never_a_passphrase),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
