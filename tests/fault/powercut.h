/* What powercut records and recut reads: headers, each followed by `len` bytes. */
#ifndef VZ_POWERCUT_H
#define VZ_POWERCUT_H

#include <stdint.h>

enum powercut_op {
	POWERCUT_CREATE,   /* of a name (the bytes) for a new file */
	POWERCUT_WRITE,    /* the bytes, at offset `at` */
	POWERCUT_TRUNCATE, /* to `at` bytes */
	POWERCUT_SYNC,
	POWERCUT_SYNC_DIR,
	POWERCUT_RENAME, /* to a name (the bytes) */
	POWERCUT_UNLINK,
	POWERCUT_SAID, /* the bytes went to standard output */
};

struct powercut_record {
	uint32_t op, file; /* files are numbered from 1 */
	uint64_t at, len;
	uint64_t when; /* CLOCK_MONOTONIC in nanoseconds, never less than that of the one before */
};

#endif
