#include "cmd/common/progress_screen.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/width.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"

#define FRAME_MAX    (256 * 1024)
#define COLUMNS      80 /* of a terminal that does not know */
#define ROWS         24
#define COLUMNS_MOST 400
#define ROWS_MOST    60

/* While a line is drawn: one that is too long, as the terminal was just made narrower, is cut. */
#define NO_WRAP "\033[?7l"
#define WRAP    "\033[?7h"

#define CLEAR_LINE "\033[K" /* to its end */
#define CLEAR_REST "\033[J" /* of the screen */
/* From the cursor's line on, those below it first: a terminal that is cleared from its first line
 * on may keep what was there for scrolling back. */
#define CLEAR_ALL "\r\0337\033[B" CLEAR_REST "\0338" CLEAR_LINE

bool
progress_screen_open(struct progress_screen *s)
{
	const char *term = env_term();

	*s = (struct progress_screen){.group = getpgrp()};
	if (!isatty(STDERR_FILENO))
		return false;
	s->dumb = !term || strcmp(term, "dumb") == 0;
	s->colour = !s->dumb && !env_no_color();
	vz_buf_init(&s->frame, FRAME_MAX);
	vz_buf_init(&s->drawn, FRAME_MAX);
	return true;
}

void
progress_screen_free(struct progress_screen *s)
{
	vz_buf_free(&s->frame);
	vz_buf_free(&s->drawn);
}

static void
measure(struct progress_screen *s)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) != 0)
		w = (struct winsize){.ws_col = 0};
	s->columns = w.ws_col > 0 ? w.ws_col : COLUMNS;
	s->rows = w.ws_row > 0 ? w.ws_row : ROWS;
	if (s->columns > COLUMNS_MOST)
		s->columns = COLUMNS_MOST;
	if (s->rows > ROWS_MOST)
		s->rows = ROWS_MOST;
}

/* Lines that may be drawn: one less than the terminal has, so that nothing scrolls away. */
static size_t
room(const struct progress_screen *s)
{
	return s->dumb || s->rows < 3 ? 1 : s->rows - 1;
}

static void
put(struct progress_screen *s, const char *text)
{
	/* What does not fit is not drawn; FRAME_MAX is more than any terminal is large. */
	(void)vz_buf_put(&s->frame, text, strlen(text));
}

static void
put_line(struct progress_screen *s, const char *text)
{
	if (s->lines++ > 0)
		put(s, CLEAR_LINE "\r\n");
	s->last_line = s->frame.len;
	put(s, text);
}

void
progress_screen_begin(struct progress_screen *s)
{
	measure(s);
	vz_buf_clear(&s->frame);
	s->lines = s->all = s->last_line = 0;
	put(s, s->dumb ? "\r" : NO_WRAP "\r");
}

void
progress_screen_add(struct progress_screen *s, const struct progress_state *state)
{
	char line[PROGRESS_LINE_MAX];

	s->all++;
	/* The last column stays free: some terminals go to the next line with it. */
	if (s->lines < room(s))
		put_line(s, progress_line(state, s->columns - 1, s->colour, line));
}

void
progress_screen_more(struct progress_screen *s, size_t n)
{
	s->all += n;
}

static void
count_the_rest(struct progress_screen *s)
{
	char line[PROGRESS_LINE_MAX], words[64];

	if (s->all <= s->lines)
		return;
	if (s->lines > 1)
		snprintf(words, sizeof(words), "and %zu more", s->all - s->lines + 1);
	else
		snprintf(words, sizeof(words), "%zu messages under way", s->all);
	vz_buf_truncate(&s->frame, s->last_line);
	vz_fit(line, sizeof(line), words, s->columns - 1);
	put(s, line);
}

/* Behind the last line: what was below it goes, and the cursor goes back. */
static void
end(struct progress_screen *s)
{
	char sequence[64];

	if (s->dumb) {
		for (size_t n = vz_width(vz_buf_ptr(&s->frame) + 1, s->frame.len - 1);
		     n < s->columns - 1; n++)
			put(s, " ");
		put(s, "\r");
		return;
	}
	put(s, CLEAR_REST "\r" WRAP);
	if (s->lines > 1) {
		snprintf(sequence, sizeof(sequence), "\033[%zuA", s->lines - 1);
		put(s, sequence);
	}
}

/* 0, as when it was stopped from the keyboard, is no reason to stop with it. */
static bool
takes_more(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* While somebody else is in front what is on the terminal is theirs. One that is not the terminal
 * we are controlled by has nobody in front. */
static bool
is_in_front(const struct progress_screen *s)
{
	pid_t front = tcgetpgrp(STDERR_FILENO);

	return front < 0 || front == s->group;
}

static bool
is_the_same(const struct progress_screen *s)
{
	return s->is_drawn && s->frame.len == s->drawn.len &&
	    memcmp(vz_buf_ptr(&s->frame), vz_buf_ptr(&s->drawn), s->frame.len) == 0;
}

bool
progress_screen_draw(struct progress_screen *s)
{
	struct vz_buf swap = s->drawn;

	if (s->all == 0) {
		progress_screen_clear(s);
		return false;
	}
	count_the_rest(s);
	end(s);
	if (!is_in_front(s)) {
		s->is_drawn = false;
		return true;
	}
	if (is_the_same(s) || !takes_more())
		return true;
	diag_put(STDERR_FILENO, vz_buf_ptr(&s->frame), s->frame.len);
	s->is_drawn = true;
	s->drawn = s->frame;
	s->frame = swap;
	return true;
}

void
progress_screen_clear(struct progress_screen *s)
{
	if (!s->is_drawn)
		return;
	s->is_drawn = false;
	if (!is_in_front(s))
		return;
	if (!s->dumb) {
		diag_put(STDERR_FILENO, CLEAR_ALL, sizeof(CLEAR_ALL) - 1);
		return;
	}
	vz_buf_clear(&s->frame);
	put(s, "\r");
	end(s);
	diag_put(STDERR_FILENO, vz_buf_ptr(&s->frame), s->frame.len);
}
