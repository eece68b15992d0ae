#include "cmd/vz-listen/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/visit.h"
#include "keep/paths.h"

#define BESIDE_MAX (4096 + 16)

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
	char copy[BESIDE_MAX];

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

/* The file to read, or NULL when the options name keys instead. */
static const char *
file_of(const struct server *srv, char beside[static BESIDE_MAX])
{
	const struct listen_options *o = srv->options;

	if (o->authorized)
		return o->authorized;
	if (o->allowed > 0 || o->allow_any)
		return NULL;
	if (vz_paths_beside(srv->me.identity_path, "authorized", beside, BESIDE_MAX) < 0)
		return NULL;
	return beside;
}

/* Adds what the options grant. An absent default file grants nothing. */
static int
grant(const struct server *srv, struct vz_acl *acl)
{
	const struct listen_options *o = srv->options;
	char beside[BESIDE_MAX];
	const char *path = file_of(srv, beside);
	int r = 0;

	for (size_t i = 0; i < o->allowed && r == 0; i++)
		r = vz_acl_allow(acl, &o->allow[i]);
	if (r == 0 && path) {
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

void
rights_load(struct server *srv)
{
	char beside[BESIDE_MAX];
	const char *path = file_of(srv, beside);

	if (grant(srv, srv->me.acl) < 0)
		exit(VZ_EXIT_CONFIG);
	if (!vz_acl_grants_anybody(srv->me.acl)) {
		diag_error("nobody is authorised, so nobody could send");
		if (path)
			diag_hint("use --allow KEY, or put the sender's key on a line of %s",
			    shown(path));
		exit(VZ_EXIT_CONFIG);
	}
	if (srv->options->allow_any)
		diag_verbose(0, "warning: --allow-any: everybody who can connect may send");
}

static int
load_revoked(const struct server *srv, struct vz_acl *acl)
{
	char path[BESIDE_MAX];
	unsigned line = 0;
	int r = vz_paths_beside(srv->me.identity_path, "revoked", path, sizeof(path));

	if (r == 0)
		r = vz_acl_load_revoked(acl, path, &line);
	if (r == VZ_EFORMAT && line > 0)
		diag_error("%s: line %u: not a key", shown(path), line);
	else if (r < 0)
		diag_error("%s: %s", shown(path), diag_words(r));
	return r;
}

static void
end_revoked_sessions(struct server *srv)
{
	struct vz_grant now;
	struct visit *v, *next;

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	if (v->admitted && vz_acl_check(srv->me.acl, &v->key, &now) < 0)
		visit_dismiss(v, VZ_EXIT_REFUSED, "this key is no longer authorised here");
}

void
rights_reload(struct server *srv)
{
	struct vz_acl *fresh = vz_acl_new();
	int r = fresh ? load_revoked(srv, fresh) : VZ_ENOMEM;

	srv->locked = r < 0;
	if (r < 0) {
		diag_error("nobody new gets in until the list of revoked keys is mended");
		vz_acl_free(fresh);
		return;
	}
	if (grant(srv, fresh) < 0) {
		diag_verbose(0, "going on with the rights as they were");
		vz_acl_free(fresh);
		return;
	}
	vz_acl_free(srv->me.acl);
	srv->me.acl = fresh;
	diag_verbose(1, "rights read again");
	end_revoked_sessions(srv);
}
