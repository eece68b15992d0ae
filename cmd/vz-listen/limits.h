/*
 * What the options of a key's line (vz-authorized(5)) demand of its sessions and messages, beside
 * its rates (quota.h).
 */
#ifndef VZ_LISTEN_LIMITS_H
#define VZ_LISTEN_LIMITS_H

#include "cmd/vz-listen/visit.h"

/* The sessions that v's key may have at once. */
uint64_t limits_sessions(const struct visit *v);
/* The longest message that v may send: of its line and --max-size the lower. 0 = any. */
uint64_t limits_max_size(const struct visit *v);
/*
 * 0, or the status and *words (static) with which the message that ev opens (VZ_EVENT_OPEN,
 * VZ_EVENT_WHOLE) is refused: rights by its kind, name-match=, max-size=, and a record that cannot
 * be written. Rates are not asked.
 */
uint8_t limits_refusal(const struct visit *v, const struct vz_event *ev, const char **words);
/*
 * The command that takes v's messages in the place of the listener's own, NULL at its end; NULL
 * when the line names none. Valid until the next turn of the loop: a reload may free it.
 */
char *const *limits_command(const struct visit *v);

/*
 * Reads v's grant anew from the lists: what is granted now counts from here on. Words for the peer
 * when nothing is granted any more (static); NULL: it stays.
 */
const char *limits_renew(struct visit *v);
/* v is over: gives back what it was granted. */
void limits_leave(struct visit *v);

#endif
