/*
 * What vz-send says about its connection: words or events, and the exit status that goes with a
 * failure (DESIGN 8).
 */
#ifndef VZ_SEND_WORDS_H
#define VZ_SEND_WORDS_H

#include "cmd/vz-send/link.h"

void words_connected(const struct link *k);
/* On the way through a relay: it is the one called, and is asked; and whom we want has come. */
void words_relay(const struct link *k);
void words_matched(const struct link *k);
void words_authenticated(const struct link *k);
/* READY came without the right to send. */
void words_no_right(const struct link *k);
/* Each says what happened and returns the exit status for it, never 0. */
int words_not_dialled(const struct link *k, int err, int sys_errno, enum vz_dial_step step);
int words_closed(const struct link *k, const struct vz_event *ev);
/* It broke, and is tried again after so many milliseconds; and it goes on. */
void words_lost(const struct link *k, int err, int sys_errno, uint64_t delay_ms);
void words_resumed(const struct link *k);
/* There is another connection in the place of an old one; or there is none yet, which is no harm.
 */
void words_renewed(const struct link *k);
void words_not_renewed(const struct link *k, int err, int sys_errno);
/* It was tried for as long as is allowed: the status. */
int words_given_up(const struct link *k, int err, int sys_errno);
int words_broken(const struct link *k, int err, int sys_errno);
/* What a status of the other side means, before its own words: static. */
const char *words_of_status(int status);

#endif
