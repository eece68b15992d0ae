/*
 * Whom and where: DEST of the command line.
 */
#ifndef VZ_SEND_DEST_H
#define VZ_SEND_DEST_H

#include "cmd/common/self.h"
#include "id/address.h"

/* Parses text; only a name makes the peers file be read. Errors are reported and exit. */
void dest_parse(const struct self *me, const char *text, struct vz_address *out);

#endif
