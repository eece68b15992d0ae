/*
 * --sign: what goes of a message is hashed, and its manifest is signed once all of it went.
 */
#ifndef VZ_SEND_SIGN_H
#define VZ_SEND_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item;
struct lane;
struct run;
struct signing;

/*
 * Before the sandbox closes: the ssh-agent, when one holds the identity's key and is to sign. 0, or
 * the exit status. After it: its answers are taken from the loop. 0, VZ_E...
 */
int sign_prepare(struct run *r);
int sign_watch(struct run *r);
/* A signature is asked for: when it takes long that is said. */
void sign_awaited(struct run *r);

/* The message is about to be opened. VZ_ENOMEM. Nothing to do without --sign. */
int sign_begin(struct lane *l, struct item *it);
/* n bytes from it->sent on have been handed over; after a break they may be some that were before.
 */
void sign_bytes(struct item *it, const uint8_t *p, size_t n);
/*
 * All bytes are sent: says the manifest and its signature, the same ones after a break. Manifests
 * of a lane are made in the order of the messages, each with the hash of the one before. An error
 * of vz_proof_make or vz_session_sign. VZ_EPENDING: the lane is kicked when there is more.
 */
int sign_say(struct lane *l, struct item *it);
/* Nothing of it is sent any more; safe when it was not signed. */
void sign_over(struct item *it);

#endif
