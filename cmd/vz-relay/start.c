/*
 * Everything between the command line and the first connection, and its undoing.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/serve/report.h"
#include "cmd/serve/shortage.h"
#include "cmd/vz-relay/client.h"
#include "cmd/vz-relay/closing.h"
#include "cmd/vz-relay/live.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/metrics.h"
#include "cmd/vz-relay/relay.h"
#include "cmd/vz-relay/use.h"
#include "crypto/aead.h"

/* Beside the connections: pools, pipes, listening sockets, the store, ourselves. */
#define DESCRIPTORS_MORE 768
/* Keys that are known at a time: those of lines with rates, and those that are connected. */
#define USES_MORE 65536

_Noreturn static void
give_up(struct relay *rl, int err)
{
	diag_error("%s", diag_words(err));
	sockets_close(&rl->sockets);
	exit(VZ_EXIT_OSERR);
}

static int
start_gate(struct relay *rl)
{
	rl->gate.loop = rl->loop;
	rl->gate.me = &rl->me;
	rl->gate.sockets = &rl->sockets;
	rl->gate.handler = &client_gate;
	rl->gate.arg = rl;
	return gate_open(&rl->gate);
}

static void
start_loop(struct relay *rl)
{
	uint8_t seed[VZ_KEYMAP_SEED];
	int r = vz_loop_new(&rl->loop);

	randombytes_buf(seed, sizeof(seed));
	vz_keymap_init(&rl->uses, rl->options->serve.max_conns + USES_MORE, seed);
	if (r == 0)
		r = vz_pipes_new(&rl->pipes, VZ_PIPES_MAX);
	if (r == 0)
		r = live_open(rl);
	if (r == 0)
		r = relay_prepare(rl);
	if (r == 0)
		r = start_gate(rl);
	if (r < 0)
		give_up(rl, r);
}

static void
start_rights(struct relay *rl)
{
	rl->rights.options = &rl->options->serve;
	rl->rights.me = &rl->me;
	rl->rights.record = &rl->record;
	rl->rights.relay = true;
	rights_load(&rl->rights);
}

static void
leave(struct relay *rl, int status)
{
	if (status == 0)
		return;
	relay_close(rl);
	exit(status);
}

void
relay_open(struct relay *rl, const struct relay_options *o)
{
	memset(rl, 0, sizeof(*rl));
	rl->options = o;
	TAILQ_INIT(&rl->clients);
	LIST_INIT(&rl->all_uses);
	sockets_parse(&rl->sockets, &o->serve);
	user_find(o->serve.user, &rl->user);
	shortage_raise_limit((uint64_t)o->serve.max_conns + DESCRIPTORS_MORE);
	sandbox_begin(&o->common, &rl->layers);
	self_load(&rl->me, &o->common);
	start_rights(rl);
	record_open(&rl->record, o->serve.audit, &rl->me);
	(void)vz_aead_accelerate(VZ_AEAD_CHACHAPOLY);
	if (vz_aead_has_aes())
		(void)vz_aead_accelerate(VZ_AEAD_AES256GCM);
	rl->gate.descriptors = shortage_reserve();
	sockets_open(&rl->sockets, &o->serve, o->common.family);
	start_loop(rl);
	leave(rl, closing(rl));
	for (size_t i = 0; i < rl->sockets.n_listeners; i++)
		report_listening(&rl->me, &rl->sockets.listeners[i]);
	metrics_write(rl);
	leave(rl, sockets_tell(&rl->sockets, &o->serve, &rl->me.identity->bundle.identity));
}

void
relay_close(struct relay *rl)
{
	int status;

	/* What ends now is nobody's wish to be told of. */
	rl->stopping = true;
	progress_stop(&rl->progress);
	while (!TAILQ_EMPTY(&rl->clients))
		client_drop(TAILQ_FIRST(&rl->clients));
	metrics_write(rl);
	mail_close(rl);
	status = record_close(&rl->record);
	if (rl->status == 0)
		rl->status = status;
	gate_close(&rl->gate);
	vz_timer_stop(rl->loop, &rl->second);
	live_close(rl);
	use_free(rl);
	vz_pipes_free(rl->pipes);
	vz_loop_free(rl->loop);
	self_free(&rl->me);
	gate_free(&rl->gate);
	free(rl->sockets.addresses);
}
