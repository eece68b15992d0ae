/*
 * What a host knows of its mail (DESIGN 6, vz-protocol(7) SEALED MESSAGES): as a recipient the
 * window of each sender, as a sender the count of each recipient. An SQLite database, `mail.db` in
 * the state folder, which several programs may use at a time. Who has an older copy of it has
 * windows that let old mail in, and counts whose numbers were used: it is removed, not put back.
 *
 * `self` is always our own identity: several may share a state folder.
 */
#ifndef VZ_KEEP_MAILBOOK_H
#define VZ_KEEP_MAILBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "id/key.h"

#define VZ_MAILBOOK_WINDOWS    65536 /* in all, and never evicted: as many as there are serials */
#define VZ_MAILBOOK_COUNTS     65536
#define VZ_MAILBOOK_WINDOW_LEN 217 /* bytes: VZ_WINDOW_LEN of mail/window.h */
#define VZ_MAILBOOK_STREAM     16
#define VZ_MAILBOOK_HASH       64

struct vz_mailbook;

/*
 * Opens or makes it, in a folder that is made (0700) where it is missing. VZ_ESYSTEM, VZ_EFORMAT
 * (no such database, or damaged), VZ_EMODE (others may read or write it, or write into the folder),
 * VZ_ETIMEOUT (somebody else has held it for seconds), VZ_ENOMEM.
 */
int vz_mailbook_open(struct vz_mailbook **out, const char *dir);
void vz_mailbook_close(struct vz_mailbook *b);
/* What SQLite said of the last error of this book, for people; static or until the next call. */
const char *vz_mailbook_words(const struct vz_mailbook *b);

/*
 * The window of what `sender` sent to us, as vz_window_encode wrote it: 1. 0 when nothing is known,
 * and there is room to put it; VZ_EFULL when there is none, so that its mail is not to be delivered
 * now. Errors as above. The caller decodes it, and takes one that does not decode for damage.
 */
int vz_mailbook_load(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *sender,
    uint8_t window[static VZ_MAILBOOK_WINDOW_LEN]);
/* It is so from now on, durably when 0 is returned, or with commit. VZ_EFULL, and as above. */
int vz_mailbook_put(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *sender,
    const uint8_t window[static VZ_MAILBOOK_WINDOW_LEN]);
/*
 * Nobody else changes anything from begin to commit, for which they wait for seconds only. Two
 * programs that collect mail both load, mark and put within it: else one forgets what the other
 * marked. What was put becomes durable with commit; after a failure that is for rollback to say.
 * Errors as above.
 */
int vz_mailbook_begin(struct vz_mailbook *b);
int vz_mailbook_commit(struct vz_mailbook *b);
void vz_mailbook_rollback(struct vz_mailbook *b);

/* The number of a message to a recipient, for its manifest. */
struct vz_mailbook_number {
	uint8_t stream[VZ_MAILBOOK_STREAM];
	uint64_t sequence;
	bool has_previous; /* a message of this stream was made before */
	uint8_t previous[VZ_MAILBOOK_HASH];
};

/*
 * Takes the next number for a message to `to`, durably when 0 is returned: nobody gets it again,
 * also when it is never used. The first begins a count, named by `fresh` (random bytes), at
 * `now_us`, the time in microseconds since 1970: above all that a count that was lost had reached,
 * since nobody takes a number each microsecond. VZ_EFULL (so many recipients; or the numbers are
 * used up), VZ_EINVAL (now_us is 0 or above 2^63-1), and as above.
 */
int vz_mailbook_next(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    const uint8_t fresh[static VZ_MAILBOOK_STREAM], uint64_t now_us,
    struct vz_mailbook_number *out);
/*
 * The message with this number was made, and this is its manifest's hash: the `previous` of those
 * that follow, unless a later one was made meanwhile. Not made durable by itself. As above.
 */
int vz_mailbook_made(struct vz_mailbook *b, const struct vz_key *self, const struct vz_key *to,
    const struct vz_mailbook_number *number, const uint8_t hash[static VZ_MAILBOOK_HASH]);

#endif
