#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "relay/match.h"

#define UNIX UINT64_C(1700000000000)

static const uint8_t seed[VZ_KEYMAP_SEED] = {1, 2, 3};
static char handles[70000]; /* their addresses */

static struct vz_key
key(unsigned n)
{
	struct vz_key k = {{0}};

	memcpy(k.b, &n, sizeof n);
	k.b[31] = 1;
	return k;
}

static const uint8_t *
id(unsigned n)
{
	static uint8_t b[VZ_MATCH_LEN];

	memset(b, 0, sizeof b);
	memcpy(b + 4, &n, sizeof n);
	return b;
}

static struct vz_matches *
make(void)
{
	struct vz_match_limits l;
	struct vz_matches *t;

	vz_match_limits_default(&l);
	assert_int_equal(vz_matches_new(&t, &l, seed), 0);
	return t;
}

static int
register_at(struct vz_matches *t, unsigned who, void *h, uint64_t number, uint64_t *given)
{
	struct vz_key k = key(who);
	uint64_t n;
	void *out;
	int r = vz_match_register(t, &k, h, number, UNIX, &n, &out);

	assert_null(out);
	if (given != NULL)
		*given = n;
	return r;
}

static int
ask(struct vz_matches *t, unsigned from, void *h, unsigned to, unsigned n, uint64_t now)
{
	struct vz_key a = key(from), b = key(to);
	void *listener;
	int r = vz_match_ask(t, &a, h, &b, id(n), now, &listener);

	assert_true((r == 0) == (listener != NULL));
	return r;
}

static int
claim(struct vz_matches *t, unsigned who, unsigned n, uint64_t now, void **sender)
{
	struct vz_key k = key(who);

	return vz_match_claim(t, &k, id(n), now, sender);
}

static void
a_match_joins_a_sender_and_a_listener_once(void **state)
{
	struct vz_matches *t = make();
	void *who;

	(void)state;
	assert_int_equal(ask(t, 1, &handles[1], 2, 7, 0), VZ_ENOTFOUND);
	assert_int_equal(register_at(t, 2, &handles[2], 0, NULL), 0);
	assert_int_equal(ask(t, 1, &handles[1], 2, 7, 0), 0);
	assert_int_equal(vz_match_count(t), 1);
	assert_int_equal(claim(t, 2, 7, 9999, &who), 0);
	assert_ptr_equal(who, &handles[1]);
	assert_int_equal(claim(t, 2, 7, 9999, &who), VZ_ENOTFOUND);
	assert_null(who);
	assert_int_equal(vz_match_count(t), 0);
	assert_null(vz_match_ended(t, UINT64_MAX - 1));
	vz_matches_free(t);
}

static void
only_the_identity_that_it_was_made_for_claims_a_match(void **state)
{
	struct vz_matches *t = make();
	void *who;

	(void)state;
	for (unsigned i = 2; i < 5; i++)
		assert_int_equal(register_at(t, i, &handles[i], 0, NULL), 0);
	assert_int_equal(ask(t, 1, &handles[1], 2, 7, 0), 0);
	assert_int_equal(claim(t, 3, 7, 1, &who), VZ_ENOTFOUND); /* another listener */
	assert_int_equal(claim(t, 1, 7, 1, &who), VZ_ENOTFOUND); /* the sender itself */
	assert_int_equal(claim(t, 9, 7, 1, &who), VZ_ENOTFOUND); /* a stranger */
	assert_int_equal(claim(t, 2, 8, 1, &who), VZ_ENOTFOUND); /* another match */
	assert_int_equal(claim(t, 2, 7, 1, &who), 0);
	vz_matches_free(t);
}

