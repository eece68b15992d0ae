/*
 * Our identity, which handshakes under way keep as they began with it, while it is read again
 * before the next one (DESIGN 4).
 */
#ifndef VZ_CMD_LENT_H
#define VZ_CMD_LENT_H

#include <stdbool.h>

#include "cmd/common/self.h"

/* An identity that handshakes borrow: it outlives its replacement until the last of them is over.
 */
struct lent {
	struct vz_identity *identity;
	unsigned users;
	bool replaced;
};

/* The identity that is in `me`, to be lent; NULL: no memory. */
struct lent *lent_new(const struct self *me);
/*
 * Reads the identity again when its file has changed: me->identity and *l are the new ones then.
 * True when it is another key, and so another address. What fails was said, and the old one stays.
 */
bool lent_refresh(struct self *me, struct lent **l);
/* The same, but another key is not taken: what has begun goes on as whom it began. */
void lent_renew(struct self *me, struct lent **l);
struct lent *lent_take(struct lent *l);
/* NULL is none. */
void lent_give_back(struct lent *l);

#endif
