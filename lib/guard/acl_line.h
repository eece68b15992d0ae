/*
 * One line of an authorised or revoked file (vz-authorized(5)), taken from left to right.
 */
#ifndef VZ_GUARD_ACL_LINE_H
#define VZ_GUARD_ACL_LINE_H

#include <stddef.h>
#include "guard/acl.h"
#include "id/typo.h"

#define VZ_RIGHT_MESSAGES (VZ_RIGHT_SEND | VZ_RIGHT_ASK)
#define VZ_RIGHT_RELAY    (VZ_RIGHT_REGISTER | VZ_RIGHT_CONNECT | VZ_RIGHT_DEPOSIT)

struct vz_acl_line {
	const char *s; /* what is left of it, without blanks at its ends */
	size_t len;
	bool at_relay; /* rights at a relay count, and none when none is named */
	struct vz_key key;
	struct vz_grant grant; /* .line is the caller's */
	const char *why;       /* words, when the line is bad: static, or these */
	char mistyped[32 + VZ_TYPO_WORDS];
};

enum vz_acl_found {
	VZ_ACL_FOUND_KEY,
	VZ_ACL_FOUND_OTHER_TYPE, /* an SSH key that is no Ed25519 key */
	VZ_ACL_FOUND_BAD_KEY,    /* meant as one; `why` is set */
	VZ_ACL_FOUND_NO_KEY,
};

/* Takes the key that the line goes on with; takes nothing but blanks when there is none. */
enum vz_acl_found vz_acl_line_key(struct vz_acl_line *l);
/*
 * [options] KEY [name]. Fills key and grant, which the caller releases; whatever is not
 * VZ_ACL_FOUND_KEY grants nothing.
 * Never VZ_ACL_FOUND_NO_KEY.
 */
enum vz_acl_found vz_acl_line_parse(struct vz_acl_line *l);

#endif
