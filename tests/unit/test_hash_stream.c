#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/hash_stream.h"
#include "base/secret.h"

static void
pieces_have_the_hash_of_the_whole(void **state)
{
	uint8_t bytes[1000], whole[32], parts[32];
	struct vz_hash_stream *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	assert_int_equal(vz_hash_stream_new(&s), 0);
	/* Twice, as it begins anew after each end. */
	for (size_t step = 1; step <= 129; step += 128) {
		for (size_t at = 0; at < sizeof(bytes); at += step)
			vz_hash_stream_feed(
			    s, bytes + at, step < sizeof(bytes) - at ? step : sizeof(bytes) - at);
		vz_hash_stream_end(s, parts);
		vz_blake2b_256(NULL, 0, bytes, sizeof(bytes), NULL, 0, whole);
		assert_memory_equal(parts, whole, 32);
	}
	vz_hash_stream_free(s);
	vz_hash_stream_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_have_the_hash_of_the_whole),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
