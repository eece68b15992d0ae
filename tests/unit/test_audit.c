#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "guard/audit.h"
#include "guard/audit_verify.h"
#include "tests/unit/step.h"
#include "tests/unit/tempdir.h"

#define NOW  UINT64_C(1738324800123) /* 2025-01-31T12:00:00.123Z */
#define HOUR UINT64_C(3600000)

static struct vz_identity *us, *others;
static struct vz_signer by_us, by_others;

static struct vz_identity *
make_identity(uint8_t fill)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96];

	memset(random, fill, sizeof(random));
	random[40] = (uint8_t)(fill + 1);
	random[80] = (uint8_t)(fill + 2);
	assert_non_null(id);
	assert_int_equal(vz_identity_make(id, random, 1, ""), 0);
	return id;
}

static struct vz_audit *
open_log(const char *path)
{
	struct vz_audit *a;

	assert_int_equal(vz_audit_open(path, NOW, &by_us, &a), 0);
	return a;
}

static int
put(struct vz_audit *a, uint64_t n, uint64_t now)
{
	struct vz_audit_entry e = {.event = "delivered",
	    .key = &others->bundle.identity,
	    .name = "host \"a\"",
	    .remote = "192.0.2.1:5000",
	    .message = "00112233445566778899aabbccddeeff.0",
	    .bytes = n,
	    .result = "done"};

	return vz_audit_write(a, &e, now, &by_us);
}

/* A closed file of n entries. */
static void
make_log(const char *path, unsigned n)
{
	struct vz_audit *a = open_log(path);

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(put(a, i, NOW + i), 0);
	assert_int_equal(vz_audit_close(a, NOW + n, &by_us), 0);
}

static char *
slurp(const char *path, size_t *len)
{
	struct vz_buf b;
	char *out;

	vz_buf_init(&b, 16 * 1024 * 1024);
	assert_int_equal(vz_fs_read(path, VZ_FS_ANY, &b), 0);
	out = malloc(b.len + 1);
	memcpy(out, vz_buf_ptr(&b), b.len);
	out[b.len] = '\0';
	*len = b.len;
	vz_buf_free(&b);
	return out;
}

static struct vz_audit_report last_report;

static int
verify_as(const struct vz_key *signer, const char *head, const char *const *paths, size_t n)
{
	struct vz_audit_check *c = vz_audit_check_new(signer, head);
	int err = 0, fd;

	for (size_t i = 0; i < n && !err; i++) {
		assert_int_equal(vz_fs_open(paths[i], VZ_FS_ANY, &fd), 0);
		err = vz_audit_check_file(c, fd);
		close(fd);
	}
	if (!err)
		err = vz_audit_check_end(c);
	last_report = *vz_audit_check_report(c);
	assert_true(err == 0 ? last_report.why == NULL : last_report.why != NULL);
	vz_audit_check_free(c);
	return err;
}

static int
verify(const char *path, const char *head)
{
	return verify_as(NULL, head, &path, 1);
}

static void
each_line_names_the_hash_of_the_one_before(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	char *text, want[1024], hash[VZ_AUDIT_HASH], *line;
	char key[VZ_KEY_TEXT];
	size_t len;

	vz_key_format(&others->bundle.identity, key);
	assert_int_equal(put(a, 7, NOW), 0);
	assert_int_equal(put(a, 8, NOW), 0);
	assert_int_equal(vz_audit_count(a), 2);
	text = slurp(t->path, &len);
	snprintf(want, sizeof(want),
	    "{\"seq\":1,\"time\":\"2025-01-31T12:00:00.123Z\",\"event\":\"delivered\","
	    "\"key\":\"%s\",\"name\":\"host \\\"a\\\"\",\"remote\":\"192.0.2.1:5000\","
	    "\"message\":\"00112233445566778899aabbccddeeff.0\",\"bytes\":7,\"result\":\"done\","
	    "\"previous\":\"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
	    key);
	assert_memory_equal(text, want, strlen(want));
	vz_audit_hash(want, strlen(want), hash);
	line = text + strlen(want);
	assert_non_null(strstr(line, hash));
	vz_audit_hash(line, strlen(line), hash);
	assert_string_equal(vz_audit_head(a), hash);
	free(text);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.count, 3);
	assert_int_equal(last_report.checkpoints, 1);
}

static void
the_hash_is_what_sha256sum_says(void **state)
{
	char hash[VZ_AUDIT_HASH];

	(void)state;
	vz_audit_hash("abc\n", 4, hash);
	assert_string_equal(
	    hash, "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb");
}

