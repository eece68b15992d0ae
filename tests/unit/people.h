/*
 * Who takes part in the tests of a relay, the same in each: Bob listens, Alice sends.
 */
#ifndef VZ_TEST_PEOPLE_H
#define VZ_TEST_PEOPLE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/secret.h"
#include "id/identity.h"

enum { RELAY, ALICE, BOB, MALLORY, IDS };

static struct vz_identity *people[IDS];

static inline int
people_setup(void **state)
{
	uint8_t random[96];

	(void)state;
	assert_int_equal(vz_secret_init(), 0);
	for (unsigned i = 0; i < IDS; i++) {
		for (unsigned k = 0; k < sizeof random; k++)
			random[k] = (uint8_t)(k * 7 + i * 31 + 1);
		people[i] = vz_identity_new();
		assert_int_equal(vz_identity_make(people[i], random, 1 + i, ""), 0);
	}
	return 0;
}

static inline int
people_teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < IDS; i++)
		vz_identity_free(people[i]);
	return 0;
}

static inline const struct vz_key *
people_key(unsigned who)
{
	return &people[who]->bundle.identity;
}

#endif
