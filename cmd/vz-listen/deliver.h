/*
 * The messages of a visit on their way into the sink, and the verdicts on them.
 */
#ifndef VZ_LISTEN_DELIVER_H
#define VZ_LISTEN_DELIVER_H

#include "cmd/vz-listen/visit.h"

/*
 * Each takes the event named; false: the sink has to be waited for, then call it again with the
 * same event, of which bytes already taken are gone.
 */
bool deliver_open(struct visit *v, struct vz_event *ev);
bool deliver_data(struct visit *v, struct vz_event *ev);
bool deliver_end(struct visit *v, struct vz_event *ev);
/* The message that ev opens is not taken: its sender is told, and it is reported. */
void deliver_refuse(struct visit *v, const struct vz_event *ev, uint8_t status, const char *words);
/* The sender gave a message up. */
void deliver_cancel(struct visit *v, const struct vz_event *ev);
/* The connection ended with err: what was under way is lost, and v->status says so. */
void deliver_cut(struct visit *v, int err);
/* Aborts what is under way, and gives the sink free. */
void deliver_abort_all(struct visit *v);

#endif
