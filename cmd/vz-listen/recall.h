/*
 * What outlives vz-listen itself (keep/ledger.h): verdicts, and the beginnings of files. With --dir
 * and -o, which have files that can be gone on with, and with --state.
 */
#ifndef VZ_LISTEN_RECALL_H
#define VZ_LISTEN_RECALL_H

#include "cmd/vz-listen/visit.h"

/* The beginning of a message, in a file that an earlier process left. */
struct part {
	SLIST_ENTRY(part) list;
	uint64_t number, length;
	struct vz_drop *drop; /* taken up, for its sender to go on with */
	char file[];
};

/* Opens the ledger where there is to be one, and does away with what is too old: 0, or the status.
 */
int recall_open(struct server *srv);
void recall_close(struct server *srv);
/*
 * v has named its stream, which no session here has: what is known of it, its session knows again.
 * False: that cannot be read, and v is gone.
 */
bool recall_stream(struct visit *v);
/* What is left of a message of v, or NULL. */
struct part *recall_part(const struct visit *v, uint64_t number);
void recall_part_free(struct visit *v, struct part *p);

/* `length` bytes of `in` are durable, in `file`. False: that could not be noted. */
bool recall_durable(const struct incoming *in, uint64_t length, const char *file);
/*
 * Those of in[0..n) whose result is 0 are whole and in their places: from now on they have their
 * verdict. Where that could not be noted the result becomes an error.
 */
void recall_placed(struct server *srv, struct incoming *const *in, int *results, size_t n);
/* Of `in` nothing is there after all. */
void recall_drop(const struct incoming *in);

/*
 * A verdict, where no file says as much: noted for the next recall_commit, before which it must not
 * be written to anybody.
 */
void recall_verdict(struct visit *v, uint64_t number, uint8_t status);
/* False: verdicts could not be noted; nothing may be written, and the program is about to end. */
bool recall_commit(struct server *srv);

/* v is about to end: a stream that its sender has closed needs no memory. */
void recall_left(struct visit *v);
/* v is gone, with its parts. */
void recall_free(struct visit *v);
/* Comes each second: what is too old goes. */
void recall_tick(struct server *srv);

#endif
