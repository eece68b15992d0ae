#include "keep/authorized.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "base/lines.h"
#include "base/text.h"

#define MODE 0600
/* The owner's programs hold it for a moment; an answer is waited for by others. */
#define LOCK_WAIT_MS 200

/* "\nKEY NAME\n" and a NUL. */
#define LINE_ROOM (1 + VZ_KEY_TEXT + 1 + 255 + 2)

static bool
name_ok(const char *name)
{
	size_t len = strlen(name);

	return len == 0 || (vz_name_ok(name, len) && name[0] != ' ' && name[len - 1] != ' ');
}

static int
sync_folder(const char *path)
{
	char dir[PATH_MAX];
	const char *base;
	int fd, r = vz_fs_split(path, dir, sizeof(dir), &base);

	if (r < 0)
		return r;
	fd = vz_fs_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return VZ_ESYSTEM;
	r = vz_fs_sync(fd);
	close(fd);
	return r;
}

/* Whoever makes it first has made it. */
static int
make(const char *path, bool *made)
{
	int fd = vz_fs_openat(
	    AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	int r = 0;

	if (fd < 0)
		return errno == EEXIST ? 0 : errno == ENOENT ? VZ_ENOTFOUND : VZ_ESYSTEM;
	*made = true;
	if (fchmod(fd, MODE) != 0)
		r = VZ_ESYSTEM;
	close(fd);
	return r == 0 ? sync_folder(path) : r;
}

/* The file that was judged, for writing at its end. */
static int
open_judged(const char *path, int *out)
{
	struct stat judged, opened;
	int fd, r = vz_fs_open(path, VZ_FS_TRUSTED, &fd);

	if (r < 0)
		return r;
	r = fstat(fd, &judged) == 0 ? 0 : VZ_ESYSTEM;
	close(fd);
	if (r < 0)
		return r;
	*out = vz_fs_openat(AT_FDCWD, path, O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0);
	if (*out < 0)
		return VZ_ESYSTEM;
	if (fstat(*out, &opened) == 0 && opened.st_dev == judged.st_dev &&
	    opened.st_ino == judged.st_ino)
		return 0;
	close(*out);
	*out = -1;
	return VZ_EMODE; /* it was changed under our eyes */
}

/* An editor may have put another file there while the lock was waited for: that one counts. */
static int
is_still_there(int fd, const char *path)
{
	struct stat here, there;

	if (fstat(fd, &here) != 0 || stat(path, &there) != 0)
		return VZ_ESYSTEM;
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino ? 0 : VZ_ECHANGED;
}

/* A last line that nobody has ended is not to become part of this one. */
static int
append(int fd, const char *line)
{
	struct stat st;
	char last = '\n';
	int r;

	if (fstat(fd, &st) != 0 || (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1))
		return VZ_ESYSTEM;
	if (last == '\n')
		line++;
	if ((uint64_t)st.st_size + strlen(line) > VZ_LINES_FILE_MAX)
		return VZ_ELIMIT;
	r = vz_fs_write_all(fd, line, strlen(line));
	if (r == 0)
		r = vz_fs_sync(fd);
	/* Half a line would grant nothing, and be in the way of the next one. */
	if (r < 0 && ftruncate(fd, st.st_size) != 0)
		return VZ_ESYSTEM;
	return r;
}

int
vz_authorized_add(const char *path, const struct vz_key *key, const char *name)
{
	char line[LINE_ROOM], text[VZ_KEY_TEXT];
	bool made = false;
	int fd = -1, r;

	if (!name_ok(name))
		return VZ_EFORMAT;
	vz_key_format(key, text);
	snprintf(line, sizeof(line), "\n%s%s%s\n", text, *name ? " " : "", name);
	r = open_judged(path, &fd);
	if (r == VZ_ENOTFOUND && (r = make(path, &made)) == 0)
		r = open_judged(path, &fd);
	if (r < 0 && made) /* the folder is no place for it */
		(void)unlink(path);
	if (r < 0)
		return r;
	r = vz_fs_lock(fd, LOCK_WAIT_MS);
	if (r == 0)
		r = is_still_there(fd, path);
	if (r == 0)
		r = append(fd, line);
	close(fd);
	return r;
}
