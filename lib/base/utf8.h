/*
 * One character of UTF-8 at a time, for the text functions.
 */
#ifndef VZ_BASE_UTF8_H
#define VZ_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character at p[0..n), well-formed by RFC 3629: its length of 1 to 4 bytes and the code point
 * in *cp. 0 when the n bytes (n may be 0) are only the beginning of one; -1 when they begin none.
 */
int vz_utf8_next(const uint8_t *p, size_t n, uint32_t *cp);

#endif
