#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "flow/outfd.h"
#include "flow/sink.h"

static const uint8_t stream[VZ_STREAM_LEN] = {0xab, 0xcd};
#define ID "abcd0000000000000000000000000000"

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/vz-sink-XXXXXX", sizeof(dir));
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static const char *
in_dir(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static size_t
files_in_dir(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	const struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static void
assert_file_is(const char *path, const char *text)
{
	struct vz_buf b;

	vz_buf_init(&b, 65536);
	assert_int_equal(vz_fs_read(path, VZ_FS_ANY, &b), 0);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(vz_buf_ptr(&b), text, b.len);
	vz_buf_free(&b);
}

static struct vz_drop *
begin_named(struct vz_sink *s, uint64_t number, const void *name, size_t len)
{
	struct vz_arrival m = {.stream = stream, .number = number, .name = name, .name_len = len};
	struct vz_drop *d;

	assert_int_equal(vz_sink_begin(s, &m, &d), 0);
	return d;
}

static struct vz_drop *
begin(struct vz_sink *s, uint64_t number)
{
	return begin_named(s, number, "", 0);
}

static void
put(struct vz_drop *d, const char *text)
{
	assert_int_equal(
	    vz_drop_write(d, (const uint8_t *)text, strlen(text)), (ssize_t)strlen(text));
}

/* One file. */

static void
a_file_appears_only_when_its_message_is_whole(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;

	(void)state;
	assert_int_equal(vz_sink_file(in_dir("out"), 0640, &s), 0);
	d = begin(s, 0);
	put(d, "half ");
	assert_int_not_equal(access(in_dir("out"), F_OK), 0);
	put(d, "whole");
	assert_int_not_equal(access(in_dir("out"), F_OK), 0);
	assert_int_equal(vz_drop_finish(d), 0);
	assert_file_is(in_dir("out"), "half whole");
	assert_int_equal(files_in_dir(), 1);
	vz_sink_free(s);
}

static void
an_aborted_file_leaves_nothing_and_the_old_one_as_it_was(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;

	(void)state;
	assert_int_equal(vz_fs_replace(in_dir("out"), 0644, 0, "old", 3), 0);
	assert_int_equal(vz_sink_file(in_dir("out"), 0644, &s), 0);
	d = begin(s, 0);
	put(d, "new");
	vz_drop_abort(d);
	assert_file_is(in_dir("out"), "old");
	assert_int_equal(files_in_dir(), 1);
	assert_false(vz_sink_torn(s));
	vz_sink_free(s);
}

static void
a_new_file_gets_the_mode_and_a_replaced_one_keeps_its_own(void **state)
{
	struct vz_sink *s;
	struct stat st;

	(void)state;
	assert_int_equal(vz_sink_file(in_dir("out"), 0640, &s), 0);
	assert_int_equal(vz_drop_finish(begin(s, 0)), 0);
	assert_int_equal(stat(in_dir("out"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(chmod(in_dir("out"), 0600), 0);
	assert_int_equal(vz_drop_finish(begin(s, 1)), 0);
	assert_int_equal(stat(in_dir("out"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	vz_sink_free(s);
}

static void
devices_pipes_links_and_folders_are_no_file_to_replace(void **state)
{
	struct vz_sink *s;

	(void)state;
	assert_int_equal(vz_sink_file("/dev/null", 0600, &s), VZ_EMODE);
	assert_null(s);
	assert_int_equal(vz_sink_file(dir, 0600, &s), VZ_EMODE);
	assert_int_equal(vz_sink_file(in_dir(""), 0600, &s), VZ_EMODE);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(vz_sink_file(in_dir("fifo"), 0600, &s), VZ_EMODE);
	assert_int_equal(symlink("elsewhere", in_dir("link")), 0);
	assert_int_equal(vz_sink_file(in_dir("link"), 0600, &s), VZ_EMODE);
}

static void
a_folder_that_is_missing_is_noticed_at_once(void **state)
{
	struct vz_sink *s;

	(void)state;
	assert_int_equal(vz_sink_file(in_dir("no/out"), 0600, &s), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(vz_sink_dir(in_dir("no"), 0600, -1, &s), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
}

/* A folder. */

static void
name_is(const void *name, size_t len, const char *want)
{
	char got[VZ_SINK_NAME_MAX + 1];
	struct vz_arrival m = {.stream = stream, .number = 7, .name = name, .name_len = len};

	vz_sink_name_of(&m, got);
	assert_string_equal(got, want);
}

static void
a_sender_s_name_never_becomes_a_path(void **state)
{
	(void)state;
	name_is("", 0, ID ".7");
	name_is("plain-Name_1.txt", 16, ID ".7-plain-Name_1.txt");
	name_is("../../etc/passwd", 16, ID ".7-.._.._etc_passwd");
	name_is("..", 2, ID ".7-..");
	name_is("a\0b", 3, ID ".7-a_b");
	name_is("-rf", 3, ID ".7--rf");
	name_is("\x1b[31m\r\n", 7, ID ".7-__31m__");
	name_is("\xc3\xa4 \xff", 4, ID ".7-____");
}

static void
the_longest_name_and_number_fit_a_file_name(void **state)
{
	char got[VZ_SINK_NAME_MAX + 1], name[4096];
	struct vz_arrival m = {.stream = stream,
	    .number = UINT64_MAX,
	    .name = (const uint8_t *)name,
	    .name_len = sizeof(name)};

	(void)state;
	memset(name, 'x', sizeof(name));
	vz_sink_name_of(&m, got);
	assert_int_equal(strlen(got), VZ_SINK_NAME_MAX);
	assert_memory_equal(got, ID ".18446744073709551615-xxx", 57);
}

static void
a_path_is_printed_after_the_file_has_its_name(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;
	char line[256], want[256];
	ssize_t n;
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(vz_sink_dir(dir, 0600, p[1], &s), 0);
	d = begin_named(s, 3, "a b", 3);
	put(d, "text");
	assert_int_equal(read(p[0], line, sizeof(line)), -1);
	assert_int_equal(vz_drop_finish(d), 0);
	n = read(p[0], line, sizeof(line));
	snprintf(want, sizeof(want), "%s/" ID ".3-a_b\n", dir);
	assert_int_equal(n, (ssize_t)strlen(want));
	assert_memory_equal(line, want, strlen(want));
	assert_file_is(in_dir(ID ".3-a_b"), "text");
	assert_int_equal(files_in_dir(), 1);
	vz_sink_free(s);
	close(p[0]);
	close(p[1]);
}

static void
a_message_that_is_there_is_not_overwritten(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;

	(void)state;
	assert_int_equal(vz_sink_dir(dir, 0600, -1, &s), 0);
	d = begin(s, 0);
	put(d, "first");
	assert_int_equal(vz_drop_finish(d), 0);
	d = begin(s, 0);
	put(d, "second");
	assert_int_equal(vz_drop_finish(d), VZ_EEXISTS);
	vz_drop_abort(d);
	assert_file_is(in_dir(ID ".0"), "first");
	assert_int_equal(files_in_dir(), 1);
	vz_sink_free(s);
}

static void
messages_under_way_at_once_in_a_folder_do_not_mix(void **state)
{
	struct vz_drop *a, *b;
	struct vz_sink *s;

	(void)state;
	assert_int_equal(vz_sink_dir(dir, 0600, -1, &s), 0);
	assert_false(vz_sink_exclusive(s));
	a = begin(s, 0);
	b = begin(s, 1);
	put(a, "a1 ");
	put(b, "b1 ");
	put(a, "a2");
	vz_drop_abort(b);
	assert_int_equal(vz_drop_finish(a), 0);
	assert_file_is(in_dir(ID ".0"), "a1 a2");
	assert_int_equal(files_in_dir(), 1);
	vz_sink_free(s);
}

static void
prove(struct vz_drop *d)
{
	assert_int_equal(vz_drop_prove(d, (const uint8_t *)"textsignature", 4, 13), 0);
}

static void
place(struct vz_sink *s, struct vz_drop **d, size_t n)
{
	int results[8];

	vz_sink_place(s, d, results, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(results[i], 0);
}

static void
a_folder_keeps_a_manifest_beside_its_message_from_when_that_is_there(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d[5];
	char name[64];

	(void)state;
	assert_int_equal(vz_sink_dir(dir, 0644, -1, &s), 0);
	d[0] = begin_named(s, 7, "n", 1);
	put(d[0], "body");
	assert_int_equal(vz_drop_prove(d[0], (const uint8_t *)"ab", 1, 2), 0);
	prove(d[0]); /* said again after a break */
	assert_int_equal(files_in_dir(), 1);
	assert_int_equal(vz_drop_finish(d[0]), 0);
	assert_file_is(in_dir(ID ".7-n"), "body");
	assert_file_is(in_dir(ID ".7.manifest"), "text");
	assert_file_is(in_dir(ID ".7.manifest.sig"), "signature");
	assert_int_equal(files_in_dir(), 3);
	/* Many together, of which not all are signed. */
	for (unsigned i = 0; i < 5; i++) {
		d[i] = begin(s, i);
		if (i != 2)
			prove(d[i]);
	}
	place(s, d, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(vz_drop_finish(d[i]), 0);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), ID ".%u.manifest.sig", i);
		assert_int_equal(access(in_dir(name), F_OK), i == 2 ? -1 : 0);
	}
	assert_int_equal(files_in_dir(), 3 + 5 + 2 * 4);
	vz_sink_free(s);
}

static void
a_message_that_is_not_whole_leaves_no_manifest_either(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;
	int r;

	(void)state;
	assert_int_equal(vz_sink_dir(dir, 0644, -1, &s), 0);
	d = begin(s, 0);
	prove(d);
	vz_drop_abort(d);
	assert_int_equal(files_in_dir(), 0);
	d = begin(s, 0); /* placed, and then the path could not be told */
	prove(d);
	place(s, &d, 1);
	assert_int_equal(files_in_dir(), 3);
	vz_drop_abort(d);
	assert_int_equal(files_in_dir(), 0);
	/* Another one is there: it stays, and the message is none. */
	assert_int_equal(vz_fs_replace(in_dir(ID ".0.manifest.sig"), 0644, 0, "other", 5), 0);
	d = begin(s, 0);
	prove(d);
	vz_sink_place(s, &d, &r, 1);
	assert_int_equal(r, VZ_EEXISTS);
	vz_drop_abort(d);
	assert_file_is(in_dir(ID ".0.manifest.sig"), "other");
	assert_int_equal(files_in_dir(), 1);
	/* The same one is there, of a listener that was killed before it could place the message.
	 */
	assert_int_equal(vz_fs_replace(in_dir(ID ".0.manifest.sig"), 0644, 0, "signature", 9), 0);
	d = begin(s, 0);
	prove(d);
	assert_int_equal(vz_drop_finish(d), 0);
	assert_int_equal(files_in_dir(), 3);
	vz_sink_free(s);
}

static void
no_message_can_take_the_name_of_a_manifest(void **state)
{
	static const char *const names[] = {
	    ".manifest", "manifest", "", "-", ".manifest.sig", "./.manifest"};
	char out[VZ_SINK_NAME_MAX + 1];

	(void)state;
	for (uint64_t number = 0; number < 30; number++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			struct vz_arrival m = {.stream = stream,
			    .number = number,
			    .name = (const uint8_t *)names[i],
			    .name_len = strlen(names[i])};
			char id[VZ_MESSAGE_ID_TEXT];
			size_t n;

			vz_message_id(stream, number, id);
			n = strlen(id);
			vz_sink_name_of(&m, out);
			assert_memory_equal(out, id, n);
			assert_true(out[n] == '\0' || out[n] == '-');
		}
}

static void
a_single_file_keeps_no_manifest_and_what_was_written_can_be_read(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;
	uint8_t buf[16];

	(void)state;
	assert_int_equal(vz_sink_file(in_dir("out"), 0644, &s), 0);
	d = begin(s, 0);
	prove(d);
	put(d, "0123456789");
	assert_int_equal(vz_drop_read(d, 0, buf, sizeof(buf)), 10);
	assert_memory_equal(buf, "0123456789", 10);
	assert_int_equal(vz_drop_read(d, 7, buf, 2), 2);
	assert_memory_equal(buf, "78", 2);
	assert_int_equal(vz_drop_read(d, 10, buf, 2), 0);
	put(d, "abc"); /* where writing goes on is not changed */
	assert_int_equal(vz_drop_finish(d), 0);
	assert_file_is(in_dir("out"), "0123456789abc");
	assert_int_equal(files_in_dir(), 1);
	vz_sink_free(s);
}

static void
a_file_whose_path_cannot_be_printed_goes_away_again(void **state)
{
	struct vz_sink *s;
	struct vz_drop *d;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(vz_sink_dir(dir, 0600, p[1], &s), 0);
	close(p[0]);
	d = begin(s, 0);
	assert_int_equal(vz_drop_finish(d), VZ_ESYSTEM);
	assert_int_equal(errno, EPIPE);
	vz_drop_abort(d);
	assert_true(vz_sink_failed(s));
	assert_int_equal(files_in_dir(), 0);
	vz_sink_free(s);
	close(p[1]);
}

static void
a_full_pipe_for_paths_is_waited_for(void **state)
{
	static char junk[65536];
	struct vz_sink *s;
	struct vz_drop *d;
	ssize_t n;
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(vz_sink_dir(dir, 0600, p[1], &s), 0);
	while (write(p[1], junk, sizeof(junk)) > 0)
		;
	d = begin(s, 0);
	assert_int_equal(vz_drop_finish(d), VZ_SINK_WAIT);
	assert_int_equal(vz_drop_finish(d), VZ_SINK_WAIT);
	while ((n = read(p[0], junk, sizeof(junk))) > 0)
		;
	assert_int_equal(vz_drop_finish(d), 0);
	assert_int_equal(files_in_dir(), 1);
	vz_sink_free(s);
	close(p[0]);
	close(p[1]);
}

/* A descriptor. */

static void
a_pipe_is_written_without_waiting_and_without_changing_its_flags(void **state)
{
	static uint8_t junk[65536];
	struct vz_sink *s;
	struct vz_drop *d;
	int p[2], flags;
	ssize_t n;
	size_t total = 0;

	(void)state;
	assert_int_equal(pipe(p), 0);
	flags = fcntl(p[1], F_GETFL);
	assert_int_equal(flags & O_NONBLOCK, 0);
	assert_int_equal(vz_sink_stream(p[1], false, &s), 0);
	assert_true(vz_sink_exclusive(s));
	d = begin(s, 0);
	while ((n = vz_drop_write(d, junk, sizeof(junk))) > 0)
		total += (size_t)n;
	assert_int_equal(n, 0);
	assert_true(total >= 4096);
	assert_int_equal(fcntl(p[1], F_GETFL), flags);
	while (total > 0) {
		n = read(p[0], junk, sizeof(junk));
		assert_true(n > 0);
		total -= (size_t)n;
	}
	put(d, "more");
	assert_int_equal(vz_drop_finish(d), 0);
	vz_sink_free(s);
	close(p[0]);
	close(p[1]);
}

static void
a_socket_is_written_without_waiting_and_without_changing_its_flags(void **state)
{
	static uint8_t junk[65536];
	struct vz_outfd o;
	int p[2], flags;
	ssize_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	flags = fcntl(p[1], F_GETFL);
	assert_int_equal(vz_outfd_open(&o, p[1]), 0);
	while ((n = vz_outfd_write(&o, junk, sizeof(junk))) > 0)
		;
	assert_int_equal(n, 0);
	assert_int_equal(fcntl(p[1], F_GETFL), flags);
	close(p[0]);
	assert_int_equal(vz_outfd_write(&o, junk, 1), VZ_ESYSTEM);
	assert_int_equal(errno, EPIPE);
	vz_outfd_close(&o);
	close(p[1]);
}

static void
without_a_name_for_it_a_pipe_is_still_not_waited_for(void **state)
{
	static uint8_t junk[65536];
	struct vz_outfd o;
	ssize_t n;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	o = (struct vz_outfd){.fd = p[1], .how = VZ_OUTFD_POLL};
	while ((n = vz_outfd_write(&o, junk, sizeof(junk))) > 0)
		assert_true(n <= 4096);
	assert_int_equal(n, 0);
	close(p[0]);
	assert_int_equal(vz_outfd_write(&o, junk, 1), VZ_ESYSTEM);
	assert_int_equal(errno, EPIPE);
	vz_outfd_close(&o);
	close(p[1]);
}

static void
only_one_message_at_a_time_goes_to_a_descriptor(void **state)
{
	struct vz_arrival m = {.stream = stream, .number = 1};
	struct vz_drop *d, *other;
	struct vz_sink *s;
	int fd = open("/dev/null", O_WRONLY);

	(void)state;
	assert_int_equal(vz_sink_stream(fd, false, &s), 0);
	d = begin(s, 0);
	assert_int_equal(vz_sink_begin(s, &m, &other), VZ_EINVAL);
	assert_null(other);
	assert_int_equal(vz_drop_finish(d), 0);
	assert_int_equal(vz_drop_finish(begin(s, 1)), 0);
	vz_sink_free(s);
	close(fd);
}

static void
a_message_that_breaks_off_after_its_first_byte_tears_the_stream(void **state)
{
	struct vz_drop *d;
	struct vz_sink *s;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(vz_sink_stream(p[1], false, &s), 0);
	vz_drop_abort(begin(s, 0));
	assert_false(vz_sink_torn(s));
	d = begin(s, 1);
	put(d, "x");
	vz_drop_abort(d);
	assert_true(vz_sink_torn(s));
	assert_false(vz_sink_failed(s));
	vz_sink_free(s);
	close(p[0]);
	close(p[1]);
}

static void
a_full_device_fails_the_message(void **state)
{
	struct vz_drop *d;
	struct vz_sink *s;
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(vz_sink_stream(fd, false, &s), 0);
	d = begin(s, 0);
	assert_int_equal(vz_drop_write(d, (const uint8_t *)"x", 1), VZ_ESYSTEM);
	assert_int_equal(errno, ENOSPC);
	vz_drop_abort(d);
	assert_true(vz_sink_failed(s));
	assert_false(vz_sink_torn(s));
	vz_sink_free(s);
	close(fd);
}

static void
a_descriptor_open_for_reading_is_refused_at_once(void **state)
{
	struct vz_sink *s;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(vz_sink_stream(fd, false, &s), VZ_ESYSTEM);
	assert_int_equal(errno, EBADF);
	assert_null(s);
	close(fd);
}

/* Escaped. */

static void
escaped(const char *const *pieces, const char *want)
{
	char got[8192];
	struct vz_drop *d;
	struct vz_sink *s;
	ssize_t n;
	int p[2];

	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(vz_sink_stream(p[1], true, &s), 0);
	d = begin(s, 0);
	for (; *pieces; pieces++)
		put(d, *pieces);
	assert_int_equal(vz_drop_finish(d), 0);
	n = read(p[0], got, sizeof(got));
	assert_int_equal(n, (ssize_t)strlen(want));
	assert_memory_equal(got, want, strlen(want));
	vz_sink_free(s);
	close(p[0]);
	close(p[1]);
}

static void
a_terminal_gets_no_control_but_newline_and_tab(void **state)
{
	const char *pieces[] = {"a\tb\n\x1b[31mred\r", "\xff\\n", NULL};

	(void)state;
	escaped(pieces, "a\tb\n\\x1b[31mred\\x0d\\xff\\n");
}

static void
a_character_cut_by_a_record_is_shown_whole(void **state)
{
	const char *pieces[] = {"gr\xc3", "\xbc\xe2\x82", "\xac\n", NULL};

	(void)state;
	escaped(pieces, "gr\xc3\xbc\xe2\x82\xac\n");
}

static void
half_a_character_at_the_end_is_shown_as_bytes(void **state)
{
	const char *pieces[] = {"end\xe2\x82", NULL};

	(void)state;
	escaped(pieces, "end\\xe2\\x82");
}

static void
long_text_is_escaped_without_loss_through_a_small_pipe(void **state)
{
	static uint8_t in[100000];
	static char out[500000];
	size_t done = 0, got = 0;
	struct vz_drop *d;
	struct vz_sink *s;
	ssize_t n;
	int p[2], r;

	(void)state;
	memset(in, 0x1b, sizeof(in));
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(vz_sink_stream(p[1], true, &s), 0);
	assert_true(fcntl(p[1], F_SETPIPE_SZ, 4096) >= 4096);
	d = begin(s, 0);
	while (done < sizeof(in)) {
		n = vz_drop_write(d, in + done, sizeof(in) - done);
		assert_true(n >= 0);
		done += (size_t)n;
		while ((n = read(p[0], out + got, sizeof(out) - got)) > 0)
			got += (size_t)n;
	}
	while ((r = vz_drop_finish(d)) == VZ_SINK_WAIT)
		while ((n = read(p[0], out + got, sizeof(out) - got)) > 0)
			got += (size_t)n;
	assert_int_equal(r, 0);
	while ((n = read(p[0], out + got, sizeof(out) - got)) > 0)
		got += (size_t)n;
	assert_int_equal(got, 4 * sizeof(in));
	for (size_t i = 0; i < got; i += 4)
		assert_memory_equal(out + i, "\\x1b", 4);
	vz_sink_free(s);
	close(p[0]);
	close(p[1]);
}

#define with_dir(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_dir(a_file_appears_only_when_its_message_is_whole),
	    with_dir(an_aborted_file_leaves_nothing_and_the_old_one_as_it_was),
	    with_dir(a_new_file_gets_the_mode_and_a_replaced_one_keeps_its_own),
	    with_dir(devices_pipes_links_and_folders_are_no_file_to_replace),
	    with_dir(a_folder_that_is_missing_is_noticed_at_once),
	    cmocka_unit_test(a_sender_s_name_never_becomes_a_path),
	    cmocka_unit_test(the_longest_name_and_number_fit_a_file_name),
	    with_dir(a_path_is_printed_after_the_file_has_its_name),
	    with_dir(a_message_that_is_there_is_not_overwritten),
	    with_dir(messages_under_way_at_once_in_a_folder_do_not_mix),
	    with_dir(a_folder_keeps_a_manifest_beside_its_message_from_when_that_is_there),
	    with_dir(a_message_that_is_not_whole_leaves_no_manifest_either),
	    cmocka_unit_test(no_message_can_take_the_name_of_a_manifest),
	    with_dir(a_single_file_keeps_no_manifest_and_what_was_written_can_be_read),
	    with_dir(a_file_whose_path_cannot_be_printed_goes_away_again),
	    with_dir(a_full_pipe_for_paths_is_waited_for),
	    cmocka_unit_test(a_pipe_is_written_without_waiting_and_without_changing_its_flags),
	    cmocka_unit_test(a_socket_is_written_without_waiting_and_without_changing_its_flags),
	    cmocka_unit_test(without_a_name_for_it_a_pipe_is_still_not_waited_for),
	    cmocka_unit_test(only_one_message_at_a_time_goes_to_a_descriptor),
	    cmocka_unit_test(a_message_that_breaks_off_after_its_first_byte_tears_the_stream),
	    cmocka_unit_test(a_full_device_fails_the_message),
	    cmocka_unit_test(a_descriptor_open_for_reading_is_refused_at_once),
	    cmocka_unit_test(a_terminal_gets_no_control_but_newline_and_tab),
	    cmocka_unit_test(a_character_cut_by_a_record_is_shown_whole),
	    cmocka_unit_test(half_a_character_at_the_end_is_shown_as_bytes),
	    cmocka_unit_test(long_text_is_escaped_without_loss_through_a_small_pipe),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
