/*
 * What the two files of --ask share: ask.c, who waits; ask_question.c, what is asked and answered.
 */
#ifndef VZ_LISTEN_ASK_IMPL_H
#define VZ_LISTEN_ASK_IMPL_H

#include "cmd/vz-listen/server.h"

/* Milliseconds that a sender is kept waiting. */
uint64_t ask_patience(const struct server *srv);
/* All who wait with this key are refused with words. */
void ask_refuse_all(struct server *srv, const struct vz_key *key, const char *words);
/* The first one's key is asked about, unless there is a question already. */
void ask_next(struct server *srv);
/* The question is over, answered or not. */
void ask_end_question(struct server *srv);
/* Something was typed: a vz_watch_fn. And nobody answers: a vz_timer_fn. */
void ask_typed(struct vz_loop *l, struct vz_watch *w, unsigned got);
void ask_over(struct vz_loop *l, struct vz_timer *t);

#define ASK_NOBODY "nobody answered whether this key is allowed here"

#endif
