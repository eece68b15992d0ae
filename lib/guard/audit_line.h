/*
 * One line of an audit file (FILES in vz-keygen(1)): how it is written, and how it is read back.
 *
 *	{"seq":N,"time":"...","event":"...","key":...,"name":...,"remote":...,"message":...,
 *	    "bytes":N,"result":...,"previous":"HASH"}
 *	{"seq":N,"time":"...","event":"checkpoint","key":"...","signature":"...","previous":"HASH"}
 *
 * seq counts the lines of a chain from 1, over all of its files. HASH is SHA-256, in hex, of the
 * line before with its newline (zeros before the first), which is what sha256sum(1) makes of it.
 * A line is at most VZ_AUDIT_LINE_MAX bytes with its newline.
 */
#ifndef VZ_GUARD_AUDIT_LINE_H
#define VZ_GUARD_AUDIT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/json.h"
#include "crypto/sign.h"
#include "id/key.h"

#define VZ_AUDIT_LINE_MAX 8192
#define VZ_AUDIT_HASH     65 /* hex and a NUL */
#define VZ_AUDIT_TIME     25 /* 2025-01-31T12:00:00.123Z and a NUL */
#define VZ_AUDIT_EVENT    32 /* with a NUL */

/* Each line whose number is a multiple of this is a checkpoint, or says that nobody signed it. */
#define VZ_AUDIT_CHECKPOINT_EVERY 1000

/* The events that are the chain's own. */
#define VZ_AUDIT_CHECKPOINT "checkpoint" /* signs all lines before it */
#define VZ_AUDIT_CONTINUED  "continued"  /* the first line of a file that goes on with a chain */
#define VZ_AUDIT_RECOVERED  "recovered"  /* a torn last line was cut off */
#define VZ_AUDIT_UNSIGNED   "unsigned"   /* instead of a checkpoint that nobody signed */

/* What ties a line into the chain. */
struct vz_audit_line {
	uint64_t seq;
	char time[VZ_AUDIT_TIME];
	char event[VZ_AUDIT_EVENT];
	char previous[VZ_AUDIT_HASH];
};

/* RFC 3339, UTC, in milliseconds; times after the year 9999 are its end. */
void vz_audit_time(uint64_t unix_ms, char out[static VZ_AUDIT_TIME]);
void vz_audit_hash(const void *line, size_t len, char out[static VZ_AUDIT_HASH]);
/* The hash before the first line. */
void vz_audit_hash_none(char out[static VZ_AUDIT_HASH]);

/* Begins a line in out; add the fields between with vz_json_*, in their order, then end it. */
void vz_audit_line_begin(struct vz_json *j, struct vz_buf *out, const struct vz_audit_line *l);
int vz_audit_line_end(struct vz_json *j, const struct vz_audit_line *l);
/* A line with its newline. False when it is none that vz_audit_line_* wrote. */
bool vz_audit_line_read(const char *s, size_t len, struct vz_audit_line *l);

/* Writes a whole checkpoint, with this key and the signature that it made of l. */
int vz_audit_checkpoint_write(struct vz_buf *out, const struct vz_audit_line *l,
    const struct vz_key *key, const uint8_t sig[static VZ_SIGN_LEN]);
/*
 * What is signed in vz-audit@vz: "COUNT HEAD TIME" and a newline, COUNT the lines before this one
 * and HEAD the hash of the last of them. Returns its length.
 */
size_t vz_audit_checkpoint_text(const struct vz_audit_line *l, char out[static 128]);
/* Gives the key that signed the checkpoint s[0..len), which was read into l. VZ_EFORMAT when it is
 * not byte by byte what vz_audit_checkpoint_write makes, VZ_EAUTH, VZ_ENOMEM. */
int vz_audit_checkpoint_verify(
    const char *s, size_t len, const struct vz_audit_line *l, struct vz_key *key);

#endif
