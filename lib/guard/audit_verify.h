/*
 * Finds what was changed in an audit file (guard/audit.h), line by line, over all files of a chain.
 *
 * Found are a line that was changed, removed, added or moved, wherever lines follow it or a
 * checkpoint ends the chain, as vz_audit_close leaves it; a chain that was cut short, against a
 * head kept elsewhere; and a checkpoint by another key. Who can write the file and owns no key can
 * still replace what follows the last checkpoint.
 */
#ifndef VZ_GUARD_AUDIT_VERIFY_H
#define VZ_GUARD_AUDIT_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guard/audit_line.h"

/* What was found; the fields up to `why` hold also when something is wrong. */
struct vz_audit_report {
	uint64_t first, count; /* the numbers of the first and the last line; 0 = no line */
	char head[VZ_AUDIT_HASH];
	uint64_t checkpoints;
	uint64_t gaps;        /* checkpoints that nobody signed; a later one covers them */
	uint64_t signed_to;   /* the number of the last checkpoint, or 0 */
	struct vz_key signer; /* of all checkpoints, when there is one or one was demanded */
	/* Of the line that is wrong: its file and its place in it, each from 1; line 0: no line. */
	unsigned file;
	uint64_t line;
	const char *why; /* static words, or NULL while all is well */
};

struct vz_audit_check;

/*
 * signer: the key that must have signed, NULL for any one. head: a hash that a line of the chain
 * must have, NULL for none; in lower-case hex. NULL when memory is short.
 */
struct vz_audit_check *vz_audit_check_new(const struct vz_key *signer, const char *head);
void vz_audit_check_free(struct vz_audit_check *c);
/*
 * Reads the next file of the chain to its end. 0, VZ_EAUTH (something is wrong, the report says
 * what; nothing more is read then), VZ_ESYSTEM, VZ_ENOMEM.
 */
int vz_audit_check_file(struct vz_audit_check *c, int fd);
/* After the last file. 0 or VZ_EAUTH. */
int vz_audit_check_end(struct vz_audit_check *c);
/* Valid while c is. */
const struct vz_audit_report *vz_audit_check_report(const struct vz_audit_check *c);
/* True for 64 digits of lower-case hex. */
bool vz_audit_hash_ok(const char *s);

#endif
