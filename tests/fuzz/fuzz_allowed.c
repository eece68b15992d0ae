/*
 * Lines of allowed_signers files: what is taken from a line is in it, an option that is not known
 * voids it, a time is the one written, and a pattern matches what it matches tried in every way.
 *
 * Aims at: lib/guard/allowed_line.c lib/base/pattern.c lib/base/timestamp.c
 */
#include <time.h>
#include "base/err.h"
#include "base/pattern.h"
#include "crypto/sign.h"
#include "guard/allowed_line.h"
#include "tests/fuzz/fuzz.h"

#define SHORT 12

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

static bool
slow_match(const char *s, size_t s_len, const char *p, size_t len)
{
	if (len == 0)
		return s_len == 0;
	if (*p == '*')
		return slow_match(s, s_len, p + 1, len - 1) ||
		    (s_len > 0 && slow_match(s + 1, s_len - 1, p, len));
	return s_len > 0 && (*p == '?' || *p == *s) && slow_match(s + 1, s_len - 1, p + 1, len - 1);
}

static void
pattern(const char *s, size_t len)
{
	size_t half = len / 2;

	if (half <= SHORT)
		PROMISE(vz_pattern_match(s, half, s + half, len - half) ==
		    slow_match(s, half, s + half, len - half));
	/* None with a ! before it, and some without. */
	if (vz_pattern_list_match(s, half, s + half, len - half)) {
		char *all = malloc(len - half + 3);

		PROMISE(all != NULL);
		memcpy(all, s + half, len - half);
		memcpy(all + len - half, ",!*", 3);
		PROMISE(!vz_pattern_list_match(s, half, all, len - half + 3));
		free(all);
	}
}

static void
timestamp(const char *s, size_t len)
{
	char digits[32];
	int64_t t;
	time_t at;
	struct tm tm;
	size_t n = 0;

	if (vz_timestamp_parse(s, len, timegm, &t) != 0) {
		PROMISE(t == 0);
		return;
	}
	at = t;
	PROMISE(t > 0 && gmtime_r(&at, &tm) != NULL);
	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	PROMISE(n == 8 || n == 12 || n == 14);
	/* A leap second is the first of the next minute. */
	if (n == 14 && memcmp(s + 12, "60", 2) == 0)
		return;
	PROMISE(strftime(digits, sizeof(digits), "%Y%m%d%H%M%S", &tm) == 14);
	PROMISE(memcmp(s, digits, n) == 0);
}

static void
line(const char *s, size_t len)
{
	struct vz_allowed_line l;
	const char *why;
	enum vz_allowed_found found = vz_allowed_line_parse(s, len, timegm, &l, &why);

	PROMISE((found == VZ_ALLOWED_BAD) == (why != NULL));
	if (found != VZ_ALLOWED_KEY) {
		PROMISE(l.principals == NULL && !l.authority);
		return;
	}
	PROMISE(l.principals >= s && l.principals_len > 0 &&
	    l.principals + l.principals_len <= s + len);
	PROMISE(vz_sign_point_ok(l.key.b));
	PROMISE(l.namespaces_len <= len && l.namespaces_len <= sizeof(l.namespaces));
	PROMISE(l.before == 0 || l.after < l.before);
	PROMISE(!l.authority || vz_allowed_line_permits(&l, "git", 1, &why) == VZ_EDENIED);
	PROMISE(l.after == 0 || vz_allowed_line_valid(&l, l.after - 1, &why) != 0);
	PROMISE(l.before == 0 || vz_allowed_line_valid(&l, l.before + 1, &why) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* With a block of its own a byte too far is found. */
	char *s = malloc(size > 0 ? size : 1);

	PROMISE(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	pattern(s, size);
	timestamp(s, size);
	line(s, size);
	free(s);
	return 0;
}
