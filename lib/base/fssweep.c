#include "base/fsutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_temp_name(const char *name)
{
	return strncmp(name, VZ_FS_TEMP_PREFIX, sizeof(VZ_FS_TEMP_PREFIX) - 1) == 0 &&
	    strspn(name + sizeof(VZ_FS_TEMP_PREFIX) - 1, "0123456789abcdef") ==
	    2 * VZ_FS_TEMP_RANDOM &&
	    strlen(name) == sizeof(VZ_FS_TEMP_PREFIX) - 1 + 2 * VZ_FS_TEMP_RANDOM;
}

void
vz_fs_temp_remove_left(int at, const char *path, time_t before)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	int fd;

	if (!is_temp_name(slash ? slash + 1 : path))
		return;
	fd = vz_fs_openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_mtime < before && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(at, path, 0);
	close(fd);
}

void
vz_fs_temp_sweep(const char *dir, time_t before)
{
	const struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d)) != NULL)
		vz_fs_temp_remove_left(dirfd(d), e->d_name, before);
	closedir(d);
}
