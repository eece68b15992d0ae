#include "cmd/vz-listen/watch.h"

#include <string.h>

#include "base/fsutil.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/commands.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/rights.h"
#include "cmd/vz-listen/taker.h"

#define EACH_MS       1000
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
look_at_all(const struct server *srv, struct watched_file out[static WATCHED_FILES])
{
	char path[RIGHTS_PATH_MAX];

	memset(out, 0, WATCHED_FILES * sizeof(*out));
	if (rights_authorized_path(srv, path))
		out[0] = look(path);
	if (rights_revoked_path(srv, path))
		out[1] = look(path);
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
watch_note(struct server *srv)
{
	look_at_all(srv, srv->watched.read);
	memcpy(srv->watched.last, srv->watched.read, sizeof(srv->watched.last));
	srv->watched.unsettled = 0;
}

/*
 * True when they changed and are as they were a look ago, or go on changing: half of a file that is
 * being written would take the rights of the other half away.
 */
static bool
have_changed(struct watched *w, const struct watched_file now[static WATCHED_FILES])
{
	bool settled = all_same(now, w->last);

	memcpy(w->last, now, sizeof(w->last));
	if (all_same(now, w->read)) {
		w->unsettled = 0;
		return false;
	}
	return settled || ++w->unsettled == UNSETTLED_MAX;
}

static void
on_second(struct vz_loop *l, struct vz_timer *t)
{
	struct watched_file now[WATCHED_FILES];
	struct server *srv = t->arg;

	if (srv->stopping)
		return;
	(void)vz_timer_set(l, t, EACH_MS);
	look_at_all(srv, now);
	if (have_changed(&srv->watched, now))
		rights_reload(srv);
	else
		rights_expire(srv);
	audit_log_tick(srv);
	commands_check(srv);
	recall_tick(srv);
	if (srv->taker->second)
		srv->taker->second(srv);
}

int
watch_start(struct server *srv)
{
	srv->second = (struct vz_timer){.fn = on_second, .arg = srv};
	return vz_timer_set(srv->loop, &srv->second, EACH_MS);
}

void
watch_stop(struct server *srv)
{
	vz_timer_stop(srv->loop, &srv->second);
}
