#include "base/pattern.h"

#include <string.h>

bool
vz_pattern_match(const char *s, size_t s_len, const char *pattern, size_t len)
{
	size_t at = 0, p = 0, star = len, star_at = 0;

	while (at < s_len) {
		if (p < len && pattern[p] == '*') {
			star = p++;
			star_at = at;
		} else if (p < len && (pattern[p] == '?' || pattern[p] == s[at])) {
			p++;
			at++;
		} else if (star < len) {
			/* The last star takes one byte more; those before it need not. */
			p = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (p < len && pattern[p] == '*')
		p++;
	return p == len;
}

bool
vz_pattern_list_match(const char *s, size_t s_len, const char *list, size_t len)
{
	bool found = false;

	for (;;) {
		const char *comma = memchr(list, ',', len);
		size_t n = comma ? (size_t)(comma - list) : len;
		bool negated = n > 0 && *list == '!';

		if (vz_pattern_match(s, s_len, list + negated, n - negated)) {
			if (negated)
				return false;
			found = true;
		}
		if (!comma)
			return found;
		list = comma + 1;
		len -= n + 1;
	}
}
