/*
 * What the files of the relay's table share: match.c (who is registered) and match_ask.c (who waits
 * for whom).
 */
#ifndef VZ_RELAY_MATCH_IMPL_H
#define VZ_RELAY_MATCH_IMPL_H

#include "relay/match.h"

struct match {
	uint8_t id[VZ_MATCH_LEN];
	void *sender;
	struct party *from;
	struct party *to; /* NULL = in vain already */
	uint64_t until;
	struct match *before, *after;
};

/* An identity that is registered, or waits, or both. */
struct party {
	struct vz_key key;
	void *listener; /* NULL = not registered */
	uint64_t number;
	size_t waits;   /* matches that it made */
	size_t waiting; /* matches made for it, and these, the oldest first */
	struct match *match[VZ_MATCH_PER_LISTENER];
};

struct vz_matches {
	struct vz_match_limits limits;
	struct vz_keymap parties;
	size_t listeners, count;
	uint64_t number; /* the highest given to a new registration */
	/* By the time that they end: all last equally long, and those in vain are in front. */
	struct match *first, *last;
};

/* The identity's entry, made when it is not there. VZ_EFULL, VZ_ENOMEM. */
int vz_match_party(struct vz_matches *t, const struct vz_key *key, struct party **out);
/* The match is over and freed; its sender's handle. */
void *vz_match_end(struct vz_matches *t, struct match *m);
/* Nobody may claim it any more; vz_match_ended gives it out. */
void vz_match_in_vain(struct vz_matches *t, struct match *m);

#endif
