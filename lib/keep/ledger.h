/*
 * What a listener knows of its senders' messages when it is started again after it was killed
 * (DESIGN 5, two-step end; vz-protocol(7) Resume): which numbers of a stream have their verdict,
 * and which files hold the durable beginning of the others. An SQLite database, `streams.db` in the
 * state folder, which several listeners may use at a time.
 */
#ifndef VZ_KEEP_LEDGER_H
#define VZ_KEEP_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "id/identity.h"
#include "wire/frame.h"

#define VZ_LEDGER_OF_PEER  4096           /* streams of an identity that were not closed, */
#define VZ_LEDGER_STREAMS  65536          /* and in all: more are VZ_EFULL */
#define VZ_LEDGER_MESSAGES 16384          /* of a stream */
#define VZ_LEDGER_KEPT_S   (24 * 60 * 60) /* a stream of which nothing was heard is forgotten */

struct vz_ledger;

/* A stream, and the time: seconds since 1970, by which old ones are forgotten. */
struct vz_ledger_stream {
	const struct vz_key *peer;
	const uint8_t *stream; /* VZ_STREAM_LEN bytes */
	uint64_t first;        /* all below are forgotten by their sender */
	uint64_t now;
};

/* One message of it. */
struct vz_ledger_entry {
	uint64_t number, length; /* bytes: all of it, or those that are durable */
	bool over;               /* it has its verdict, `status` */
	uint8_t kind, status;
	const char
	    *file; /* absolute: what holds the beginning of one that is not over, else NULL */
};

/*
 * Opens or makes it, in a folder that is made (0700) where it is missing. VZ_ESYSTEM, VZ_EFORMAT
 * (no such database, or damaged), VZ_EMODE (others may read or write it), VZ_ENOMEM.
 */
int vz_ledger_open(struct vz_ledger **out, const char *dir);
void vz_ledger_close(struct vz_ledger *l);
/* What SQLite said of the last error of this ledger, for people; static or until the next call. */
const char *vz_ledger_words(const struct vz_ledger *l);

/* Called for each entry, numbers upwards, which are its own until it returns. Not 0 stops. */
typedef int vz_ledger_fn(void *arg, const struct vz_ledger_entry *e);
/*
 * What is known of who's peer and stream: 1, and *first; 0 when nothing is. Else what fn said, or
 * an error: VZ_ESYSTEM, VZ_EFORMAT, VZ_ENOMEM, VZ_ETIMEOUT (somebody else has held it for seconds).
 */
int vz_ledger_load(struct vz_ledger *l, const struct vz_ledger_stream *who, uint64_t *first,
    vz_ledger_fn *fn, void *arg);
/*
 * e is so from now on, durably when 0 is returned; entries below who->first go. VZ_EFULL (too many
 * streams), and errors as above.
 */
int vz_ledger_put(
    struct vz_ledger *l, const struct vz_ledger_stream *who, const struct vz_ledger_entry *e);
/*
 * What is put from begin to commit becomes durable at once, with commit. When one of them fails
 * none of it is there: after put that is for rollback to say. Errors as above.
 */
int vz_ledger_begin(struct vz_ledger *l);
int vz_ledger_commit(struct vz_ledger *l);
void vz_ledger_rollback(struct vz_ledger *l);
/* One message was not taken after all: nothing is known of it. Not made durable by itself. */
int vz_ledger_drop(struct vz_ledger *l, const struct vz_ledger_stream *who, uint64_t number);
/* The sender has closed the stream: it goes. Not made durable by itself. */
int vz_ledger_forget(struct vz_ledger *l, const struct vz_ledger_stream *who);
/*
 * Forgets streams of which nothing was heard for `kept_s` seconds, at most `most` in one call, but
 * for those with a file that fn wants to keep (not 0). Returns how many went, or an error.
 */
int vz_ledger_expire(
    struct vz_ledger *l, uint64_t now, uint64_t kept_s, unsigned most, vz_ledger_fn *fn, void *arg);

#endif
