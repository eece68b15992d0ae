/*
 * How far something is, as a line of a terminal or in words: out of numbers, and nothing else.
 */
#ifndef VZ_CMD_PROGRESS_LINE_H
#define VZ_CMD_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_UNKNOWN  UINT64_MAX
#define PROGRESS_LINE_MAX 2048

/* How fast an amount grows: of the last seconds, in units a second. Zeroed, it has begun with the
 * first amount that it is told. */
struct progress_rate {
	bool begun;
	uint64_t began_ms, at_ms, amount;
	double per_s;
};

/* One that shrinks, as when something has to be said again, counts from there. */
void progress_rate_take(struct progress_rate *r, uint64_t now_ms, uint64_t amount);

/* What is not there is NULL, 0, or PROGRESS_UNKNOWN for `total`. */
struct progress_state {
	const char *peer, *name; /* escaped */
	uint64_t done, total;    /* bytes */
	double per_s;            /* and of these, a second */
	bool many;               /* messages are what counts: */
	uint64_t delivered, under_way, failed;
	double messages_per_s;
	uint64_t file, files; /* the nth of several */
	uint64_t replied;     /* bytes of the reply */
	size_t there, places; /* of several destinations so many have all */
	unsigned resumed;     /* so often */
	const char *note;     /* what it is about now, when that is not sending; lower case */
};

/*
 * The line for a terminal: at most `columns` wide, what matters least left out and names cut until
 * it fits. colour: with SGR sequences, which take no columns. Returns out, without a newline.
 */
const char *progress_line(const struct progress_state *s, size_t columns, bool colour,
    char out[static PROGRESS_LINE_MAX]);
/* All of it, with commas between. */
const char *progress_words(const struct progress_state *s, char out[static PROGRESS_LINE_MAX]);
/* "0:41", "1:02:03", "3 d": buf takes 16 bytes. */
void progress_duration(uint64_t seconds, char buf[static 16]);
/* Seconds until it is done at this rate, or PROGRESS_UNKNOWN. */
uint64_t progress_left(const struct progress_state *s);

#endif
