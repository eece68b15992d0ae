/* How many of the cases that all take the same way are taken. */
#ifndef VZ_TEST_STEP_H
#define VZ_TEST_STEP_H

#include <stdlib.h>

/* Every how manieth: VZ_TEST_STEP, by which valgrind takes larger steps, or what is usual. */
static inline unsigned
test_step(unsigned usual)
{
	const char *s = getenv("VZ_TEST_STEP");
	unsigned step = s != NULL ? (unsigned)strtoul(s, NULL, 10) : usual;

	return step > 0 ? step : 1;
}

#endif