static void
the_file_is_0600_whatever_the_umask_and_locked_against_a_second_writer(void **state)
{
	struct tempdir *t = *state;
	mode_t before = umask(0777);
	struct vz_audit *a = open_log(tempdir_path(t, "log")), *b;
	struct stat st;

	umask(before);
	assert_int_equal(stat(t->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(vz_audit_open(t->path, NOW, &by_us, &b), VZ_ESYSTEM);
	assert_int_equal(errno, EBUSY);
	assert_null(b);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	a = open_log(t->path);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(vz_audit_close(NULL, NOW, &by_us), 0);
}

static void
what_is_no_safe_file_of_ours_is_refused_and_left_alone(void **state)
{
	static const char *const foreign[] = {
	    "x", "some text\n", "{\"seq\":1}\n", "{\"seq\":1,\"time\":\"x\n", "\n", "text\n{\"se"};
	struct tempdir *t = *state;
	struct vz_audit *a;
	char link[600], *text;
	size_t len;

	make_log(tempdir_path(t, "log"), 1);
	snprintf(link, sizeof(link), "%s/link", t->dir);
	assert_int_equal(symlink(t->path, link), 0);
	assert_int_equal(vz_audit_open(link, NOW, &by_us, &a), VZ_EMODE);
	assert_int_equal(chmod(t->path, 0620), 0);
	assert_int_equal(vz_audit_open(t->path, NOW, &by_us, &a), VZ_EMODE);
	assert_int_equal(vz_audit_open("/dev/null", NOW, &by_us, &a), VZ_EMODE);
	assert_int_equal(vz_audit_open(t->dir, NOW, &by_us, &a), VZ_EMODE);
	assert_int_equal(vz_audit_open(tempdir_path(t, "no/log"), NOW, &by_us, &a), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		tempdir_write(t, "other", 0600, foreign[i], strlen(foreign[i]));
		assert_int_equal(vz_audit_open(t->path, NOW, &by_us, &a), VZ_EFORMAT);
		text = slurp(t->path, &len);
		assert_string_equal(text, foreign[i]);
		free(text);
	}
}

static void
nothing_that_a_peer_sends_breaks_a_line(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	char huge[4096], *text;
	struct vz_audit_entry e = {.event = "refused",
	    .name = huge,
	    .remote = huge,
	    .message = huge,
	    .bytes = UINT64_MAX,
	    .result = huge};
	size_t len, lines = 0;

	for (int fill = 1; fill < 256; fill++) {
		memset(huge, fill, sizeof(huge));
		huge[sizeof(huge) - 1] = '\0';
		assert_int_equal(vz_audit_write(a, &e, NOW, &by_us), 0);
	}
	for (size_t i = 0; i + 3 < sizeof(huge); i += 3)
		memcpy(huge + i, "\xe2\x80\xae", 4);
	assert_int_equal(vz_audit_write(a, &e, NOW, &by_us), 0);
	e = (struct vz_audit_entry){
	    .event = "x", .name = "\",\"previous\":\"", .result = "a\n{\"seq\":"};
	assert_int_equal(vz_audit_write(a, &e, NOW, &by_us), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	text = slurp(t->path, &len);
	for (size_t i = 0; i < len; i++) {
		lines += text[i] == '\n';
		assert_true(text[i] == '\n' || (text[i] >= ' ' && (uint8_t)text[i] != 0x7f));
	}
	free(text);
	assert_int_equal(lines, 258);
	assert_int_equal(verify(t->path, NULL), 0);
}

static void
the_events_of_the_chain_itself_cannot_be_written(void **state)
{
	static const char *const bad[] = {"checkpoint", "continued", "recovered", "", "Sent", "a b",
	    "a\"", "abcdefghijklmnopqrstuvwxyzabcdef"};
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vz_audit_entry e = {.event = bad[i]};

		assert_int_equal(vz_audit_write(a, &e, NOW, &by_us), VZ_EINVAL);
	}
	assert_int_equal(vz_audit_count(a), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
}

/* A process that writes n entries and dies with the file open. */
static void
write_and_die(const char *path, unsigned n)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct vz_audit *a = open_log(path);

		while (n-- > 0)
			if (put(a, n, NOW) != 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
each_thousandth_line_is_a_checkpoint_also_across_crashes(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a;

	tempdir_path(t, "log");
	for (int i = 0; i < 5; i++)
		write_and_die(t->path, 500);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.count, 2502);
	assert_int_equal(last_report.checkpoints, 2);
	assert_int_equal(last_report.signed_to, 2000);
	a = open_log(t->path);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.signed_to, 2503);
	assert_true(vz_key_equal(&last_report.signer, &us->bundle.identity));
}

static void
the_thousandth_line_is_a_checkpoint_also_when_the_one_before_is(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));

	for (unsigned i = 0; i < 998; i++)
		assert_int_equal(put(a, i, NOW), 0);
	assert_int_equal(put(a, 998, NOW + HOUR), 0);
	assert_int_equal(vz_audit_count(a), 1001);
	assert_int_equal(vz_audit_close(a, NOW + HOUR, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.checkpoints, 3);
}

static void
what_is_unsigned_for_an_hour_is_signed(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	uint64_t wait;

	assert_int_equal(vz_audit_tick(a, NOW, &by_us, &wait), 0);
	assert_true(wait == UINT64_MAX);
	assert_int_equal(vz_audit_count(a), 0);
	assert_int_equal(put(a, 0, NOW), 0);
	assert_int_equal(put(a, 0, NOW + 5), 0);
	assert_int_equal(vz_audit_tick(a, NOW + HOUR - 1, &by_us, &wait), 0);
	assert_int_equal(wait, 1);
	assert_int_equal(vz_audit_count(a), 2);
	assert_int_equal(vz_audit_tick(a, NOW + HOUR, &by_us, &wait), 0);
	assert_true(wait == UINT64_MAX);
	assert_int_equal(vz_audit_count(a), 3);
	assert_int_equal(vz_audit_tick(a, NOW + 9 * HOUR, &by_us, &wait), 0);
	assert_int_equal(vz_audit_count(a), 3);
	/* Also without the timer, and after a clock that went back by a year. */
	assert_int_equal(put(a, 0, NOW + 10 * HOUR), 0);
	assert_int_equal(put(a, 0, NOW + 11 * HOUR), 0);
	assert_int_equal(vz_audit_count(a), 6);
	assert_int_equal(vz_audit_tick(a, NOW - 8760 * HOUR, &by_us, &wait), 0);
	assert_int_equal(wait, HOUR);
	assert_int_equal(vz_audit_tick(a, UINT64_MAX, &by_us, &wait), 0);
	assert_int_equal(vz_audit_count(a), 7);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.count, 7);
}

