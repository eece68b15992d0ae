/*
 * One line of an allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS): who may sign, as whom, for
 * what and when. Pure.
 */
#ifndef VZ_GUARD_ALLOWED_LINE_H
#define VZ_GUARD_ALLOWED_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/lines.h"
#include "base/timestamp.h"
#include "guard/acl_line.h"
#include "id/key.h"

struct vz_allowed_line {
	const char *principals; /* the pattern list, without quotes around it; borrowed */
	size_t principals_len;
	struct vz_key key;
	bool authority;      /* cert-authority: the key signs certificates, which we have none of */
	bool has_namespaces; /* the pattern list that follows counts */
	char namespaces[VZ_LINE_MAX];
	size_t namespaces_len;
	int64_t after,
	    before; /* Unix seconds; 0 = no such bound. Both are still valid themselves */
	/* Words about a line that is void may be here. Last: the rest of it holds nothing then. */
	char mistyped[sizeof(((struct vz_acl_line *)NULL)->mistyped)];
};

enum vz_allowed_found {
	VZ_ALLOWED_KEY,
	VZ_ALLOWED_OTHER_TYPE, /* a key that is no Ed25519 key */
	VZ_ALLOWED_BAD,        /* the line is void */
};

/* vz_acl_line_key, for whom the keys of security keys (sk-) are ones of another type. */
enum vz_acl_found vz_allowed_key(struct vz_acl_line *l);
/*
 * Takes the first word, the principals, off *line and steps over it. False for a line that has no
 * such word or nothing behind it.
 */
bool vz_allowed_line_principals(
    const char **line, size_t *len, const char **principals, size_t *principals_len);
/*
 * PRINCIPALS [options] KEY [comment], of at most VZ_LINE_MAX bytes and without blanks at its ends.
 * *why is set to words when it is VZ_ALLOWED_BAD, static or valid while *out is, to NULL otherwise;
 * what is not VZ_ALLOWED_KEY leaves nothing else in *out. An option that is not known voids the
 * line: it might have taken a right away.
 */
enum vz_allowed_found vz_allowed_line_parse(const char *line, size_t len, vz_local_time_fn *local,
    struct vz_allowed_line *out, const char **why);
/*
 * May the key sign in this namespace, and was it valid at this time (Unix seconds)? 0; VZ_EDENIED,
 * or VZ_EEXPIRED when only the time is wrong, and *why.
 */
int vz_allowed_line_permits(
    const struct vz_allowed_line *s, const char *ns, int64_t at, const char **why);
/* The time alone, for who asks whose key it is. 0, VZ_EDENIED for an authority, VZ_EEXPIRED. */
int vz_allowed_line_valid(const struct vz_allowed_line *s, int64_t at, const char **why);

#endif
