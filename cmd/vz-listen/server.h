/*
 * The listener: its sockets, the connections on them, the sink that they share.
 */
#ifndef VZ_LISTEN_SERVER_H
#define VZ_LISTEN_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cmd/common/progress.h"
#include "cmd/common/sandbox.h"
#include "cmd/common/self.h"
#include "cmd/serve/gate.h"
#include "cmd/serve/record.h"
#include "cmd/serve/rights.h"
#include "cmd/serve/sockets.h"
#include "cmd/serve/user.h"
#include "cmd/vz-listen/collect.h"
#include "cmd/vz-listen/ask.h"
#include "cmd/vz-listen/options.h"
#include "cmd/vz-listen/posts.h"
#include "cmd/vz-listen/quota.h"
#include "flow/sink.h"
#include "keep/ledger.h"
#include "net/conn.h"
#include "net/loop.h"

/* For who was told that it is over to hear it and go. */
#define PATIENCE_MS 2500

struct visit;
struct incoming;
struct taker;
struct items_out;
struct vz_handlers;
struct vz_coproc;
struct vz_starter;
TAILQ_HEAD(visits, visit);

/* The end of one that keeps (drain.h). */
struct drain {
	bool on;
	int signo;
	uint64_t by; /* ... then it ends, whatever is under way */
	struct vz_timer look;
};

struct server {
	const struct listen_options *options;
	struct self me;
	struct vz_loop *loop;
	struct record record;
	struct rights rights;
	struct ask ask;
	struct sockets sockets;
	struct gate gate;
	struct posts posts;       /* at relays */
	struct collects collects; /* and the mail that waits there */
	bool told;                /* that all of it is open */
	struct vz_timer second;   /* comes each second */
	LIST_HEAD(, quota) quotas;
	struct vz_timer quota_timer; /* somebody's tokens are there at quota_due; 0: nobody waits */
	uint64_t quota_due;
	struct visits visits, waiting; /* all; those whose event has to wait, in order */
	unsigned sessions;             /* visits that were admitted */

	struct user user;
	struct vz_sandbox_state layers;

	struct vz_ledger *ledger; /* what outlives us (recall.h); NULL: nothing */
	bool recall_open, recall_broken;
	unsigned recall_seconds;
	struct vz_timer recall_end;

	struct vz_starter *starter; /* of commands; NULL: there are none */

	const struct taker *taker; /* where messages go; what follows is for it */
	struct vz_sink *sink;
	TAILQ_HEAD(, incoming) whole, placed; /* of files: to get their places; to be told of */
	size_t n_whole;
	struct visit *writer; /* whose message an exclusive sink is taking */
	struct items_out *items;
	struct vz_handlers *handlers;
	struct vz_coproc *coproc;
	char **coproc_env;
	unsigned running;       /* handlers */
	uint64_t share_due;     /* the next look at who holds too many of them (share.h) */
	size_t queued;          /* messages that wait for one */
	struct visits in_queue; /* whose they are, the next one first */
	size_t reserved;        /* bytes of memory for whole messages */

	int output_fd; /* what the taker writes to, or -1 */
	struct vz_watch output_watch;
	struct vz_timer wake, wake_later;
	unsigned messages; /* under way */
	bool used;         /* a message was accepted */
	uint64_t delivered;
	struct progress progress; /* show.h */

	struct visit *served; /* the one session, once it is chosen */
	struct drain drain;
	bool stopping, finishing;
	struct vz_timer patience; /* of the farewell */
	int status, signo;
};

/* Loads who we are, opens the taker and the sockets and says so, or ends the program (start.c). */
void server_open(struct server *srv, const struct listen_options *o);
/*
 * Signals, timers and the taker are looked after from here on: before anybody is told that we are
 * ready, and so may send a signal. VZ_ESYSTEM, VZ_ENOMEM.
 */
int server_prepare(struct server *srv);
/* Serves; the exit status. srv->signo is the signal that ended it, or 0. */
int server_run(struct server *srv);
/* Undoes server_open: sockets that were made go away, messages under way are aborted (start.c). */
void server_close(struct server *srv);

/* All addresses are open now, or one more is: when it is all, that is told, once (start.c). */
void server_opened(struct server *srv);
/*
 * An address is gone for good, with this status; successor: another listener has it. When it was
 * the last one, and nothing is under way that this listener is for, it ends.
 */
void server_deserted(struct server *srv, int status, bool successor);
/* Nothing new begins: sockets are closed, everybody is told, and the loop ends with `status` when
 * they are gone. The first status that is not 0 stands. */
void server_stop(struct server *srv, int status);
/* The first status that is not 0 stands. */
void server_note(struct server *srv, int status);
/* v has opened a message, and this listener serves one session: it is the one. */
void server_serve(struct server *srv, struct visit *v);
/* The visit is over. */
void server_forget(struct server *srv, struct visit *v);
/* Somebody among the waiting may go on: soon their events are tried again. */
void server_wake(struct server *srv);
/* The same, in a second at the latest. */
void server_wake_later(struct server *srv);
/* The same, as soon as output_fd can be written. */
void server_watch_output(struct server *srv);
/* Keeps v waiting. */
void server_wait(struct server *srv, struct visit *v);
/* Nobody is left and the taker has finished: the loop ends. */
void server_over(struct server *srv);

#endif
