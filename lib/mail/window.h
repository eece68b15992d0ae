/*
 * What a recipient remembers of one sender's mail: the highest sequence delivered, and which of the
 * 1,024 up to it (DESIGN 6). A message that was seen, or is older than that, is not delivered
 * again. Pure data; the caller keeps it on disk, and marks a message only once it is durable.
 */
#ifndef VZ_MAIL_WINDOW_H
#define VZ_MAIL_WINDOW_H

#include <stddef.h>
#include <stdint.h>
#include "mail/manifest.h"

#define VZ_WINDOW_BITS 1024
#define VZ_WINDOW_LEN  217 /* bytes, encoded */

struct vz_window {
	struct vz_key sender;
	uint8_t stream[16];                 /* of the highest */
	uint64_t highest;                   /* 0: nothing was delivered yet */
	uint64_t seen[VZ_WINDOW_BITS / 64]; /* bit i: highest - i was delivered */
};

enum vz_window_verdict {
	VZ_WINDOW_NEW,
	VZ_WINDOW_SEEN, /* this one was delivered */
	VZ_WINDOW_OLD,  /* too old to tell: taken for seen */
};

/* The numbers that a message passes over; missing until they come. None: first is 0. */
struct vz_window_gap {
	uint64_t first, last;
};

/* Nothing was delivered of this sender. */
void vz_window_init(struct vz_window *w, const struct vz_key *sender);
/*
 * May a verified message of this sender be delivered? *gap is what is missing before it when it is
 * new and counted on from the highest: it is known only within a stream.
 */
enum vz_window_verdict
vz_window_check(const struct vz_window *w, const struct vz_manifest *m, struct vz_window_gap *gap);
/* It was delivered. Call it only for what is VZ_WINDOW_NEW. */
void vz_window_mark(struct vz_window *w, const struct vz_manifest *m);

/*
 * Layout: u8 version (1) | sender 32 | stream 16 | u64 highest | seen, 16 u64 | BLAKE2b-256 of all
 * that, big-endian. A window of which nothing was delivered is written too.
 */
void vz_window_encode(const struct vz_window *w, uint8_t out[static VZ_WINDOW_LEN]);
/* VZ_EFORMAT for anything that vz_window_encode did not write, or for another sender; then *out is
 * zeroed. */
int
vz_window_decode(const uint8_t *p, size_t len, const struct vz_key *sender, struct vz_window *out);

#endif
