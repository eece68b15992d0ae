/*
 * How much of a terminal's line a text takes.
 */
#ifndef VZ_BASE_WIDTH_H
#define VZ_BASE_WIDTH_H

#include <stddef.h>

/*
 * The columns that p[0..len) takes at most: a character that is wide, or is on some terminals (East
 * Asian, emoji), counts two, and each other one, also a combining mark and a byte that is none,
 * one. So what fits never wraps, and its bytes are bounded too. Control characters are the caller's
 * to escape.
 */
size_t vz_width(const void *p, size_t len);
/*
 * Writes text to dst so that it takes at most `columns`: of a longer one the middle is left out,
 * with "..." in its place, or where there is no room for that its end; never part of a character.
 * cap > 0 may cut it short too. Returns its width.
 */
size_t vz_fit(char *dst, size_t cap, const char *text, size_t columns);

#endif
