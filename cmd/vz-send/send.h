/*
 * A run of vz-send: what is to be sent, and a lane to each destination.
 */
#ifndef VZ_SEND_SEND_H
#define VZ_SEND_SEND_H

#include "cmd/common/progress.h"
#include "cmd/common/sandbox.h"
#include "cmd/vz-send/lane.h"
#include "cmd/vz-send/outlet.h"
#include "cmd/vz-send/reply.h"
#include "flow/producer.h"

struct vz_mailbook;

struct run {
	const struct send_options *options;
	struct self me;
	struct lent *lent; /* its identity, to handshakes */
	struct vz_loop *loop;
	struct input *inputs; /* each a message, or with --lines and the like the only one */
	size_t n_inputs;
	struct lane *lanes;
	size_t n_lanes, lanes_over;
	struct outlet out; /* with --reply */
	struct reply reply;
	struct answers *answers;
	struct vz_producer *producer;
	struct vz_mailbook *book; /* with --store */
	struct vz_sandbox_state layers;
	char *dest_text; /* what the lanes are called */
	bool started;    /* --run: it was tried */
	int signo;       /* the signal that ends us */
	struct vz_timer patience, grace;
	struct vz_timer silence;  /* of the ssh-agent that is to sign */
	struct progress progress; /* show.h, with these of the slowest destination: */
	struct progress_rate bytes_rate, messages_rate;
	uint64_t moved, moved_at; /* how far it was, and since when */
};

/* All of it; returns the exit status, or dies by the signal that ended it. */
int send_run(const struct send_options *options);

/* Calls those destinations that can be called now: at first, and whenever one was met or lost. */
void run_call(struct run *r);
/* A lane is over, or stdout is free: the run ends when nothing is left. */
void run_settled(struct run *r);
/* command.c: makes the process that is to be the command of --run: 0, or the exit status. */
int command_prepare(struct run *r);
/* Starts it, once. */
void command_start(struct run *r);
/* slow.c: a lane waits for room in a ring that another one holds. */
void slow_check(struct run *r);
/* interrupt.c: SIGINT and the like. 0, or the exit status. */
int interrupt_catch(struct run *r);

#endif
