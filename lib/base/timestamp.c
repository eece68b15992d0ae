#include "base/timestamp.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include "base/err.h"

/* n digits; -1 when one of them is none. */
static int
number(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

static int
days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Takes Z or UTC off the end. */
static bool
take_utc(const char *s, size_t *len)
{
	if (*len > 1 && strncasecmp(s + *len - 1, "Z", 1) == 0)
		*len -= 1;
	else if (*len > 3 && strncasecmp(s + *len - 3, "UTC", 3) == 0)
		*len -= 3;
	else
		return false;
	return true;
}

int
vz_timestamp_parse(const char *s, size_t len, vz_local_time_fn *local, int64_t *out)
{
	bool utc = take_utc(s, &len);
	struct tm tm = {0};
	int year, month;
	time_t t;

	*out = 0;
	if (len != 8 && len != 12 && len != 14)
		return VZ_EFORMAT;
	year = number(s, 4);
	month = number(s + 4, 2);
	tm.tm_mday = number(s + 6, 2);
	tm.tm_hour = len > 8 ? number(s + 8, 2) : 0;
	tm.tm_min = len > 8 ? number(s + 10, 2) : 0;
	tm.tm_sec = len > 12 ? number(s + 12, 2) : 0;
	if (year < 0 || month < 1 || month > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > days_of(year, month) || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return VZ_EFORMAT;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	t = utc ? timegm(&tm) : local(&tm);
	if (t <= 0)
		return VZ_EFORMAT;
	*out = t;
	return 0;
}
