/*
 * Who is registered at a relay, and who waits for whom (DESIGN 6, 9). Pure: connections are opaque
 * handles, time (milliseconds of one clock) and randomness are passed in.
 *
 * A match is a sender that waits for a listener to claim it. It ends once: claimed, by the identity
 * that it was made for and nobody else; withdrawn; or it comes out of vz_match_ended, because its
 * time is over, the listener went, or its place was needed. Then the caller may free the handle.
 */
#ifndef VZ_RELAY_MATCH_H
#define VZ_RELAY_MATCH_H

#include <stddef.h>
#include <stdint.h>
#include "id/key.h"
#include "relay/keymap.h"
#include "wire/channel.h"

#define VZ_MATCH_LISTENERS    5000
#define VZ_MATCH_PER_LISTENER 4
#define VZ_MATCH_PER_SENDER   16
#define VZ_MATCH_TTL_MS       (10 * 1000)

struct vz_match_limits {
	size_t listeners;
	size_t per_listener; /* waiting matches, at most VZ_MATCH_PER_LISTENER */
	size_t per_sender;
	uint64_t ttl_ms;
};

struct vz_matches;

/* DESIGN 9. */
void vz_match_limits_default(struct vz_match_limits *l);

/* VZ_EINVAL (limits), VZ_ENOMEM. The caller owns *out. seed: random. */
int vz_matches_new(struct vz_matches **out, const struct vz_match_limits *l,
    const uint8_t seed[static VZ_KEYMAP_SEED]);
/* The handles are the caller's. */
void vz_matches_free(struct vz_matches *t);

/*
 * A listener registers. number: as in its request; 0 = a new registration, which takes the place of
 * any other; else the one that it had before a break, which only an older one or itself gives way
 * to. unix_ms: by which new registrations are numbered upwards, also over a restart.
 *
 * 0, *given its number, and *displaced the handle that it took the place of, to be told 77, or
 * NULL. Those who wait for this identity go on waiting: vz_match_waiting, to be offered anew.
 * VZ_EROLLBACK: a newer one is registered (77). VZ_EFULL: too many (75). VZ_ENOMEM.
 */
int vz_match_register(struct vz_matches *t, const struct vz_key *who, void *listener,
    uint64_t number, uint64_t unix_ms, uint64_t *given, void **displaced);
/* The i-th match that waits for an identity, NULL behind the last. */
const uint8_t *vz_match_waiting(const struct vz_matches *t, const struct vz_key *who, size_t i);
/* A registered connection is gone; nothing happens when it was displaced. Those who wait for it are
 * next in vz_match_ended. */
void vz_match_gone(struct vz_matches *t, const struct vz_key *who, const void *listener);

/*
 * A sender asks for `to`. id: random, the match's. 0, and *listener is to be offered the id.
 * VZ_ENOTFOUND: not registered (69). VZ_EFULL: too many wait for it, or too many of this sender
 * (75). VZ_EEXISTS: that id waits already (75). VZ_ENOMEM.
 *
 * When all places at a listener are taken and this sender has none, whoever has most of them, and
 * more than one, loses the oldest: one sender alone keeps nobody else away.
 */
int vz_match_ask(struct vz_matches *t, const struct vz_key *from, void *sender,
    const struct vz_key *to, const uint8_t id[static VZ_MATCH_LEN], uint64_t now, void **listener);
/* The sender is gone. Nothing happens when the match has ended. */
void vz_match_withdraw(
    struct vz_matches *t, const struct vz_key *to, const uint8_t id[static VZ_MATCH_LEN]);
/*
 * `who`, on an authenticated connection of its own, claims a match: 0 and *sender is its. Then the
 * match is over. VZ_ENOTFOUND: unknown, another's, used, too late; nobody learns which.
 */
int vz_match_claim(struct vz_matches *t, const struct vz_key *who,
    const uint8_t id[static VZ_MATCH_LEN], uint64_t now, void **sender);

/* A sender that waits in vain, to be told 75; NULL when there is none (any more). */
void *vz_match_ended(struct vz_matches *t, uint64_t now);
/* When there will be one; UINT64_MAX = never. */
uint64_t vz_match_deadline(const struct vz_matches *t);

size_t vz_match_listeners(const struct vz_matches *t);
size_t vz_match_count(const struct vz_matches *t);

#endif
