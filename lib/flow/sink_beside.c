/*
 * What lies beside a message's file in a folder: its manifest and the signature of that. They get
 * their names as the file does, and just before it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "flow/sink_impl.h"

struct one {
	struct vz_fs_temp temp;
	bool there; /* it has its name */
	const uint8_t *p;
	size_t len;
	char path[PATH_MAX];
};

struct vz_beside {
	mode_t mode;
	struct one one[2];
	uint8_t bytes[];
};

#define EACH(b, o) for (struct one *o = (b)->one; o < (b)->one + 2; o++)

int
vz_beside_new(struct vz_beside **out, const char *path, mode_t mode, const uint8_t *p,
    size_t text_len, size_t len)
{
	static const char *const behind[] = {".manifest", ".manifest.sig"};
	struct vz_beside *b = calloc(1, sizeof(*b) + len);

	*out = b;
	if (!b)
		return VZ_ENOMEM;
	b->mode = mode;
	memcpy(b->bytes, p, len);
	b->one[0].p = b->bytes;
	b->one[0].len = text_len;
	b->one[1].p = b->bytes + text_len;
	b->one[1].len = len - text_len;
	for (size_t i = 0; i < 2; i++) {
		b->one[i].temp = (struct vz_fs_temp)VZ_FS_TEMP_NONE;
		snprintf(b->one[i].path, sizeof(b->one[i].path), "%s%s", path, behind[i]);
	}
	return 0;
}

void
vz_beside_free(struct vz_beside *b, bool remove)
{
	if (!b)
		return;
	EACH(b, o)
	{
		vz_fs_temp_abort(&o->temp);
		if (remove && o->there)
			(void)unlink(o->path);
	}
	free(b);
}

int
vz_beside_write(struct vz_beside *b)
{
	int r = 0;

	if (!b)
		return 0;
	EACH(b, o)
	{
		if (r == 0)
			r = vz_fs_temp_open(&o->temp, o->path, b->mode);
		if (r == 0)
			r = vz_fs_write_all(o->temp.fd, o->p, o->len);
	}
	return r;
}

int
vz_beside_flush(struct vz_beside *b)
{
	int r = 0;

	if (!b)
		return 0;
	EACH(b, o)
	if (r == 0)
		r = vz_fs_temp_flush(&o->temp);
	return r;
}

/* No descriptors are kept after it. */
int
vz_beside_place(struct vz_beside *b)
{
	int r = 0;

	if (!b)
		return 0;
	EACH(b, o)
	{
		if (r == 0)
			r = vz_fs_temp_place(&o->temp, o->path, 1);
		/* As with the file: of a listener that was killed. */
		if (r == VZ_EEXISTS && vz_fs_temp_equals(&o->temp, o->path))
			r = 0;
		o->there = r == 0;
		vz_fs_temp_abort(&o->temp);
	}
	return r;
}
