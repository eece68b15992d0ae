/*
 * A connection that broke is made again (DESIGN 5, --retry-for): after 0.25 s doubling to 30 s,
 * each 50 % more or less, as long as there was progress within the time allowed.
 */
#ifndef VZ_SEND_REDIAL_H
#define VZ_SEND_REDIAL_H

#include "cmd/vz-send/link.h"

/* What was on its way moved: the time allowed begins anew with the next break. */
void redial_progress(struct link *k);
/*
 * The connection, or the try to make one, ended with err (and sys_errno): is that to be tried
 * again? A first connection only when --retry-for was given.
 */
bool redial_worth(const struct link *k, int err);
/*
 * Tries again later: link_dial is called. False when the time allowed is over: the words were said,
 * and k->status is set.
 */
bool redial_later(struct link *k, int err, int sys_errno);
void redial_stop(struct link *k);

#endif
