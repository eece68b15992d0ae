/*
 * The messages of a visit on their way to where they go, and the verdicts on them: what is the same
 * for every taker.
 */
#ifndef VZ_LISTEN_DELIVER_H
#define VZ_LISTEN_DELIVER_H

#include "cmd/vz-listen/taker.h"

/*
 * Each takes the event named; false: it has to wait, then call it again with the same event, of
 * which bytes already taken are gone.
 */
bool deliver_open(struct visit *v, struct vz_event *ev);
bool deliver_data(struct visit *v, struct vz_event *ev);
bool deliver_signed(struct visit *v, struct vz_event *ev);
bool deliver_end(struct visit *v, struct vz_event *ev);
bool deliver_whole(struct visit *v, struct vz_event *ev);
/* The sender gave a message up. */
void deliver_cancel(struct visit *v, const struct vz_event *ev);
/* The connection ended with err: what was under way is lost, and v->status says so. */
void deliver_cut(struct visit *v, int err);
/* Drops what is under way, and gives the taker free. */
void deliver_abort_all(struct visit *v);

/* For takers. */

/* The message that ev begins is not taken, and nothing of it was. */
void deliver_refuse(struct visit *v, const struct vz_event *ev, uint8_t status, const char *words);

/* These end `in`, which is gone after each. */

/* It is delivered: says so to everybody. */
void deliver_done(struct visit *v, struct incoming *in);
/* The same when its sender knows already. */
void deliver_told(struct visit *v, struct incoming *in);
/*
 * It is not: `own` is our status and why says it here, with `status` and `words` the sender is told
 * (status 0: it was told already). Where there will be no other message, that is the end.
 */
void deliver_failed(struct visit *v, struct incoming *in, int own, const char *why, uint8_t status,
    const char *words);
/* The same when our own output failed: the sender may try again later. */
void deliver_output_failed(struct visit *v, struct incoming *in, int err, int own);

/* Tells v's sender the verdict on one of its messages. */
void deliver_say(struct visit *v, uint64_t number, uint8_t status, const char *words);
/* There will be no other message. v's sender has the verdict, and ends the session by itself. */
void deliver_last(struct visit *v, int status);
void deliver_note(struct visit *v, int status);

#endif
