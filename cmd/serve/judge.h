/*
 * Whether somebody who proved a key may be here (DESIGN 4, 7), as far as files and clock say.
 */
#ifndef VZ_SERVE_JUDGE_H
#define VZ_SERVE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/common/self.h"
#include "cmd/serve/caller.h"
#include "id/identity.h"

/* A status and static words for the peer, or 0. */
struct verdict {
	uint8_t status;
	const char *words;
};

/* No line grants this key anything: that its owner may be asked about, or told of. */
bool judge_is_stranger(struct verdict v);
/*
 * c, connected by fd, has proved b: sets its key and grant, which is to be released. Its rights,
 * from= and expires=; then its serial, which is raised, and not-after. no_memory: the words for
 * when serials cannot be remembered.
 */
struct verdict judge_caller(struct caller *c, const struct self *me, const struct vz_bundle *b,
    int fd, const char *no_memory);
/*
 * The same for one whose key is set, and who proved it otherwise than by a bundle: its grant is
 * set. Its rights, from= by c's relay, and expires=.
 */
struct verdict judge_key(struct caller *c, const struct self *me);
/* from= by c's relay, or by the address that fd (-1: unknown) is connected to, expires= by the
 * clock. Words, or NULL. */
const char *judge_grant(const struct caller *c, const struct vz_grant *grant, int fd);
/*
 * Reads c's grant anew from the lists: what is granted now counts from here on. Words when nothing
 * is any more; NULL: it stays.
 */
const char *judge_again(struct caller *c, const struct self *me, int fd);

#endif
