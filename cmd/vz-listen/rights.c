#include "cmd/vz-listen/rights.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/visit.h"
#include "cmd/vz-listen/watch.h"
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
rights_authorized_path(const struct server *srv, char path[static RIGHTS_PATH_MAX])
{
	const struct listen_options *o = srv->options;

	if (o->authorized)
		return strlcpy(path, o->authorized, RIGHTS_PATH_MAX) < RIGHTS_PATH_MAX;
	if (o->allowed > 0 || o->allow_any)
		return false;
	return vz_paths_beside(srv->me.identity_path, "authorized", path, RIGHTS_PATH_MAX) == 0;
}

bool
rights_revoked_path(const struct server *srv, char path[static RIGHTS_PATH_MAX])
{
	return vz_paths_beside(srv->me.identity_path, "revoked", path, RIGHTS_PATH_MAX) == 0;
}

/* Adds what the options grant. An absent default file grants nothing. */
static int
grant(const struct server *srv, struct vz_acl *acl)
{
	const struct listen_options *o = srv->options;
	char path[RIGHTS_PATH_MAX];
	int r = 0;

	if (o->how != HOW_COMMAND)
		vz_acl_no_commands(acl);
	for (size_t i = 0; i < o->allowed && r == 0; i++)
		r = vz_acl_allow(acl, &o->allow[i]);
	if (r == 0 && rights_authorized_path(srv, path)) {
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
load_revoked(const struct server *srv, struct vz_acl *acl)
{
	char path[RIGHTS_PATH_MAX];
	unsigned line = 0;
	int r = VZ_ELIMIT;

	if (rights_revoked_path(srv, path))
		r = vz_acl_load_revoked(acl, path, &line);
	if (r == VZ_EFORMAT && line > 0)
		diag_error("%s: line %u: not a key", shown(path), line);
	else if (r < 0)
		diag_error("%s: %s", shown(path), diag_words(r));
	return r;
}

void
rights_load(struct server *srv)
{
	char path[RIGHTS_PATH_MAX];

	/* It was read before a passphrase may have been waited for. */
	watch_note(srv);
	if (load_revoked(srv, srv->me.acl) < 0 || grant(srv, srv->me.acl) < 0)
		exit(VZ_EXIT_CONFIG);
	if (!vz_acl_grants_anybody(srv->me.acl)) {
		diag_error("nobody is authorised, so nobody could send");
		if (rights_authorized_path(srv, path))
			diag_hint("use --allow KEY, or put the sender's key on a line of %s",
			    shown(path));
		exit(VZ_EXIT_CONFIG);
	}
	if (srv->options->allow_any)
		diag_verbose(0, "warning: --allow-any: everybody who can connect may send");
}

/* Those whose right is gone. */
static void
end_sessions(struct server *srv)
{
	struct visit *v, *next;
	const char *words;

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	{
		if (!v->admitted || v->leaving)
			continue;
		words = limits_renew(v);
		if (!words)
			continue;
		audit_log_session(v, "refused", VZ_EXIT_REFUSED, words);
		visit_dismiss(v, VZ_EXIT_REFUSED, words);
	}
}

void
rights_expire(struct server *srv)
{
	struct visit *v, *next;

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	if (v->admitted && !v->leaving && vz_grant_expired(&v->grant, (int64_t)time(NULL))) {
		static const char words[] = "this key's right has expired";

		audit_log_session(v, "refused", VZ_EXIT_REFUSED, words);
		visit_dismiss(v, VZ_EXIT_REFUSED, words);
	}
}

static void
say(struct server *srv, int level, const char *words)
{
	struct vz_json *j;

	audit_log_reloaded(srv, words);
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
keep_old_rights(struct server *srv)
{
	if (!srv->locked && load_revoked(srv, srv->me.acl) < 0)
		srv->locked = true;
}

/*
 * Each of the two lists stands or falls by itself. A revoked list that cannot be read lets nobody
 * new in; who is in came past the one before.
 */
void
rights_reload(struct server *srv)
{
	struct vz_acl *fresh = vz_acl_new();
	int granted;

	watch_note(srv);
	srv->locked = !fresh || load_revoked(srv, fresh) < 0;
	granted = fresh ? grant(srv, fresh) : VZ_ENOMEM;
	if (granted < 0) {
		vz_acl_free(fresh);
		keep_old_rights(srv);
	} else {
		vz_acl_free(srv->me.acl);
		srv->me.acl = fresh; /* moved */
	}
	if (srv->locked)
		say(srv, -1, "nobody new gets in until the list of revoked keys is mended");
	if (granted < 0)
		say(srv, -1, "going on with the rights as they were");
	if (!srv->locked && granted == 0)
		say(srv, 1, "rights read again");
	end_sessions(srv);
	quota_prune(srv);
}
