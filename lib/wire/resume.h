/*
 * What a listener keeps of its words until the sender has forgotten the message, to say it again
 * after a break: replies and verdicts (DESIGN 5; vz-protocol(7) RESUME).
 */
#ifndef VZ_WIRE_RESUME_H
#define VZ_WIRE_RESUME_H

#include "wire/session_impl.h"

/*
 * Small replies are kept in a row, in the order in which they were said: each as u64 number, u32
 * length and its bytes. More than so many bytes push the oldest out, which the sender has then, for
 * its window holds no more than what is kept.
 */
#define VZ_ANSWER_HEAD  12
#define VZ_ANSWERS_KEPT (VZ_WINDOW_CONNECTION + VZ_UNFINISHED_MAX * VZ_ANSWER_HEAD)

/*
 * A small reply and its verdict are said now; or, of a message that is silent, when the sender
 * asks. VZ_ENOMEM, VZ_EFULL (too many wait for that).
 */
int vz_keep_answer(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len);
/* True while some wait to be said again: nothing new is said before them. */
bool vz_answers_wait(const struct vz_session *s);
/* The kept reply of m, whose verdict was said; NULL when it was pushed out. */
const uint8_t *vz_kept_answer(const struct vz_session *s, const struct vz_message *m, size_t *len);
/* Says those again that were asked for, as far as the sender's window goes. */
int vz_answers_pay(struct vz_session *s);
/* Bytes of a longer one. VZ_ENOMEM. */
int vz_keep_reply(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len);
/* The sender has taken `n` more of them. */
void vz_kept_taken(struct vz_message *m, uint64_t n);
/* The verdict. VZ_ENOMEM. */
int vz_keep_verdict(struct vz_session *s, struct vz_message *m, uint8_t status, const char *text);
/* All bytes of m's reply, said and kept. */
uint64_t vz_kept_end(const struct vz_message *m);

/* An OPEN or WHOLE of a number that is known: the sender speaks of it again. 0, or an error. */
int vz_listener_again(struct vz_session *s, const struct vz_frame *f);
/* Says what is owed of replies, as far as there is room. */
int vz_listener_pay(struct vz_session *s);

#endif
