/*
 * The two bounded pools of connections that are not authenticated yet (DESIGN 9). Pure.
 *
 * Strangers have proved nothing. There is always room for one more of them: a source over its share
 * loses its oldest, and when all places are taken the source that holds most loses its oldest, so
 * that whoever opens many connections pushes out their own. Never is the newest refused. A source
 * that is punished (guard/penalty.h) has fewer places, and each counts for more. Nobody is pushed
 * out within VZ_POOL_MOMENT_MS, as long as there are others or places: else whoever floods would
 * push out the others of its address before their first word is here.
 *
 * Callers have proved that they know whom they call (message 1 is verified). They are never pushed
 * out; while there is no place among them, a caller stays with the strangers.
 */
#ifndef VZ_GUARD_POOL_H
#define VZ_GUARD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "id/key.h"

#define VZ_POOL_STRANGERS  64
#define VZ_POOL_PER_SOURCE 8
#define VZ_POOL_CALLERS    64
#define VZ_POOL_MOMENT_MS  250
#define VZ_POOL_LEVEL_MAX  2 /* two places of eight: one beside the newest's */

/* Who counts as one before authentication: an IPv4 address, an IPv6 /64, a user of this host, all
 * who come through one relay. */
struct vz_source {
	uint8_t kind;
	uint8_t bytes[8];
};

/*
 * The source of a connection from sa; uid counts only for Unix sockets. An IPv4 address mapped into
 * IPv6 (RFC 4291 2.5.5.2) is that IPv4 address.
 */
void vz_source_of(const struct sockaddr *sa, uint64_t uid, struct vz_source *out);

/* The source of whoever comes through this relay: they are one. */
void vz_source_of_relay(const struct vz_key *relay, struct vz_source *out);

bool vz_source_equal(const struct vz_source *a, const struct vz_source *b);

struct vz_pool_place {
	void *item;
	struct vz_source source;
	uint8_t level;
	uint64_t since;
};

/* Zeroed it is empty. The items are the caller's; the fields are private. */
struct vz_pool {
	struct vz_pool_place strangers[VZ_POOL_STRANGERS];
	struct vz_pool_place callers[VZ_POOL_CALLERS];
	size_t n_strangers, n_callers;
};

/*
 * item arrived at now_ms, a stranger. level, at most VZ_POOL_LEVEL_MAX, halves its source's places
 * so many times. Returns the item that is out of the pool for it and has to be closed, or NULL.
 */
void *vz_pool_arrive(
    struct vz_pool *p, const struct vz_source *source, unsigned level, uint64_t now_ms, void *item);
/*
 * The stranger that would have to go for a newcomer if all places were taken, and has had its
 * moment; for when there are fewer descriptors than places. NULL when there is none.
 */
void *vz_pool_next_out(const struct vz_pool *p, uint64_t now_ms);
/*
 * item had to go, but has shown in the last moment that it is a caller. False when there is no
 * place among those.
 */
bool vz_pool_save(
    struct vz_pool *p, const struct vz_source *source, unsigned level, uint64_t now_ms, void *item);
/* item is a caller now. False when it stays with the strangers: ask again later. */
bool vz_pool_call(struct vz_pool *p, void *item);
/*
 * item lost the standing of a caller and is the newest stranger. Returns the item that has to be
 * closed, or NULL.
 */
void *vz_pool_disown(struct vz_pool *p, uint64_t now_ms, void *item);
/* item is authenticated or gone. Nothing happens when it is not in the pool. */
void vz_pool_leave(struct vz_pool *p, const void *item);
/* True while item is among the callers. */
bool vz_pool_is_caller(const struct vz_pool *p, const void *item);

#endif
