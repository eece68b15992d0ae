#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"

/* Each test runs in an empty folder of its own, with the usual umask. */
static char home[] = "/tmp/vz-test-fsutil.XXXXXX";

static int
prepare(void **state)
{
	(void)state;
	return vz_secret_init() < 0 || mkdtemp(home) == NULL || chdir(home) < 0;
}

static int
enter(void **state)
{
	(void)state;
	umask(022);
	return mkdir("t", 0755) < 0 || chdir("t") < 0;
}

static int
leave(void **state)
{
	(void)state;
	umask(022);
	if (getuid() == 0 && seteuid(0) < 0)
		return -1;
	return chdir(home) < 0 || system("chmod -R u+rwx t && rm -rf t") != 0;
}

static int
clean_up(void **state)
{
	(void)state;
	return chdir("/") < 0 || rmdir(home) < 0;
}

static void
put_file(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
put_dir(const char *path, mode_t mode)
{
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
has(const char *path, const char *text)
{
	struct vz_buf b;

	vz_buf_init(&b, 4096);
	assert_int_equal(vz_fs_read(path, VZ_FS_ANY, &b), 0);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(vz_buf_ptr(&b), text, b.len);
	vz_buf_free(&b);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Number of entries of a folder, temporary files included. */
static unsigned
entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static int
try_open(const char *path, enum vz_fs_rule rule)
{
	int fd = 99, r = vz_fs_open(path, rule, &fd);

	if (r < 0) {
		assert_int_equal(fd, -1);
		return r;
	}
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	return 0;
}

static void
a_secret_is_refused_when_others_have_any_right(void **state)
{
	(void)state;
	put_file("f", 0600, "key");
	assert_int_equal(try_open("f", VZ_FS_SECRET), 0);
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		assert_int_equal(chmod("f", 0600 | bit), 0);
		assert_int_equal(try_open("f", VZ_FS_SECRET), VZ_EMODE);
		assert_int_equal(try_open("f", VZ_FS_ANY), 0);
	}
	assert_int_equal(try_open("none", VZ_FS_SECRET), VZ_ENOTFOUND);
	assert_int_equal(try_open("f/none", VZ_FS_SECRET), VZ_ENOTFOUND);
}

static void
a_secret_is_not_read_through_a_link(void **state)
{
	(void)state;
	put_file("f", 0600, "key");
	assert_int_equal(symlink("f", "link"), 0);
	assert_int_equal(try_open("link", VZ_FS_SECRET), VZ_EMODE);
	assert_int_equal(try_open("link", VZ_FS_ANY), 0);
	assert_int_equal(try_open("link", VZ_FS_TRUSTED), 0);
}

static void
what_is_no_regular_file_is_refused_and_never_waited_for(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	put_dir("dir", 0700);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(chmod("socket", 0600), 0);
	for (int rule = VZ_FS_ANY; rule <= VZ_FS_SECRET; rule++) {
		assert_int_equal(try_open("fifo", (enum vz_fs_rule)rule), VZ_EMODE);
		assert_int_equal(try_open("dir", (enum vz_fs_rule)rule), VZ_EMODE);
		assert_int_equal(try_open("socket", (enum vz_fs_rule)rule), VZ_EMODE);
		assert_int_equal(try_open("/dev/null", (enum vz_fs_rule)rule), VZ_EMODE);
	}
	close(s);
}

static void
a_trusted_file_and_its_folder_are_written_by_nobody_else(void **state)
{
	static const mode_t folders[] = {0775, 0757, 01777, 0777};

	(void)state;
	put_file("f", 0644, "list");
	assert_int_equal(try_open("f", VZ_FS_TRUSTED), 0);
	assert_int_equal(chmod("f", 0664), 0);
	assert_int_equal(try_open("f", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(chmod("f", 0646), 0);
	assert_int_equal(try_open("f", VZ_FS_TRUSTED), VZ_EMODE);

	put_dir("d", 0755);
	put_file("d/f", 0644, "list");
	assert_int_equal(try_open("d/f", VZ_FS_TRUSTED), 0);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		assert_int_equal(chmod("d", folders[i]), 0);
		assert_int_equal(try_open("d/f", VZ_FS_TRUSTED), VZ_EMODE);
	}
	assert_int_equal(try_open("none", VZ_FS_TRUSTED), VZ_ENOTFOUND);
	assert_int_equal(try_open("none/f", VZ_FS_TRUSTED), VZ_ENOTFOUND);
	assert_int_equal(try_open("", VZ_FS_TRUSTED), VZ_ENOTFOUND);
}

static void
trust_is_asked_of_every_folder_that_links_lead_through(void **state)
{
	(void)state;
	put_dir("good", 0755);
	put_dir("bad", 0777);
	put_file("good/f", 0644, "list");
	put_file("bad/f", 0644, "list");
	assert_int_equal(symlink("../bad/f", "good/to-bad"), 0);
	assert_int_equal(symlink("../good/f", "bad/to-good"), 0);
	assert_int_equal(symlink("bad/to-good", "through"), 0);
	assert_int_equal(symlink("good/f", "one"), 0);
	assert_int_equal(symlink("one", "two"), 0);
	assert_int_equal(symlink("bad", "folder"), 0);
	assert_int_equal(symlink("round", "round"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);

	assert_int_equal(try_open("two", VZ_FS_TRUSTED), 0);
	assert_int_equal(try_open("good/to-bad", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("bad/to-good", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("through", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("folder/f", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("round", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("dangling", VZ_FS_TRUSTED), VZ_ENOTFOUND);
	assert_int_equal(chmod("good/f", 0666), 0);
	assert_int_equal(try_open("two", VZ_FS_TRUSTED), VZ_EMODE);
}

static void
a_file_of_somebody_else_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	put_file("f", 0600, "key");
	put_dir("d", 0755);
	put_file("d/f", 0644, "list");
	assert_int_equal(chown("f", 12345, 0), 0);
	assert_int_equal(chown("d", 12345, 0), 0);
	assert_int_equal(try_open("f", VZ_FS_SECRET), VZ_EMODE);
	assert_int_equal(try_open("f", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("d/f", VZ_FS_TRUSTED), VZ_EMODE);
	assert_int_equal(try_open("f", VZ_FS_ANY), 0);
}

static void
a_file_of_the_limit_is_read_and_one_byte_more_is_not(void **state)
{
	struct vz_buf b;

	(void)state;
	put_file("f", 0600, "12345678");
	put_file("empty", 0600, "");
	vz_buf_init(&b, 10);
	assert_int_equal(vz_buf_str(&b, "ab"), 0);
	assert_int_equal(vz_fs_read("f", VZ_FS_SECRET, &b), 0);
	assert_memory_equal(vz_buf_ptr(&b), "ab12345678", 10);
	assert_int_equal(vz_fs_read("empty", VZ_FS_SECRET, &b), 0);
	vz_buf_consume(&b, 1);
	vz_buf_truncate(&b, 3);
	assert_int_equal(vz_fs_read("f", VZ_FS_SECRET, &b), VZ_ELIMIT);
	assert_int_equal(b.len, 3);
	assert_memory_equal(vz_buf_ptr(&b), "b12", 3);
	vz_buf_free(&b);
	/* Its size is 0, its contents are not. */
	vz_buf_init(&b, 1 << 20);
	assert_int_equal(vz_fs_read("/proc/self/status", VZ_FS_ANY, &b), 0);
	assert_true(b.len > 100);
	vz_buf_free(&b);
}

static void
a_file_that_grows_while_it_is_read_stops_at_the_limit(void **state)
{
	static char block[65536];
	struct vz_buf b;
	pid_t child;
	int r = 0;

	(void)state;
	put_file("f", 0600, "");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int fd = open("f", O_WRONLY | O_APPEND | O_CLOEXEC);

		for (unsigned i = 0; i < 300; i++)
			if (write(fd, block, sizeof block) < 0)
				break;
		_exit(0);
	}
	while (r == 0) {
		vz_buf_init(&b, 4 << 20);
		r = vz_fs_read("f", VZ_FS_ANY, &b);
		assert_true(r == 0 || (r == VZ_ELIMIT && b.len == 0));
		vz_buf_free(&b);
	}
	waitpid(child, NULL, 0);
}

static void
folders_are_private_under_any_umask_and_old_ones_stay(void **state)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	char path[64];

	(void)state;
	put_dir("old", 0755);
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		umask(masks[i]);
		snprintf(path, sizeof path, "old/%zu/b//c/", i);
		assert_int_equal(vz_fs_mkdirs(path), 0);
		assert_int_equal(vz_fs_mkdirs(path), 0);
		assert_int_equal(mode_of(path), 0700);
		snprintf(path, sizeof path, "%s/t/old/%zu/../%zu/./b", home, i, i);
		assert_int_equal(vz_fs_mkdirs(path), 0);
		assert_int_equal(mode_of(path), 0700);
		umask(022);
	}
	assert_int_equal(mode_of("old"), 0755);
	assert_int_equal(vz_fs_mkdirs("/"), 0);
	assert_int_equal(vz_fs_mkdirs(""), VZ_EINVAL);
	put_file("f", 0600, "");
	assert_int_equal(vz_fs_mkdirs("f"), VZ_ESYSTEM);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(vz_fs_mkdirs("f/g"), VZ_ESYSTEM);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(vz_fs_mkdirs("dangling/g"), VZ_ESYSTEM);
	assert_int_equal(access("nowhere", F_OK), -1);
}

static void
a_replaced_file_has_its_mode_under_any_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 0777}, modes[] = {0600, 0644, 0400};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++) {
			umask(masks[i]);
			assert_int_equal(vz_fs_replace("f", modes[k], 0, "text", 4), 0);
			assert_int_equal(mode_of("f"), modes[k]);
			has("f", "text");
			assert_int_equal(unlink("f"), 0);
			assert_int_equal(vz_fs_replace("f", modes[k], 1, "text", 4), 0);
			assert_int_equal(mode_of("f"), modes[k]);
			umask(022);
		}
	assert_int_equal(vz_fs_replace("f", 0600, 0, NULL, 0), 0);
	has("f", "");
	assert_int_equal(entries("."), 1);
}

static void
exclusive_replace_leaves_what_is_there_alone(void **state)
{
	(void)state;
	assert_int_equal(vz_fs_replace("f", 0600, 1, "first", 5), 0);
	assert_int_equal(vz_fs_replace("f", 0600, 1, "second", 6), VZ_EEXISTS);
	has("f", "first");
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(vz_fs_replace("dangling", 0600, 1, "x", 1), VZ_EEXISTS);
	assert_int_equal(access("nowhere", F_OK), -1);
	assert_int_equal(entries("."), 2);
}

/* All the steps to its name. */
static int
commit(struct vz_fs_temp *t, const char *path, int exclusive)
{
	int r = vz_fs_temp_flush(t);

	if (r == 0)
		r = vz_fs_temp_place(t, path, exclusive);
	if (r == 0)
		r = vz_fs_temp_sync_folder(t);
	vz_fs_temp_abort(t);
	return r;
}

static void
a_name_taken_while_writing_is_still_left_alone(void **state)
{
	struct vz_fs_temp t;

	(void)state;
	assert_int_equal(vz_fs_temp_open(&t, "f", 0600), 0);
	assert_int_equal(vz_fs_write_all(t.fd, "late", 4), 0);
	put_file("f", 0600, "quick");
	assert_int_equal(commit(&t, "f", 1), VZ_EEXISTS);
	has("f", "quick");

	assert_int_equal(vz_fs_temp_open(&t, "f", 0600), 0);
	assert_int_equal(unlink("f"), 0);
	assert_int_equal(mkfifo("f", 0600), 0);
	assert_int_equal(commit(&t, "f", 0), VZ_EMODE);
	assert_int_equal(entries("."), 1);
}

static void
only_a_regular_file_is_ever_replaced(void **state)
{
	static const char *const paths[] = {
	    "link", "fifo", "dir", "dir/", "dir/.", "dir/..", "/dev/null", "", "/"};
	struct vz_fs_temp t;

	(void)state;
	put_file("target", 0600, "mine");
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	put_dir("dir", 0755);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		assert_int_equal(vz_fs_replace(paths[i], 0600, 0, "x", 1), VZ_EMODE);
		assert_int_equal(vz_fs_temp_open(&t, paths[i], 0600), VZ_EMODE);
		assert_int_equal(t.dir, -1);
		assert_int_equal(t.fd, -1);
		assert_string_equal(t.name, "");
	}
	has("target", "mine");
	assert_int_equal(entries("."), 4);
	assert_int_equal(entries("dir"), 0);
	assert_int_equal(vz_fs_replace("none/f", 0600, 0, "x", 1), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
}

static void
an_unfinished_file_is_not_under_its_name_and_goes_by_abort(void **state)
{
	struct vz_fs_temp t = VZ_FS_TEMP_NONE, u;

	(void)state;
	vz_fs_temp_abort(&t);
	put_file("f", 0600, "old");
	assert_int_equal(vz_fs_temp_open(&t, "f", 0644), 0);
	assert_int_equal(vz_fs_temp_open(&u, "f", 0644), 0);
	assert_string_not_equal(t.name, u.name);
	assert_int_equal(strlen(t.name), strlen(".vz-") + 32);
	assert_true(fcntl(t.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(t.dir, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(vz_fs_write_all(t.fd, "new", 3), 0);
	has("f", "old");
	assert_int_equal(entries("."), 3);
	errno = ENOSPC;
	vz_fs_temp_abort(&t);
	assert_int_equal(errno, ENOSPC);
	vz_fs_temp_abort(&t);
	assert_int_equal(entries("."), 2);
	assert_int_equal(vz_fs_write_all(u.fd, "newer", 5), 0);
	assert_int_equal(commit(&u, "f", 0), 0);
	has("f", "newer");
	vz_fs_temp_abort(&u);
	assert_int_equal(commit(&u, "f", 0), VZ_ESYSTEM);
	has("f", "newer");
	assert_int_equal(entries("."), 1);
}

static void
what_a_process_left_is_taken_up_by_one_other_as_it_was(void **state)
{
	struct vz_fs_temp t, u, w;
	char name[64];

	(void)state;
	assert_int_equal(vz_fs_temp_open(&t, "f", 0600), 0);
	assert_int_equal(vz_fs_write_all(t.fd, "onetwo", 6), 0);
	assert_int_equal(vz_fs_temp_sync(&t), 0);
	snprintf(name, sizeof(name), "%s", t.name);
	/* Somebody has it. */
	assert_int_equal(vz_fs_temp_take_up(&u, "f", name, 3), VZ_ESYSTEM);
	assert_int_equal(errno, EWOULDBLOCK);
	t.name[0] = '\0'; /* as a kill would leave it */
	vz_fs_temp_abort(&t);
	assert_int_equal(vz_fs_temp_take_up(&u, "f", name, 7), VZ_ENOTFOUND);
	assert_int_equal(vz_fs_temp_take_up(&u, "f", "../f", 0), VZ_ENOTFOUND);
	assert_int_equal(vz_fs_temp_take_up(&u, "f", ".vz-0", 0), VZ_ENOTFOUND);
	assert_int_equal(link(name, "other"), 0);
	assert_int_equal(vz_fs_temp_take_up(&u, "f", name, 3), VZ_ENOTFOUND);
	assert_int_equal(unlink("other"), 0);
	assert_int_equal(vz_fs_temp_take_up(&u, "f", name, 3), 0);
	assert_int_equal(vz_fs_temp_take_up(&w, "f", name, 3), VZ_ESYSTEM);
	assert_int_equal(vz_fs_write_all(u.fd, "!", 1), 0);
	assert_int_equal(commit(&u, "f", 1), 0);
	has("f", "one!");
	assert_int_equal(symlink("f", name), 0);
	assert_int_equal(vz_fs_temp_take_up(&u, "g", name, 3), VZ_ENOTFOUND);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(entries("."), 1);
}

static void
only_the_same_bytes_are_equal(void **state)
{
	struct vz_fs_temp t;

	(void)state;
	assert_int_equal(vz_fs_temp_open(&t, "f", 0600), 0);
	assert_int_equal(vz_fs_write_all(t.fd, "same", 4), 0);
	put_file("a", 0600, "same");
	put_file("b", 0600, "some");
	put_file("c", 0600, "same!");
	assert_int_equal(symlink("a", "d"), 0);
	assert_int_equal(mkfifo("e", 0600), 0);
	assert_true(vz_fs_temp_equals(&t, "a"));
	assert_false(vz_fs_temp_equals(&t, "b"));
	assert_false(vz_fs_temp_equals(&t, "c"));
	assert_false(vz_fs_temp_equals(&t, "d"));
	assert_false(vz_fs_temp_equals(&t, "e"));
	assert_false(vz_fs_temp_equals(&t, "none"));
	vz_fs_temp_abort(&t);
}

static void
a_folder_moved_meanwhile_takes_the_file_along(void **state)
{
	struct vz_fs_temp t;

	(void)state;
	put_dir("d", 0755);
	put_dir("elsewhere", 0755);
	assert_int_equal(vz_fs_temp_open(&t, "d/f", 0600), 0);
	assert_int_equal(rename("d", "e"), 0);
	assert_int_equal(symlink("elsewhere", "d"), 0);
	assert_int_equal(vz_fs_write_all(t.fd, "x", 1), 0);
	assert_int_equal(commit(&t, "d/f", 0), 0);
	has("e/f", "x");
	assert_int_equal(entries("elsewhere"), 0);
	assert_int_equal(entries("e"), 1);
}

static void
a_folder_that_cannot_be_listed_still_takes_files(void **state)
{
	(void)state;
	/* Root may list everything: be somebody else meanwhile. */
	if (getuid() == 0) {
		assert_int_equal(chown(".", 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	put_dir("drop", 0300);
	assert_int_equal(vz_fs_replace("drop/f", 0600, 0, "x", 1), 0);
	has("drop/f", "x");
}

static void
a_failed_write_keeps_the_old_file_and_leaves_no_other(void **state)
{
	static char big[100000];
	struct rlimit old, low;

	(void)state;
	put_file("f", 0600, "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = (struct rlimit){.rlim_cur = 1000, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	errno = 0;
	assert_int_equal(vz_fs_replace("f", 0600, 0, big, sizeof big), VZ_ESYSTEM);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	has("f", "old");
	assert_int_equal(entries("."), 1);
}

static void
a_full_disk_keeps_the_old_file_and_leaves_no_other(void **state)
{
	static char big[100000];

	(void)state;
	put_dir("disk", 0755);
	/* In a mount namespace of our own the disk is gone when we are. */
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "disk", "tmpfs", 0, "size=8192") < 0)
		skip();
	put_file("disk/f", 0600, "old");
	errno = 0;
	assert_int_equal(vz_fs_replace("disk/f", 0600, 0, big, sizeof big), VZ_ESYSTEM);
	assert_int_equal(errno, ENOSPC);
	has("disk/f", "old");
	assert_int_equal(entries("disk"), 1);
	assert_int_equal(vz_fs_replace("disk/f", 0600, 0, "new", 3), 0);
	has("disk/f", "new");
	assert_int_equal(umount("disk"), 0);
}

static volatile sig_atomic_t alarms;
static volatile sig_atomic_t go;

/* The fifth lets the reader go, when the writer has long met a full pipe; then the guard is back.
 */
static void
on_alarm(int sig)
{
	(void)sig;
	if (++alarms < 5)
		return;
	alarm(60);
	close(go);
}

/* Waits for the word; exits 0 when all arrives and in order. */
static void
read_in_child(int word, int from, size_t want)
{
	uint8_t part[5000], next = 0;
	size_t sum = 0;
	ssize_t n;

	(void)!read(word, part, 1);
	while ((n = read(from, part, sizeof part)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (part[i] != next++)
				_exit(1);
		sum += (size_t)n;
	}
	_exit(sum == want ? 0 : 2);
}

static void
write_through_alarms(const uint8_t *data, size_t n, int flags)
{
	const struct itimerval often = {{0, 5000}, {0, 5000}};
	int pipes[2], word[2], status;
	pid_t child;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(pipe2(word, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(pipes[1]);
		close(word[1]);
		read_in_child(word[0], pipes[0], n);
	}
	close(pipes[0]);
	close(word[0]);
	assert_int_equal(fcntl(pipes[1], F_SETFL, flags), 0);
	alarms = 0;
	go = word[1];
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(vz_fs_write_all(pipes[1], data, n), 0);
	assert_int_equal(alarms, 5);
	close(pipes[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
all_is_written_through_signals_and_full_pipes(void **state)
{
	enum { N = 1 << 20 };
	struct sigaction sa = {.sa_handler = on_alarm}, old;
	uint8_t *data = malloc(N);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < N; i++)
		data[i] = (uint8_t)i;
	sigaction(SIGALRM, &sa, &old);
	write_through_alarms(data, N, 0);
	write_through_alarms(data, N, O_NONBLOCK);
	sigaction(SIGALRM, &old, NULL);
	free(data);
}

static void
a_write_that_fails_says_so(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(vz_fs_write_all(full, "x", 1), VZ_ESYSTEM);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(vz_fs_write_all(full, NULL, 0), 0);
	close(full);
	assert_int_equal(vz_fs_write_all(-1, "x", 1), VZ_ESYSTEM);
	assert_int_equal(errno, EBADF);
}

static void
a_path_splits_into_folder_and_name(void **state)
{
	static const char *const t[][3] = {{"f", ".", "f"}, {"/f", "/", "f"}, {"a/f", "a", "f"},
	    {"/a/b/f", "/a/b", "f"}, {"a/", "a", ""}, {"", ".", ""}, {"/", "/", ""}};
	char dir[8];
	const char *base;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_int_equal(vz_fs_split(t[i][0], dir, sizeof dir, &base), 0);
		assert_string_equal(dir, t[i][1]);
		assert_string_equal(base, t[i][2]);
	}
	assert_int_equal(vz_fs_split("1234567/f", dir, sizeof dir, &base), 0);
	assert_int_equal(vz_fs_split("12345678/f", dir, sizeof dir, &base), VZ_ELIMIT);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_FOLDER(a_secret_is_refused_when_others_have_any_right),
	    IN_FOLDER(a_secret_is_not_read_through_a_link),
	    IN_FOLDER(what_is_no_regular_file_is_refused_and_never_waited_for),
	    IN_FOLDER(a_trusted_file_and_its_folder_are_written_by_nobody_else),
	    IN_FOLDER(trust_is_asked_of_every_folder_that_links_lead_through),
	    IN_FOLDER(a_file_of_somebody_else_is_refused),
	    IN_FOLDER(a_file_of_the_limit_is_read_and_one_byte_more_is_not),
	    IN_FOLDER(a_file_that_grows_while_it_is_read_stops_at_the_limit),
	    IN_FOLDER(folders_are_private_under_any_umask_and_old_ones_stay),
	    IN_FOLDER(a_replaced_file_has_its_mode_under_any_umask),
	    IN_FOLDER(exclusive_replace_leaves_what_is_there_alone),
	    IN_FOLDER(a_name_taken_while_writing_is_still_left_alone),
	    IN_FOLDER(only_a_regular_file_is_ever_replaced),
	    IN_FOLDER(an_unfinished_file_is_not_under_its_name_and_goes_by_abort),
	    IN_FOLDER(what_a_process_left_is_taken_up_by_one_other_as_it_was),
	    IN_FOLDER(only_the_same_bytes_are_equal),
	    IN_FOLDER(a_folder_moved_meanwhile_takes_the_file_along),
	    IN_FOLDER(a_folder_that_cannot_be_listed_still_takes_files),
	    IN_FOLDER(a_failed_write_keeps_the_old_file_and_leaves_no_other),
	    IN_FOLDER(a_full_disk_keeps_the_old_file_and_leaves_no_other),
	    IN_FOLDER(all_is_written_through_signals_and_full_pipes),
	    IN_FOLDER(a_write_that_fails_says_so),
	    IN_FOLDER(a_path_splits_into_folder_and_name),
	};

	/* A hang is a failure too. */
	alarm(60);
	return cmocka_run_group_tests(tests, prepare, clean_up);
}
