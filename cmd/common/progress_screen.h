/*
 * Some lines on the terminal of standard error that are drawn again and again, and go away.
 *
 * The cursor stays at the beginning of the first of them: wherever a terminal that is made narrower
 * puts what does not fit, clearing from there on takes all of it. Nothing else of the terminal is
 * changed, so a program that is killed leaves no more than these lines.
 */
#ifndef VZ_CMD_PROGRESS_SCREEN_H
#define VZ_CMD_PROGRESS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "cmd/common/progress_line.h"

struct progress_screen {
	bool dumb;   /* no sequences: one line, and blanks over what was there */
	bool colour; /* NO_COLOR is not set */
	pid_t group; /* ours: others have the terminal while it is not in front */
	size_t columns, rows;
	struct vz_buf frame, drawn; /* being made; on the terminal, when is_drawn */
	bool is_drawn;
	size_t lines, last_line; /* in the frame; where the last one begins */
	size_t all;              /* that there are, with those that had no room */
};

/* False: standard error is no terminal. Looks TERM and NO_COLOR up. */
bool progress_screen_open(struct progress_screen *s);
void progress_screen_free(struct progress_screen *s);

/* A frame: begin, a line for each thing, and draw. Those that have no room are counted by the last
 * line. True: there was something. A terminal that takes nothing now is not waited for. */
void progress_screen_begin(struct progress_screen *s);
void progress_screen_add(struct progress_screen *s, const struct progress_state *state);
/* So many more that were not looked at. */
void progress_screen_more(struct progress_screen *s, size_t n);
bool progress_screen_draw(struct progress_screen *s);
/* Takes away what is drawn. */
void progress_screen_clear(struct progress_screen *s);

#endif
