/*
 * Diagnostics (DESIGN 8): everything that is not data goes to stderr, one write(2) a line.
 *
 * In words: `vz-send: lower case, no full stop`, `vz-send: hint: what to do`. With --log-json each
 * line is a JSON object instead, errors and hints included:
 * {"time":"2025-01-31T12:00:00.123Z","program":"vz-send","event":"error","text":"..."}.
 *
 * Whatever came from a peer goes through diag_escape before it is a %s of a line in words; strings
 * of events are escaped by base/json.
 */
#ifndef VZ_CMD_DIAG_H
#define VZ_CMD_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include "base/json.h"

#define DIAG_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* A line in words is cut to this many bytes. */
#define DIAG_LINE_MAX 2048

/*
 * Sets the program's name (static storage) and how much is said: level -1 with -q (errors only), 0,
 * 1 with -v, 2 with -vv. May be called again once the options are known.
 */
void diag_init(const char *program, int level, bool json);
/* True when what is said at this level (diag_verbose) is shown. */
bool diag_shows(int level);
/* True when stderr carries JSON events. */
bool diag_is_json(void);
/* An error: always shown. */
void diag_error(const char *fmt, ...) DIAG_PRINTF(1, 2);
/* What the user could do about the error before; not with -q. */
void diag_hint(const char *fmt, ...) DIAG_PRINTF(1, 2);
/* Shown when `level` (0, 1, 2; -1: with -q too) is at most the one set. Its event is "info". */
void diag_verbose(int level, const char *fmt, ...) DIAG_PRINTF(2, 3);
/* Two lines: the error and where help is; exits with 64. */
_Noreturn void diag_usage(const char *fmt, ...) DIAG_PRINTF(1, 2);
/* The words of a VZ_E... code, or those of errno for VZ_ESYSTEM; valid until the next call. */
const char *diag_words(int err);

/*
 * Begins an event; add fields with the vz_json_* calls, then diag_event_end, which writes it. Where
 * stderr carries words the fields go nowhere, so the caller need not ask first. One at a time, and
 * no diag_error between the two.
 */
struct vz_json *diag_event(const char *name);
void diag_event_end(struct vz_json *event);

/*
 * Who has something on the terminal that lines go to: `before` is called before each line or event,
 * to take it away, and `after` when that is written. Either may be NULL.
 */
void diag_on_line(void (*before)(void), void (*after)(void));

/*
 * Writes all of it to stderr or a terminal, as far as that takes it: there is nobody to tell when
 * it fails. For what is no line of a diagnostic.
 */
void diag_put(int fd, const void *text, size_t n);

/* Writes p[0..len) to buf for a line (VZ_ESCAPE_LINE), with "..." when it does not fit. Returns
 * buf. */
const char *diag_escape(char *buf, size_t cap, const void *p, size_t len);

/*
 * Flushes and closes stdout, last thing before the exit: a full disk or a gone reader is an error
 * like any other (74). Returns `status`, or 74 when status was 0 and this failed.
 */
int diag_close_stdout(int status);

#endif
