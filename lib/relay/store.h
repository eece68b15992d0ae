/*
 * What a relay keeps for hosts that are away (DESIGN 6): mailboxes of sealed messages, and bundles.
 *
 * All work is done by a thread of the store's own, in the order in which it was asked for. What is
 * queued, at most 256 requests or 8 MiB, is made durable together, and only then answered: an
 * answer of 0 to a deposit, a removal or a bundle outlives a power cut, and a list or a read shows
 * nothing that does not. Answers wait until vz_store_run, which calls the function that came with
 * each request, in the order of the requests; vz_store_fd becomes readable when there are any.
 *
 * All calls are made by one thread, and of them deposits, requests and vz_store_forget also from
 * within such a function. Times are UTC in Unix seconds and come from the caller. Memory: at most
 * VZ_STORE_QUEUE_BYTES of waiting bytes, plus 384 KiB for each of VZ_STORE_UPLOADS_MAX messages
 * over 64 KiB that are coming in; more requests than fit are refused with VZ_EFULL at once.
 *
 * After a failed commit or fsync nothing is known of what is on disk: the store answers everything
 * from then on with VZ_ESYSTEM, does nothing any more, and vz_store_run says so. The relay exits.
 */
#ifndef VZ_RELAY_STORE_H
#define VZ_RELAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "id/key.h"

#define VZ_STORE_CHUNK       65536              /* bytes read or written at once, at most */
#define VZ_STORE_MESSAGE_MAX (16 * 1024 * 1024) /* bytes of a sealed message */
#define VZ_STORE_BUNDLE_MAX  1024               /* bytes of a bundle */
#define VZ_STORE_LIST_MAX    256                /* entries of one list */
#define VZ_STORE_SWEEP_MAX   256                /* rows of one sweep */
#define VZ_STORE_UPLOADS_MAX 64                 /* messages over VZ_STORE_CHUNK that come in, */
#define VZ_STORE_UPLOADS_ONE 16                 /* and of one depositor */
#define VZ_STORE_QUEUE_MAX   4096
#define VZ_STORE_QUEUE_BYTES (64 * 1024 * 1024)
#define VZ_STORE_WORDS       200

struct vz_store;
struct vz_store_op;
struct vz_store_deposit;

/* What is kept at most. A field of 0 is its default. */
struct vz_store_quota {
	uint64_t mailbox_messages;  /* 1,000 */
	uint64_t mailbox_bytes;     /* 64 MiB */
	uint64_t depositor_bytes;   /* 256 MiB, of one depositor in all mailboxes */
	uint64_t depositor_entries; /* 100,000, with those remembered after their removal */
};

struct vz_store_limits {
	struct vz_store_quota each; /* where a deposit says nothing else */
	uint64_t disk_bytes;        /* 4 GiB: what the file of the store has in use */
	uint64_t reserve_bytes;     /* 16 MiB set aside, so that removing works on a full disk: as
				       much as the engine's log can grow to */
	uint64_t ttl_max;           /* 30 days: seconds from now to a message's end */
	uint64_t bundles;           /* 65,536 */
};

/* What was full, in an answer of VZ_EFULL. */
enum vz_store_full {
	VZ_STORE_NOT_FULL,
	VZ_STORE_FULL_MAILBOX,
	VZ_STORE_FULL_DEPOSITOR,
	VZ_STORE_FULL_STORE, /* disk_bytes or bundles */
	VZ_STORE_FULL_DISK,  /* there is no room for more on the disk itself */
};

/* A message to be kept. */
struct vz_store_mail {
	struct vz_key recipient, depositor;
	uint8_t content[32]; /* BLAKE2b-256 of the sealed bytes */
	uint64_t size;       /* 1 to VZ_STORE_MESSAGE_MAX */
	uint64_t now, expires;
	struct vz_store_quota quota;
};

/* A message that is kept. */
struct vz_store_entry {
	uint64_t seq; /* above each given before, by this store at any time */
	struct vz_key depositor;
	uint8_t content[32];
	uint64_t size, deposited, expires;
};

#define VZ_STORE_BUCKETS 12
/* Upper bounds of the histogram's buckets in microseconds; the last has none. */
extern const uint64_t vz_store_bucket_us[VZ_STORE_BUCKETS - 1];

struct vz_store_stats {
	uint64_t messages, bytes;       /* waiting to be collected */
	uint64_t removed;               /* remembered only, until their time to live ends */
	uint64_t mailboxes, depositors; /* that have any */
	uint64_t uploads;               /* unfinished, with those that were broken off */
	uint64_t bundles;
	uint64_t oldest;                    /* when it was deposited; 0 when there is none */
	uint64_t file_bytes, free_bytes;    /* of the store's file, and unused in it */
	bool disk_full;                     /* deposits are refused until there is room again */
	uint64_t commits, commits_us;       /* since the store was opened, and how long all took */
	uint64_t latency[VZ_STORE_BUCKETS]; /* of each commit */
};

struct vz_store_answer {
	int err; /* 0, or as told at each request; VZ_ESYSTEM, VZ_ENOMEM, VZ_EFORMAT (damaged) for
		    each. Only 0 is an acknowledgement. */
	enum vz_store_full full;
	bool more;      /* append: there is room again; list, read, sweep: there is more */
	bool duplicate; /* deposit: it was there, or had been and was removed: seq is its own */
	uint64_t seq;
	const struct vz_store_entry *entries;
	size_t count;         /* entries; swept rows */
	const uint8_t *bytes; /* read, bundle */
	size_t len;
	uint64_t serial;
	const struct vz_store_stats *stats;
};

