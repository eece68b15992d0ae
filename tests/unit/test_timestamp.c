#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/timestamp.h"

/* A place five hours behind UTC that has no summer. */
static time_t
local(struct tm *tm)
{
	assert_int_equal(tm->tm_isdst, 0);
	return timegm(tm) + 5 * 3600;
}

static time_t
nowhere(struct tm *tm)
{
	(void)tm;
	return -1;
}

static int64_t
of(const char *s)
{
	int64_t t = 1;
	int err = vz_timestamp_parse(s, strlen(s), local, &t);

	assert_true(err == 0 || err == VZ_EFORMAT);
	assert_true(err == 0 ? t > 0 : t == 0);
	return t;
}

static void
a_day_a_minute_and_a_second_can_be_named(void **state)
{
	/* date -u -d ... +%s */
	(void)state;
	assert_int_equal(of("20260701Z"), 1782864000);
	assert_int_equal(of("202607011234Z"), 1782909240);
	assert_int_equal(of("20260701123456Z"), 1782909296);
	assert_int_equal(of("20240229Z"), 1709164800);
	assert_int_equal(of("20000229Z"), 951782400);
	assert_int_equal(of("99991231235960Z"), 253402300800);
	assert_int_equal(of("19700101000001Z"), 1);
}

static void
without_z_or_utc_it_is_local_time(void **state)
{
	int64_t t;

	(void)state;
	assert_int_equal(of("20260701"), 1782864000 + 5 * 3600);
	assert_int_equal(of("20260701z"), 1782864000);
	assert_int_equal(of("20260701UTC"), 1782864000);
	assert_int_equal(of("20260701123456utc"), 1782909296);
	assert_int_equal(vz_timestamp_parse("20260701", 8, nowhere, &t), VZ_EFORMAT);
}

static void
what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {"", "Z", "UTC", "0", "2026", "2026070", "202607011",
	    "2026070112", "20260701123", "2026070112345", "202607011234567", "20260701ZZ",
	    "20260701 Z", "20261301", "20260001", "20260732", "20260700", "20260631", "20250229",
	    "21000229", "20260701240000", "20260701126000", "20260701120061", "2026-7-1",
	    "+2026701", " 2026701", "2026 701", "0x260701", "19700101Z", "19691231Z", "00000101",
	    "20260701GMT"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(of(bad[i]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_day_a_minute_and_a_second_can_be_named),
	    cmocka_unit_test(without_z_or_utc_it_is_local_time),
	    cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
