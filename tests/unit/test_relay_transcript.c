/*
 * The frozen transcript of what a relay and its clients say to each other, with known keys, byte
 * for byte: a difference means that relays or clients of another version can no longer be talked
 * to. VZ_WRITE_VECTORS=1 writes it anew.
 */
#include "tests/unit/transcript.h"
#include "base/err.h"
#include "base/hash.h"
#include "wire/relay_serve.h"

enum { RELAY, LISTENER, SENDER, IDS };

static const char *const names[IDS] = {"relay", "listener", "sender"};
static const uint8_t match[VZ_MATCH_LEN] = "a match id here";
static const char sealed[] = "what stands for a sealed message\n";

struct talk {
	struct vz_buf text;
	struct vz_identity *id[IDS];
	uint8_t random;
	const char *name; /* of the connection */
	struct vz_relay_client *c;
	struct vz_relay_serve *s;
	unsigned piece;
	struct vz_relay_event told; /* to the client, last */
};

/* The relay's answer to what comes. */
static void
serve(struct talk *t, const struct vz_relay_event *ev)
{
	struct vz_relay_event entry = {.number = 7,
	    .key = t->id[SENDER]->bundle.identity,
	    .size = sizeof(sealed) - 1,
	    .deposited = 1700000000,
	    .expires = 1700604800};
	uint8_t bundle[VZ_BUNDLE_LEN];
	int r = 0;

	switch (ev->type) {
	case VZ_RELAY_EVENT_PEER: r = vz_relay_serve_accept(t->s, 7); break;
	case VZ_RELAY_EVENT_REGISTER:
		r = vz_relay_serve_registered(t->s, 1700000000123);
		if (r == 0)
			r = vz_relay_serve_mail(t->s);
		if (r == 0)
			r = vz_relay_serve_offer(t->s, match);
		break;
	case VZ_RELAY_EVENT_CONNECT:
	case VZ_RELAY_EVENT_CLAIM: r = vz_relay_serve_ready(t->s, match); break;
	case VZ_RELAY_EVENT_BUNDLE_WANTED:
		vz_bundle_encode(&t->id[LISTENER]->bundle, bundle);
		r = vz_relay_serve_bundle(t->s, bundle, sizeof bundle);
		break;
	case VZ_RELAY_EVENT_PART: r = vz_relay_serve_deposited(t->s, 7, false); break;
	case VZ_RELAY_EVENT_NEXT:
		if (ev->number >= entry.number) {
			r = vz_relay_serve_nothing(t->s);
			break;
		}
		memcpy(entry.content, "its hash", 8);
		r = vz_relay_serve_entry(t->s, &entry);
		if (r == 0)
			r = vz_relay_serve_piece(t->s, (const uint8_t *)sealed, sizeof(sealed) - 1);
		break;
	case VZ_RELAY_EVENT_TAKEN:
		r = ev->number == entry.number
		    ? vz_relay_serve_removed(t->s, ev->number)
		    : vz_relay_serve_refused(t->s, 69, "no such message waits here");
		break;
	default: break;
	}
	assert_int_equal(r, 0);
}

static void
note(struct talk *t, const char *from, const uint8_t *p, size_t n)
{
	char name[64];

	snprintf(name, sizeof name, "%s-%u-%s", t->name, ++t->piece, from);
	line(&t->text, name, p, n);
}

/* What the client has to say, noted and carried to the relay. */
static size_t
to_relay(struct talk *t)
{
	struct vz_relay_event ev;
	const uint8_t *out;
	size_t n, room;
	uint8_t *to;

	out = vz_relay_client_out(t->c, &n);
	if (n == 0)
		return 0;
	note(t, "client", out, n);
	to = vz_relay_serve_space(t->s, &room);
	assert_true(to != NULL && room >= n);
	memcpy(to, out, n);
	vz_relay_client_sent(t->c, n, 0);
	vz_relay_serve_fed(t->s, n, 0);
	while (vz_relay_serve_next(t->s, &ev) > 0)
		serve(t, &ev);
	return n;
}

