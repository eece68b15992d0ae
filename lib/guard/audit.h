/*
 * The record of who did what (DESIGN 7): a file of JSON lines, each with the hash of the one
 * before, and now and then a checkpoint that signs them all (audit_line.h, and FILES in
 * vz-keygen(1)).
 *
 * A line is written with one write(2) to a descriptor opened with O_APPEND. What could not be
 * written whole is taken back, so that the chain goes on with the next line; every failure is told
 * to the caller, who decides what may go on unrecorded. One process at a time writes a file: it is
 * locked (flock(2)). Times are Unix milliseconds of the UTC clock; they may go back or jump.
 */
#ifndef VZ_GUARD_AUDIT_H
#define VZ_GUARD_AUDIT_H

#include <stdint.h>
#include "guard/audit_line.h"
#include "id/signer.h"

#define VZ_AUDIT_CHECKPOINT_MS 3600000 /* an unsigned line is signed after this at the latest */
#define VZ_AUDIT_RETRY_MS      60000   /* whoever did not sign is asked again after this */

struct vz_audit;

/* What happened. NULL strings are null; of each at most 255 bytes are kept, of whatever kind. */
struct vz_audit_entry {
	const char *event;        /* [a-z-]{1,31}, none of the chain's own */
	const struct vz_key *key; /* the peer, or NULL */
	const char *name;         /* its name in the authorised file */
	const char *remote;       /* where it came from */
	const char *message;      /* the message's id */
	uint64_t bytes;
	const char *result;
};

/*
 * Opens path, or makes it with mode 0600, and goes on with the chain in it. An unfinished last
 * line, as a crash or a power cut may leave, was recorded for nobody: it is cut off, and a
 * "recovered" line says how many bytes it had. `by` signs, here as below, and must not leave
 * anything pending: who holds the key elsewhere is waited for.
 *
 * That nobody signs is no reason to stop recording: the checkpoint is left out (an "unsigned" line
 * stands where there must be one), vz_audit_not_signed tells, and whoever signs next signs all of
 * it.
 *
 * VZ_EMODE: no regular file, a link, not ours or root's, or writable by group or others.
 * VZ_EFORMAT: what is in it is no such record, and it is left as it is. VZ_ESYSTEM: with EBUSY in
 * errno another process writes it. VZ_ENOMEM. *out is NULL then.
 */
int
vz_audit_open(const char *path, uint64_t now_ms, const struct vz_signer *by, struct vz_audit **out);
/*
 * Records it, after the checkpoint that is due, if one is. An error (VZ_ESYSTEM, VZ_ENOMEM,
 * VZ_EINVAL for a bad event): it is not recorded, the chain is as it was, and the next call tries
 * anew.
 */
int vz_audit_write(struct vz_audit *a, const struct vz_audit_entry *e, uint64_t now_ms,
    const struct vz_signer *by);
/*
 * For a timer: signs what has been unsigned for an hour. *wait_ms is when to call again, UINT64_MAX
 * when all is signed. Errors as above.
 */
int
vz_audit_tick(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by, uint64_t *wait_ms);
/* Signs all lines up to now and makes the file durable. Does nothing when all is signed. Also what
 * vz_signer_sign returns: here they are left unsigned. */
int vz_audit_checkpoint(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by);
/*
 * After the file was renamed (logrotate): signs it, makes a new one and goes on in that with a
 * "continued" line. Does nothing while path is still the same file. VZ_EEXISTS when another file
 * with something in it is there, and the errors of vz_audit_open; then the old file stays in use.
 */
int vz_audit_reopen(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by);
/* Signs, closes and frees, the last also when the first fails. NULL is none. */
int vz_audit_close(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by);

/* Why the last checkpoint was left out; 0: none was since this was called last. */
int vz_audit_not_signed(struct vz_audit *a);
/* Lines in the chain, and the hash of the last. */
uint64_t vz_audit_count(const struct vz_audit *a);
const char *vz_audit_head(const struct vz_audit *a);

#endif
