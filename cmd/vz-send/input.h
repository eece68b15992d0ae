/*
 * Where the bytes of a message come from: one read of a file, of standard input or of a command's
 * output, whoever and however many the destinations are. What all of them have taken is let go.
 */
#ifndef VZ_SEND_INPUT_H
#define VZ_SEND_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include "flow/source.h"
#include "net/loop.h"

struct run;

struct input {
	const char *path; /* a file; "-" = standard input; NULL = `what` says */
	const char *what; /* for people: "standard input"; NULL for a file */
	const char *name; /* the message's, or NULL */
	bool stdin_fd;
	struct run *run;
	struct vz_source *source; /* NULL while nobody reads it */
	bool measured;            /* for people (show.c): */
	uint64_t length;          /* or VZ_LENGTH_UNKNOWN */
	int status;               /* why it cannot be read, said once; it is not tried again */
	bool dry;                 /* nothing to be read until the descriptor says so */
	bool full;                /* the ring was, since it was last half empty */
	bool told;                /* all lanes know that its end was met */
	struct vz_watch watch;
	struct input_user *user; /* one for each lane, while open */
	size_t users;
};

struct input_user {
	bool uses;
	uint64_t taken; /* bytes below are not needed any more */
};

/* A file, or "-". */
void input_file(struct input *in, struct run *run, const char *path, const char *name);
/* Something else, called `what`; its source comes by input_give. */
void input_other(struct input *in, struct run *run, const char *what, const char *name);
/* What it is called in words; escaped; static storage. */
const char *input_shown(const struct input *in);
/*
 * Lane `who` begins to read: 0, or the exit status (66 a file or a name, 71), with the words said
 * once for all lanes. What can be read only once waits for every lane from its first byte on.
 */
int input_open(struct input *in, size_t who);
/* Takes a source over, for all lanes. 0, or the status. */
int input_give(struct input *in, struct vz_source *source);
/*
 * As vz_source_fill, without a system call while nothing can have come. Whoever may go on because
 * of it is told by lane_kick.
 */
int input_fill(struct input *in, size_t who, uint64_t goal);
/* The command ended well, or something else of the kind: look again. */
void input_wake(struct input *in);
/* Lane `who` needs no bytes below `offset`. */
void input_release(struct input *in, size_t who, uint64_t offset);
/* Lane `who` does not read any more; the last one closes it. */
void input_leave(struct input *in, size_t who);
/* The lane that is furthest behind and not at the end of what is held; false when there is none. */
bool input_slowest(const struct input *in, size_t *who);
/* True while some lane waits for room that another one does not give. */
bool input_full(const struct input *in);
/* Says why it failed; returns the exit status. */
int input_failed(struct input *in, int err);

#endif