static void
a_restart_goes_on_with_the_chain(void **state)
{
	struct tempdir *t = *state;
	char head[VZ_AUDIT_HASH];
	struct vz_audit *a;

	make_log(tempdir_path(t, "log"), 3);
	assert_int_equal(verify(t->path, NULL), 0);
	strcpy(head, last_report.head);
	a = open_log(t->path);
	assert_int_equal(vz_audit_count(a), 4);
	assert_string_equal(vz_audit_head(a), head);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	make_log(t->path, 2);
	assert_int_equal(verify(t->path, head), 0);
	assert_int_equal(last_report.count, 7);
	assert_int_equal(last_report.checkpoints, 2);
}

static void
a_torn_last_line_is_cut_off_and_said_wherever_it_was_torn(void **state)
{
	struct tempdir *t = *state;
	char *whole, *text, cut[64];
	size_t len, start, n;
	struct vz_audit *a;

	make_log(tempdir_path(t, "log"), 2);
	whole = slurp(t->path, &len);
	start = (size_t)((char *)memrchr(whole, '\n', len - 1) - whole) + 1;
	for (size_t end = start + 1; end < len; end += end < start + 12 || len - end < 5 ? 1 : 37) {
		tempdir_write(t, "log", 0600, whole, end);
		assert_int_equal(verify(t->path, NULL), VZ_EAUTH);
		assert_int_equal(last_report.line, 3);
		a = open_log(t->path);
		assert_int_equal(vz_audit_count(a), 3);
		assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
		assert_int_equal(verify(t->path, NULL), 0);
		text = slurp(t->path, &n);
		snprintf(cut, sizeof(cut), "\"bytes\":%zu,", end - start);
		assert_memory_equal(text, whole, start);
		assert_non_null(strstr(text + start, "\"event\":\"recovered\""));
		assert_non_null(strstr(text + start, cut));
		free(text);
	}
	/* Of the first line, and with the zeros of a power cut. */
	tempdir_write(t, "log", 0600, "{\"s", 3);
	a = open_log(t->path);
	assert_int_equal(vz_audit_count(a), 1);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	memset(whole + start + 5, 0, len - start - 5);
	tempdir_write(t, "log", 0600, whole, len);
	a = open_log(t->path);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	free(whole);
}

