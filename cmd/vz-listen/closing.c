#include "cmd/vz-listen/closing.h"

#include <stdlib.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/sandbox.h"
#include "cmd/vz-listen/recall.h"
#include "net/resolver.h"

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

/* What the process that looks relays up is not to know. */
static void
enter_resolver(void *arg)
{
	struct self *me = arg;

	self_free(me);
	sandbox_of_names();
}

/* Registrations and claims are made again and again. */
static int
keep_relays(struct server *srv, struct vz_sandbox *s)
{
	int r = 0;

	for (int i = 0; i < srv->options->serve.n_addresses && r == 0; i++) {
		const struct vz_listen_address *a = &srv->sockets.addresses[i];

		if (!a->relay)
			continue;
		s->filter = VZ_SANDBOX_LISTEN_AT;
		if (a->at.kind != VZ_ADDRESS_TCP)
			continue;
		sandbox_port(s, a->at.port);
		if (!a->at.numeric)
			r = vz_resolver_split(enter_resolver, &srv->me);
	}
	if (r == 0)
		return 0;
	diag_error("cannot fork: %s", diag_words(r));
	return VZ_EXIT_OSERR;
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
	if (status == 0)
		status = collect_open(srv);
	if (status != 0)
		return status;
	if (o->common.sandbox != SANDBOX_OFF) {
		rights_keep(&srv->rights, &s);
		keep_output(o, &s);
		sockets_keep(&srv->sockets, &o->serve, &s);
		status = keep_relays(srv, &s);
	}
	if (status != 0) {
		vz_sandbox_free(&s);
		return status;
	}
	return sandbox_close(&o->common, &s, &srv->layers);
}
