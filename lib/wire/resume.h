/*
 * What a listener keeps of its words until the sender has forgotten the message, to say it again
 * after a break: replies and verdicts (DESIGN 5; vz-protocol(7) RESUME).
 */
#ifndef VZ_WIRE_RESUME_H
#define VZ_WIRE_RESUME_H

#include "wire/session_impl.h"

/* Small replies are kept in a row, oldest first, at most so many bytes: more pushes the oldest out,
 * whose question then fails with 75 if its answer was lost. */
#define VZ_ANSWERS_KEPT (4u * 1024 * 1024)

/* A small reply and its verdict were said, or would have been. VZ_ENOMEM. */
int vz_keep_answer(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len);
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
