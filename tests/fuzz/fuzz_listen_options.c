/*
 * The command line of vz-listen: what is taken is in its range and does not contradict itself, and
 * what is refused is refused in words that can be shown.
 *
 * Aims at: cmd/vz-listen/options.c cmd/serve/options.c cmd/common/options.c lib/base/units.c
 */
#include <fcntl.h>
#include "cmd/vz-listen/options.h"
#include "crypto/sign.h"
#include "tests/fuzz/argv.h"

static struct listen_options o;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_argv_quiet();
	return vz_secret_init();
}

static void
parse(int argc, char **argv)
{
	options_parse(argc, argv, &o);
}

/* Whole messages are held in memory: there is a limit. */
static bool
is_held(void)
{
	return o.how == HOW_LINES || o.how == HOW_NULL || o.how == HOW_FRAMES ||
	    o.how == HOW_JSON || o.how == HOW_COPROC;
}

static void
check(void)
{
	PROMISE(o.common.wait_ms <= 24ull * 3600 * 1000 && o.common.psk_files <= 2);
	PROMISE(o.serve.max_conns >= 1 && o.serve.max_conns <= 65536);
	PROMISE(o.max_handlers >= 1 && o.max_handlers <= 4096 && o.serve.socket_mode <= 0777);
	PROMISE(o.handler_ms <= 366ull * 24 * 3600 * 1000 && o.max_size <= INT64_MAX);
	PROMISE(o.serve.ready_fd == -1 ||
	    (o.serve.ready_fd > 2 && fcntl(o.serve.ready_fd, F_GETFD) >= 0));
	PROMISE(o.serve.allowed <= ALLOW_MAX && (o.serve.allowed == 0) == (o.serve.allow == NULL));
	for (size_t i = 0; i < o.serve.allowed; i++)
		PROMISE(vz_sign_point_ok(o.serve.allow[i].b));
	PROMISE(!is_held() || (o.max_size >= 1 && o.max_size <= 1 << 30));
	PROMISE((o.how == HOW_FILE) == (o.file != NULL) && (o.how == HOW_DIR) == (o.dir != NULL));
	PROMISE((o.how == HOW_COMMAND || o.how == HOW_COPROC) == (o.command != NULL));
	PROMISE(o.command == NULL || (o.command[0] != NULL && o.command[0][0] != '\0'));
	PROMISE(!o.single || !o.keep);
	PROMISE(o.serve.n_addresses >= 0);
	for (int i = 0; i < o.serve.n_addresses; i++)
		PROMISE(o.serve.addresses[i] != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (fuzz_argv(data, size, parse))
		check();
	options_free(&o);
	return 0;
}
