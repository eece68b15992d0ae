/*
 * An allowed_signers file, and what is asked of it. Judged as an authorised file is
 * (VZ_FS_TRUSTED): who can write to it says who may sign.
 */
#ifndef VZ_GUARD_ALLOWED_H
#define VZ_GUARD_ALLOWED_H

#include "guard/allowed_line.h"

struct vz_allowed_query {
	const struct vz_key *key;
	const char *principal; /* NULL: whoever the key belongs to; namespaces do not count then */
	const char *ns;
	int64_t at; /* Unix seconds: when the signature was made, or now */
	vz_local_time_fn *local;
};

/* Told of a line that names the principal, or the key, and grants nothing: words that are valid
 * during the call. */
typedef void vz_allowed_report_fn(void *arg, unsigned line, const char *why);

/*
 * Looks for the first line that lets the key sign. 0 and *principals, the list of that line as it
 * stands there (to be freed; may be NULL to want none); VZ_EDENIED when there is none. Also what
 * vz_lines_load says, with the offending line, or 0, in *bad_line. `report` may be NULL.
 */
int vz_allowed_find(const char *path, const struct vz_allowed_query *q,
    vz_allowed_report_fn *report, void *arg, char **principals, unsigned *bad_line);
/*
 * Is the key in a list of revoked ones, KEY [comment] lines? 0, VZ_EREVOKED; VZ_EFORMAT for any
 * line before it that is none, VZ_ENOTFOUND when there is no file, and what vz_lines_load says.
 */
int vz_allowed_revoked(const char *path, const struct vz_key *key, unsigned *bad_line);

#endif
