/* What the parts of collecting share. */
#ifndef VZ_LISTEN_COLLECT_IMPL_H
#define VZ_LISTEN_COLLECT_IMPL_H

#include "cmd/vz-listen/collect.h"
#include "cmd/vz-listen/letter.h"
#include "cmd/vz-listen/server.h"
#include "mail/window.h"
#include "net/rlink.h"

struct collect {
	struct post *post;
	struct vz_rlink *link; /* to the mailbox; NULL: none */
	struct lent *lent;     /* until its handshake is over */
	struct post_ending ending;
	struct vz_timer due;
	uint64_t all_at;  /* when to look at all that is there again; 0: it is not known to fail */
	bool news;        /* something has come since it was last looked */
	bool failed;      /* something did in this round, and was left */
	bool told;        /* that it cannot be reached */
	unsigned rounds;  /* in a row in which something failed */
	uint64_t high;    /* all up to this was looked at */
	uint64_t after;   /* and in this round */
	uint64_t seq;     /* of the message that comes, or is being dealt with; 0: none */
	uint64_t missing; /* bytes of it */
	uint64_t expires; /* when the relay removes it */
	struct vz_unseal *unseal; /* it comes */
	struct letter *letter;    /* it is being delivered, or is, and the relay is told */
	bool marking;             /* it was delivered, and could not be marked */
	bool telling;             /* the relay was told to remove it */
	bool holds;               /* no other program delivers mail meanwhile */
};

/* The rounds: collect_round.c. */

/* From the loop, in so many milliseconds. */
void collect_soon(struct collect *c, uint64_t ms);
/* It is time to see whether there is anything to do. */
void collect_due(struct vz_loop *l, struct vz_timer *t);
/* Its connection goes, at once. */
void collect_let_go(struct collect *c);

/* The message at hand: collect_mail.c. */

/* It begins; false: not now. */
bool collect_mail_begin(struct collect *c, const struct vz_relay_event *entry);
void collect_mail_piece(struct collect *c, const struct vz_relay_event *piece);
/* Tries again to mark what was delivered. */
void collect_mark(struct collect *c);
/* The link is gone. */
void collect_mail_cut(struct collect *c);
/* Nothing is left of it here. */
void collect_mail_drop(struct collect *c);

/* collect_round.c: what becomes of it. The relay is to be told that we have it, or it stays there;
 * then the next one comes. */
void collect_taken(struct collect *c);
void collect_left(struct collect *c);
/* It and those behind it are for another time. */
void collect_later(struct collect *c);

/* What is said (collect_words.c). */

void collect_say_unopened(const struct collect *c, const char *words);
void collect_say_clocks(const struct collect *c);
void
collect_say_seen(const struct collect *c, const struct letter *l, enum vz_window_verdict verdict);
void collect_say_missing(
    const struct collect *c, const struct letter *l, const struct vz_window_gap *gap);
/* Why it cannot be delivered now: VZ_EEXISTS, another program does so; VZ_ESYSTEM. */
void collect_say_held(const struct collect *c, int err);
/* The book cannot be read or written. */
void collect_say_book(const struct server *srv, int err);
/* It could not be collected from the relay: words of ours, or what the relay said. */
void collect_say_unreached(struct collect *c);
void collect_say_kept_back(const struct collect *c, uint8_t status, const uint8_t *p, size_t n);

#endif
