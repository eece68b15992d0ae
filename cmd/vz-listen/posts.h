/*
 * The relays that this listener is to be found at: a registration at each, kept up (stay.h). Who
 * comes through one is claimed there (claims.h), and is a visit then like any other.
 */
#ifndef VZ_LISTEN_POSTS_H
#define VZ_LISTEN_POSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "cmd/vz-listen/stay.h"
#include "guard/ratelimit.h"
#include "id/address.h"
#include "net/dial.h"
#include "net/loop.h"
#include "wire/relay_client.h"

struct server;
struct lent;
struct claim;
struct vz_rlink;
struct vz_rlink_config;
struct vz_relay_limits;

/* What is known of the end of a connection to a relay. */
struct post_ending {
	int err, sys_errno;
	enum vz_dial_step step;
	bool authenticated;
	bool at_once;   /* not long after it was dialled */
	int unwanted;   /* why we do not want that relay (trust.h), or 0; */
	int why_errno;  /* and errno then */
	bool closed;    /* by the relay, with */
	uint8_t status; /* and */
	char text[256]; /* escaped */
};

struct talk;

struct post {
	struct server *srv;
	const struct vz_listen_address *at;
	char text[VZ_ADDRESS_TEXT_MAX];  /* the relay's address */
	char shown[VZ_ADDRESS_TEXT_MAX]; /* for people: as it was given */
	struct talk *talk;               /* of -vv, or NULL */
	struct stay stay;
	struct vz_timer due;
	struct vz_rlink *link; /* that is registered, or may become so; NULL: none */
	struct lent *lent;     /* until its handshake is over */
	uint64_t called_at;
	struct post_ending ending; /* of `link`, gathered until it is over */
	struct vz_bundle as;       /* ours, in `link` */
	struct vz_endpoint place;  /* where `link` found the relay: who it offers is there, and
				      not at another address that its name may have */
	bool announce;             /* its address is news, whatever else */
	LIST_HEAD(, claim) claims;
	unsigned n_claims;
	struct vz_bucket claim_words; /* how often those that come to nothing are spoken of */
};

/*
 * For what else the relay has for a registered listener: called with each event of a registration,
 * VZ_RELAY_EVENT_REGISTERED first, also after a break. vz_rlink_client(p->link) may be asked for
 * more.
 */
typedef void post_event_fn(struct post *p, const struct vz_relay_event *ev);

struct posts {
	struct post *all;
	size_t n;
	bool left; /* nobody new */
	post_event_fn *also;
};

/* Those of the addresses that are relays: each is called as soon as the loop runs. VZ_ENOMEM. */
int posts_open(struct server *srv);
/* True when there is at least one that is not over. */
bool posts_any(const struct server *srv);
/* True when each has been registered once, or there is none. */
bool posts_settled(const struct server *srv);
/* True while somebody is being claimed. */
bool posts_claim(const struct server *srv);
/* Nobody new comes through any: goodbye is said. Who is being claimed still comes. */
void posts_leave(struct server *srv);
/* Each second: when our identity has changed, they register anew. */
void posts_second(struct server *srv);
/* Those that are waited for are called at once. */
void posts_retry(struct server *srv);
/* The revoked keys were read again: those of them that are relays are left for good. */
void posts_judge(struct server *srv);
/* At once, without a word. */
void posts_free(struct server *srv);

/* For the files that posts are made of (post.c). */

/* Of the i-th address; due at once. */
void post_begin(struct post *p, struct server *srv, int i);
/* Sets the timer by the stay. */
void post_set_due(struct post *p);
/* Drops the connection, if there is one. */
void post_let_go(struct post *p);
/*
 * It is over for good, and told. One that never stood could not be opened, and the start fails with
 * that status; else as server_deserted.
 */
void post_end(struct post *p, int status, bool successor);

/* A connection to p's relay, of our identity as it is now, which is the caller's to borrow;
 * `handler` and `arg` are left to it. */
void post_config(struct post *p, struct vz_rlink_config *c, struct vz_relay_limits *limits);
/* 0, or why that relay is not wanted, which is noted in *e. */
int post_judge(struct server *srv, const struct vz_bundle *relay, struct post_ending *e);
/* The relay has ended it. */
void post_heard_close(struct post_ending *e, const struct vz_relay_event *ev);

#endif
