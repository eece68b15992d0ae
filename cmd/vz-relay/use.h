/*
 * What the connections of a key use together: how many there are, how often they ask (rate=) and
 * how much goes through them (bytes=).
 *
 * Bytes are counted when they have been relayed, for the key that sent them. Over its rate a key is
 * slowed: nothing is read from its connections until what was too much is made up for.
 */
#ifndef VZ_RELAY_USE_H
#define VZ_RELAY_USE_H

#include "cmd/vz-relay/relay.h"

struct use;

/* Its part in a client. Zeroed: none. */
struct use_place {
	struct use *use;
	LIST_ENTRY(client) slowed; /* while it is paused */
	bool is_slowed;
};

/* c joins the connections of its key, by the rates of its grant, which may be other ones than
 * before: buckets outlive connections. VZ_ENOMEM, VZ_EFULL: c is as it was. */
int use_join(struct client *c);
void use_leave(struct client *c);
/* The connections of c's key. */
unsigned use_count(const struct client *c);
/* One more of them uses a mailbox, if no more than `most` do then; or one less. */
bool use_mail(struct client *c, unsigned most);
void use_mail_over(struct client *c);
/* c asks for something: 0, or the milliseconds until that is granted. */
uint64_t use_request(struct client *c);
/* c is about to deposit so many bytes: true, and they are counted; false: it is over its rates. */
bool use_deposit(struct client *c, uint64_t size);
/* n bytes that c sent have been relayed: its pair may be paused (pair_slow). */
void use_bytes(struct client *c, size_t n);

/* After a reload: forgets the keys that have no rates any more. */
void use_prune(struct relay *rl);
/* All of it, when every client is gone. */
void use_free(struct relay *rl);

#endif