static size_t
to_client(struct talk *t)
{
	const uint8_t *out;
	size_t n, room;
	uint8_t *to;

	vz_relay_serve_flush(t->s, 0);
	out = vz_relay_serve_out(t->s, &n);
	if (n == 0)
		return 0;
	note(t, "relay", out, n);
	to = vz_relay_client_space(t->c, &room);
	assert_true(to != NULL && room >= n);
	memcpy(to, out, n);
	vz_relay_serve_sent(t->s, n, 0);
	vz_relay_client_fed(t->c, n, 0);
	while (vz_relay_client_next(t->c, &t->told) > 0)
		if (t->told.type == VZ_RELAY_EVENT_PEER)
			assert_int_equal(vz_relay_client_accept(t->c), 0);
	return n;
}

static void
carry(struct talk *t)
{
	while (to_relay(t) + to_client(t) > 0)
		;
}

/* A connection, through its handshake. */
static void
opens(struct talk *t, const char *name, unsigned who)
{
	struct vz_channel_config c = {
	    .initiator = true, .self = t->id[who], .responder = t->id[RELAY]->bundle.identity};
	struct vz_channel_config s = c;
	struct vz_relay_limits l;
	char label[64];

	vz_relay_limits_default(&l);
	s.initiator = false;
	s.self = t->id[RELAY];
	memset(c.random, ++t->random, sizeof c.random);
	memset(s.random, ++t->random, sizeof s.random);
	snprintf(label, sizeof label, "%s-client-ephemeral-secret", name);
	line(&t->text, label, c.random, 32);
	snprintf(label, sizeof label, "%s-relay-ephemeral-secret", name);
	line(&t->text, label, s.random, 32);
	assert_int_equal(vz_relay_client_new(&t->c, &c, &l, 0), 0);
	assert_int_equal(vz_relay_serve_new(&t->s, &s, &l, 0), 0);
	t->name = name;
	t->piece = 0;
	carry(t);
}

static void
ends(struct talk *t)
{
	vz_relay_client_free(t->c);
	vz_relay_serve_free(t->s);
}

static void
live(struct talk *t)
{
	opens(t, "control", LISTENER);
	assert_int_equal(vz_relay_client_register(t->c, 0), 0);
	carry(t);
	ends(t);
	opens(t, "connect", SENDER);
	assert_int_equal(vz_relay_client_connect(t->c, &t->id[LISTENER]->bundle.identity), 0);
	carry(t);
	ends(t);
	opens(t, "claim", LISTENER);
	assert_int_equal(vz_relay_client_claim(t->c, match), 0);
	carry(t);
	ends(t);
}

static void
away(struct talk *t)
{
	uint8_t content[VZ_RELAY_CONTENT];

	vz_blake2b_256(NULL, 0, sealed, sizeof(sealed) - 1, NULL, 0, content);
	opens(t, "deposit", SENDER);
	assert_int_equal(vz_relay_client_bundle(t->c, &t->id[LISTENER]->bundle.identity), 0);
	carry(t);
	assert_int_equal(vz_relay_client_deposit(t->c, &t->id[LISTENER]->bundle.identity, content,
			     sizeof(sealed) - 1, 1700604800),
	    0);
	assert_int_equal(vz_relay_client_part(t->c, (const uint8_t *)sealed, sizeof(sealed) - 1),
	    sizeof(sealed) - 1);
	carry(t);
	assert_int_equal(vz_relay_client_close(t->c, 0, ""), 0);
	carry(t);
	ends(t);
	opens(t, "collect", LISTENER);
	assert_int_equal(vz_relay_client_collect(t->c, 0), 0);
	carry(t);
	assert_int_equal(vz_relay_client_taken(t->c, 7), 0);
	assert_int_equal(vz_relay_client_taken(t->c, 8), 0);
	assert_int_equal(vz_relay_client_collect(t->c, 7), 0);
	carry(t);
	ends(t);
}

static void
what_a_relay_and_its_clients_say_is_byte_for_byte_the_frozen_conversation(void **state)
{
	struct talk t = {0};

	(void)state;
	vz_buf_init(&t.text, 1 << 20);
	for (unsigned i = 0; i < IDS; i++)
		t.id[i] = identity(&t.text, names[i], (uint8_t)(0x10 + 0x30 * i));
	live(&t);
	away(&t);
	for (unsigned i = 0; i < IDS; i++)
		vz_identity_free(t.id[i]);
	frozen("tests/vectors/relay-chachapoly.txt", &t.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		what_a_relay_and_its_clients_say_is_byte_for_byte_the_frozen_conversation),
	};

	if (vz_secret_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("relay_transcript", tests, NULL, NULL);
}
