/*
 * The record of --audit (DESIGN 7; guard/audit.h) as all programs keep it that others connect to:
 * sessions accepted and refused, who was limited, and each reload; what else there is to record is
 * the program's. Without --audit all of this does nothing.
 *
 * Strangers who proved no key are not in it. Refused sessions, which anybody with a key could have
 * without end, are recorded one by one only up to a rate, and counted beyond it.
 *
 * Nothing goes on unrecorded: when a line cannot be written nothing new begins, and the program
 * ends.
 */
#ifndef VZ_SERVE_RECORD_H
#define VZ_SERVE_RECORD_H

#include <stdbool.h>

#include "cmd/common/self.h"
#include "cmd/serve/caller.h"
#include "guard/audit.h"
#include "net/loop.h"

#define RECORD_RESULT_MAX 256

struct record {
	const char *path;
	struct self *me;        /* who signs */
	struct vz_audit *audit; /* NULL: none is kept */
	struct vz_loop *loop;
	bool broken;         /* a line could not be written */
	struct vz_timer end; /* ... and so it ends, in the next turn */
	struct vz_bucket refused;
	uint64_t unrecorded; /* refused sessions since the last line of one */
};

/*
 * Opens path (NULL: keeps none), or ends the program: 73, or 78 when it is unsafe or damaged, or
 * the ssh-agent that is to sign it is not there. That it does not sign later is said, and the
 * lines stay unsigned until it does.
 */
void record_open(struct record *r, const char *path, struct self *me);
/* From here on lines are written; `broken`, with arg as the timer's, is what ends the program. */
void record_start(struct record *r, struct vz_loop *loop, vz_timer_fn *broken, void *arg);
/* After it was renamed: goes on in a new file. What fails is said, and the old one goes on. */
void record_reopen(struct record *r);
/* From a timer that runs each second: signs what has been unsigned for long. */
void record_tick(struct record *r);
/* Signs, closes. 0, or the exit status, and that was said. */
int record_close(struct record *r);

/* A line. It could not be written: r->broken. */
void record_put(struct record *r, const struct vz_audit_entry *e);
/* One about c, to be filled in. */
struct vz_audit_entry record_entry(const struct caller *c, const char *event);
/* "STATUS" or "STATUS WORDS", the words of any bytes, in buf. */
const char *
record_result(char buf[static RECORD_RESULT_MAX], int status, const void *text, size_t len);
/* About c's session. */
void record_session(
    struct record *r, const struct caller *c, const char *event, int status, const char *words);
/* c's session is refused; see above for how many of these are recorded. */
void record_refused(struct record *r, const struct caller *c, int status, const char *words);
/* About the rights: what became of reading them. */
void record_reloaded(struct record *r, const char *words);

#endif