/* Only so many bytes fit into a file from now on; UINT64_MAX for any. */
static void
limit_files(uint64_t bytes)
{
	struct rlimit r;

	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = bytes == UINT64_MAX ? r.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void
a_full_disk_is_an_error_and_the_chain_stays_whole(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	char head[VZ_AUDIT_HASH], *text;
	size_t len, now;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(put(a, 0, NOW), 0);
	assert_int_equal(put(a, 1, NOW), 0);
	free(slurp(t->path, &len));
	strcpy(head, vz_audit_head(a));
	/* Room for no byte, for one, for almost a line. */
	for (size_t room = 0; room < len / 2; room += room == 0 ? 1 : 50) {
		limit_files(len + room);
		assert_int_equal(put(a, 2, NOW), VZ_ESYSTEM);
		assert_true(errno == ENOSPC || errno == EFBIG);
		assert_int_equal(vz_audit_checkpoint(a, NOW, &by_us), VZ_ESYSTEM);
		assert_int_equal(vz_audit_count(a), 2);
		assert_string_equal(vz_audit_head(a), head);
		text = slurp(t->path, &now);
		assert_int_equal(now, len);
		free(text);
	}
	limit_files(UINT64_MAX);
	assert_int_equal(put(a, 2, NOW), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.count, 4);
	/* Nothing of it is left by a close that fails. */
	a = open_log(t->path);
	assert_int_equal(put(a, 3, NOW), 0);
	limit_files(1);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), VZ_ESYSTEM);
	limit_files(UINT64_MAX);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.count, 5);
	assert_int_equal(last_report.signed_to, 4);
}