/* The answer and all that it points at are borrowed for the call. */
typedef void vz_store_fn(void *arg, const struct vz_store_answer *a);

/*
 * A deposit: begin, append until all of `size` was taken, finish; then fn is called with the
 * outcome, once: 0 (also when it is a duplicate), VZ_EFULL with what was full. fn may come earlier
 * with an outcome that does not need the rest (a duplicate, a full mailbox). It may also come
 * before that with err 0 and `more`: append takes bytes again. After the outcome *out is gone.
 *
 * VZ_EINVAL, VZ_ELIMIT (size), VZ_EEXPIRED, VZ_EFULL (too much is waiting), VZ_ENOMEM.
 */
int vz_store_deposit(struct vz_store *s, const struct vz_store_mail *mail, vz_store_fn *fn,
    void *arg, struct vz_store_deposit **out);
/*
 * Takes up to n bytes; how many it took, fewer when earlier ones are on their way to the disk (fn
 * tells when there is room). VZ_ELIMIT when they are more than `size`, VZ_ENOMEM: then only cancel.
 */
int64_t vz_store_append(struct vz_store_deposit *d, const void *p, size_t n);
/*
 * All was appended. VZ_ECUT when it was not, VZ_EAUTH when the bytes are not those of `content`:
 * then the deposit is gone, and nothing is kept. VZ_ENOMEM, then only cancel.
 */
int vz_store_finish(struct vz_store_deposit *d);
/* The deposit is gone and fn is not called; what was finished before is kept all the same. */
void vz_store_cancel(struct vz_store_deposit *d);

/*
 * Requests. Each returns 0 when fn will be called, or VZ_EFULL (too much is waiting), VZ_ENOMEM,
 * VZ_EINVAL. *op (may be NULL) serves vz_store_forget until fn is called.
 */

/* Entries of a mailbox above seq `after` that have not expired, oldest first, at most `max` of them
 * (up to VZ_STORE_LIST_MAX). */
int vz_store_list(struct vz_store *s, const struct vz_key *recipient, uint64_t after, uint64_t now,
    size_t max, vz_store_fn *fn, void *arg, struct vz_store_op **op);
/* The bytes of a message from `offset` (a multiple of VZ_STORE_CHUNK) on, VZ_STORE_CHUNK or up to
 * its end. VZ_ENOTFOUND: not in this mailbox. */
int vz_store_read(struct vz_store *s, const struct vz_key *recipient, uint64_t seq, uint64_t offset,
    vz_store_fn *fn, void *arg, struct vz_store_op **op);
/* The recipient has it: its bytes go, and it is remembered until its time to live ends.
 * VZ_ENOTFOUND: not in this mailbox, or removed before. */
int vz_store_remove(struct vz_store *s, const struct vz_key *recipient, uint64_t seq,
    vz_store_fn *fn, void *arg, struct vz_store_op **op);
/* A slice of cleaning up: at most `rows` (up to VZ_STORE_SWEEP_MAX) of what has expired or was
 * broken off, and 1 MiB of unused room given back to the disk. `more`: there is another slice. */
int vz_store_sweep(struct vz_store *s, uint64_t now, size_t rows, vz_store_fn *fn, void *arg,
    struct vz_store_op **op);
/* Keeps a bundle that the caller has verified. VZ_EROLLBACK: a newer one is there. VZ_ECLASH: the
 * same serial with other bytes is there. VZ_EFULL. The same again is 0. */
int vz_store_put_bundle(struct vz_store *s, const struct vz_key *identity, uint64_t serial,
    const void *bytes, size_t len, vz_store_fn *fn, void *arg, struct vz_store_op **op);
/* Its bytes and serial. VZ_ENOTFOUND. */
int vz_store_get_bundle(struct vz_store *s, const struct vz_key *identity, vz_store_fn *fn,
    void *arg, struct vz_store_op **op);
int vz_store_get_stats(struct vz_store *s, vz_store_fn *fn, void *arg, struct vz_store_op **op);
/* fn is not called any more; what was asked for is done all the same. */
void vz_store_forget(struct vz_store_op *op);

/* Each thing found, and what was done about it; borrowed. */
typedef void vz_store_say_fn(void *arg, const char *words);
struct vz_store_check {
	uint64_t messages;        /* looked at, each byte */
	uint64_t found, repaired; /* things wrong */
};
/*
 * Checks all of the store, and with `repair` puts right what can be. Not between start and close.
 * 0 when it could look, whatever it found; VZ_EFORMAT when the file is damaged beyond what it can
 * repair; VZ_EINVAL, VZ_ESYSTEM, VZ_ENOMEM, VZ_EFULL.
 */
int vz_store_fsck(
    struct vz_store *s, bool repair, vz_store_say_fn *say, void *arg, struct vz_store_check *out);

/*
 * An engine opens a store (relay/store_sqlite.h). Start begins its thread, which inherits the
 * sandbox of the caller; requests are taken before it, and done after it. VZ_ESYSTEM.
 */
int vz_store_start(struct vz_store *s);
/* Becomes readable when vz_store_run has something to do. The store's own. */
int vz_store_fd(const struct vz_store *s);
/* Gives the answers that are there. VZ_ESYSTEM once the store has failed for good: see words. */
int vz_store_run(struct vz_store *s);
/* Waits for all that was asked for, and gives the answers, at most ms milliseconds. VZ_ETIMEOUT,
 * and as vz_store_run. */
int vz_store_wait(struct vz_store *s, int ms);
/* Why the store failed, or "". */
const char *vz_store_words(struct vz_store *s);
/* Does what was asked for, without answers, and closes. Deposits under way are gone. NULL is
 * nothing. */
void vz_store_close(struct vz_store *s);

#endif
