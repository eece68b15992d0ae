/*
 * The command line of vz-send: what is taken is in its range and does not contradict itself, and
 * what is refused is refused in words that can be shown.
 *
 * Aims at: cmd/vz-send/options.c cmd/common/options.c lib/base/units.c
 */
#include <sys/socket.h>
#include "cmd/vz-send/options.h"
#include "tests/fuzz/argv.h"
#include "wire/session.h"

static struct send_options o;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_argv_quiet();
	return 0;
}

static void
parse(int argc, char **argv)
{
	send_options_parse(&o, argc, argv);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ways;

	if (!fuzz_argv(data, size, parse))
		return 0;
	PROMISE(o.common.wait_ms <= 24ull * 3600 * 1000 && o.common.psk_files <= 1);
	PROMISE(o.common.passphrase_fd >= -1 && o.common.level >= -1 && o.common.level <= 2);
	PROMISE(o.common.family == AF_UNSPEC || o.common.family == AF_INET ||
	    o.common.family == AF_INET6);
	PROMISE(o.dest != NULL && o.in_flight >= 1 && o.in_flight <= VZ_UNFINISHED_MAX);
	/* One source of bytes, or none. */
	ways = (o.command != NULL) + o.empty + o.check + o.batch + (o.n_files > 0);
	PROMISE(ways <= 1 && (o.command == NULL || o.command[0] != NULL));
	PROMISE(o.name == NULL || (vz_name_ok(o.name, strlen(o.name)) && !o.batch));
	PROMISE(o.name == NULL || o.n_files <= 1);
	PROMISE(!o.reply || (!o.check && o.n_files <= 1 && strchr(o.dest, ',') == NULL));
	PROMISE(o.store <= STORE_ONLY && o.expires_s >= 1 && o.expires_s <= 30 * 86400);
	PROMISE(o.store == STORE_NEVER || (!o.reply && !o.check));
	PROMISE(!o.unordered || (o.reply && o.batch));
	for (size_t i = 0; i < o.n_files; i++)
		PROMISE(o.files[i] != NULL);
	return 0;
}
