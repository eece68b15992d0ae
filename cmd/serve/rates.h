/*
 * The rates of a key's line (DESIGN 7: rate=, burst=, bytes=) and what is left of them.
 */
#ifndef VZ_SERVE_RATES_H
#define VZ_SERVE_RATES_H

#include <stdbool.h>

#include "guard/acl.h"

/* Zeroed: no limits. */
struct rates {
	bool counts_messages, counts_bytes;
	struct vz_bucket messages, bytes;
};

/* Whether the line has any. */
bool rates_granted(const struct vz_grant *g);
/* Takes the rates of a line over; buckets begin anew only when these are other ones than before.
 * False when it has none. */
bool rates_set(struct rates *r, const struct vz_grant *g);

#endif
