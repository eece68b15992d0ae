/* What the parts of the mailboxes share. Not for others. */
#ifndef VZ_RELAY_MAILBOX_IMPL_H
#define VZ_RELAY_MAILBOX_IMPL_H

#include "relay/mailbox.h"

enum vz_mailbox_state {
	VZ_MAILBOX_WAITS, /* for those before it */
	VZ_MAILBOX_RUNS,
	VZ_MAILBOX_DONE, /* waits for its turn to be answered */
};

struct vz_mailbox_request {
	struct vz_mailbox_request *next, **link; /* link: of an orphan */
	struct vz_mailbox *box;
	struct vz_mailbox_client *client; /* NULL when it is gone, and the deposit is not */
	enum vz_mailbox_state state;
	struct vz_relay_event ev; /* as asked: type, key, content, size, expires, number */
	struct vz_store_op *op;
	struct vz_store_deposit *deposit;
	uint64_t came, fed; /* deposit: bytes that the client sent, and that the store has */
	bool finished;      /* deposit: the store has all of it */
	bool entered;       /* entry said: ev is the entry's */
	uint64_t offset;    /* entry: bytes that were handed out */
	/* DONE: what to answer */
	bool answered;  /* nothing more */
	uint8_t status; /* of a refusal, or 0 */
	const char *words;
	bool duplicate;
	uint64_t seq;
	uint8_t bundle[VZ_BUNDLE_LEN];
};

struct vz_mailbox {
	struct vz_mailbox_config config;
	struct vz_mailbox_stats stats;
	struct vz_keymap listeners;
	struct vz_mailbox_request *orphans; /* deposits whose clients are gone */
	struct vz_store_op *sweeps;         /* a slice under way */
};

/* Answers what can be, starts what can be, and hands on what came. */
void vz_mailbox_go_on(struct vz_mailbox_client *c);
/* It is closed with these words, if it still can be told any. */
void vz_mailbox_close(
    struct vz_mailbox_client *c, enum vz_mailbox_reason why, uint8_t status, const char *words);

/* The outcome of a request: refused; and for an error of the store's. */
void vz_mailbox_refuse(
    struct vz_mailbox_request *r, enum vz_mailbox_reason why, uint8_t status, const char *words);
void vz_mailbox_refuse_for(struct vz_mailbox_request *r, int err, enum vz_store_full full);

/* Begins; the outcome may be there at once. */
void vz_mailbox_deposit_start(struct vz_mailbox_request *r);
/* Hands on to the store what came; true when nothing of it is left. */
bool vz_mailbox_deposit_feed(struct vz_mailbox_request *r);
/* Bytes came. */
void vz_mailbox_deposit_part(struct vz_mailbox_request *r, const uint8_t *p, size_t n);
/* It has its outcome: what is held of it goes, and the client gets its room back. */
void vz_mailbox_deposit_over(struct vz_mailbox_request *r);
/* Its client is gone: true when it goes on without, and is not the caller's any more. */
bool vz_mailbox_deposit_orphan(struct vz_mailbox_request *r);
void vz_mailbox_orphan_free(struct vz_mailbox_request *r);

void vz_mailbox_collect_start(struct vz_mailbox_request *r);
/* Reads on, if there is room in the output. */
void vz_mailbox_collect_more(struct vz_mailbox_request *r);

/* A message has come for that listener. */
void vz_mailbox_notify(struct vz_mailbox *m, const struct vz_key *recipient);

#endif
