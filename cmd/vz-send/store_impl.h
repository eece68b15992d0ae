/*
 * Between store.c, what is stored; store_link.c, the connection; store_take.c, which takes bodies
 * from the input; store_seal.c, which makes parcels of them; and store_words.c.
 */
#ifndef VZ_SEND_STORE_IMPL_H
#define VZ_SEND_STORE_IMPL_H

#include "cmd/vz-send/store.h"
#include "keep/mailbook.h"
#include "net/rlink.h"

#define STORE_QUEUE 32         /* sealed messages that the relay has not acknowledged, */
#define STORE_HELD  (1u << 20) /* and their bytes when another one is begun */

enum store_stage {
	STORE_DIALLING,
	STORE_HANDSHAKE,
	STORE_BUNDLE, /* asked for the recipient's */
	STORE_READY,
	STORE_OVER,
};

/* A sealed message. Said again after a break, it is the same bytes. */
struct parcel {
	struct vz_buf sealed;
	uint8_t content[VZ_RELAY_CONTENT];
	struct vz_mailbook_number number;
	uint64_t item, bytes; /* which of the input, and how long that was */
	uint64_t expires;     /* Unix seconds */
	uint64_t began_us;
	bool asked; /* in this connection */
	size_t sent;
};

struct store {
	struct lane *lane;
	struct vz_rlink *rlink; /* NULL between two */
	enum store_stage stage;
	bool met;   /* the relay has proved its key, once */
	bool known; /* the recipient's bundle: */
	struct vz_bundle to;
	bool ended; /* no more bodies come */
	bool done;  /* and all were acknowledged */
	int status; /* why it fails, once decided, not 0; the words were said */
	/* The body that is being taken. */
	struct vz_buf body;
	bool too_long;
	struct parcel queue[STORE_QUEUE];
	unsigned first, count;
	struct vz_seal *sealing; /* of the parcel behind the last: its signature is awaited */
	size_t held;
	uint64_t stored;
	bool hinted; /* where to look when the relay wants none of it */
	/* After a break. */
	struct vz_timer again;
	bool progressed, was_lost;
	unsigned tries;
	uint64_t lost_at;
};

/* store.c: the relay's word on the head of the queue, or on the bundle that was asked for. */
void store_deposited(struct store *st, const struct vz_relay_event *ev);
void store_refused(struct store *st, const struct vz_relay_event *ev);
/* Moves what can be moved: from the input, and to the relay. */
void store_turn(struct store *st);
/* In another connection nothing was said yet. */
void store_unsay(struct store *st);
/* store_link.c: connects. 0, or the status, with the words said. */
int store_dial(struct store *st);

/* Takes what can be taken now. */
void store_take(struct store *st);
/*
 * st->body is a whole message: it joins the queue. 1; 0: st->sealing, and once the ssh-agent has
 * answered store_seal_go_on says the same; negative: it did not, and that was said.
 */
int store_seal(struct store *st, uint64_t item, const char *name);
int store_seal_go_on(struct store *st);
/* Of the one that is being sealed nothing becomes. */
void store_seal_drop(struct store *st);
struct parcel *store_head(struct store *st);
/* The head was settled. */
void store_pop(struct store *st);
/* Gives all of it up with this status, whose words were said. */
void store_fail(struct store *st, int status);
/* It does not fit: said. */
void store_too_long(struct store *st, uint64_t item);
/* A message of the input is not stored: why was said, or is `words`. */
void store_failed(struct store *st, uint64_t item, int status, const char *words);

/* store_words.c: the relay has it. */
void store_words_stored(const struct store *st, const struct parcel *p, bool duplicate);
/* All is stored, and the destination was meant to have it at once. */
void store_words_away(const struct store *st);
/* The relay ended the connection, or nobody answered as one should: the status, never 0. */
int store_words_failed(const struct store *st, int err, int sys_errno, enum vz_dial_step step);
/* The relay has no bundle to be had: the status. */
int store_words_no_bundle(const struct store *st, const struct vz_relay_event *ev);
/* It was refused for good, by the relay. */
void store_words_too_much(struct store *st, uint8_t status);
/* The count cannot be kept: the status. */
int store_words_book(const struct run *r, int err);
void store_words_too_long(const struct store *st, uint64_t item);

#endif
