#include "keep/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"

#define FILE_MODE 0600

int
vz_hold_open(struct vz_hold *h, const char *dir)
{
	char path[PATH_MAX];

	*h = VZ_HOLD_NONE;
	if ((size_t)snprintf(path, sizeof(path), "%s/mail.lock", dir) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return VZ_ESYSTEM;
	}
	h->fd = vz_fs_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	return h->fd < 0 ? VZ_ESYSTEM : 0;
}

void
vz_hold_close(struct vz_hold *h)
{
	int e = errno;

	if (h->fd >= 0)
		close(h->fd);
	*h = VZ_HOLD_NONE;
	errno = e;
}

/* Of the descriptor, not of the process: SQLite has locks of those. */
static int
lock(const struct vz_hold *h, short type)
{
	struct flock l = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)h->at, .l_len = 1};

	return fcntl(h->fd, F_OFD_SETLK, &l);
}

static uint64_t
place_of(const struct vz_key *self)
{
	uint64_t at = 0;

	for (int i = 0; i < 7; i++)
		at = at << 8 | self->b[i];
	return at;
}

int
vz_hold_take(struct vz_hold *h, const struct vz_key *self)
{
	uint64_t at = place_of(self);

	if (h->times > 0 && h->at != at)
		return VZ_EEXISTS;
	h->at = at;
	if (h->times == 0 && lock(h, F_WRLCK) < 0)
		return errno == EAGAIN || errno == EACCES ? VZ_EEXISTS : VZ_ESYSTEM;
	h->times++;
	return 0;
}

void
vz_hold_give_back(struct vz_hold *h)
{
	if (--h->times == 0)
		(void)lock(h, F_UNLCK);
}
