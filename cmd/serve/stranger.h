/*
 * What the owner could do about a key that nobody has allowed, said where its refusal is: once for
 * each key in a while, and seldom enough that a crowd of keys does not fill the log.
 */
#ifndef VZ_SERVE_STRANGER_H
#define VZ_SERVE_STRANGER_H

#include <stdbool.h>
#include <stdint.h>

#include "guard/ratelimit.h"
#include "id/key.h"

struct rights;

#define STRANGERS_KEPT 32               /* keys that were told of, the latest */
#define STRANGER_MS    (10 * 60 * 1000) /* not again for so long */
#define STRANGER_S     10               /* seconds for each hint, in the long run, */
#define STRANGER_BURST 10               /* and so many at once */

/* Zeroed: nobody was told of. */
struct strangers {
	struct {
		struct vz_key key;
		uint64_t until;
	} told[STRANGERS_KEPT];
	unsigned next;
	bool limited; /* the bucket is there */
	struct vz_bucket words;
};

/* Its key was refused: which line would let it in, and where that goes. */
void stranger_hint(struct rights *r, const struct vz_key *key, uint64_t now);

#endif
