#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"
#include "base/fsutil.h"

/* libsodium aborts the process when it finds no randomness; ask first, to fail with words. */
static bool
have_randomness(void)
{
	uint8_t b;
	ssize_t n;
	int fd;

	do {
		n = getrandom(&b, sizeof b, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return true;
	fd = vz_fs_openat(AT_FDCWD, "/dev/urandom", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

int
vz_secret_init(void)
{
	static bool ready;

	if (ready)
		return 0;
	if (!have_randomness() || sodium_init() < 0)
		return VZ_ESYSTEM;
	ready = true;
	return 0;
}

void *
vz_secret_new(size_t size)
{
	const size_t align = 16;
	void *p;

	/* sodium_malloc ends the block at a guard page: an odd size would misalign its start. */
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	p = sodium_malloc(size);
	if (p != NULL)
		memset(p, 0, size);
	return p;
}

void *
vz_secret_small(size_t size)
{
	return calloc(1, size);
}

void
vz_secret_free(void *p)
{
	sodium_free(p);
}

void
vz_secret_small_free(void *p, size_t size)
{
	freezero(p, size);
}

void
vz_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}
