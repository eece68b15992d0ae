/*
 * Whom and where: DEST[,DEST...] of the command line.
 */
#ifndef VZ_SEND_DEST_H
#define VZ_SEND_DEST_H

#include <stddef.h>
#include "cmd/common/self.h"
#include "id/address.h"

#define DEST_MAX 256

struct dest {
	const char *text; /* as it was given, or the member's name of a group */
	struct vz_address to;
};

struct dests {
	struct dest *dest;
	size_t n;
	char *text; /* what dest[].text points into */
};

/*
 * Addresses, names and @GROUPs with commas between. Only names make the peers file be read. One
 * that is there twice is taken once. Errors are reported and exit.
 */
void dests_parse(const struct self *me, const char *text, struct dests *out);
/* Leaves `text` to the caller. */
void dests_free(struct dests *d);

#endif