static void
after_ten_seconds_a_match_is_over_and_its_sender_is_told(void **state)
{
	struct vz_matches *t = make();
	void *who;

	(void)state;
	assert_int_equal(vz_match_deadline(t), UINT64_MAX);
	assert_int_equal(register_at(t, 2, &handles[2], 0, NULL), 0);
	assert_int_equal(ask(t, 1, &handles[1], 2, 7, 100), 0);
	assert_int_equal(ask(t, 1, &handles[3], 2, 8, 200), 0);
	assert_int_equal(vz_match_deadline(t), 10100);
	assert_null(vz_match_ended(t, 10099));
	assert_int_equal(claim(t, 2, 7, 10100, &who), VZ_ENOTFOUND);
	assert_ptr_equal(vz_match_ended(t, 10100), &handles[1]);
	assert_null(vz_match_ended(t, 10100));
	assert_int_equal(claim(t, 2, 8, 10199, &who), 0);
	assert_int_equal(vz_match_deadline(t), UINT64_MAX);
	vz_matches_free(t);
}

static void
a_sender_that_goes_leaves_nothing_behind(void **state)
{
	struct vz_matches *t = make();
	struct vz_key to = key(2);
	void *who;

	(void)state;
	assert_int_equal(register_at(t, 2, &handles[2], 0, NULL), 0);
	assert_int_equal(ask(t, 1, &handles[1], 2, 7, 0), 0);
	vz_match_withdraw(t, &to, id(8));
	assert_int_equal(vz_match_count(t), 1);
	vz_match_withdraw(t, &to, id(7));
	vz_match_withdraw(t, &to, id(7));
	assert_int_equal(vz_match_count(t), 0);
	assert_int_equal(claim(t, 2, 7, 1, &who), VZ_ENOTFOUND);
	/* Also when the listener went first, and nobody was told of that yet. */
	assert_int_equal(ask(t, 1, &handles[1], 2, 9, 0), 0);
	vz_match_gone(t, &to, &handles[2]);
	vz_match_withdraw(t, &to, id(9));
	assert_null(vz_match_ended(t, UINT64_MAX - 1));
	vz_matches_free(t);
}

static void
those_who_wait_for_a_listener_that_goes_are_told_at_once(void **state)
{
	struct vz_matches *t = make();
	struct vz_key to = key(2);
	void *who;

	(void)state;
	assert_int_equal(register_at(t, 2, &handles[2], 0, NULL), 0);
	assert_int_equal(register_at(t, 3, &handles[3], 0, NULL), 0);
	assert_int_equal(ask(t, 1, &handles[1], 3, 1, 0), 0);
	assert_int_equal(ask(t, 1, &handles[4], 2, 2, 0), 0);
	assert_int_equal(ask(t, 5, &handles[5], 2, 3, 0), 0);
	vz_match_gone(t, &to, &handles[3]); /* not its handle: nothing */
	assert_int_equal(vz_match_deadline(t), 10000);
	vz_match_gone(t, &to, &handles[2]);
	assert_int_equal(vz_match_deadline(t), 0);
	assert_int_equal(claim(t, 2, 2, 1, &who), VZ_ENOTFOUND);
	assert_non_null(vz_match_ended(t, 0));
	assert_non_null(vz_match_ended(t, 0));
	assert_null(vz_match_ended(t, 0));
	assert_int_equal(vz_match_deadline(t), 10000);
	assert_int_equal(ask(t, 1, &handles[1], 2, 4, 0), VZ_ENOTFOUND);
	assert_int_equal(vz_match_listeners(t), 1);
	vz_matches_free(t);
}

static void
the_newest_listener_wins_and_the_older_is_named(void **state)
{
	struct vz_matches *t = make();
	struct vz_key k = key(2);
	uint64_t first, second;
	void *out, *who;

	(void)state;
	assert_int_equal(register_at(t, 2, &handles[1], 0, &first), 0);
	assert_int_equal(first, UNIX);
	assert_int_equal(ask(t, 1, &handles[9], 2, 7, 0), 0);
	assert_int_equal(vz_match_register(t, &k, &handles[2], 0, UNIX, &second, &out), 0);
	assert_ptr_equal(out, &handles[1]);
	assert_true(second > first);
	assert_int_equal(vz_match_listeners(t), 1);
	/* Who waited goes on waiting, and is offered to the newest. */
	assert_memory_equal(vz_match_waiting(t, &k, 0), id(7), VZ_MATCH_LEN);
	assert_null(vz_match_waiting(t, &k, 1));
	/* The older one's end is not the newer one's. */
	vz_match_gone(t, &k, &handles[1]);
	assert_int_equal(vz_match_listeners(t), 1);
	assert_int_equal(claim(t, 2, 7, 1, &who), 0);
	vz_matches_free(t);
}

