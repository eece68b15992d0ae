/*
 * The options of an authorised line that have a value: NAME="VALUE" (vz-authorized(5)).
 */
#ifndef VZ_GUARD_ACL_OPTIONS_H
#define VZ_GUARD_ACL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "guard/acl_rule.h"

/*
 * True when s[0..len) is an option with a name that is known and in force. A demand that the
 * listener does not meet must not be taken for one that it meets, so the others are unknown.
 */
bool vz_acl_option_known(const char *s, size_t len);
/*
 * Reads one option, known or not in force, into r, which its first option makes when it points to
 * NULL. False and *why (static words) for a bad value, a name that is no option or was given
 * before; r may be half changed then, and is the caller's to release.
 */
bool vz_acl_option_read(struct vz_rule **r, const char *s, size_t len, const char **why);
/* False and *why when the options of a whole line do not fit together. r may be NULL. */
bool vz_acl_options_fit(const struct vz_rule *r, const char **why);

#endif
