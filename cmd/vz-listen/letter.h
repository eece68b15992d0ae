/*
 * A message out of a mailbox, opened and verified, on its way to where messages go: a visit without
 * a connection (visit.h), whose events come from here. Its sender hears nothing of what becomes of
 * it, so replies are not asked for; its collector (collect.h) does.
 */
#ifndef VZ_LISTEN_LETTER_H
#define VZ_LISTEN_LETTER_H

#include "cmd/serve/judge.h"
#include "cmd/vz-listen/visit.h"
#include "mail/unseal.h"

struct letter;

#define LETTER_GONE (-1)
/*
 * What became of it, once, from the loop: 0, it is durable where it goes; or the status of a
 * failure or refusal, which was reported. Then it stays until letter_free. Or LETTER_GONE: its
 * visit was ended before that, and l is no more after the call.
 */
typedef void letter_fn(void *arg, struct letter *l, int status);

/* u was verified, for us, and is the letter's from here on, also on failure. It came by `relay`.
 * VZ_ENOMEM. */
int letter_new(struct server *srv, const struct vz_key *relay, struct vz_unseal *u, letter_fn *over,
    void *arg, struct letter **out);
/* NULL is nothing. `over` is not called. */
void letter_free(struct letter *l);

const struct vz_manifest *letter_manifest(const struct letter *l);
/* Whether its sender may send here now, and whether anything may be taken. What is not 0 was
 * reported. */
struct verdict letter_judge(struct letter *l);
/* It is to be delivered. */
void letter_deliver(struct letter *l);
/* Another letter with its sender and number is under way. */
bool letter_is_twin(const struct letter *l);

/* For visit.c. */

/* The verdict on it. */
void letter_judged(struct letter *l, uint8_t status, const char *words);
/* True when it was delivered, and its mailbox does not know yet. */
bool letter_is_over(const struct letter *l);
/* The event that waited is handled. */
void letter_resume(struct letter *l);
/* Ends it with words, unless it has its verdict. */
void letter_dismiss(struct letter *l, uint8_t status, const char *text);
/* Its visit is being freed. */
void letter_gone(struct letter *l);

#endif
