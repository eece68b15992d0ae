#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "id/art.h"

static void
assert_art(const struct vz_buf *out, const char *want)
{
	assert_int_equal(out->len, strlen(want));
	assert_memory_equal(vz_buf_ptr(out), want, out->len);
}

static void
a_key_looks_as_ssh_keygen_draws_it(void **state)
{
	/* What `ssh-keygen -lv` of OpenSSH 9.2 says of this key. */
	static const char line[] =
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEczfHnXvX0mq0pbzrA9j1TP5RGHLOTN9s4Rgpg1aQ0T";
	static const char want[] = "+--[ED25519 256]--+\n"
				   "|                 |\n"
				   "|         .       |\n"
				   "|    .   +        |\n"
				   "| . . . . +   E   |\n"
				   "|+.o.. + S   * o  |\n"
				   "|+oo.+. +   B o * |\n"
				   "|oo.=..  . . * * o|\n"
				   "|oo=.  .    = = + |\n"
				   "|+*..   .....* .  |\n"
				   "+----[SHA256]-----+\n";
	struct vz_key key;
	struct vz_buf out;
	size_t used;

	(void)state;
	vz_buf_init(&out, VZ_ART_TEXT);
	assert_int_equal(vz_ssh_public_parse(line, strlen(line), key.b, &used), 0);
	assert_int_equal(vz_art_of_key(&key, &out), 0);
	assert_art(&out, want);
	vz_buf_free(&out);
}

static void
a_wall_stops_a_step_and_a_place_is_marked_up_to_14_visits(void **state)
{
	/* To the upper left corner and against its walls, then away to the right and down. */
	static const char want[] = "+------[T 1]------+\n"
				   "|^....            |\n"
				   "| .   .           |\n"
				   "|  .   .          |\n"
				   "|   .   .         |\n"
				   "|    E   S        |\n"
				   "|                 |\n"
				   "|                 |\n"
				   "|                 |\n"
				   "|                 |\n"
				   "+-------[H]-------+\n";
	uint8_t digest[32] = {0};
	struct vz_buf out;

	(void)state;
	vz_buf_init(&out, VZ_ART_TEXT);
	digest[31] = 0xff;
	assert_int_equal(vz_art(digest, "[T 1]", "[H]", &out), 0);
	assert_art(&out, want);
	vz_buf_free(&out);
}

static void
a_title_fills_the_border_and_a_longer_one_is_refused(void **state)
{
	uint8_t digest[32] = {0};
	struct vz_buf out;

	(void)state;
	vz_buf_init(&out, VZ_ART_TEXT);
	assert_int_equal(vz_art(digest, "[345678901234567]", "", &out), 0);
	assert_memory_equal(vz_buf_ptr(&out), "+[345678901234567]+\n", 20);
	assert_memory_equal(vz_buf_ptr(&out) + VZ_ART_TEXT - 20, "+-----------------+\n", 20);
	vz_buf_clear(&out);
	assert_int_equal(vz_art(digest, "[3456789012345678]", "", &out), VZ_ELIMIT);
	assert_int_equal(vz_art(digest, "", "[3456789012345678]", &out), VZ_ELIMIT);
	assert_int_equal(out.len, 0);
	vz_buf_free(&out);
}

static void
a_buffer_that_is_full_gets_nothing_of_it(void **state)
{
	uint8_t digest[32] = {0};
	struct vz_buf out;

	(void)state;
	vz_buf_init(&out, VZ_ART_TEXT - 1);
	assert_int_equal(vz_art(digest, "", "", &out), VZ_ELIMIT);
	assert_int_equal(out.len, 0);
	vz_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_looks_as_ssh_keygen_draws_it),
	    cmocka_unit_test(a_wall_stops_a_step_and_a_place_is_marked_up_to_14_visits),
	    cmocka_unit_test(a_title_fills_the_border_and_a_longer_one_is_refused),
	    cmocka_unit_test(a_buffer_that_is_full_gets_nothing_of_it),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
