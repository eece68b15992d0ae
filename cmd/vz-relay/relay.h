/*
 * The relay: its sockets, the connections on them, who waits for whom.
 */
#ifndef VZ_RELAY_RELAY_H
#define VZ_RELAY_RELAY_H

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
#include "cmd/vz-relay/counts.h"
#include "cmd/vz-relay/options.h"
#include "flow/pipes.h"
#include "net/loop.h"
#include "relay/live.h"
#include "relay/mailbox.h"

/* For who was told that it is over to hear it and go. */
#define PATIENCE_MS 2500

struct client;
struct use;
TAILQ_HEAD(clients, client);

/* What is kept for those who are away (mail.h). */
struct mail {
	struct vz_store *store; /* NULL: nothing is kept */
	struct vz_mailbox *box;
	struct vz_watch watch;
	struct vz_store_stats stats; /* as they were at the last look */
	bool asking;                 /* for them */
	unsigned users;              /* connections that use a mailbox */
	bool failed;
};

/* The end (drain.h). */
struct drain {
	bool on;
	int signo;
	struct vz_timer by;   /* ... then it ends, whatever is under way */
	struct vz_timer look; /* at whether our sockets are left to others */
};

struct relay {
	const struct relay_options *options;
	struct self me;
	struct vz_loop *loop;
	struct record record;
	struct rights rights;
	struct sockets sockets;
	struct gate gate;
	struct user user;
	struct vz_sandbox_state layers;
	struct vz_timer second; /* comes each second */

	struct clients clients; /* all of them, before and after authentication and in pairs */
	unsigned admitted, pairs;
	struct vz_keymap uses; /* of keys (use.h) */
	LIST_HEAD(, use) all_uses;
	struct vz_live live;
	struct vz_timer match_end; /* the next match ends in vain */
	struct vz_pipes *pipes;
	struct mail mail;
	struct counts counts;
	uint64_t metrics_at; /* when they are written next */
	bool metrics_failed;
	struct progress progress; /* told when it is asked for */

	struct drain drain;
	bool stopping;
	struct vz_timer patience; /* of the farewell */
	int status, signo;
	unsigned terminals; /* of the standard descriptors, at the start */
};

/* Loads who we are, opens the sockets and says so, or ends the program (start.c). */
void relay_open(struct relay *rl, const struct relay_options *o);
/* Serves; the exit status. rl->signo is the signal that ended it, or 0. */
int relay_run(struct relay *rl);
/* Undoes relay_open. */
void relay_close(struct relay *rl);

/* Signals and timers are looked after from here on. VZ_ESYSTEM, VZ_ENOMEM. */
int relay_prepare(struct relay *rl);
/* Nothing new begins, pairs end, everybody else is told, and the loop ends with `status` when they
 * are gone. The first status that is not 0 stands. */
void relay_stop(struct relay *rl, int status);
/* Somebody is gone: that may have been the last one. */
void relay_wake(struct relay *rl);

#endif
