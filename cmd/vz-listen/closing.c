#include "cmd/vz-listen/closing.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/sandbox.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/rights.h"
#include "cmd/vz-listen/watch.h"

#define CHANGES (VZ_SANDBOX_WRITE | VZ_SANDBOX_TAKE)

/* Replaced by renaming, they are other files: it is their folders that are kept. */
static void
keep_rights(const struct server *srv, struct vz_sandbox *s)
{
	char path[RIGHTS_PATH_MAX];

	sandbox_folder_of(s, srv->me.identity_path, VZ_SANDBOX_READ);
	if (rights_authorized_path(srv, path))
		sandbox_folder_of(s, path, VZ_SANDBOX_READ);
	if (rights_revoked_path(srv, path))
		sandbox_folder_of(s, path, VZ_SANDBOX_READ);
}

static void
keep_output(const struct listen_options *o, struct vz_sandbox *s)
{
	if (o->file)
		sandbox_folder_of(s, o->file, VZ_SANDBOX_READ | CHANGES);
	if (o->dir)
		sandbox_path(s, o->dir, VZ_SANDBOX_READ | CHANGES);
	if (o->audit)
		sandbox_folder_of(s, o->audit, VZ_SANDBOX_READ | VZ_SANDBOX_WRITE);
}

/* A folder that is not there cannot be kept; whoever needs it says why it cannot be made. */
static void
keep_state(const struct server *srv, struct vz_sandbox *s)
{
	(void)vz_fs_mkdirs(srv->me.state_dir);
	sandbox_path(s, srv->me.state_dir, VZ_SANDBOX_READ | CHANGES);
}

/* They go away with us. */
static void
keep_sockets(const struct server *srv, struct vz_sandbox *s)
{
	for (int i = 0; i < srv->options->n_addresses; i++)
		if (srv->addresses[i].at.kind == VZ_ADDRESS_UNIX)
			sandbox_folder_of(
			    s, srv->addresses[i].at.path, VZ_SANDBOX_LIST | VZ_SANDBOX_TAKE);
}

int
closing(struct server *srv)
{
	const struct listen_options *o = srv->options;
	const char *notify = getenv("NOTIFY_SOCKET");
	struct vz_sandbox s = {.filter = VZ_SANDBOX_LISTEN, .abstract = notify && notify[0] == '@'};
	int status;

	if (user_drop(&srv->user) != 0) {
		diag_error("--user: %s", diag_words(VZ_ESYSTEM));
		return VZ_EXIT_OSERR;
	}
	if (srv->user.name) {
		self_look_again(&srv->me);
		watch_note(srv);
	}
	status = recall_open(srv);
	if (status != 0)
		return status;
	if (o->common.sandbox != SANDBOX_OFF) {
		keep_rights(srv, &s);
		keep_output(o, &s);
		keep_state(srv, &s);
		keep_sockets(srv, &s);
	}
	return sandbox_close(&o->common, &s, &srv->layers);
}
