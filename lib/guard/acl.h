/*
 * Who may do what (DESIGN 7): the authorised and the revoked keys.
 */
#ifndef VZ_GUARD_ACL_H
#define VZ_GUARD_ACL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "guard/ratelimit.h"
#include "id/key.h"
#include "id/typo.h"

#define VZ_RIGHT_SEND     1u
#define VZ_RIGHT_ASK      2u
#define VZ_RIGHT_REGISTER 4u /* at a relay, as what follows */
#define VZ_RIGHT_CONNECT  8u
#define VZ_RIGHT_DEPOSIT  16u

struct vz_acl;
struct vz_rule;

/* What a key was granted. */
struct vz_grant {
	unsigned rights;      /* VZ_RIGHT_* */
	char name[256];       /* the line's name, or "" */
	unsigned line;        /* 1-based, 0 when it came from an option */
	struct vz_rule *rule; /* what its options demand; private, NULL = nothing */
};

/* Called for each line that grants nothing or is odd, with static words. */
typedef void vz_acl_line_fn(void *arg, unsigned line, const char *what);

/* Grants nobody anything. NULL when memory is short. */
struct vz_acl *vz_acl_new(void);
void vz_acl_free(struct vz_acl *a);
/*
 * Before anything is granted: this list is a relay's. Only rights at a relay count, a line without
 * any grants nothing, and options that a relay cannot hold anybody to are errors.
 */
void vz_acl_at_relay(struct vz_acl *a);
/* Grants one key all rights that there are here (--allow). VZ_ENOMEM. */
int vz_acl_allow(struct vz_acl *a, const struct vz_key *key);
/* Everybody who proves a key may do all that there is (--allow-any). */
void vz_acl_allow_any(struct vz_acl *a);
/* command="..." is an error in the files that are loaded after this: no commands are run here. */
void vz_acl_no_commands(struct vz_acl *a);
/*
 * Adds an authorised file: `[options] KEY [name]` lines, KEY vz1... or ssh-ed25519 AAAA... A bad
 * line grants nothing and is reported; the same key twice: the first counts. VZ_FS_TRUSTED, 1 MiB,
 * 4 KiB a line. VZ_ENOTFOUND, VZ_EMODE, VZ_ELIMIT, VZ_EFORMAT (NUL), VZ_ESYSTEM, VZ_ENOMEM; then
 * nothing was added.
 */
int vz_acl_load(struct vz_acl *a, const char *path, vz_acl_line_fn *report, void *arg);
/* The revoked list: KEY [comment] lines. Absent = empty; any bad line is VZ_EFORMAT and *line says
 * where. */
int vz_acl_load_revoked(struct vz_acl *a, const char *path, unsigned *line);
/* Words on what is wrong in that line of a file (vz_key_typo), "" when nothing can be said. */
const char *vz_acl_typo(const char *path, unsigned line, char out[static VZ_TYPO_WORDS]);
/*
 * VZ_EREVOKED, VZ_EDENIED, or 0 and what is granted, which outlives the list: release it. What the
 * line's options demand is the caller's to ask, below. A key that no line names is held to
 * vz_sign_point_ok, as those of the lines were.
 */
int vz_acl_check(const struct vz_acl *a, const struct vz_key *key, struct vz_grant *grant);
/* True when a line of the authorised keys has this one, whatever it grants. */
bool vz_acl_names(const struct vz_acl *a, const struct vz_key *key);
/* VZ_EREVOKED or 0: for those who are dialled. */
int vz_acl_revoked(const struct vz_acl *a, const struct vz_key *key);
/* True when at least one key could pass. */
bool vz_acl_grants_anybody(const struct vz_acl *a);

/* Lets go of what vz_acl_check granted: g grants nothing then. Also for a zeroed one. */
void vz_grant_release(struct vz_grant *g);
/*
 * What the options of the line demand. Pure; a line without the option demands nothing.
 *
 * from="...": is sa, where the connection comes from, among its addresses? IPv4 mapped into IPv6 is
 * that IPv4 address. NULL (not known) and what is no IP address, such as a Unix socket, never are.
 */
bool vz_grant_from_ok(const struct vz_grant *g, const struct sockaddr *sa);
/* The same for who comes through this relay, whose own address does not count. */
bool vz_grant_from_relay_ok(const struct vz_grant *g, const struct vz_key *relay);
/* expires="...": is it past? Unix seconds of the UTC clock; one below 0 is no time, and past. */
bool vz_grant_expired(const struct vz_grant *g, int64_t unix_now);
/*
 * name-match="...": does the message's name ("" when it has none) match? A * matches any bytes, a ?
 * any one byte, also a leading dot and slashes; [...] is a set of bytes and a backslash takes the
 * next character as it is (fnmatch(3) without flags, in the C locale).
 */
bool vz_grant_name_ok(const struct vz_grant *g, const void *name, size_t len);
/* max-size="..." in bytes, max-conns="...": UINT64_MAX when there is none. */
uint64_t vz_grant_max_size(const struct vz_grant *g);
uint64_t vz_grant_max_conns(const struct vz_grant *g);
/*
 * rate="..." and burst="..." (without it: one second's), and bytes="..." with a burst of one
 * second's. Makes a full bucket and returns true, or false when there is no such limit.
 */
bool vz_grant_messages(const struct vz_grant *g, struct vz_bucket *b);
bool vz_grant_bytes(const struct vz_grant *g, struct vz_bucket *b);
/* Whether any line that grants has exactly this command. */
bool vz_acl_has_command(const struct vz_acl *a, char *const argv[]);
/* command="...": its words, NULL at the end, while g is held; NULL when there is none. */
char *const *vz_grant_command(const struct vz_grant *g);

#endif
