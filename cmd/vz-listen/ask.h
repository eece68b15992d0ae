/*
 * --ask: a sender whose key no line knows is kept waiting while the owner is asked at the terminal.
 *
 * One question at a time; the others wait for theirs. Nothing is said to a sender before the
 * answer, and it is refused when that takes longer than ASK_MS, or -w. The question stays a while
 * longer: an answer is remembered for the next time. All else goes on meanwhile.
 */
#ifndef VZ_LISTEN_ASK_H
#define VZ_LISTEN_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cmd/vz-listen/ask_screen.h"
#include "id/key.h"
#include "net/loop.h"

#define ASK_MS         40000 /* that a sender waits; it takes silence for death after 45 s */
#define ASK_QUESTION   5     /* times as long a question stays */
#define ASK_HELD       8     /* senders that wait, */
#define ASK_PER_SOURCE 2     /* and of one source */
#define ASK_KEYS       32    /* that are turned down in one run, and that are allowed in it */

struct server;
struct visit;
TAILQ_HEAD(ask_queue, visit);

struct ask {
	struct ask_screen screen;
	struct vz_watch watch;
	struct ask_queue held; /* in the order that they came */
	unsigned n_held;
	struct vz_timer late; /* the first of them has waited for long enough */
	bool asking;
	struct vz_key key;           /* of the question */
	struct vz_timer over;        /* and nobody answers it */
	struct vz_key no[ASK_KEYS];  /* turned down */
	struct vz_key now[ASK_KEYS]; /* allowed for this run */
	unsigned n_no, n_now;
};

/* Part of what is kept for each visit. */
struct ask_place {
	TAILQ_ENTRY(visit) list;
	bool held;
	uint64_t until;
};

/* Opens the terminal, or ends the program: 64. Before the sandbox closes. */
void ask_open(struct server *srv);
/* VZ_ESYSTEM, VZ_ENOMEM. */
int ask_start(struct server *srv);
void ask_close(struct server *srv);
/* v is a stranger, and all else is well with it: true when it is kept waiting; admit is called
 * again once there is an answer. */
bool ask_hold(struct visit *v);
/* v is gone, or goes. */
void ask_forget(struct visit *v);
/* Comes each second: the terminal may be ours again. */
void ask_second(struct server *srv);
/* The rights were read again: who waits may be known now, or revoked. */
void ask_again(struct server *srv);

#endif
