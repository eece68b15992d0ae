/*
 * Whether a host that proved to be the one called is still wanted.
 */
#ifndef VZ_CMD_TRUST_H
#define VZ_CMD_TRUST_H

#include <stdbool.h>

#include "cmd/common/self.h"

/*
 * Revoked, the memory of serials (DESIGN 4, 5), which is raised here, and expired, in this order.
 * 0, VZ_EREVOKED, VZ_EROLLBACK, VZ_ECLASH, VZ_EEXPIRED, VZ_EFULL (no room to remember another one);
 * anything else is why the memory cannot be used.
 */
int trust_judge(const struct self *me, const struct vz_bundle *peer);
/* The words for that about `shown`, without it and without hints; valid until the next call. */
const char *trust_words(const struct self *me, int err);
/* What could be done about it, or NULL. */
const char *trust_hint(int err);
/*
 * The other side's words of why it refused us: true when another line in its authorized file would
 * not mend it; what could is said.
 */
bool trust_hint_told(const char *words);
/* The exit status for it. */
int trust_status(int err);

#endif
