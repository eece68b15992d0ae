/*
 * Everything between the command line and the first connection, and its undoing.
 */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/closing.h"
#include "cmd/vz-listen/commands.h"
#include "cmd/vz-listen/gate.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/rights.h"
#include "cmd/vz-listen/server.h"
#include "cmd/vz-listen/taker.h"
#include "cmd/vz-listen/visit.h"
#include "cmd/vz-listen/watch.h"
#include "crypto/aead.h"
#include "flow/starter.h"
#include "net/notify.h"

/* Beside the sessions: pools, files under way, listening sockets, ourselves. */
#define DESCRIPTORS_MORE 512
#define DESCRIPTORS_LEFT 32
/* Lines about sources that fail: so many a second, and at once. */
#define PENALTY_WORDS_RATE  1
#define PENALTY_WORDS_BURST 10

static const char *
shown(const char *text)
{
	static char buf[512];

	return diag_escape(buf, sizeof(buf), text, strlen(text));
}

/* The sockets. */

_Noreturn static void
no_socket(const char *address, int err)
{
	int status = err == VZ_ENOTFOUND           ? VZ_EXIT_NOHOST
	    : err == VZ_EMODE || err == VZ_EEXISTS ? VZ_EXIT_CANTCREAT
	    : err == VZ_ELIMIT                     ? VZ_EXIT_USAGE
						   : VZ_EXIT_OSERR;

	switch (err) {
	case VZ_ENOTFOUND: diag_error("cannot listen on %s: no such host", address); break;
	case VZ_EEXISTS: diag_error("cannot listen on %s: somebody answers there", address); break;
	case VZ_EMODE:
		diag_error("cannot listen on %s: a file that is not a socket", address);
		break;
	case VZ_ELIMIT:
		diag_error("cannot listen on %s: more than %d sockets", address, VZ_LISTEN_MAX);
		break;
	default: diag_error("cannot listen on %s: %s", address, diag_words(err)); break;
	}
	exit(status);
}

static void
parse_address(const char *text, struct vz_listen_address *out)
{
	const char *why = NULL;

	if (text[0] == '-')
		diag_usage("options come before addresses: '%s'", shown(text));
	if (vz_listen_address_parse(text, NULL, NULL, out, &why) < 0)
		diag_usage("not an address to listen on: '%s'%s%s", shown(text), why ? ": " : "",
		    why ? why : "");
	if (out->relay)
		diag_usage("cannot listen at a relay: '%s'", shown(text));
}

static void
parse_addresses(struct server *srv, const struct listen_options *o)
{
	if (o->n_addresses == 0 && !getenv("LISTEN_FDS"))
		diag_usage("no address to listen on");
	srv->addresses = calloc((size_t)o->n_addresses + 1, sizeof(*srv->addresses));
	if (!srv->addresses) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		exit(VZ_EXIT_OSERR);
	}
	for (int i = 0; i < o->n_addresses; i++)
		parse_address(o->addresses[i], &srv->addresses[i]);
}

/* Sockets that were made so far go away again with the program. */
static void
open_sockets(struct server *srv, const struct listen_options *o)
{
	int r = vz_listen_inherit(
	    getenv("LISTEN_PID"), getenv("LISTEN_FDS"), srv->listeners, &srv->n_listeners);

	if (r < 0) {
		diag_error("the sockets passed in LISTEN_FDS: %s", diag_words(r));
		exit(r == VZ_ESYSTEM ? VZ_EXIT_OSERR : VZ_EXIT_CONFIG);
	}
	if (srv->n_listeners == 0 && o->n_addresses == 0)
		diag_usage("no address to listen on");
	for (int i = 0; i < o->n_addresses; i++) {
		r = (o->reuse_port ? vz_listen_open_shared : vz_listen_open)(&srv->addresses[i],
		    o->common.family, o->socket_mode, srv->listeners, &srv->n_listeners);
		if (r < 0) {
			int saved = errno;

			vz_listen_close(srv->listeners, srv->n_listeners);
			errno = saved;
			no_socket(shown(o->addresses[i]), r);
		}
	}
}

/* Telling. */

/* All of them by one write: who reads the first address only, and is gone then, has what it wanted.
 */