static void
the_chain_goes_on_into_a_new_file(void **state)
{
	struct tempdir *t = *state;
	char paths[3][600];
	const char *list[3] = {paths[0], paths[1], paths[2]};
	const char *reversed[3] = {paths[1], paths[0], paths[2]}, *gap[2] = {paths[0], paths[2]};
	struct vz_audit *a;
	struct stat st;

	for (int i = 0; i < 3; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/log%d", t->dir, i);
	a = open_log(paths[2]);
	assert_int_equal(vz_audit_reopen(a, NOW, &by_us), 0);
	assert_int_equal(vz_audit_count(a), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(a, 0, NOW), 0);
		assert_int_equal(rename(paths[2], paths[i]), 0);
		/* Until it is told, it writes on into the old one. */
		assert_int_equal(put(a, 1, NOW), 0);
		assert_int_equal(vz_audit_reopen(a, NOW, &by_us), 0);
		assert_int_equal(stat(paths[2], &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(vz_audit_reopen(a, NOW, &by_us), 0);
	}
	assert_int_equal(put(a, 0, NOW), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify_as(NULL, NULL, list, 3), 0);
	/* 2 and a checkpoint; 1, 2 and a checkpoint; 1, 1 and a checkpoint. */
	assert_int_equal(last_report.count, 10);
	assert_int_equal(last_report.first, 1);
	assert_int_equal(last_report.checkpoints, 3);
	assert_int_equal(verify(paths[1], NULL), 0);
	assert_int_equal(last_report.first, 4);
	assert_int_equal(last_report.count, 7);
	assert_int_equal(verify_as(NULL, NULL, reversed, 3), VZ_EAUTH);
	assert_int_equal(verify_as(NULL, NULL, gap, 2), VZ_EAUTH);
	assert_int_equal(last_report.file, 2);
	assert_int_equal(last_report.line, 1);
	/* And after a restart. */
	a = open_log(paths[2]);
	assert_int_equal(vz_audit_count(a), 10);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
}

static void
the_first_line_of_a_new_file_is_never_the_thousandth(void **state)
{
	struct tempdir *t = *state;
	char old[600];
	const char *paths[2] = {old, t->path};
	struct vz_audit *a;

	snprintf(old, sizeof(old), "%s/old", t->dir);
	for (unsigned short_of = 1; short_of <= 4; short_of += test_step(1)) {
		unlink(old);
		unlink(tempdir_path(t, "log"));
		a = open_log(t->path);
		for (unsigned i = 0; i < 1000 - short_of; i++)
			assert_int_equal(put(a, i, NOW), 0);
		assert_int_equal(rename(t->path, old), 0);
		assert_int_equal(vz_audit_reopen(a, NOW, &by_us), 0);
		assert_int_equal(put(a, 0, NOW), 0);
		assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
		assert_int_equal(verify_as(NULL, NULL, paths, 2), 0);
	}
}

static void
a_new_file_that_cannot_be_used_leaves_the_old_one_in_use(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	char old[600];

	snprintf(old, sizeof(old), "%s/old", t->dir);
	assert_int_equal(put(a, 0, NOW), 0);
	assert_int_equal(rename(t->path, old), 0);
	tempdir_write(t, "log", 0600, "x\n", 2);
	assert_int_equal(vz_audit_reopen(a, NOW, &by_us), VZ_EEXISTS);
	assert_int_equal(chmod(t->path, 0666), 0);
	assert_int_equal(vz_audit_reopen(a, NOW, &by_us), VZ_EMODE);
	assert_int_equal(put(a, 1, NOW), 0);
	assert_int_equal(unlink(t->path), 0);
	limit_files(0);
	assert_int_equal(vz_audit_reopen(a, NOW, &by_us), VZ_ESYSTEM);
	limit_files(UINT64_MAX);
	assert_int_equal(put(a, 2, NOW), 0);
	assert_int_equal(verify(old, NULL), 0);
	assert_int_equal(last_report.count, 3);
	/* What it made and could not write is taken the next time. */
	assert_int_equal(vz_audit_reopen(a, NOW, &by_us), 0);
	assert_int_equal(put(a, 3, NOW), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	assert_int_equal(verify_as(NULL, NULL, (const char *[]){old, t->path}, 2), 0);
	assert_int_equal(last_report.count, 7);
}

/* Where the lines of text begin, and where the last ends. */
static size_t
index_lines(const char *text, size_t len, size_t starts[static 64])
{
	size_t n = 0;

	starts[0] = 0;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			starts[++n] = i + 1;
	return n;
}

static void
is_found(struct tempdir *t, const char *text, size_t len, size_t line)
{
	tempdir_write(t, "changed", 0600, text, len);
	if (verify(t->path, NULL) != VZ_EAUTH || last_report.line != line || last_report.file != 1)
		fail_msg("line %zu: named %u:%u %s in\n%.*s", line, last_report.file,
		    (unsigned)last_report.line, last_report.why ? last_report.why : "(nothing)",
		    (int)len, text);
}

static void
each_flipped_byte_is_found_in_its_line(void **state)
{
	static const uint8_t flips[] = {0x01, 0x20, 0x04, 0x80};
	size_t len, starts[64], line = 0;
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	char *text;

	for (int i = 0; i < 9; i++) {
		assert_int_equal(put(a, 9, NOW), 0);
		if (i % 3 == 2)
			assert_int_equal(vz_audit_checkpoint(a, NOW, &by_us), 0);
	}
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	text = slurp(t->path, &len);
	assert_int_equal(index_lines(text, len, starts), 12);
	is_found(t, "x\n", 2, 1);
	for (size_t i = 0; i < len; i += test_step(1)) {
		while (i >= starts[line])
			line++;
		for (size_t f = 0; f < sizeof(flips); f++) {
			text[i] = (char)(text[i] ^ flips[f]);
			is_found(t, text, len, line);
			text[i] = (char)(text[i] ^ flips[f]);
		}
	}
	free(text);
}

/* The lines of text in the order given, from 0, up to n. */
static size_t
rearrange(const char *text, const size_t *starts, const size_t *order, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		size_t from = starts[order[i]], size = starts[order[i] + 1] - from;

		memcpy(out + len, text + from, size);
		len += size;
	}
	return len;
}

static void
each_line_removed_repeated_or_swapped_is_found(void **state)
{
	size_t len, starts[64], n, order[64];
	struct tempdir *t = *state;
	char *text, *out;

	make_log(tempdir_path(t, "log"), 9);
	text = slurp(t->path, &len);
	out = malloc(3 * len);
	n = index_lines(text, len, starts);
	for (size_t k = 0; k + 1 < n; k++) {
		for (size_t i = 0; i < n; i++)
			order[i] = i < k ? i : i + 1;
		is_found(t, out, rearrange(text, starts, order, n - 1, out), k + 1);
		for (size_t i = 0; i < n + 1; i++)
			order[i] = i <= k ? i : i - 1;
		is_found(t, out, rearrange(text, starts, order, n + 1, out), k + 2);
	}
	for (size_t k = 0; k < n; k++) {
		for (size_t m = k + 1; m < n; m++) {
			for (size_t i = 0; i < n; i++)
				order[i] = i == k ? m : i == m ? k : i;
			is_found(t, out, rearrange(text, starts, order, n, out), k + 1);
		}
	}
	free(out);
	free(text);
}

static void
a_cut_tail_is_found_against_a_head_kept_elsewhere(void **state)
{
	size_t len, starts[64], n;
	char *text, head[VZ_AUDIT_HASH], kept[VZ_AUDIT_HASH];
	struct tempdir *t = *state;

	make_log(tempdir_path(t, "log"), 9);
	assert_int_equal(verify(t->path, NULL), 0);
	strcpy(head, last_report.head);
	text = slurp(t->path, &len);
	n = index_lines(text, len, starts);
	vz_audit_hash(text + starts[5], starts[6] - starts[5], kept);
	for (size_t lines = 0; lines <= n; lines++) {
		tempdir_write(t, "cut", 0600, text, starts[lines]);
		assert_int_equal(verify(t->path, NULL), 0);
		assert_int_equal(last_report.count, lines);
		assert_int_equal(verify(t->path, head), lines == n ? 0 : VZ_EAUTH);
		/* A head stays good while the file grows. */
		assert_int_equal(verify(t->path, kept), lines > 5 ? 0 : VZ_EAUTH);
		if (lines <= 5)
			assert_int_equal(last_report.line, 0);
	}
	free(text);
}

static void
a_change_beside_the_last_line_is_named_by_the_head(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	char head[VZ_AUDIT_HASH], *text, *at;
	size_t len;

	for (int i = 0; i < 3; i++)
		assert_int_equal(put(a, 7, NOW), 0);
	strcpy(head, vz_audit_head(a));
	text = slurp(t->path, &len);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
	at = strstr(strchr(text, '\n'), "\"bytes\":7");
	at[8] = '8';
	tempdir_write(t, "changed", 0600, text, len);
	assert_int_equal(verify(t->path, head), VZ_EAUTH);
	assert_int_equal(last_report.line, 2);
	assert_string_equal(last_report.why, "was changed");
	/* Without it one of the two is as likely as the other, which is said. */
	assert_int_equal(verify(t->path, NULL), VZ_EAUTH);
	assert_int_equal(last_report.line, 2);
	assert_non_null(strstr(last_report.why, "or the hash of it in the next line"));
	free(text);
}

static void
a_checkpoint_by_another_key_is_found(void **state)
{
	struct tempdir *t = *state;
	const char *path = tempdir_path(t, "log");
	struct vz_audit *a;

	make_log(path, 2);
	assert_int_equal(verify_as(&us->bundle.identity, NULL, &path, 1), 0);
	assert_int_equal(verify_as(&others->bundle.identity, NULL, &path, 1), VZ_EAUTH);
	assert_int_equal(last_report.line, 3);
	a = open_log(path);
	assert_int_equal(put(a, 0, NOW), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by_others), 0);
	assert_int_equal(verify(path, NULL), VZ_EAUTH);
	assert_int_equal(last_report.line, 5);
}

static void
a_long_chain_without_checkpoints_is_found(void **state)
{
	struct vz_audit_line l = {.event = "x"};
	struct tempdir *t = *state;
	struct vz_json j;
	struct vz_buf b;

	vz_buf_init(&b, 1024 * 1024);
	vz_audit_hash_none(l.previous);
	vz_audit_time(NOW, l.time);
	for (l.seq = 1; l.seq <= 1000; l.seq++) {
		size_t at = b.len;

		vz_audit_line_begin(&j, &b, &l);
		vz_json_str(&j, "key", NULL);
		vz_json_str(&j, "name", NULL);
		vz_json_str(&j, "remote", NULL);
		vz_json_str(&j, "message", NULL);
		vz_json_u64(&j, "bytes", 0);
		vz_json_str(&j, "result", NULL);
		assert_int_equal(vz_audit_line_end(&j, &l), 0);
		vz_audit_hash(vz_buf_ptr(&b) + at, b.len - at, l.previous);
		if (l.seq == 999) {
			tempdir_write(t, "log", 0600, vz_buf_ptr(&b), b.len);
			assert_int_equal(verify(t->path, NULL), 0);
			assert_int_equal(last_report.signed_to, 0);
		}
	}
	tempdir_write(t, "log", 0600, vz_buf_ptr(&b), b.len);
	assert_int_equal(verify(t->path, NULL), VZ_EAUTH);
	assert_int_equal(last_report.line, 1000);
	vz_buf_free(&b);
}

static void
what_is_no_audit_file_is_said_to_be_none(void **state)
{
	struct tempdir *t = *state;
	char *long_line = malloc(300000);

	memset(long_line, 'x', 300000);
	is_found(t, long_line, 300000, 1);
	long_line[VZ_AUDIT_LINE_MAX] = '\n';
	is_found(t, long_line, 300000, 1);
	is_found(t, "\0\n", 2, 1);
	is_found(t, "\n", 1, 1);
	is_found(t, "{\"seq\":1,\"time\":\"", 17, 1);
	is_found(t, "{}\n", 3, 1);
	free(long_line);
	tempdir_write(t, "empty", 0600, "", 0);
	assert_int_equal(verify(t->path, NULL), 0);
	assert_int_equal(last_report.count, 0);
}

static void
a_line_with_another_form_of_time_or_a_control_character_is_none(void **state)
{
	static const struct {
		const char *time, *name;
		bool want;
	} lines[] = {
	    {"2025-01-31T12:00:00.123Z", "a\\u000ab\\\"c", true},
	    {"2025", "", false},
	    {"2025-01-31T12:00:00.12Z0", "", false},
	    {"2025-01-31 12:00:00.123Z", "", false},
	    {"2025-01-31T12:00:00.123Z", "a\nb", false},
	    {"2025-01-31T12:00:00.123Z", "a\\\nb", false},
	    {"2025-01-31T12:00:00.123Z", "a\033[m", false},
	};
	struct vz_audit_line l;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int n = snprintf(text, sizeof(text),
		    "{\"seq\":1,\"time\":\"%s\",\"event\":\"message\",\"key\":null,\"name\":\"%s\","
		    "\"remote\":null,\"message\":null,\"bytes\":0,\"result\":null,"
		    "\"previous\":\"%064d\"}\n",
		    lines[i].time, lines[i].name, 0);

		assert_int_equal(vz_audit_line_read(text, (size_t)n, &l), lines[i].want);
	}
}

