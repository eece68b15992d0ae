/*
 * Standard output for replies: written without waiting, gathered while it does not take more;
 * escaped for a terminal.
 */
#ifndef VZ_SEND_OUTLET_H
#define VZ_SEND_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "flow/sink.h"
#include "net/loop.h"

#define OUTLET_FULL (256u * 1024) /* gathered bytes from which on nothing more should be added */

struct outlet {
	struct vz_loop *loop;
	struct vz_sink *sink;
	struct vz_drop *drop;
	struct vz_buf buf; /* may be added to; then outlet_flush */
	struct vz_watch watch;
	bool finishing, ending;
	int status; /* why it failed, said; 0 while it works */
	void (*freed)(void *arg);
	void *arg;
};

/* `freed`: it takes more again, or failed. 0, or the exit status with the words said. */
int outlet_open(struct outlet *o, struct vz_loop *l, bool raw, void (*freed)(void *arg), void *arg);
void outlet_free(struct outlet *o);
/* Takes all n bytes: out at once, or kept. */
void outlet_write(struct outlet *o, const void *p, size_t n);
/* Writes what can be written now of what was gathered. */
void outlet_flush(struct outlet *o);
/* True while gathered bytes wait for whoever reads there. */
bool outlet_waits(const struct outlet *o);
/* Nothing follows: whoever reads there sees the end as soon as everything is written. */
void outlet_end(struct outlet *o);
/* Everything is written; what an escaped character still lacks comes out too. False: not yet. */
bool outlet_finish(struct outlet *o);

#endif
