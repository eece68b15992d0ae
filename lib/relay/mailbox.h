/*
 * The relay's mailboxes (DESIGN 6): what clients ask of them (wire/relay_serve.h) is done by the
 * store (relay/store.h) and answered in the order in which it was asked. Pure: no sockets; the time
 * comes from the caller.
 *
 * For each connection the caller has a struct vz_mailbox_client beside its vz_relay_serve, and
 * gives vz_mailbox_request every event from VZ_RELAY_EVENT_BUNDLE_WANTED to _TAKEN. What comes back
 * is in the output of its vz_relay_serve when `touched` is called for it, mostly from within
 * vz_store_run.
 *
 * Of one connection at most VZ_RELAY_ROOM_MAX bytes of deposits wait here, one message over
 * VZ_STORE_CHUNK is on its way into the store, and VZ_STORE_CHUNK bytes on their way out, beside
 * what the store (384 KiB) and vz_relay_serve (two times VZ_STORE_CHUNK) hold of it.
 */
#ifndef VZ_RELAY_MAILBOX_H
#define VZ_RELAY_MAILBOX_H

#include <stdbool.h>
#include "relay/keymap.h"
#include "relay/store.h"
#include "wire/relay_serve.h"

#define VZ_MAILBOX_TTL (7 * 86400) /* seconds that a message is kept which says nothing else */

struct vz_mailbox;
struct vz_mailbox_request;

struct vz_mailbox_client {
	/* set by the caller; the rest is zero */
	struct vz_relay_serve *serve; /* the caller's */
	struct vz_store_quota quota;  /* of what it deposits; 0 = the store's */
	uint64_t max_size;            /* 0 = VZ_STORE_MESSAGE_MAX */
	/* It was closed with words, or cannot even be told any: to be ended by the caller. */
	bool refused;
	uint8_t status;    /* ... with this status; 0 = without a word */
	const char *words; /* ... and these; static */
	/* private */
	bool listens;
	struct vz_mailbox *box;
	struct vz_store_op *keeps, *looks; /* its bundle; whether there is mail */
	struct vz_mailbox_request *first, **last;
	struct vz_buf held; /* bytes of PARTs, in their order */
};

/* Why a request was refused. */
enum vz_mailbox_reason {
	VZ_MAILBOX_FULL_MAILBOX,   /* 75 */
	VZ_MAILBOX_FULL_DEPOSITOR, /* 75 */
	VZ_MAILBOX_FULL_STORE,     /* 75 */
	VZ_MAILBOX_FULL_DISK,      /* 75 */
	VZ_MAILBOX_BUSY,           /* 75: too much is under way, or is said by may_deposit */
	VZ_MAILBOX_UNKNOWN,        /* 69: no such bundle, message or mailbox */
	VZ_MAILBOX_HASH,           /* 65: the bytes are not those that were announced */
	VZ_MAILBOX_EXPIRED,        /* 65 */
	VZ_MAILBOX_LIMIT,          /* 77: too long, or to be kept for too long */
	VZ_MAILBOX_DENIED,         /* 77: by may_deposit */
	VZ_MAILBOX_BUNDLE,         /* 77: of who registers: an old one, or two of one serial */
	VZ_MAILBOX_BROKEN,         /* 71: the store failed, or the message is damaged */
	VZ_MAILBOX_REASONS
};

/* Since the start. */
struct vz_mailbox_stats {
	uint64_t deposits, deposit_bytes, duplicates; /* durable; and those there already */
	uint64_t collected, collected_bytes;          /* handed out whole */
	uint64_t removed;                             /* taken by their recipients */
	uint64_t notices;                             /* of mail, to listeners */
	uint64_t bundles_kept, bundles_given;
	uint64_t swept; /* rows */
	uint64_t refused[VZ_MAILBOX_REASONS];
};

struct vz_mailbox_config {
	struct vz_store *store; /* the caller's; closed after vz_mailbox_free */
	size_t listeners;       /* told of mail at most; 0 = as many as can be registered */
	uint64_t ttl;           /* seconds; 0 = VZ_MAILBOX_TTL */
	uint8_t seed[VZ_KEYMAP_SEED];
	/* c has output, or is refused. */
	void (*touched)(void *ctx, struct vz_mailbox_client *c);
	/* Unix seconds, UTC. */
	uint64_t (*now)(void *ctx);
	/*
	 * Whether c may deposit so much for that recipient now: 0, VZ_ENOTFOUND (nobody may collect
	 * that here), VZ_EFULL (too much, or too often), VZ_EDENIED. NULL = yes.
	 */
	int (*may_deposit)(
	    void *ctx, struct vz_mailbox_client *c, const struct vz_key *recipient, uint64_t size);
	/*
	 * A request of c, without its bytes, is answered: status 0, or that of its refusal and
	 * words (static); number: that of a message deposited. For a record of it; may be NULL.
	 */
	void (*answered)(void *ctx, struct vz_mailbox_client *c, const struct vz_relay_event *ev,
	    uint8_t status, const char *words, uint64_t number);
	void *ctx;
};

/* VZ_ENOMEM, VZ_EINVAL. The caller owns *out. */
int vz_mailbox_new(struct vz_mailbox **out, const struct vz_mailbox_config *config);
/* After vz_mailbox_gone for each client. */
void vz_mailbox_free(struct vz_mailbox *m);

/* A request of c, or bytes of one. What went wrong is answered, too. */
void vz_mailbox_request(
    struct vz_mailbox *m, struct vz_mailbox_client *c, const struct vz_relay_event *ev);
/*
 * c has registered (VZ_LIVE_LISTENER): its bundle is kept, and it is told of mail that waits or
 * comes, until it is gone or another has registered with its identity. With an older bundle than
 * the one that is kept, or another of the same serial, it is closed with 77.
 */
void vz_mailbox_registered(struct vz_mailbox *m, struct vz_mailbox_client *c);
/* Some of c's output went: what waited for that goes on. */
void vz_mailbox_drained(struct vz_mailbox_client *c);
/* c's connection is gone, or is to go; it may be freed afterwards. What it had deposited whole is
 * kept. Nothing happens when it never asked for anything. */
void vz_mailbox_gone(struct vz_mailbox_client *c);
/* True while requests of c wait for their answer. */
bool vz_mailbox_busy(const struct vz_mailbox_client *c);

/* Cleans up what has expired, in slices, as long as there is any. To be called from time to time;
 * nothing happens while it goes on. */
void vz_mailbox_sweep(struct vz_mailbox *m);

const struct vz_mailbox_stats *vz_mailbox_stats(const struct vz_mailbox *m);
/* For metrics: "mailbox_full". Static. */
const char *vz_mailbox_reason_name(enum vz_mailbox_reason r);

#endif
