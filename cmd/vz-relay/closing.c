#include "cmd/vz-relay/closing.h"

#include <stdlib.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-relay/mail.h"

#define CHANGES (VZ_SANDBOX_WRITE | VZ_SANDBOX_TAKE)

static void
keep_files(const struct relay_options *o, struct vz_sandbox *s)
{
	if (o->serve.audit)
		sandbox_folder_of(s, o->serve.audit, VZ_SANDBOX_READ | VZ_SANDBOX_WRITE);
	if (o->spool)
		sandbox_path(s, o->spool, VZ_SANDBOX_READ | VZ_SANDBOX_LIST | CHANGES);
	if (o->metrics)
		sandbox_folder_of(s, o->metrics, VZ_SANDBOX_READ | CHANGES);
}

int
closing(struct relay *rl)
{
	const struct relay_options *o = rl->options;
	const char *notify = getenv("NOTIFY_SOCKET");
	struct vz_sandbox s = {.filter = VZ_SANDBOX_RELAY, .abstract = notify && notify[0] == '@'};
	int status;

	if (user_drop(&rl->user) != 0) {
		diag_error("--user: %s", diag_words(VZ_ESYSTEM));
		return VZ_EXIT_OSERR;
	}
	if (rl->user.name) {
		self_look_again(&rl->me);
		rights_look_again(&rl->rights);
	}
	status = mail_open(rl);
	if (status != 0)
		return status;
	if (o->common.sandbox != SANDBOX_OFF) {
		rights_keep(&rl->rights, &s);
		keep_files(o, &s);
		sockets_keep(&rl->sockets, &o->serve, &s);
	}
	status = sandbox_close(&o->common, &s, &rl->layers);
	return status != 0 ? status : mail_start(rl);
}
