/*
 * What is said about relays: words, or with --log-json events (vz-listen(1) EVENTS). What a relay
 * says is escaped.
 */
#ifndef VZ_LISTEN_POST_WORDS_H
#define VZ_LISTEN_POST_WORDS_H

#include "cmd/vz-listen/posts.h"

/* What the end of a call or registration amounts to. */
struct stay_failure post_failure(const struct post_ending *e);

void post_say_registered(const struct post *p);
/* It is called again, at the stay's time; known: that was said before. */
void post_say_again(
    const struct post *p, const struct post_ending *e, const struct stay_failure *f, bool known);
/* It is over for good, with hints. */
void post_say_over(const struct post *p, const struct post_ending *e, const struct stay_failure *f);
/* By our own rights. */
void post_say_revoked(const struct post *p);
/* A claim came to nothing; or there were more offers than places. Now and then. */
void post_say_unclaimed(struct post *p, const struct post_ending *e);
void post_say_crowded(struct post *p);

#endif
