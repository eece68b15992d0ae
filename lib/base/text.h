/*
 * Text from and for people: the one escaping function, UTF-8, sizes and durations.
 */
#ifndef VZ_BASE_TEXT_H
#define VZ_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vz_escape_for {
	VZ_ESCAPE_LINE, /* for messages, logs, environment: nothing but printable text comes out */
	VZ_ESCAPE_BODY, /* for a body shown on a terminal: newline and tab pass, backslash is not
			   doubled */
	VZ_ESCAPE_JSON, /* for the inside of a JSON string (RFC 8259 section 7) */
};

/*
 * The one escaping function (DESIGN 10 item 4). Writes src as printable UTF-8 to dst, always
 * NUL-terminated when cap > 0, never a partial escape or character. Escaped are C0 and C1 controls,
 * DEL, bidirectional and zero-width marks, line and paragraph separators, noncharacters and bytes
 * that are not UTF-8 (in LINE and BODY as \xNN byte by byte; in JSON code points as \uNNNN and
 * stray bytes as \ufffd); the backslash in LINE and JSON, the quote in JSON. Returns the number of
 * bytes of src that were taken, which is less than len when dst was full or, in BODY, when src ends
 * inside a character that more input may complete.
 */
size_t vz_escape(enum vz_escape_for how, char *dst, size_t cap, const void *src, size_t len);
/* True when the bytes are well-formed UTF-8 (RFC 3629: shortest forms, no surrogates). */
bool vz_utf8_ok(const void *p, size_t len);
/* True when s may be a message name: at most 255 bytes of UTF-8 without control characters. */
bool vz_name_ok(const void *p, size_t len);
/* "64K" -> 65536: digits and one of k K m M g G t T (1024) or none. VZ_EFORMAT, VZ_ELIMIT over max.
 */
int vz_parse_size(const char *s, uint64_t max, uint64_t *out);
/* "1500ms", "10s", "5m", "2h", "7d", bare = seconds; gives milliseconds. VZ_EFORMAT; VZ_ELIMIT over
 * max. */
int vz_parse_duration(const char *s, uint64_t max_ms, uint64_t *ms);
/* "3.1 GiB": for people. out holds at least 16 bytes. */
void vz_format_size(uint64_t n, char out[static 16]);

#endif
