/*
 * Sizes and durations, as people type them: against a second reading, in wider numbers. A number is
 * never more than the limit given, and never another one than is written.
 *
 * Aims at: lib/base/units.c
 *
 * The first 8 bytes of an input are the limit, the rest is the text.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 64

/* A number that saturates far above 64 bits, and what stands behind it. */
struct reading {
	bool digits;
	double wide; /* exact where `value` is */
	uint64_t value;
	const char *unit;
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static struct reading
read_number(const char *s)
{
	struct reading r = {0};

	for (; *s >= '0' && *s <= '9'; s++) {
		r.digits = true;
		r.wide = r.wide * 10 + (*s - '0');
		r.value = r.value * 10 + (uint64_t)(*s - '0');
	}
	r.unit = s;
	return r;
}

static void
judge(int result, uint64_t got, const struct reading *r, uint64_t unit, uint64_t max)
{
	uint64_t product;

	if (!r->digits || unit == 0) {
		PROMISE(result == VZ_EFORMAT);
		return;
	}
	if (r->wide > 18e18 || __builtin_mul_overflow(r->value, unit, &product) || product > max) {
		/* Near 2^64 the wide number is not exact: too much, or what it is. */
		PROMISE(result == VZ_ELIMIT ||
		    (r->wide < 19e18 && result == 0 && got == r->value * unit && got <= max));
		return;
	}
	PROMISE(result == 0 && got == product);
}

static uint64_t
size_unit(const char *s)
{
	static const char units[] = "kKmMgGtT";
	const char *at;

	if (*s == '\0')
		return 1;
	at = strchr(units, *s);
	return at == NULL || s[1] != '\0' ? 0 : UINT64_C(1) << 10 * ((at - units) / 2 + 1);
}

static uint64_t
duration_unit(const char *s)
{
	if (strcmp(s, "ms") == 0)
		return 1;
	if (strlen(s) > 1)
		return 0;
	switch (*s) {
	case '\0':
	case 's': return 1000;
	case 'm': return 60 * 1000;
	case 'h': return 60 * 60 * 1000;
	case 'd': return 24 * 60 * 60 * 1000;
	default: return 0;
	}
}

/* Never longer than its room, and read again it is what was written, to a tenth. */
static void
format(uint64_t n)
{
	static const char units[] = "KMGTPE";
	char out[16], unit = 0;
	double value = 0, is = (double)n;

	memset(out, 'x', sizeof(out));
	vz_format_size(n, out);
	PROMISE(memchr(out, 0, sizeof(out)) != NULL);
	if (n < 1024) {
		PROMISE(strtoull(out, NULL, 10) == n && strstr(out, " B") != NULL);
		return;
	}
	PROMISE(sscanf(out, "%lf %ciB", &value, &unit) == 2 && strchr(units, unit) != NULL);
	for (const char *u = units; u <= strchr(units, unit); u++)
		is /= 1024;
	PROMISE(value > is - 0.051 && value < is + 0.051 && value <= 1024);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);
	uint64_t max = vz_rd_u64(&in), got = 1;
	char text[TEXT_MAX] = "";
	struct reading r;
	int result;

	format(max);
	if (in.bad || in.len >= sizeof(text))
		return 0;
	memcpy(text, in.p, in.len);
	r = read_number(text);
	result = vz_parse_size(text, max, &got);
	PROMISE(result == 0 || got == 0);
	judge(result, got, &r, size_unit(r.unit), max);
	result = vz_parse_duration(text, max, &got);
	PROMISE(result == 0 || got == 0);
	judge(result, got, &r, duration_unit(r.unit), max);
	return 0;
}