static int
make_identities(void **state)
{
	(void)state;
	us = make_identity(1);
	others = make_identity(99);
	by_us.identity = us;
	by_others.identity = others;
	return 0;
}

static int
free_identities(void **state)
{
	(void)state;
	vz_identity_free(us);
	vz_identity_free(others);
	return 0;
}

/* Who does not sign. */

static unsigned asked;
static bool away;

static int
sometimes(void *arg, const struct vz_key *key, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static 64])
{
	(void)arg;
	(void)key;
	asked++;
	if (away)
		return VZ_ESIGNER;
	vz_sshsig_sign_digest(us->sign_secret, ns, digest, sig);
	return 0;
}

/* Us, as somebody else holds our key. The caller frees it. */
static struct vz_identity *
us_held(struct vz_signer *by)
{
	struct vz_identity *id = vz_identity_new();

	id->held_elsewhere = true;
	id->bundle = us->bundle;
	*by = (struct vz_signer){id, sometimes, NULL};
	asked = 0;
	away = false;
	return id;
}

static int
put_by(struct vz_audit *a, uint64_t n, uint64_t now, const struct vz_signer *by)
{
	struct vz_audit_entry e = {.event = "delivered", .bytes = n};

	return vz_audit_write(a, &e, now, by);
}

static void
what_nobody_signs_is_recorded_and_signed_by_who_signs_next(void **state)
{
	struct tempdir *t = *state;
	struct vz_signer by;
	struct vz_identity *held = us_held(&by);
	const char *log = tempdir_path(t, "log");
	struct vz_audit *a;
	uint64_t wait;

	assert_int_equal(vz_audit_open(log, NOW, &by, &a), 0);
	assert_int_equal(put_by(a, 1, NOW, &by), 0);
	away = true;
	assert_int_equal(vz_audit_tick(a, NOW + HOUR, &by, &wait), 0);
	assert_int_equal(wait, VZ_AUDIT_RETRY_MS);
	assert_int_equal(vz_audit_not_signed(a), VZ_ESIGNER);
	assert_int_equal(vz_audit_not_signed(a), 0);
	assert_int_equal(vz_audit_count(a), 1);
	/* Not asked again for a minute, and what happens is recorded meanwhile. */
	assert_int_equal(put_by(a, 2, NOW + HOUR + 1, &by), 0);
	assert_int_equal(vz_audit_tick(a, NOW + HOUR + VZ_AUDIT_RETRY_MS - 1, &by, &wait), 0);
	assert_int_equal(wait, 1);
	assert_int_equal(asked, 1);
	away = false;
	assert_int_equal(vz_audit_tick(a, NOW + HOUR + VZ_AUDIT_RETRY_MS, &by, &wait), 0);
	assert_int_equal(asked, 2);
	assert_int_equal(vz_audit_count(a), 3);
	assert_int_equal(vz_audit_close(a, NOW + 2 * HOUR, &by), 0);
	assert_int_equal(verify(log, NULL), 0);
	assert_int_equal(last_report.signed_to, 3);
	assert_int_equal(last_report.gaps, 0);
	vz_identity_free(held);
}

