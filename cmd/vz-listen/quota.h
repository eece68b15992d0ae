/*
 * How much the sessions of a key may send together (DESIGN 7: rate=, burst=, bytes=).
 *
 * Over the rate a sender is slowed: the event that is too early is held, and the connection with
 * it, so that flow control reaches the sender. A message that could not begin within
 * QUOTA_WAIT_MAX_MS is refused instead, with the time to wait in words; one that has begun is only
 * slowed. The sessions of a key take turns.
 */
#ifndef VZ_LISTEN_QUOTA_H
#define VZ_LISTEN_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "wire/session.h"

#define QUOTA_WAIT_MAX_MS 10000

struct server;
struct visit;
struct quota;

/* A visit's part in it. Zeroed: no limits. */
struct quota_place {
	TAILQ_ENTRY(visit) turn;
	struct quota *quota; /* of its key; NULL = no rates */
	bool queued;         /* waits for its turn or for tokens, since... */
	uint64_t since;
	bool paid; /* for the event that is being handled */
};

/*
 * v joins the sessions of its key, by the rates of v->grant, which may be other ones than before:
 * buckets outlive sessions, and begin anew only when the rates do. VZ_ENOMEM: v is as it was.
 */
int quota_join(struct visit *v);
void quota_leave(struct visit *v);

enum quota_answer {
	QUOTA_PASS,    /* paid: handle it, now or later, then quota_handled */
	QUOTA_LATER,   /* hold it; server_wake is called when it is worth asking again */
	QUOTA_REFUSED, /* its message is refused, and the sender told */
};
/* May ev be handled now? May be asked again and again about the same event. */
enum quota_answer quota_ask(struct visit *v, struct vz_event *ev);
/* The event is handled: the next one costs anew. */
void quota_handled(struct visit *v);

/* After a reload: forgets the keys that have no rates any more. */
void quota_prune(struct server *srv);
/* All of it, when every visit is gone. */
void quota_free(struct server *srv);

#endif
