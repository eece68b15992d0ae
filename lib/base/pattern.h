/*
 * Lists of patterns as OpenSSH has them (ssh_config(5), PATTERNS): separated by commas, * for any
 * bytes and ? for one, ! before what is not to match.
 */
#ifndef VZ_BASE_PATTERN_H
#define VZ_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* All of s by one pattern, in which ! and the comma are nothing special. Time is s_len * len. */
bool vz_pattern_match(const char *s, size_t s_len, const char *pattern, size_t len);
/* True when some pattern of the list matches, and none with a ! before it. */
bool vz_pattern_list_match(const char *s, size_t s_len, const char *list, size_t len);

#endif
