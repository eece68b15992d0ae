/*
 * Mail: what waits for this host in its mailboxes at relays is collected there, oldest first, as
 * soon as a relay says that there is some, over a connection of its own beside the registration.
 *
 * A message is opened and verified, then judged (vz-protocol(7) Acceptance), delivered like one
 * that came over a connection (letter.h), marked in the book of mail (keep/mailbook.h), and only
 * then taken off its mailbox. So is what can never be delivered: what does not open, was seen
 * before, or is refused. What only failed stays in the mailbox and is tried again later.
 */
#ifndef VZ_LISTEN_COLLECT_H
#define VZ_LISTEN_COLLECT_H

#include <stddef.h>

#include "keep/hold.h"

struct server;
struct vz_mailbook;
struct collect;

struct collects {
	struct vz_mailbook *book; /* NULL: there are no relays */
	struct vz_hold hold;      /* while something is delivered */
	struct collect *all;      /* one for each of srv->posts */
	size_t n;
};

/* Before the sandbox: opens the book when there are relays. 0, or the status, and that was said. */
int collect_open(struct server *srv);
/* The posts are there: from now on they are listened to. VZ_ENOMEM. */
int collect_start(struct server *srv);
/* Revoked keys were read again: nothing more comes from a relay that is among them. */
void collect_rejudge(struct server *srv);
/* All visits are gone. */
void collect_close(struct server *srv);

#endif
