#include "base/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

/* Best effort: a folder may refuse to be read, or its file system to sync one. */
static void
sync_folder(int at)
{
	int fd = vz_fs_openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* Makes one folder in `at`; somebody else may have been quicker. */
static int
make(int at, const char *name)
{
	struct stat st;

	if (mkdirat(at, name, 0700) < 0)
		return errno == EEXIST ? 0 : VZ_ESYSTEM;
	/* The umask may have taken our own rights; it is mended without following a link. */
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return VZ_ESYSTEM;
	if ((st.st_mode & 0777) != 0700 && fchmodat(at, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
		return VZ_ESYSTEM;
	sync_folder(at);
	return 0;
}

/* Steps from *at into name, which is made when it is missing. */
static int
enter(int *at, const char *name)
{
	int next = vz_fs_openat(*at, name, DIR_FLAGS, 0);

	if (next < 0 && errno == ENOENT) {
		if (make(*at, name) < 0)
			return VZ_ESYSTEM;
		next = vz_fs_openat(*at, name, DIR_FLAGS, 0);
	}
	if (next < 0)
		return VZ_ESYSTEM;
	close(*at);
	*at = next;
	return 0;
}

int
vz_fs_mkdirs(const char *path)
{
	char copy[PATH_MAX], *rest = copy, *name;
	int at, r = 0, saved;

	if (*path == '\0')
		return VZ_EINVAL;
	if (strlcpy(copy, path, sizeof copy) >= sizeof copy) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	at = vz_fs_openat(AT_FDCWD, *path == '/' ? "/" : ".", DIR_FLAGS, 0);
	if (at < 0)
		return VZ_ESYSTEM;
	while (r == 0 && (name = strsep(&rest, "/")) != NULL)
		if (*name != '\0')
			r = enter(&at, name);
	saved = errno;
	close(at);
	errno = saved;
	return r;
}
