/*
 * What vz-listen says on standard error: words, or with --log-json events (vz-listen(1) EVENTS).
 * Whatever came from a peer is escaped here.
 */
#ifndef VZ_LISTEN_REPORT_H
#define VZ_LISTEN_REPORT_H

#include "cmd/serve/report.h"
#include "cmd/vz-listen/visit.h"

/* A stranger is kept waiting (ask.h); what the owner said of its key, which is recorded too. */
void report_asked(const struct visit *v);
void report_answered(struct server *srv, const struct vz_key *key, const char *answer);
/* The end begins, and what is under way is finished; or it was not in time. */
void report_draining(const struct server *srv);
void report_drained(const struct server *srv, bool complete);

void report_ended(const struct visit *v, int err);
/* Its connection broke, and it is waited for; and there is another one. */
void report_broken(const struct visit *v, int err);
void report_resumed(const struct visit *v);

/* True when each message is spoken of, however small: by events, with -v, in the record. */
bool report_wants_each(const struct server *srv);
void report_begun(const struct visit *v, const struct incoming *in);
void report_delivered(const struct visit *v, const struct incoming *in);
void report_not_taken(const struct visit *v, const char *id, int status, const char *words);
void report_failed(const struct visit *v, const struct incoming *in, int status, const char *words);
/* We end, and what has come of it is left for another process. */
void report_left(const struct visit *v, const struct incoming *in);
void report_cancelled(
    const struct visit *v, const struct incoming *in, int status, const uint8_t *text, size_t len);

#endif
