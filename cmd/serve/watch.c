#include "cmd/serve/watch.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"

#define UNSETTLED_MAX 5

/* Of the folder only what makes a file in it trusted: others come and go there. */
static struct watched_file
look(const char *path)
{
	struct watched_file seen = {0};
	char dir[4096];
	const char *base;
	struct stat st;

	if (vz_fs_split(path, dir, sizeof(dir), &base) == 0 && stat(dir, &st) == 0) {
		seen.dir_mode = st.st_mode;
		seen.dir_uid = st.st_uid;
	}
	if (stat(path, &st) != 0)
		return seen;
	seen.dev = st.st_dev;
	seen.ino = st.st_ino;
	seen.size = st.st_size;
	seen.changed = st.st_ctim;
	return seen;
}

static bool
same(const struct watched_file *a, const struct watched_file *b)
{
	return a->dir_mode == b->dir_mode && a->dir_uid == b->dir_uid && a->dev == b->dev &&
	    a->ino == b->ino && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

static void
look_at_all(
    const char *const paths[static WATCHED_FILES], struct watched_file out[static WATCHED_FILES])
{
	memset(out, 0, WATCHED_FILES * sizeof(*out));
	for (size_t i = 0; i < WATCHED_FILES; i++)
		if (paths[i])
			out[i] = look(paths[i]);
}

static bool
all_same(const struct watched_file *a, const struct watched_file *b)
{
	for (size_t i = 0; i < WATCHED_FILES; i++)
		if (!same(&a[i], &b[i]))
			return false;
	return true;
}

void
watch_note(struct watched *w, const char *const paths[static WATCHED_FILES])
{
	look_at_all(paths, w->read);
	memcpy(w->last, w->read, sizeof(w->last));
	w->unsettled = 0;
}

bool
watch_look(struct watched *w, const char *const paths[static WATCHED_FILES])
{
	struct watched_file now[WATCHED_FILES];
	bool settled;

	look_at_all(paths, now);
	settled = all_same(now, w->last);
	memcpy(w->last, now, sizeof(w->last));
	if (all_same(now, w->read)) {
		w->unsettled = 0;
		return false;
	}
	return settled || ++w->unsettled == UNSETTLED_MAX;
}
