#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

/*
 * The digits that *s begins with; moves *s behind them. A number beyond 64 bits
 * reads as UINT64_MAX with *over set, so that its unit can still be judged.
 */
static int
read_digits(const char **s, uint64_t *value, bool *over)
{
	const char *p = *s;

	*value = 0;
	*over = false;
	if (*p < '0' || *p > '9')
		return VZ_EFORMAT;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			*over = true;
		else
			*value = *value * 10 + digit;
	}
	*s = p;
	return 0;
}

static int
scale(uint64_t value, bool over, uint64_t unit, uint64_t max, uint64_t *out)
{
	if (over || value > max / unit)
		return VZ_ELIMIT;
	*out = value * unit;
	return 0;
}

int
vz_parse_size(const char *s, uint64_t max, uint64_t *out)
{
	static const char units[] = "kmgt";
	uint64_t value, unit = 1;
	const char *at;
	bool over;

	*out = 0;
	if (read_digits(&s, &value, &over) < 0)
		return VZ_EFORMAT;
	if (*s != '\0') {
		at = strchr(units, *s | 0x20);
		if (at == NULL || s[1] != '\0')
			return VZ_EFORMAT;
		unit = UINT64_C(1) << 10 * (at - units + 1);
	}
	return scale(value, over, unit, max, out);
}

int
vz_parse_duration(const char *s, uint64_t max_ms, uint64_t *ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
	    {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	uint64_t value;
	bool over;

	*ms = 0;
	if (read_digits(&s, &value, &over) < 0)
		return VZ_EFORMAT;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(s, units[i].name) == 0)
			return scale(value, over, units[i].ms, max_ms, ms);
	return VZ_EFORMAT;
}

void
vz_format_size(uint64_t n, char out[static 16])
{
	static const char units[] = "KMGTPE";
	unsigned i = 0, shift = 10;
	uint64_t tenths;

	if (n < 1024) {
		snprintf(out, 16, "%u B", (unsigned)n);
		return;
	}
	for (;;) {
		uint64_t unit = UINT64_C(1) << shift;

		/* Split, so that nothing overflows; rounded to the nearest tenth. */
		tenths = (n >> shift) * 10 + (((n & (unit - 1)) * 10 + unit / 2) >> shift);
		if (tenths < 10240 || units[i + 1] == '\0')
			break;
		i++;
		shift += 10;
	}
	snprintf(out, 16, "%u.%u %ciB", (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[i]);
}