static void
a_checkpoint_that_must_be_and_nobody_signs_leaves_a_line_that_says_so(void **state)
{
	struct tempdir *t = *state;
	struct vz_signer by;
	struct vz_identity *held = us_held(&by);
	const char *log = tempdir_path(t, "log");
	struct vz_audit *a;

	assert_int_equal(vz_audit_open(log, NOW, &by, &a), 0);
	away = true;
	for (unsigned i = 0; i < 2100; i++)
		assert_int_equal(put_by(a, i, NOW, &by), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(vz_audit_not_signed(a), VZ_ESIGNER);
	assert_int_equal(vz_audit_count(a), 2102);
	assert_int_equal(vz_audit_close(a, NOW, &by), VZ_ESIGNER);
	assert_int_equal(verify(log, NULL), 0);
	assert_int_equal(last_report.gaps, 2);
	assert_int_equal(last_report.signed_to, 0);
	away = false;
	assert_int_equal(vz_audit_open(log, NOW, &by, &a), 0);
	assert_int_equal(put_by(a, 1, NOW, &by), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by), 0);
	assert_int_equal(verify(log, NULL), 0);
	assert_int_equal(last_report.signed_to, 2104);
	vz_identity_free(held);
}

static void
a_file_that_was_renamed_is_gone_on_from_though_nobody_signs(void **state)
{
	struct tempdir *t = *state;
	struct vz_signer by;
	struct vz_identity *held = us_held(&by);
	char log[600], old[600];
	const char *both[2] = {old, log};
	struct vz_audit *a;

	snprintf(log, sizeof(log), "%s/log", t->dir);
	snprintf(old, sizeof(old), "%s/old", t->dir);
	assert_int_equal(vz_audit_open(log, NOW, &by, &a), 0);
	assert_int_equal(put_by(a, 1, NOW, &by), 0);
	away = true;
	assert_int_equal(rename(log, old), 0);
	assert_int_equal(vz_audit_reopen(a, NOW, &by), 0);
	assert_int_equal(put_by(a, 2, NOW, &by), 0);
	assert_int_equal(vz_audit_close(a, NOW, &by), VZ_ESIGNER);
	assert_int_equal(verify_as(NULL, NULL, both, 2), 0);
	assert_int_equal(last_report.count, 3);
	vz_identity_free(held);
}

