/*
 * How far it is: on the terminal of standard error while something is under way for longer than a
 * second, or as a line when a signal asks.
 *
 * On a terminal lines are drawn by progress_screen.h. Where there is none, or there must not be,
 * and it was asked for, a plain line or event comes now and then. SIGUSR1 (and SIGINFO) ask for one
 * at any time. A timer looks; nobody who moves bytes knows of it.
 */
#ifndef VZ_CMD_PROGRESS_H
#define VZ_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/common/options.h"
#include "cmd/common/progress_line.h"
#include "cmd/common/progress_screen.h"
#include "net/loop.h"

#define PROGRESS_FIRST_MS 1000 /* what is over sooner is not worth a line */

struct progress {
	struct vz_loop *loop;
	/* Tells the state in one line that is shown also with -q, or an event. */
	void (*tell)(void *arg);
	/* progress_add for each thing that is under way. NULL: nothing is ever drawn. */
	void (*show)(void *arg, struct progress *p);
	/* Is anything under way that is worth a line now and then? NULL: always. */
	bool (*busy)(void *arg);
	void *arg;
	enum progress_wish wish;
	bool quiet; /* -q */
	bool taken; /* data go to the terminal, or are typed there */

	/* its own: */
	bool draws, tells;
	struct progress_screen screen;
	struct vz_timer timer;
};

/* The first thing in main: who asks before there is an answer does no harm. */
void progress_deaf(void);
/* p is filled; it stays put. Before the sandbox closes. VZ_ESYSTEM, VZ_ENOMEM, VZ_EFULL. */
int progress_start(struct progress *p);
/* Nothing is drawn any more, and what was is gone. Safe when it was not started. */
void progress_stop(struct progress *p);
/* Takes away what is drawn, for something else to be written there; the next look draws it again.
 */
void progress_clear(void);

/* In `show`: one line; and that there are so many more. */
void progress_add(struct progress *p, const struct progress_state *s);
void progress_more(struct progress *p, size_t n);

#endif
