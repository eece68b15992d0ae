/*
 * The command line of vz-relay: what is taken is in its range and does not contradict itself, and
 * what is refused is refused in words that can be shown.
 *
 * Aims at: cmd/vz-relay/options.c cmd/serve/options.c cmd/common/options.c lib/base/units.c
 */
#include <fcntl.h>
#include "cmd/vz-relay/options.h"
#include "crypto/sign.h"
#include "tests/fuzz/argv.h"

static struct relay_options o;

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

static void
check_serve(const struct serve_options *s)
{
	PROMISE(s->max_conns >= 1 && s->max_conns <= MAX_CONNS_MOST && s->socket_mode <= 0777);
	PROMISE(s->ready_fd == -1 || (s->ready_fd > 2 && fcntl(s->ready_fd, F_GETFD) >= 0));
	PROMISE(s->allowed <= ALLOW_MAX && (s->allowed == 0) == (s->allow == NULL));
	for (size_t i = 0; i < s->allowed; i++)
		PROMISE(vz_sign_point_ok(s->allow[i].b));
	PROMISE(s->n_addresses >= 0);
	for (int i = 0; i < s->n_addresses; i++)
		PROMISE(s->addresses[i] != NULL);
}

static void
check(void)
{
	const struct vz_store_quota *q = &o.store.each;

	check_serve(&o.serve);
	PROMISE(o.common.wait_ms <= 24ull * 3600 * 1000 && o.common.psk_files <= 2);
	PROMISE(o.max_listeners >= 1 && o.idle_ms <= 366ull * 24 * 3600 * 1000);
	PROMISE(o.ttl_s <= 30ull * 24 * 3600 && o.store.disk_bytes <= INT64_MAX);
	PROMISE(q->mailbox_bytes <= INT64_MAX && q->depositor_bytes <= INT64_MAX);
	PROMISE((o.metrics == NULL || *o.metrics) && (o.spool == NULL || *o.spool));
	PROMISE(!(o.fsck && o.stats));
	PROMISE(!(o.fsck || o.stats) || (o.spool != NULL && o.serve.n_addresses == 0));
	PROMISE(o.spool != NULL || (o.ttl_s == 0 && q->mailbox_messages == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (fuzz_argv(data, size, parse))
		check();
	options_free(&o);
	return 0;
}
