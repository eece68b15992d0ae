/*
 * One message to be sent: its name, where its bytes come from, how far it is, what became of it.
 */
#ifndef VZ_SEND_ITEM_H
#define VZ_SEND_ITEM_H

#include <stdbool.h>
#include <stdint.h>
#include "flow/source.h"

enum item_state {
	ITEM_WAITING, /* not looked at yet */
	ITEM_OPENED,  /* its source is open, the other side does not know of it */
	ITEM_SENDING, /* the message is open */
	ITEM_ENDED,   /* all is sent, the verdict is outstanding */
	ITEM_OVER,    /* status says how */
};

struct item {
	const char *path; /* a file; "-" = standard input; NULL = `what` says */
	const char *what; /* for people: "standard input"; NULL for a file */
	const char *name; /* the message's, or NULL */
	bool stdin_fd;
	struct vz_source *source;
	enum item_state state;
	uint64_t number, sent;
	uint64_t began_us;
	int status;
};

/* A file, or "-". */
void item_file(struct item *it, const char *path, const char *name);
/* What the item is called in words; escaped; static storage. */
const char *item_shown(const struct item *it);
/* Opens its source: state OPENED; or reports, and state OVER with 66 (a file, a name) or 71. */
void item_open(struct item *it);
/* Takes a source over: state OPENED. */
void item_opened(struct item *it, struct vz_source *source);
/* State OVER, the source closed. */
void item_over(struct item *it, int status);
/* Says why its input failed; returns the exit status. */
int item_input_failed(const struct item *it, int err);

#endif
