#include "cmd/serve/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "keep/paths.h"

static const char *
shown(const char *path)
{
	static char buf[512];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

static void
odd_line(void *arg, unsigned line, const char *what)
{
	diag_verbose(0, "%s: line %u: %s", shown(arg), line, what);
}

static int
load_file(struct vz_acl *acl, const char *path)
{
	char copy[RIGHTS_PATH_MAX];

	strlcpy(copy, path, sizeof(copy));
	return vz_acl_load(acl, path, odd_line, copy);
}

static void
explain(const char *path, int err)
{
	switch (err) {
	case VZ_EMODE:
		diag_error("%s: refused: writable by others, it or its folder", shown(path));
		diag_hint("chmod go-w both, and look whether the file is as you left it");
		break;
	case VZ_ENOTFOUND: diag_error("%s: no such file", shown(path)); break;
	default: diag_error("%s: %s", shown(path), diag_words(err)); break;
	}
}

bool
rights_authorized_path(const struct rights *r, char path[static RIGHTS_PATH_MAX])
{
	const struct serve_options *o = r->options;

	if (o->authorized)
		return strlcpy(path, o->authorized, RIGHTS_PATH_MAX) < RIGHTS_PATH_MAX;
	if (o->allowed > 0 || o->allow_any)
		return false;
	return vz_paths_beside(r->me->lists_path, "authorized", path, RIGHTS_PATH_MAX) == 0;
}

bool
rights_revoked_path(const struct rights *r, char path[static RIGHTS_PATH_MAX])
{
	return vz_paths_beside(r->me->lists_path, "revoked", path, RIGHTS_PATH_MAX) == 0;
}

/* The paths of both, NULL for one that there is not. */
struct paths {
	char authorized[RIGHTS_PATH_MAX], revoked[RIGHTS_PATH_MAX];
	const char *all[WATCHED_FILES];
};

static void
find_paths(const struct rights *r, struct paths *p)
{
	p->all[0] = rights_authorized_path(r, p->authorized) ? p->authorized : NULL;
	p->all[1] = rights_revoked_path(r, p->revoked) ? p->revoked : NULL;
}

void
rights_look_again(struct rights *r)
{
	struct paths p;

	find_paths(r, &p);
	watch_note(&r->watched, p.all);
}

bool
rights_changed(struct rights *r)
{
	struct paths p;

	find_paths(r, &p);
	return watch_look(&r->watched, p.all);
}

/* Adds what the options grant. An absent default file grants nothing. */
static int
grant(const struct rights *rights, struct vz_acl *acl)
{
	const struct serve_options *o = rights->options;
	char path[RIGHTS_PATH_MAX];
	int r = 0;

	if (rights->relay)
		vz_acl_at_relay(acl);
	if (!rights->commands)
		vz_acl_no_commands(acl);
	for (size_t i = 0; i < o->allowed && r == 0; i++)
		r = vz_acl_allow(acl, &o->allow[i]);
	for (unsigned i = 0; i < rights->n_more && r == 0; i++)
		r = vz_acl_allow(acl, &rights->more[i]);
	if (r == 0 && rights_authorized_path(rights, path)) {
		r = load_file(acl, path);
		if (r == VZ_ENOTFOUND && !o->authorized)
			r = 0;
		if (r < 0)
			explain(path, r);
	}
	if (o->allow_any)
		vz_acl_allow_any(acl);
	return r;
}

static int
load_revoked(const struct rights *rights, struct vz_acl *acl)
{
	char path[RIGHTS_PATH_MAX], typo[VZ_TYPO_WORDS];
	unsigned line = 0;
	int r = VZ_ELIMIT;

	if (rights_revoked_path(rights, path))
		r = vz_acl_load_revoked(acl, path, &line);
	if (r == VZ_EFORMAT && line > 0)
		diag_error("%s: line %u: not a key%s%s", shown(path), line,
		    *vz_acl_typo(path, line, typo) ? ": " : "", typo);
	else if (r < 0)
		diag_error("%s: %s", shown(path), diag_words(r));
	return r;
}

void
rights_load(struct rights *r)
{
	char path[RIGHTS_PATH_MAX];

	/* It was read before a passphrase may have been waited for. */
	rights_look_again(r);
	if (load_revoked(r, r->me->acl) < 0 || grant(r, r->me->acl) < 0)
		exit(VZ_EXIT_CONFIG);
	if (!r->asks && !vz_acl_grants_anybody(r->me->acl)) {
		diag_error(r->relay ? "nobody is authorised, so nobody could use this relay"
				    : "nobody is authorised, so nobody could send");
		if (rights_authorized_path(r, path))
			diag_hint(r->relay
				? "put register,connect,deposit and a key on a line of %s"
				: "use --allow KEY, or put the sender's key on a line of %s",
			    shown(path));
		exit(VZ_EXIT_CONFIG);
	}
	if (r->options->allow_any)
		diag_verbose(0, "warning: --allow-any: everybody who can connect may %s",
		    r->relay ? "use this relay" : "send");
}

static void
say(struct rights *r, int level, const char *words)
{
	struct vz_json *j;

	record_reloaded(r->record, words);
	if (!diag_is_json()) {
		diag_verbose(level, "%s", words);
		return;
	}
	j = diag_event("reloaded");
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

/* The old rights, less what was revoked since. */
static void
keep_old_rights(struct rights *r)
{
	if (!r->locked && load_revoked(r, r->me->acl) < 0)
		r->locked = true;
}

/*
 * Each of the two lists stands or falls by itself. A revoked list that cannot be read lets nobody
 * new in; who is in came past the one before.
 */
void
rights_reload(struct rights *r)
{
	struct vz_acl *fresh = vz_acl_new();
	int granted;

	rights_look_again(r);
	r->locked = !fresh || load_revoked(r, fresh) < 0;
	granted = fresh ? grant(r, fresh) : VZ_ENOMEM;
	if (granted < 0) {
		vz_acl_free(fresh);
		keep_old_rights(r);
	} else {
		vz_acl_free(r->me->acl);
		r->me->acl = fresh; /* moved */
	}
	if (r->locked)
		say(r, -1, "nobody new gets in until the list of revoked keys is mended");
	if (granted < 0)
		say(r, -1, "going on with the rights as they were");
	if (!r->locked && granted == 0)
		say(r, 1, "rights read again");
}

/* Replaced by renaming, files are other files: it is their folders that are kept. */
void
rights_keep(const struct rights *r, struct vz_sandbox *s)
{
	struct paths p;

	sandbox_folder_of(s, r->me->identity_path, VZ_SANDBOX_READ);
	find_paths(r, &p);
	for (size_t i = 0; i < WATCHED_FILES; i++)
		if (p.all[i])
			sandbox_folder_of(s, p.all[i], VZ_SANDBOX_READ);
	if (r->asks && p.all[0])
		sandbox_folder_of(
		    s, p.all[0], VZ_SANDBOX_READ | VZ_SANDBOX_WRITE | VZ_SANDBOX_LIST);
	/* A folder that is not there cannot be kept; whoever needs it says why it cannot be made.
	 */
	(void)vz_fs_mkdirs(r->me->state_dir);
	sandbox_path(s, r->me->state_dir, VZ_SANDBOX_READ | VZ_SANDBOX_WRITE | VZ_SANDBOX_TAKE);
}
