/*
 * vz-listen: receives messages.
 */
#include <signal.h>

#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/options.h"
#include "cmd/vz-listen/server.h"

int
main(int argc, char **argv)
{
	static struct listen_options options;
	static struct server server;
	int status, signo;

	env_open_std();
	diag_init("vz-listen", 0, false);
	/* Whoever reads our output may go away: writing says so. */
	signal(SIGPIPE, SIG_IGN);
	progress_deaf();
	if (vz_secret_init() < 0) {
		diag_error("no source of randomness");
		return VZ_EXIT_OSERR;
	}
	options_parse(argc, argv, &options);
	server_open(&server, &options);
	status = server_run(&server);
	signo = server.signo;
	server_close(&server);
	if (status == 0)
		status = server.status;
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