static void
who_was_displaced_unheard_does_not_come_back_by_itself(void **state)
{
	struct vz_matches *t = make();
	struct vz_key k = key(2);
	uint64_t first, second, n;
	void *out;

	(void)state;
	assert_int_equal(register_at(t, 2, &handles[1], 0, &first), 0);
	assert_int_equal(vz_match_register(t, &k, &handles[2], 0, UNIX, &second, &out), 0);
	assert_int_equal(
	    vz_match_register(t, &k, &handles[1], first, UNIX, &n, &out), VZ_EROLLBACK);
	assert_null(out);
	/* The newer one may, over its own connection of before. */
	assert_int_equal(vz_match_register(t, &k, &handles[3], second, UNIX, &n, &out), 0);
	assert_ptr_equal(out, &handles[2]);
	assert_int_equal(n, second);
	vz_matches_free(t);
	/* Nor in a relay that was started again, whoever of them comes first. */
	t = make();
	assert_int_equal(register_at(t, 2, &handles[1], first, &n), 0);
	assert_int_equal(n, first);
	assert_int_equal(vz_match_register(t, &k, &handles[2], second, UNIX, &n, &out), 0);
	assert_ptr_equal(out, &handles[1]);
	assert_int_equal(
	    vz_match_register(t, &k, &handles[1], first, UNIX, &n, &out), VZ_EROLLBACK);
	vz_matches_free(t);
}

static void
a_number_that_a_client_made_up_counts_for_itself_only(void **state)
{
	struct vz_matches *t = make();
	struct vz_key k = key(2);
	uint64_t n;
	void *out;

	(void)state;
	assert_int_equal(register_at(t, 2, &handles[1], UINT64_MAX, NULL), VZ_EINVAL);
	assert_int_equal(register_at(t, 2, &handles[1], (UINT64_C(1) << 63) - 1, &n), 0);
	assert_int_equal(register_at(t, 3, &handles[2], 0, &n), 0);
	assert_int_equal(n, UNIX);
	/* And even a new listener of the same identity still wins. */
	assert_int_equal(vz_match_register(t, &k, &handles[3], 0, UNIX, &n, &out), 0);
	assert_ptr_equal(out, &handles[1]);
	vz_matches_free(t);
}

static void
numbers_rise_when_the_clock_does_not(void **state)
{
	struct vz_matches *t = make();
	uint64_t before = 0, n;
	struct vz_key k;
	void *out;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		k = key(i % 3);
		assert_int_equal(
		    vz_match_register(t, &k, &handles[i], 0, i < 5 ? UNIX : UNIX / 2, &n, &out), 0);
		assert_true(n > before);
		before = n;
	}
	vz_matches_free(t);
}

static void
five_thousand_listeners_fit_and_no_more(void **state)
{
	struct vz_matches *t = make();
	struct vz_key k = key(4999);
	uint64_t n;
	void *out;

	(void)state;
	for (unsigned i = 0; i < VZ_MATCH_LISTENERS; i++)
		assert_int_equal(register_at(t, i, &handles[i], 0, NULL), 0);
	assert_int_equal(register_at(t, 5000, &handles[5000], 0, NULL), VZ_EFULL);
	/* One that is there may come again; one that goes makes a place. */
	assert_int_equal(vz_match_register(t, &k, &handles[6000], 0, UNIX, &n, &out), 0);
	vz_match_gone(t, &k, &handles[6000]);
	assert_int_equal(register_at(t, 5000, &handles[5000], 0, NULL), 0);
	assert_int_equal(vz_match_listeners(t), VZ_MATCH_LISTENERS);
	vz_matches_free(t);
}

