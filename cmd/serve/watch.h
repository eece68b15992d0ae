/*
 * Whether files of rights have changed since they were read.
 */
#ifndef VZ_SERVE_WATCH_H
#define VZ_SERVE_WATCH_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* What a file of rights was when it was read. */
struct watched_file {
	mode_t dir_mode;
	uid_t dir_uid;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};
#define WATCHED_FILES 2

struct watched {
	struct watched_file read[WATCHED_FILES]; /* as they were read */
	struct watched_file last[WATCHED_FILES]; /* at the last look */
	unsigned unsettled;                      /* looks since they began to change */
};

/* The files are about to be read: only what changes after this is a change. NULL paths are no
 * files. */
void watch_note(struct watched *w, const char *const paths[static WATCHED_FILES]);
/*
 * Comes each second. True when they changed and are as they were a look ago, or go on changing:
 * half of a file that is being written would take the rights of the other half away.
 */
bool watch_look(struct watched *w, const char *const paths[static WATCHED_FILES]);

#endif
