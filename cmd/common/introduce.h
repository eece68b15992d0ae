/*
 * How a host is made known to another: the line for its authorized file, and the words around it.
 */
#ifndef VZ_CMD_INTRODUCE_H
#define VZ_CMD_INTRODUCE_H

#include "cmd/common/self.h"

#define INTRODUCE_NAME 64
#define INTRODUCE_LINE (VZ_KEY_TEXT + 1 + INTRODUCE_NAME)

/*
 * A name for this host, for people: the comment of its identity, or USER@HOST; bytes other than
 * letters, digits and . _ @ - are left as _, so that it can be pasted anywhere. May be "".
 */
const char *introduce_name(const char *comment, char out[static INTRODUCE_NAME]);
/* "vz1... NAME", what another host's authorized file needs. Returns out. */
const char *introduce_line(const struct vz_identity *id, char out[static INTRODUCE_LINE]);

/* Hints for who was refused by a listener, whose words for it are these. */
void introduce_to_listener(const struct self *me, const char *words);
/* The same where it may be there, but not do that: "send" or "ask". */
void introduce_right(const struct self *me, const char *right);
/* The same by a relay, for "register", "connect" or "deposit". */
void introduce_to_relay(const struct self *me, const char *right, const char *words);

#endif