static void
four_wait_for_a_listener_and_sixteen_of_a_sender(void **state)
{
	struct vz_matches *t = make();
	unsigned n = 0;

	(void)state;
	for (unsigned i = 100; i < 105; i++)
		assert_int_equal(register_at(t, i, &handles[i], 0, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ask(t, 1, &handles[1], 100, n++, 0), 0);
	assert_int_equal(ask(t, 1, &handles[1], 100, n++, 0), VZ_EFULL);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(ask(t, 1, &handles[1], 101 + i / 4, n++, 0), 0);
	assert_int_equal(ask(t, 1, &handles[1], 104, n++, 0), VZ_EFULL);
	assert_int_equal(ask(t, 2, &handles[2], 104, n++, 0), 0);
	assert_int_equal(vz_match_count(t), 17);
	while (vz_match_ended(t, 10000) != NULL)
		;
	assert_int_equal(vz_match_count(t), 0);
	assert_int_equal(ask(t, 1, &handles[1], 104, n++, 10000), 0);
	vz_matches_free(t);
}

static void
one_sender_alone_keeps_nobody_else_away(void **state)
{
	struct vz_matches *t = make();
	void *who;

	(void)state;
	assert_int_equal(register_at(t, 9, &handles[9], 0, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ask(t, 1, &handles[10 + i], 9, i, i), 0);
	assert_int_equal(ask(t, 2, &handles[2], 9, 20, 5), 0);
	assert_ptr_equal(vz_match_ended(t, 5), &handles[10]);
	assert_int_equal(claim(t, 9, 0, 5, &who), VZ_ENOTFOUND);
	assert_int_equal(ask(t, 3, &handles[3], 9, 21, 6), 0);
	assert_ptr_equal(vz_match_ended(t, 6), &handles[11]);
	assert_int_equal(ask(t, 4, &handles[4], 9, 22, 7), 0);
	assert_ptr_equal(vz_match_ended(t, 7), &handles[12]);
	/* Each has one: now the fifth waits its turn. */
	assert_int_equal(ask(t, 5, &handles[5], 9, 23, 8), VZ_EFULL);
	assert_int_equal(claim(t, 9, 20, 8, &who), 0);
	assert_ptr_equal(who, &handles[2]);
	vz_matches_free(t);
}

static void
ten_thousand_matches_never_answered_leave_room_for_one_that_is(void **state)
{
	struct vz_matches *t = make();
	unsigned taken = 0, ended = 0;
	void *who;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(register_at(t, 1000 + i, &handles[i], 0, NULL), 0);
	for (unsigned i = 0; i < 10000; i++) {
		taken += ask(t, i % 50, &handles[100 + i], 1000 + i % 97, i, i) == 0;
		assert_true(vz_match_count(t) <= 97 * 4 + 1);
		while (vz_match_ended(t, i) != NULL)
			ended++;
	}
	assert_int_equal(taken, ended + vz_match_count(t));
	assert_int_equal(ask(t, 60, &handles[1], 1099, 50000, 10000), 0);
	assert_int_equal(claim(t, 1099, 50000, 10001, &who), 0);
	assert_ptr_equal(who, &handles[1]);
	while (vz_match_ended(t, 30000) != NULL)
		ended++;
	assert_int_equal(taken, ended);
	assert_int_equal(vz_match_count(t), 0);
	vz_matches_free(t);
}

/* Against a plain model: whatever happens in whatever order, every sender is given out once. */
static void
every_sender_is_answered_exactly_once(void **state)
{
	struct vz_matches *t = make();
	uint8_t fate[20000] = {0}; /* 1 waits */
	unsigned next = 0, x = 12345;
	size_t waiting = 0;
	uint64_t now = 0;
	struct vz_key k;
	void *who, *out;
	uint64_t n;

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		x = x * 1103515245u + 12345u;
		unsigned who_n = 100 + (x >> 16) % 20, what = (x >> 8) % 8;

		k = key(who_n);
		now += (x >> 20) % 40;
		if (what < 3 && next < sizeof fate &&
		    ask(t, (x >> 12) % 30, &handles[next], who_n, next, now) == 0) {
			fate[next++] = 1;
			waiting++;
		} else if (what == 3) {
			vz_match_register(t, &k, &handles[60000 + who_n], 0, UNIX + i, &n, &out);
		} else if (what == 4 && (x >> 24) % 4 == 0) {
			vz_match_gone(t, &k, &handles[60000 + who_n]);
		} else if (what >= 5 && next > 0) {
			unsigned m = next - 1 - (x >> 13) % (next < 40 ? next : 40);

			if (what == 5) {
				if (fate[m] == 1 && (x >> 25) % 8 == 0) {
					/* It was made for one of them; the others know nothing. */
					for (unsigned z = 100; z < 120; z++) {
						k = key(z);
						vz_match_withdraw(t, &k, id(m));
					}
					fate[m] = 2;
					waiting--;
				}
			} else if (claim(t, who_n, m, now, &who) == 0) {
				assert_ptr_equal(who, &handles[m]);
				assert_int_equal(fate[m], 1);
				fate[m] = 2;
				waiting--;
			}
		}
		while ((who = vz_match_ended(t, now)) != NULL) {
			assert_int_equal(fate[(char *)who - handles], 1);
			fate[(char *)who - handles] = 2;
			waiting--;
		}
		assert_int_equal(vz_match_count(t), waiting);
	}
	assert_true(next > 2000);
	vz_matches_free(t);
}

static void
a_table_of_identities_holds_what_a_list_of_them_would(void **state)
{
	struct vz_keymap m;
	bool in[600] = {false};
	unsigned x = 99;
	size_t n = 0;

	(void)state;
	vz_keymap_init(&m, 500, seed);
	for (unsigned i = 0; i < 40000; i++) {
		x = x * 1103515245u + 12345u;
		unsigned v = (x >> 16) % 600;
		struct vz_key k = key(v);

		if (in[v] && (i / 5000) % 2 == 1) {
			vz_keymap_remove(&m, &k);
			in[v] = false;
			n--;
		} else if (!in[v]) {
			in[v] = vz_keymap_add(&m, &k, &handles[v]) == 0;
			assert_int_equal(in[v], n < 500);
			n += in[v];
		}
		assert_int_equal(m.n, n);
		k = key((x >> 7) % 600);
		assert_ptr_equal(vz_keymap_get(&m, &k),
		    in[(x >> 7) % 600] ? (void *)&handles[(x >> 7) % 600] : NULL);
	}
	for (unsigned v = 0; v < 600; v++) {
		struct vz_key k = key(v);

		assert_ptr_equal(vz_keymap_get(&m, &k), in[v] ? (void *)&handles[v] : NULL);
		vz_keymap_remove(&m, &k);
	}
	assert_null(vz_keymap_any(&m));
	assert_true(m.cap <= 32);
	vz_keymap_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_match_joins_a_sender_and_a_listener_once),
	    cmocka_unit_test(only_the_identity_that_it_was_made_for_claims_a_match),
	    cmocka_unit_test(after_ten_seconds_a_match_is_over_and_its_sender_is_told),
	    cmocka_unit_test(a_sender_that_goes_leaves_nothing_behind),
	    cmocka_unit_test(those_who_wait_for_a_listener_that_goes_are_told_at_once),
	    cmocka_unit_test(the_newest_listener_wins_and_the_older_is_named),
	    cmocka_unit_test(who_was_displaced_unheard_does_not_come_back_by_itself),
	    cmocka_unit_test(a_number_that_a_client_made_up_counts_for_itself_only),
	    cmocka_unit_test(numbers_rise_when_the_clock_does_not),
	    cmocka_unit_test(five_thousand_listeners_fit_and_no_more),
	    cmocka_unit_test(four_wait_for_a_listener_and_sixteen_of_a_sender),
	    cmocka_unit_test(one_sender_alone_keeps_nobody_else_away),
	    cmocka_unit_test(ten_thousand_matches_never_answered_leave_room_for_one_that_is),
	    cmocka_unit_test(every_sender_is_answered_exactly_once),
	    cmocka_unit_test(a_table_of_identities_holds_what_a_list_of_them_would),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
