/*
 * vz-send: sends standard input, files or a command's output as messages (vz-send(1)).
 */
#include <signal.h>
#include <stdlib.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/check.h"
#include "cmd/vz-send/options.h"
#include "cmd/vz-send/send.h"

int
main(int argc, char **argv)
{
	struct send_options options;

	env_open_std();
	diag_init("vz-send", 0, false);
	signal(SIGPIPE, SIG_IGN);
	send_options_parse(&options, argc, argv);
	if (vz_secret_init() != 0) {
		diag_error("no randomness to be had: %s", diag_words(VZ_ESYSTEM));
		return VZ_EXIT_OSERR;
	}
	return options.check ? check_run(&options) : send_run(&options);
}
