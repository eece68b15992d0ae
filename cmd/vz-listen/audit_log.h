/*
 * What vz-listen records with --audit beside what all programs do (cmd/serve/record.h): messages
 * started, delivered, failed and refused. When a line cannot be written the listener tells
 * everybody to try again later and ends with 74.
 */
#ifndef VZ_LISTEN_AUDIT_LOG_H
#define VZ_LISTEN_AUDIT_LOG_H

#include <stdbool.h>

#include "cmd/vz-listen/visit.h"

/* The messages under way failed; signs, closes. */
void audit_log_close(struct server *srv);

/* About v's session. */
void audit_log_session(const struct visit *v, const char *event, int status, const char *words);
/* v's session is refused. */
void audit_log_refused(const struct visit *v, int status, const char *words);
/* A message that does not begin. */
void audit_log_not_taken(const struct visit *v, const char *id, int status, const char *words);
/*
 * Before anything of the message reaches its sink or handler. False when it could not be recorded:
 * then it must not begin.
 */
bool audit_log_started(const struct visit *v, const struct incoming *in);
/* How it ended: "delivered" or "failed". text may hold anything. */
void audit_log_message(const struct visit *v, const struct incoming *in, const char *event,
    int status, const void *text, size_t len);

#endif
