/*
 * vz-relay: introduces hosts that cannot reach each other.
 */
#include <signal.h>

#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-relay/options.h"
#include "cmd/vz-relay/relay.h"
#include "cmd/vz-relay/spool.h"

int
main(int argc, char **argv)
{
	static struct relay_options options;
	static struct relay relay;
	int status, signo;

	env_open_std();
	diag_init("vz-relay", 0, false);
	signal(SIGPIPE, SIG_IGN);
	progress_deaf();
	if (vz_secret_init() < 0) {
		diag_error("no source of randomness");
		return VZ_EXIT_OSERR;
	}
	options_parse(argc, argv, &options);
	if (options.fsck || options.stats)
		return diag_close_stdout(
		    options.fsck ? spool_fsck(&options) : spool_stats(&options));
	relay_open(&relay, &options);
	status = relay_run(&relay);
	signo = relay.signo;
	relay_close(&relay);
	if (status == 0)
		status = relay.status;
	options_free(&options);
	if (signo != 0) {
		/* All is told and tidied: now the signal does what it does. */
		signal(signo, SIG_DFL);
		raise(signo);
		/* But to the first process of a container, for which it does nothing. */
		status = 128 + signo;
	}
	return env_stdout_closed() ? status : diag_close_stdout(status);
}
