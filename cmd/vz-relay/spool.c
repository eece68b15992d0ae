#include "cmd/vz-relay/spool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "relay/store_sqlite.h"

#define STATS_WAIT_MS 30000

static const char *
escaped(char buf[static 512], const char *words)
{
	return diag_escape(buf, 512, words, strlen(words));
}

static int
beyond_repair(void)
{
	diag_hint("--fsck cannot repair that: keep a copy, then try .recover of sqlite3, or begin "
		  "a new one");
	return VZ_EXIT_DATA;
}

int
spool_open(const struct relay_options *o, struct vz_store **out)
{
	char words[VZ_STORE_WORDS], dir[512], shown[512];
	int r = vz_store_sqlite_open(o->spool, &o->store, words, out);

	if (r == 0)
		return 0;
	diag_error("--spool %s: %s", escaped(dir, o->spool), escaped(shown, words));
	if (r == VZ_EMODE)
		diag_hint("chmod 700 the folder, 600 what is in it, and own both");
	if (r == VZ_EFORMAT && o->fsck)
		return beyond_repair();
	if (r == VZ_EFORMAT)
		diag_hint("vz-relay --spool DIR --fsck says more; keep a copy before it repairs");
	return r == VZ_EEXISTS ? VZ_EXIT_TEMPFAIL
	    : r == VZ_ESYSTEM  ? VZ_EXIT_CANTCREAT
			       : vz_exit_of(r);
}

static void
say(void *arg, const char *words)
{
	char shown[512];

	(void)arg;
	printf("%s\n", escaped(shown, words));
}

/* The same of one that has to be there already. */
static int
open_old(const struct relay_options *o, struct vz_store **out)
{
	char path[PATH_MAX], shown[512];

	snprintf(path, sizeof(path), "%s/%s", o->spool, VZ_STORE_SQLITE_FILE);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return spool_open(o, out);
	diag_error("--spool %s: no spool is there", escaped(shown, o->spool));
	return VZ_EXIT_NOINPUT;
}

int
spool_fsck(const struct relay_options *o)
{
	struct vz_store_check check = {0};
	struct vz_store *store;
	int r = open_old(o, &store);

	if (r != 0)
		return r;
	r = vz_store_fsck(store, true, say, NULL, &check);
	vz_store_close(store);
	if (r < 0 && r != VZ_EFORMAT) {
		diag_error("--fsck: %s", diag_words(r));
		return vz_exit_of(r);
	}
	printf("%llu messages, %llu things wrong, %llu repaired\n",
	    (unsigned long long)check.messages, (unsigned long long)check.found,
	    (unsigned long long)check.repaired);
	if (r == 0 && check.repaired == check.found)
		return 0;
	diag_error("--fsck: the spool is damaged");
	return beyond_repair();
}

struct wanted {
	bool there;
	int err;
	struct vz_store_stats stats;
};

static void
on_stats(void *arg, const struct vz_store_answer *a)
{
	struct wanted *w = arg;

	w->there = true;
	w->err = a->err;
	if (a->err == 0)
		w->stats = *a->stats;
}

static int
print(const struct vz_store_stats *s)
{
	struct vz_buf line;
	struct vz_json j;
	int r;

	vz_buf_init(&line, 4096);
	vz_json_begin(&j, &line);
	vz_json_u64(&j, "messages", s->messages);
	vz_json_u64(&j, "bytes", s->bytes);
	vz_json_u64(&j, "oldest", s->oldest);
	vz_json_u64(&j, "removed", s->removed);
	vz_json_u64(&j, "mailboxes", s->mailboxes);
	vz_json_u64(&j, "depositors", s->depositors);
	vz_json_u64(&j, "unfinished", s->uploads);
	vz_json_u64(&j, "bundles", s->bundles);
	vz_json_u64(&j, "file_bytes", s->file_bytes);
	vz_json_u64(&j, "free_bytes", s->free_bytes);
	r = vz_json_end(&j);
	if (r == 0)
		printf("%.*s", (int)line.len, (const char *)vz_buf_ptr(&line));
	vz_buf_free(&line);
	return r;
}

int
spool_stats(const struct relay_options *o)
{
	struct wanted w = {0};
	struct vz_store *store;
	int r = open_old(o, &store);

	if (r != 0)
		return r;
	r = vz_store_start(store);
	if (r == 0)
		r = vz_store_get_stats(store, on_stats, &w, NULL);
	if (r == 0)
		r = vz_store_wait(store, STATS_WAIT_MS);
	if (r == 0)
		r = w.there ? w.err : VZ_ETIMEOUT;
	if (r == 0)
		r = print(&w.stats);
	vz_store_close(store);
	if (r < 0)
		diag_error("--stats: %s", diag_words(r));
	return vz_exit_of(r);
}
