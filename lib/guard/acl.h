/*
 * Who may do what (DESIGN 7): the authorised and the revoked keys.
 */
#ifndef VZ_GUARD_ACL_H
#define VZ_GUARD_ACL_H

#include <stdbool.h>
#include <stdint.h>
#include "id/key.h"

#define VZ_RIGHT_SEND 1u
#define VZ_RIGHT_ASK  2u

struct vz_acl;

/* What a key was granted. */
struct vz_grant {
	unsigned rights; /* VZ_RIGHT_* */
	char name[256];  /* the line's name, or "" */
	unsigned line;   /* 1-based, 0 when it came from an option */
};

/* Called for each line that grants nothing or is odd, with static words. */
typedef void vz_acl_line_fn(void *arg, unsigned line, const char *what);

/* Grants nobody anything. NULL when memory is short. */
struct vz_acl *vz_acl_new(void);
void vz_acl_free(struct vz_acl *a);
/* Grants one key all message rights (--allow). VZ_ENOMEM. */
int vz_acl_allow(struct vz_acl *a, const struct vz_key *key);
/* Everybody who proves a key may send and ask (--allow-any). */
void vz_acl_allow_any(struct vz_acl *a);
/*
 * Adds an authorised file: `[options] KEY [name]` lines, KEY vz1... or ssh-ed25519 AAAA...; options
 * send and ask. A bad line grants nothing and is reported; the same key twice: the first counts.
 * VZ_FS_TRUSTED, 1 MiB, 4 KiB a line. VZ_ENOTFOUND, VZ_EMODE, VZ_ELIMIT, VZ_EFORMAT (NUL),
 * VZ_ESYSTEM, VZ_ENOMEM; then nothing was added.
 */
int vz_acl_load(struct vz_acl *a, const char *path, vz_acl_line_fn *report, void *arg);
/* The revoked list: KEY [comment] lines. Absent = empty; any bad line is VZ_EFORMAT and *line says
 * where. */
int vz_acl_load_revoked(struct vz_acl *a, const char *path, unsigned *line);
/* VZ_EREVOKED, VZ_EDENIED, or 0 and what is granted. */
int vz_acl_check(const struct vz_acl *a, const struct vz_key *key, struct vz_grant *grant);
/* VZ_EREVOKED or 0: for those who are dialled. */
int vz_acl_revoked(const struct vz_acl *a, const struct vz_key *key);
/* True when at least one key could pass. */
bool vz_acl_grants_anybody(const struct vz_acl *a);

#endif
