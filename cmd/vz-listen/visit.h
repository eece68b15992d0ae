/*
 * One connection, from accept to its end; or a message out of a mailbox, which has none.
 */
#ifndef VZ_LISTEN_VISIT_H
#define VZ_LISTEN_VISIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "cmd/vz-listen/server.h"

/* A message of this connection that is under way. */
struct incoming {
	LIST_ENTRY(incoming) list;
	TAILQ_ENTRY(incoming) queue, answers; /* its taker's */
	struct visit *visit;
	uint64_t number, bytes, begun_at, moved_at;
	uint16_t attempt;
	uint8_t kind;
	struct vz_proof *proof;    /* it is signed (signed.h); else NULL */
	bool proved;               /* and so it was */
	uint64_t length;           /* declared, or VZ_LENGTH_UNKNOWN */
	struct progress_rate rate; /* show.c */
	uint64_t earlier;          /* bytes of it that were here before this process */
	char id[VZ_MESSAGE_ID_TEXT];

	/* Its taker's: */
	bool whole;    /* END has come */
	bool queued;   /* in `queue` */
	bool replying; /* in `answers` */
	bool over;     /* all of the reply is there, and `status` is the verdict */
	bool asked;    /* the coprocess has it */
	bool placing;  /* it is whole: in srv->whole, or */
	bool placed;   /* in srv->placed, with what came of it: */
	int place_err;
	bool noted;    /* that it is (recall.h) */
	bool one_pass; /* its sender cannot read it again */
	bool live;     /* its verdict may come before its end, */
	bool said;     /* and the reply's end was said: before the verdict */
	uint64_t durable, synced_at;
	bool mirrors; /* what is sent of the reply is taken of the message (reply.h) */
	uint8_t status;
	uint64_t ticket;     /* at the coprocess */
	size_t reserved;     /* memory (memory.h) */
	struct vz_buf body;  /* bytes of it that wait */
	struct vz_buf reply; /* bytes of the reply that wait; or of its manifest, for a command */
	void *own;           /* a drop, a handler */

	size_t name_len;
	uint8_t name[]; /* and a NUL */
};
TAILQ_HEAD(incomings, incoming);

struct talk;

struct visit {
	TAILQ_ENTRY(visit) all, turn;
	struct server *srv;
	struct vz_conn *conn;
	struct talk *talk; /* of -vv, or NULL */
	struct caller who;
	struct ask_place ask; /* it waits for the owner's answer (ask.h) */
	bool admitted;        /* rights are checked: a session */
	uint64_t active_at;   /* its last event of a message, or its arrival */
	bool leaving;         /* a goodbye was said */
	bool told;    /* that its last message failed, and so that we are stopping: it will go */
	bool waiting; /* in srv->waiting, for `held` to be tried again */
	struct vz_event held;
	struct letter *letter; /* it is a message out of a mailbox (letter.h); NULL: it is not */
	struct vz_session *session; /* without a connection (away.h); else the connection's */
	size_t away_memory;         /* of it */
	uint8_t *held_bytes;        /* of `held`, when its connection is gone */
	struct vz_timer away;       /* how long it may be without one */
	uint8_t stream[VZ_STREAM_LEN];
	struct vz_key self;       /* who was called */
	SLIST_HEAD(, part) parts; /* what an earlier process left (recall.h) */
	bool recalled;            /* something is known of it there */
	struct quota_place quota;
	LIST_HEAD(, incoming) incoming;
	unsigned n_incoming, n_partial; /* all; those that are not whole yet */
	struct incoming **index; /* by number % index_len, a power of two or 0 (incoming.c) */
	size_t index_len;
	uint64_t delivered;

	/* The taker's: */
	struct incomings queue;      /* its messages that wait to be handled */
	struct incomings answers;    /* those whose replies wait for room */
	TAILQ_ENTRY(visit) in_queue; /* of those that have a queue */
	bool has_queue;
	unsigned queued, running; /* messages in the queue, and in handlers */
	size_t reserved;          /* memory */
	size_t reply_bytes;       /* that wait for room */
	uint64_t in_output;       /* whole messages that wait for the reader of our output */

	int status;          /* of the first message that failed, or of how it ended */
	uint8_t said_status; /* by the peer in its goodbye */
};

/* Its session: whether it is connected or not. NULL before there is one, and of a letter. */
struct vz_session *visit_session(const struct visit *v);
/* Something was said on it. */
void visit_kick(struct visit *v);

/* What is said of a message to its sender, or to the mailbox that it is in (visit_say.c). */

/* False: there is nobody to be told anything. */
bool visit_hears(const struct visit *v);
/* So many of its bytes are taken; they are durable; they were here before it began. */
void visit_taken(struct visit *v, uint64_t number, size_t n);
void visit_durable(struct visit *v, uint64_t number, uint64_t n);
void visit_have(struct visit *v, uint64_t number, uint64_t n);
/* The verdict. What cannot be told now ends the session. */
void visit_done(struct visit *v, uint64_t number, uint8_t status, const char *words);

/* One that is in no list yet, and is to be freed by free. NULL: no memory. */
struct visit *visit_new(struct server *srv);
/* The next event of it. False: it has to wait, and is tried again by visit_retry. */
bool visit_offer(struct visit *v, const struct vz_event *ev);
/* All that is kept of it goes; v->conn is NULL. */
void visit_free(struct visit *v);

/* What the gate asks about them; its arg is the server. */
extern const struct gate_handler visit_gate;
/* Ends it without a word, with all that it holds; also from its own handlers. */
void visit_drop(struct visit *v);
/* Ends it with words for the peer, when it was admitted; else without. Its messages are aborted. */
void visit_dismiss(struct visit *v, uint8_t status, const char *text);
/* Tries the held event again; true when the visit waits no longer. */
bool visit_retry(struct visit *v);

#endif
