/*
 * The mailboxes over the connections (relay/mailbox.h), with --spool. Without it a request to one
 * is refused with 69, and all else of this does nothing.
 */
#ifndef VZ_RELAY_MAIL_H
#define VZ_RELAY_MAIL_H

#include "cmd/vz-relay/client.h"

/* Opens the spool, before the sandbox closes: 0, or the exit status, and that was said. */
int mail_open(struct relay *rl);
/* After it: begins, with a thread that inherits it. As above. */
int mail_start(struct relay *rl);
/* When every client is gone. */
void mail_close(struct relay *rl);

/* Whether it is one of a mailbox's requests, or bytes of one. */
bool mail_is_request(const struct vz_relay_event *ev);
void mail_request(struct client *c, const struct vz_relay_event *ev);
/* c is a listener now. */
void mail_registered(struct client *c);
/* Some of c's output went. */
void mail_drained(struct client *c);
/* c takes no part any more. May be said again. */
void mail_gone(struct client *c);
/* Something that c asked for has no answer yet. */
bool mail_is_busy(const struct client *c);
/* Comes each second: what has expired goes. */
void mail_tick(struct relay *rl);
/* Asks the store what there is, and has the metrics written when that is known. False when it
 * cannot be asked. */
bool mail_look(struct relay *rl);

#endif
