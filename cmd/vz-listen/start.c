/*
 * Everything between the command line and the first connection, and its undoing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/serve/shortage.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/claims.h"
#include "cmd/vz-listen/closing.h"
#include "cmd/vz-listen/commands.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/server.h"
#include "cmd/vz-listen/show.h"
#include "cmd/vz-listen/taker.h"
#include "cmd/vz-listen/visit.h"
#include "crypto/aead.h"
#include "flow/starter.h"

/* Beside the sessions: pools, files under way, listening sockets, ourselves. */
#define DESCRIPTORS_MORE 512

/* Telling. */

void
server_opened(struct server *srv)
{
	int status;

	if (srv->told || !posts_settled(srv))
		return;
	srv->told = true;
	status =
	    sockets_tell(&srv->sockets, &srv->options->serve, &srv->me.identity->bundle.identity);
	if (status != 0)
		server_stop(srv, status);
}

/* All together. */

static uint64_t
descriptors_wanted(const struct listen_options *o)
{
	uint64_t need = (uint64_t)o->serve.max_conns + DESCRIPTORS_MORE;

	/* A relay has its registration, its mail, and who is being claimed. */
	need += (uint64_t)o->serve.n_addresses * (CLAIMS_MAX + 2);
	if (o->command) /* three for each, while it starts */
		need += 3 * (uint64_t)o->max_handlers;
	return need;
}

static int
start_gate(struct server *srv)
{
	srv->gate.loop = srv->loop;
	srv->gate.me = &srv->me;
	srv->gate.sockets = &srv->sockets;
	srv->gate.handler = &visit_gate;
	srv->gate.arg = srv;
	return gate_open(&srv->gate);
}

static void
start_loop(struct server *srv)
{
	int r = vz_loop_new(&srv->loop);

	if (r == 0)
		r = server_prepare(srv);
	if (r == 0)
		r = start_gate(srv);
	if (r == 0)
		r = posts_open(srv);
	if (r == 0)
		r = collect_start(srv);
	if (r == 0)
		r = show_start(srv);
	if (r < 0) {
		diag_error("%s", diag_words(r));
		sockets_close(&srv->sockets);
		exit(VZ_EXIT_OSERR);
	}
}

static void
close_sandbox(struct server *srv)
{
	int status = closing(srv);

	if (status == 0)
		return;
	server_close(srv);
	exit(status);
}

static void
start_rights(struct server *srv)
{
	srv->rights.options = &srv->options->serve;
	srv->rights.me = &srv->me;
	srv->rights.record = &srv->record;
	srv->rights.commands = srv->options->how == HOW_COMMAND;
	srv->rights.asks = srv->options->ask;
	rights_load(&srv->rights);
}

void
server_open(struct server *srv, const struct listen_options *o)
{
	memset(srv, 0, sizeof(*srv));
	srv->options = o;
	TAILQ_INIT(&srv->visits);
	TAILQ_INIT(&srv->waiting);
	TAILQ_INIT(&srv->in_queue);
	TAILQ_INIT(&srv->whole);
	TAILQ_INIT(&srv->placed);
	LIST_INIT(&srv->quotas);
	srv->sockets.relays = true;
	sockets_parse(&srv->sockets, &o->serve);
	ask_open(srv);
	user_find(o->serve.user, &srv->user);
	srv->taker = taker_of(o);
	srv->output_fd = -1;
	if (srv->taker->open)
		srv->taker->open(srv);
	shortage_raise_limit(descriptors_wanted(o));
	commands_split(srv);
	sandbox_begin(&o->common, &srv->layers);
	self_load(&srv->me, &o->common);
	sockets_names(&srv->sockets, &o->serve, &srv->me);
	start_rights(srv);
	record_open(&srv->record, o->serve.audit, &srv->me);
	if (srv->me.identity->held_elsewhere)
		env_hide_agent();
	(void)vz_aead_accelerate(VZ_AEAD_CHACHAPOLY);
	if (vz_aead_has_aes())
		(void)vz_aead_accelerate(VZ_AEAD_AES256GCM);
	srv->gate.descriptors = shortage_reserve();
	sockets_open(&srv->sockets, &o->serve, o->common.family);
	start_loop(srv);
	close_sandbox(srv);
	for (size_t i = 0; i < srv->sockets.n_listeners; i++)
		report_listening(&srv->me, &srv->sockets.listeners[i]);
	server_opened(srv);
}

void
server_close(struct server *srv)
{
	/* What ends now is nobody's wish to be told of. */
	srv->stopping = true;
	progress_stop(&srv->progress);
	audit_log_close(srv);
	while (!TAILQ_EMPTY(&srv->visits))
		visit_drop(TAILQ_FIRST(&srv->visits));
	ask_close(srv);
	collect_close(srv);
	posts_free(srv);
	gate_close(&srv->gate);
	vz_timer_stop(srv->loop, &srv->second);
	quota_free(srv);
	vz_loop_del(srv->loop, &srv->output_watch);
	recall_close(srv);
	if (srv->taker->close)
		srv->taker->close(srv);
	vz_starter_free(srv->starter);
	vz_loop_free(srv->loop);
	self_free(&srv->me);
	gate_free(&srv->gate);
	free(srv->sockets.addresses);
}