static void
no_caller_writes_that_nobody_signed(void **state)
{
	struct tempdir *t = *state;
	struct vz_audit *a = open_log(tempdir_path(t, "log"));
	struct vz_audit_entry e = {.event = VZ_AUDIT_UNSIGNED};

	assert_int_equal(vz_audit_write(a, &e, NOW, &by_us), VZ_EINVAL);
	assert_int_equal(vz_audit_close(a, NOW, &by_us), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(each_line_names_the_hash_of_the_one_before),
	    TEST(the_hash_is_what_sha256sum_says),
	    TEST(the_file_is_0600_whatever_the_umask_and_locked_against_a_second_writer),
	    TEST(what_is_no_safe_file_of_ours_is_refused_and_left_alone),
	    TEST(nothing_that_a_peer_sends_breaks_a_line),
	    TEST(the_events_of_the_chain_itself_cannot_be_written),
	    TEST(each_thousandth_line_is_a_checkpoint_also_across_crashes),
	    TEST(the_thousandth_line_is_a_checkpoint_also_when_the_one_before_is),
	    TEST(what_is_unsigned_for_an_hour_is_signed),
	    TEST(a_restart_goes_on_with_the_chain),
	    TEST(a_torn_last_line_is_cut_off_and_said_wherever_it_was_torn),
	    TEST(a_full_disk_is_an_error_and_the_chain_stays_whole),
	    TEST(the_chain_goes_on_into_a_new_file),
	    TEST(the_first_line_of_a_new_file_is_never_the_thousandth),
	    TEST(a_new_file_that_cannot_be_used_leaves_the_old_one_in_use),
	    TEST(each_flipped_byte_is_found_in_its_line),
	    TEST(each_line_removed_repeated_or_swapped_is_found),
	    TEST(a_cut_tail_is_found_against_a_head_kept_elsewhere),
	    TEST(a_change_beside_the_last_line_is_named_by_the_head),
	    TEST(a_checkpoint_by_another_key_is_found),
	    TEST(a_long_chain_without_checkpoints_is_found),
	    TEST(what_is_no_audit_file_is_said_to_be_none),
	    TEST(a_line_with_another_form_of_time_or_a_control_character_is_none),
	    TEST(what_nobody_signs_is_recorded_and_signed_by_who_signs_next),
	    TEST(a_checkpoint_that_must_be_and_nobody_signs_leaves_a_line_that_says_so),
	    TEST(a_file_that_was_renamed_is_gone_on_from_though_nobody_signs),
	    TEST(no_caller_writes_that_nobody_signed),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, make_identities, free_identities);
}
