/*
 * How often a sender has to wait for the network before the first byte of its message is delivered
 * through a relay: counted in hops of a world in which sender and listener are equally far from the
 * relay, by the state machines of all three. A round trip to the relay is two hops, and so is
 * connecting there.
 */
#include "relay_world.h"

#define CONNECTING 2
#define PATIENCE   100

static const uint8_t *offered;

static void
connects(struct world *w, struct end *e)
{
	(void)w;
	assert_int_equal(vz_relay_client_connect(e->c, people_key(BOB)), 0);
}

static void
claims(struct world *w, struct end *e)
{
	(void)w;
	assert_int_equal(vz_relay_client_claim(e->c, offered), 0);
}

/* Somebody connects, and says the first word of the handshake. */
static struct end *
dials(struct world *w, unsigned who, void (*asks)(struct world *, struct end *))
{
	struct end *e = world_dial(w, who);

	e->asks = asks;
	world_settle(w);
	return e;
}

/* Hops from the start of vz-send on, if it asks so. */
static unsigned
hops_to_delivery(struct world *w, void (*asks)(struct world *, struct end *))
{
	struct end *control = world_listener(w, BOB, 0), *data = NULL;
	unsigned hop, claim_at = PATIENCE;

	w->slow = true;
	for (hop = 0; hop < PATIENCE && (data == NULL || !data->whole); hop++) {
		if (hop + 1 == CONNECTING)
			dials(w, ALICE, asks);
		else
			world_hop(w);
		if (control->offers == 1 && claim_at == PATIENCE)
			claim_at = hop + CONNECTING;
		else if (hop == claim_at) {
			offered = control->offer[0];
			data = dials(w, BOB, claims);
		}
	}
	return hop;
}

static void
a_first_byte_is_delivered_within_eight_round_trips_to_the_relay(void **unused)
{
	struct world w;
	unsigned hops;

	(void)unused;
	world_begin(&w);
	hops = hops_to_delivery(&w, world_opens);
	print_message("%u.%u round trips\n", hops / 2, hops % 2 * 5);
	assert_true(hops <= 2 * 8);
	world_end(&w);
}

/* One goes on, so its first message cannot be made before there is a connection. */
static void
without_an_opening_it_takes_one_more(void **unused)
{
	struct world w;

	(void)unused;
	world_begin(&w);
	assert_int_equal(hops_to_delivery(&w, connects), 2 * 9);
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_first_byte_is_delivered_within_eight_round_trips_to_the_relay),
	    cmocka_unit_test(without_an_opening_it_takes_one_more),
	};

	return cmocka_run_group_tests(tests, people_setup, people_teardown);
}
