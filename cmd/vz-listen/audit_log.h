/*
 * What vz-listen records with --audit (DESIGN 7; guard/audit.h): sessions accepted and refused,
 * messages started, delivered, failed and refused, who was limited, and each reload. Without
 * --audit all of this does nothing.
 *
 * Strangers who proved no key are not in it. Refused sessions, which anybody with a key could
 * have without end, are recorded one by one only up to a rate, and counted beyond it.
 *
 * Nothing goes on unrecorded: when a line cannot be written nothing new begins, and the listener
 * tells everybody to try again later and ends with 74.
 */
#ifndef VZ_LISTEN_AUDIT_LOG_H
#define VZ_LISTEN_AUDIT_LOG_H

#include <stdbool.h>

#include "cmd/vz-listen/visit.h"

/* Opens the file that the options name, or ends the program: 73, or 78 when it is unsafe or
 * damaged. */
void audit_log_open(struct server *srv);
/* After it was renamed: goes on in a new file. What fails is said, and the old one goes on. */
void audit_log_reopen(struct server *srv);
/* From the timer that runs each second: signs what has been unsigned for long. */
void audit_log_tick(struct server *srv);
/* The messages under way failed; signs, closes. */
void audit_log_close(struct server *srv);
/* A line could not be written: nothing may begin. */
bool audit_log_broken(const struct server *srv);

/* About v's session. */
void audit_log_session(const struct visit *v, const char *event, int status, const char *words);
/* v's session is refused; see above for how many of these are recorded. */
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
/* About the rights: what became of reading them. */
void audit_log_reloaded(struct server *srv, const char *words);

#endif