static void
tell_ready(struct server *srv, int fd)
{
	char key[VZ_KEY_TEXT], line[VZ_KEY_TEXT + sizeof(srv->listeners[0].text) + 2];
	struct vz_buf lines;
	int r = 0;

	vz_buf_init(&lines, VZ_LISTEN_MAX * sizeof(line));
	vz_key_format(&srv->me.identity->bundle.identity, key);
	for (size_t i = 0; i < srv->n_listeners && r == 0; i++) {
		int n = snprintf(line, sizeof(line), "%s@%s\n", key, srv->listeners[i].text);

		r = vz_buf_put(&lines, line, (size_t)n);
	}
	if (r == 0)
		r = vz_fs_write_all(fd, vz_buf_ptr(&lines), lines.len);
	if (r == 0 && close(fd) < 0)
		r = VZ_ESYSTEM;
	vz_buf_free(&lines);
	if (r < 0) {
		diag_error("--ready-fd %d: %s", fd, diag_words(r));
		server_close(srv);
		exit(VZ_EXIT_IOERR);
	}
}

static void
tell(struct server *srv, const struct listen_options *o)
{
	int r;

	for (size_t i = 0; i < srv->n_listeners; i++)
		report_listening(srv, &srv->listeners[i]);
	if (o->ready_fd >= 0)
		tell_ready(srv, o->ready_fd);
	r = vz_notify(getenv("NOTIFY_SOCKET"), VZ_NOTIFY_READY);
	if (r < 0)
		diag_verbose(0, "the service manager cannot be told: %s", diag_words(r));
}

/* All together. */

/* More sessions may be asked for than the soft limit has descriptors; failing that, accept pauses.
 */
static void
raise_descriptor_limit(const struct listen_options *o)
{
	rlim_t need = (rlim_t)o->max_conns + DESCRIPTORS_MORE;
	struct rlimit l;

	if (o->command) /* three for each, while it starts */
		need += 3 * (rlim_t)o->max_handlers;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= need)
		return;
	l.rlim_cur = l.rlim_max < need ? l.rlim_max : need;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* Some are left for the files and commands of those who are in. */
static int
descriptors_to_accept(void)
{
	struct rlimit l;
	rlim_t left;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur > INT_MAX)
		return INT_MAX;
	left = l.rlim_cur / 4 < DESCRIPTORS_LEFT ? l.rlim_cur / 4 : DESCRIPTORS_LEFT;
	return (int)(l.rlim_cur - left);
}

static void
start_loop(struct server *srv)
{
	int r = vz_loop_new(&srv->loop);

	if (r == 0)
		r = server_prepare(srv);
	if (r == 0)
		r = gate_open(srv);
	srv->lent = calloc(1, sizeof(*srv->lent));
	if (!srv->lent)
		r = VZ_ENOMEM;
	if (r < 0) {
		diag_error("%s", diag_words(r));
		vz_listen_close(srv->listeners, srv->n_listeners);
		exit(VZ_EXIT_OSERR);
	}
	srv->lent->identity = srv->me.identity;
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
start_penalties(struct server *srv)
{
	uint8_t seed[VZ_PENALTY_SEED];

	randombytes_buf(seed, sizeof(seed));
	vz_penalties_init(&srv->penalties, seed);
	vz_bucket_init(&srv->penalty_words, PENALTY_WORDS_RATE, PENALTY_WORDS_BURST);
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
	parse_addresses(srv, o);
	user_find(o->user, &srv->user);
	srv->taker = taker_of(o);
	srv->output_fd = -1;
	if (srv->taker->open)
		srv->taker->open(srv);
	raise_descriptor_limit(o);
	commands_split(srv);
	sandbox_begin(&o->common, &srv->layers);
	self_load(&srv->me, &o->common);
	rights_load(srv);
	audit_log_open(srv);
	(void)vz_aead_accelerate(VZ_AEAD_CHACHAPOLY);
	if (vz_aead_has_aes())
		(void)vz_aead_accelerate(VZ_AEAD_AES256GCM);
	srv->descriptors = descriptors_to_accept();
	open_sockets(srv, o);
	start_penalties(srv);
	start_loop(srv);
	close_sandbox(srv);
	tell(srv, o);
}

void
server_close(struct server *srv)
{
	/* What ends now is nobody's wish to be told of. */
	srv->stopping = true;
	audit_log_close(srv);
	while (!TAILQ_EMPTY(&srv->visits))
		visit_drop(TAILQ_FIRST(&srv->visits));
	gate_close(srv);
	watch_stop(srv);
	quota_free(srv);
	vz_loop_del(srv->loop, &srv->output_watch);
	recall_close(srv);
	if (srv->taker->close)
		srv->taker->close(srv);
	vz_starter_free(srv->starter);
	vz_loop_free(srv->loop);
	self_free(&srv->me);
	free(srv->lent);
	free(srv->addresses);
}
