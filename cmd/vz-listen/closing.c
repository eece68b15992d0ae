#include "cmd/vz-listen/closing.h"

#include <stdlib.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/sandbox.h"
#include "cmd/vz-listen/recall.h"

#define CHANGES (VZ_SANDBOX_WRITE | VZ_SANDBOX_TAKE)

static void
keep_output(const struct listen_options *o, struct vz_sandbox *s)
{
	if (o->file)
		sandbox_folder_of(s, o->file, VZ_SANDBOX_READ | CHANGES);
	if (o->dir)
		sandbox_path(s, o->dir, VZ_SANDBOX_READ | CHANGES);
	if (o->serve.audit)
		sandbox_folder_of(s, o->serve.audit, VZ_SANDBOX_READ | VZ_SANDBOX_WRITE);
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
		rights_look_again(&srv->rights);
	}
	status = recall_open(srv);
	if (status != 0)
		return status;
	if (o->common.sandbox != SANDBOX_OFF) {
		rights_keep(&srv->rights, &s);
		keep_output(o, &s);
		sockets_keep(&srv->sockets, &o->serve, &s);
	}
	return sandbox_close(&o->common, &s, &srv->layers);
}
