#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "id/address.h"

static char peer[VZ_KEY_TEXT], relay[VZ_KEY_TEXT];
static struct vz_key peer_key, relay_key;

static int
setup(void **state)
{
	uint8_t seed[VZ_SIGN_SEED] = {1}, secret[VZ_SIGN_SECRET];

	(void)state;
	vz_sign_from_seed(seed, peer_key.b, secret);
	seed[0] = 2;
	vz_sign_from_seed(seed, relay_key.b, secret);
	vz_key_format(&peer_key, peer);
	vz_key_format(&relay_key, relay);
	return 0;
}

/* In test texts P is the peer's key and R the relay's. */
static const char *
text_of(const char *pattern)
{
	static char out[4096];
	size_t n = 0;

	for (; *pattern; pattern++) {
		const char *with = *pattern == 'P' ? peer : *pattern == 'R' ? relay : NULL;

		if (with)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", with);
		else
			out[n++] = *pattern;
	}
	out[n] = '\0';
	return out;
}

static unsigned lookups;

/* A peers file in which the text lives in one buffer that each call overwrites. */
static int
lookup(void *arg, const char *name, size_t len, const char **text)
{
	static const char *const names[][2] = {{"hostb", "P@hostb.example:4433"},
	    {"alias", "hostb"}, {"hub", "R@hub.example:4433"}, {"far", "P@hub"}, {"loop", "pool"},
	    {"pool", "loop"}, {"circle", "P@circle"}, {"worse", "P@far"}, {"broken", "P@host"},
	    {"wide", "P@/run/w@x,y:z"}};
	static char now[4096];
	char key[64];

	(void)arg;
	lookups++;
	assert_true(len < sizeof(key));
	memcpy(key, name, len);
	key[len] = '\0';
	memset(now, '?', sizeof(now) - 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], key) == 0) {
			strcpy(now, text_of(names[i][1]));
			*text = now;
			return 0;
		}
	return VZ_ENOTFOUND;
}

static int
parse(const char *pattern, struct vz_address *out, const char **why)
{
	const char *s = text_of(pattern);
	/* No NUL after it: reading past the end is seen by the sanitizer. */
	size_t len = strlen(s);
	char *copy = malloc(len + 1);
	int err;

	memcpy(copy, s, len);
	copy[len] = 'x';
	copy = realloc(copy, len ? len : 1);
	err = vz_address_parse(copy, len, lookup, NULL, out, why);
	free(copy);
	return err;
}

static void
a_host_and_port_may_be_a_name_or_a_literal_of_either_family(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool numeric;
	} good[] = {
	    {"P@hostb:4433", "hostb", 4433, false},
	    {"P@a-b_c.example.:1", "a-b_c.example.", 1, false},
	    {"P@4chan.example:65535", "4chan.example", 65535, false},
	    {"P@192.0.2.7:80", "192.0.2.7", 80, true},
	    {"P@[::1]:4433", "::1", 4433, true},
	    {"P@[2001:db8::7]:4433", "2001:db8::7", 4433, true},
	    {"P@[fe80::1%eth0.5]:4433", "fe80::1%eth0.5", 4433, true},
	};
	struct vz_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(good[i].text, &a, NULL), 0);
		assert_true(vz_key_equal(&a.key, &peer_key));
		assert_int_equal(a.at.kind, VZ_ADDRESS_TCP);
		assert_string_equal(a.at.host, good[i].host);
		assert_int_equal(a.at.port, good[i].port);
		assert_int_equal(a.at.numeric, good[i].numeric);
		assert_false(a.relayed);
		assert_string_equal(a.name, "");
	}
}

static void
a_path_is_taken_to_its_end_and_is_at_most_107_bytes(void **state)
{
	char text[256] = "P@/";
	struct vz_address a;
	const char *why;

	(void)state;
	assert_int_equal(parse("P@/run/a@b:1,[x", &a, NULL), 0);
	assert_int_equal(a.at.kind, VZ_ADDRESS_UNIX);
	assert_string_equal(a.at.path, "/run/a@b:1,[x");
	memset(text + 3, 'a', 106);
	assert_int_equal(parse(text, &a, NULL), 0);
	assert_int_equal(strlen(a.at.path), 107);
	text[109] = 'a';
	assert_int_equal(parse(text, &a, &why), VZ_ELIMIT);
	assert_string_equal(why, "the socket's path is over 107 bytes");
	assert_int_equal(parse("P@/run/\n", &a, &why), VZ_EFORMAT);
}

static void
a_relay_is_an_address_or_a_name(void **state)
{
	static const char *const same[] = {"P@R@hub.example:4433", "P@hub", "far"};
	struct vz_address a;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(parse(same[i], &a, NULL), 0);
		assert_true(a.relayed);
		assert_true(vz_key_equal(&a.key, &peer_key));
		assert_true(vz_key_equal(&a.relay_key, &relay_key));
		assert_string_equal(a.at.host, "hub.example");
	}
	assert_string_equal(a.name, "far");
	assert_int_equal(parse("P@R@/run/hub", &a, NULL), 0);
	assert_string_equal(a.at.path, "/run/hub");
}

static void
a_name_stands_for_its_address_and_is_kept(void **state)
{
	struct vz_address a;

	(void)state;
	assert_int_equal(parse("hostb", &a, NULL), 0);
	assert_string_equal(a.name, "hostb");
	assert_string_equal(a.at.host, "hostb.example");
	assert_int_equal(parse("alias", &a, NULL), 0);
	assert_string_equal(a.name, "alias");
	assert_true(vz_key_equal(&a.key, &peer_key));
	assert_int_equal(parse("wide", &a, NULL), 0);
	assert_string_equal(a.at.path, "/run/w@x,y:z");
	assert_int_equal(vz_address_parse("hostb", 5, NULL, NULL, &a, NULL), VZ_ENOTFOUND);
}

static const struct {
	const char *text;
	int err;
	const char *why;
} no_addresses[] = {
    {"", VZ_EFORMAT, "the address is empty"},
    {"@", VZ_EFORMAT, "the key is missing"},
    {"@h:1", VZ_EFORMAT, "the key is missing"},
    {"P@", VZ_EFORMAT, "the place after @ is missing"},
    {"P", VZ_EFORMAT, "a key needs a place: KEY@HOST:PORT"},
    {"P@R", VZ_EFORMAT, "a key needs a place: KEY@HOST:PORT"},
    {"h:1", VZ_EFORMAT, "neither KEY@HOST:PORT, KEY@/path nor a name"},
    {"/run/x", VZ_EFORMAT, "neither KEY@HOST:PORT, KEY@/path nor a name"},
    {"key@h:1", VZ_EFORMAT, "what stands before @ is not a vz1 key"},
    {"Pq@h:1", VZ_EAUTH, "the key is mistyped"},
    {"P@:1", VZ_EFORMAT, "the host is missing"},
    {"P@h:", VZ_EFORMAT, "the port is missing"},
    {"P@h:0", VZ_EFORMAT, "port 0 can only be listened on"},
    {"P@h:65536", VZ_EFORMAT, "the port is over 65535"},
    {"P@h:99999999999999999999", VZ_EFORMAT, "the port is over 65535"},
    {"P@h:080", VZ_EFORMAT, "the port begins with a zero"},
    {"P@h:00", VZ_EFORMAT, "the port begins with a zero"},
    {"P@h:+80", VZ_EFORMAT, "the port is not a number"},
    {"P@h:-1", VZ_EFORMAT, "the port is not a number"},
    {"P@h: 80", VZ_EFORMAT, "the port is not a number"},
    {"P@h:80 ", VZ_EFORMAT, "the port is not a number"},
    {"P@h:http", VZ_EFORMAT, "the port is not a number"},
    {"P@::1:4433", VZ_EFORMAT, "an IPv6 address goes in brackets: [ADDRESS]:PORT"},
    {"P@2001:db8::7", VZ_EFORMAT, "an IPv6 address goes in brackets: [ADDRESS]:PORT"},
    {"P@[::1", VZ_EFORMAT, "the ] is missing"},
    {"P@[::1]", VZ_EFORMAT, "a port goes after the ]: [ADDRESS]:PORT"},
    {"P@[::1]4433", VZ_EFORMAT, "a port goes after the ]: [ADDRESS]:PORT"},
    {"P@[]:1", VZ_EFORMAT, "not an IPv6 address"},
    {"P@[192.0.2.7]:1", VZ_EFORMAT, "not an IPv6 address"},
    {"P@[::g]:1", VZ_EFORMAT, "not an IPv6 address"},
    {"P@[fe80::1%]:1", VZ_EFORMAT, "not a zone of an IPv6 address"},
    {"P@[fe80::1%a/b]:1", VZ_EFORMAT, "not a zone of an IPv6 address"},
    {"P@[fe80::1%sixteen-bytes-xx]:1", VZ_EFORMAT, "not a zone of an IPv6 address"},
    {"P@192.0.2.256:1", VZ_EFORMAT, "not an IPv4 address"},
    {"P@127.1:1", VZ_EFORMAT, "not an IPv4 address"},
    {"P@2130706433:1", VZ_EFORMAT, "not an IPv4 address"},
    {"P@0x7f.0x1:1", VZ_EFORMAT, "not an IPv4 address"},
    {"P@-oops:1", VZ_EFORMAT, "not a host name"},
    {"P@a..b:1", VZ_EFORMAT, "not a host name"},
    {"P@.:1", VZ_EFORMAT, "not a host name"},
    {"P@h\xc3\xb6st:1", VZ_EFORMAT, "not a host name"},
    {"P@a b:1", VZ_EFORMAT, "not a host name"},
    {"P@run/x", VZ_EFORMAT, "neither KEY@HOST:PORT, KEY@/path nor a name"},
    {"P@x@h:1", VZ_EFORMAT, "what stands before @ is not a vz1 key"},
    {"P@R@R@h:1", VZ_ELIMIT, "a relay cannot be behind a relay"},
    {"P@far", VZ_ELIMIT, "a relay cannot be behind a relay"},
    {"worse", VZ_ELIMIT, "a relay cannot be behind a relay"},
    {"circle", VZ_ELIMIT, "a relay cannot be behind a relay"},
    {"loop", VZ_ELIMIT, "names lead to names in a circle"},
    {"P@loop", VZ_ELIMIT, "names lead to names in a circle"},
    {"stranger", VZ_ENOTFOUND, "no such name in the peers file"},
    {"P@stranger", VZ_ENOTFOUND, "no such name in the peers file"},
    {"broken", VZ_ENOTFOUND, "no such name in the peers file"},
    {"vz1", VZ_EFORMAT, "a key needs a place: KEY@HOST:PORT"},
};

static void
what_is_no_address_is_refused_with_words_for_it(void **state)
{
	static const struct vz_address none;
	struct vz_address a;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(no_addresses) / sizeof(no_addresses[0]); i++) {
		memset(&a, 0xff, sizeof(a));
		why = NULL;
		if (parse(no_addresses[i].text, &a, &why) != no_addresses[i].err)
			fail_msg("'%s': another error: %s", no_addresses[i].text, why);
		assert_string_equal(why, no_addresses[i].why);
		assert_memory_equal(&a, &none, sizeof(a));
	}
}

static void
names_in_a_circle_are_followed_eight_times(void **state)
{
	struct vz_address a;

	(void)state;
	lookups = 0;
	assert_int_equal(parse("loop", &a, NULL), VZ_ELIMIT);
	assert_int_equal(lookups, 8);
	lookups = 0;
	assert_int_equal(parse("P@pool", &a, NULL), VZ_ELIMIT);
	assert_int_equal(lookups, 8);
}

static void
a_text_over_the_limits_or_with_a_nul_is_refused(void **state)
{
	char text[VZ_ADDRESS_TEXT_MAX + 64];
	struct vz_address a;
	size_t n;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(vz_address_parse(text, sizeof(text), lookup, NULL, &a, NULL), VZ_ELIMIT);
	n = (size_t)snprintf(text, sizeof(text), "%s@host%c:1", peer, 0);
	assert_int_equal(vz_address_parse(text, n, lookup, NULL, &a, NULL), VZ_EFORMAT);
	n = (size_t)snprintf(text, sizeof(text), "%s@", peer);
	for (int i = 0; i < 64; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "abc.");
	n += (size_t)snprintf(text + n, sizeof(text) - n, ":1");
	assert_int_equal(vz_address_parse(text, n, lookup, NULL, &a, NULL), VZ_ELIMIT);
	n = (size_t)snprintf(text, sizeof(text), "%s@%064d.example:1", peer, 0);
	assert_int_equal(vz_address_parse(text, n, lookup, NULL, &a, NULL), VZ_EFORMAT);
}

static void
a_formatted_address_reads_back(void **state)
{
	static const char *const texts[] = {"P@hostb:4433", "P@[::1]:1", "P@[fe80::1%eth0]:9",
	    "P@/run/vz.sock", "P@R@relay.example.net:4433", "P@R@/run/hub", "P@R@[::1]:1"};
	char out[VZ_ADDRESS_TEXT_MAX];
	struct vz_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &a, NULL), 0);
		assert_int_equal(vz_address_format(&a, out, sizeof(out)), 0);
		assert_string_equal(out, text_of(texts[i]));
		for (size_t cap = 1; cap <= strlen(out); cap += 7)
			assert_int_equal(
			    vz_address_format(&a, (char[VZ_ADDRESS_TEXT_MAX]){0}, cap), VZ_ELIMIT);
	}
}

static int
parse_listen(const char *pattern, struct vz_listen_address *out, const char **why)
{
	return vz_listen_address_parse(text_of(pattern), lookup, NULL, out, why);
}

static void
only_a_star_or_a_wildcard_literal_listens_beyond_this_host(void **state)
{
	struct vz_listen_address a;

	(void)state;
	assert_int_equal(parse_listen("4433", &a, NULL), 0);
	assert_true(a.loopback && !a.any && !a.relay);
	assert_string_equal(a.at.host, "127.0.0.1");
	assert_int_equal(a.at.port, 4433);
	assert_int_equal(parse_listen(":0", &a, NULL), 0);
	assert_true(a.loopback && !a.any);
	assert_int_equal(a.at.port, 0);
	assert_int_equal(parse_listen("*:4433", &a, NULL), 0);
	assert_true(a.any && !a.loopback);
	assert_int_equal(parse_listen("[::]:4433", &a, NULL), 0);
	assert_true(!a.any && !a.loopback);
	assert_string_equal(a.at.host, "::");
	assert_int_equal(parse_listen("localhost:0", &a, NULL), 0);
	assert_true(!a.any && !a.loopback);
	assert_string_equal(a.at.host, "localhost");
	assert_int_equal(parse_listen("/run/vz.sock", &a, NULL), 0);
	assert_int_equal(a.at.kind, VZ_ADDRESS_UNIX);
}

static void
a_listen_address_with_a_key_is_a_relay(void **state)
{
	static const char *const texts[] = {"R@hub.example:4433", "hub"};
	struct vz_listen_address a;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(parse_listen(texts[i], &a, NULL), 0);
		assert_true(a.relay && !a.any && !a.loopback);
		assert_true(vz_key_equal(&a.relay_key, &relay_key));
		assert_string_equal(a.at.host, "hub.example");
	}
}

static void
what_cannot_be_listened_on_is_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {{"", VZ_EFORMAT}, {":", VZ_EFORMAT}, {"*", VZ_EFORMAT}, {"*:", VZ_EFORMAT},
	    {"65536", VZ_EFORMAT}, {"0123", VZ_EFORMAT}, {":-1", VZ_EFORMAT}, {"::1", VZ_EFORMAT},
	    {"::", VZ_EFORMAT}, {"::1:4433", VZ_EFORMAT}, {"[::1]", VZ_EFORMAT},
	    {"*:x", VZ_EFORMAT}, {"**:1", VZ_EFORMAT}, {"localhost", VZ_ENOTFOUND},
	    {"P", VZ_EFORMAT}, {"P@R@h:1", VZ_ELIMIT}, {"far", VZ_ELIMIT}, {"P@h:0", VZ_EFORMAT},
	    {"1:2", VZ_EFORMAT}, {"run/x", VZ_EFORMAT}};
	struct vz_listen_address a;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = "";
		if (parse_listen(bad[i].text, &a, &why) != bad[i].err)
			fail_msg("'%s': another error: %s", bad[i].text, why);
		assert_true(strlen(why) > 0);
		assert_false(a.any || a.loopback || a.relay);
	}
}

static void
a_peers_name_begins_with_a_letter_and_is_no_key(void **state)
{
	char longest[65];

	(void)state;
	assert_true(vz_peer_name_ok("a", 1));
	assert_true(vz_peer_name_ok("Host-1.b_c", 10));
	assert_true(vz_peer_name_ok("vz2", 3));
	assert_false(vz_peer_name_ok("", 0));
	assert_false(vz_peer_name_ok("vz1x", 4));
	assert_false(vz_peer_name_ok("VZ1x", 4));
	assert_false(vz_peer_name_ok("1a", 2));
	assert_false(vz_peer_name_ok("a b", 3));
	assert_false(vz_peer_name_ok("a,b", 3));
	assert_false(vz_peer_name_ok("a/b", 3));
	assert_false(vz_peer_name_ok("a\0b", 3));
	memset(longest, 'a', sizeof(longest));
	assert_true(vz_peer_name_ok(longest, 63));
	assert_false(vz_peer_name_ok(longest, 64));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_host_and_port_may_be_a_name_or_a_literal_of_either_family),
	    cmocka_unit_test(a_path_is_taken_to_its_end_and_is_at_most_107_bytes),
	    cmocka_unit_test(a_relay_is_an_address_or_a_name),
	    cmocka_unit_test(a_name_stands_for_its_address_and_is_kept),
	    cmocka_unit_test(what_is_no_address_is_refused_with_words_for_it),
	    cmocka_unit_test(names_in_a_circle_are_followed_eight_times),
	    cmocka_unit_test(a_text_over_the_limits_or_with_a_nul_is_refused),
	    cmocka_unit_test(a_formatted_address_reads_back),
	    cmocka_unit_test(only_a_star_or_a_wildcard_literal_listens_beyond_this_host),
	    cmocka_unit_test(a_listen_address_with_a_key_is_a_relay),
	    cmocka_unit_test(what_cannot_be_listened_on_is_refused),
	    cmocka_unit_test(a_peers_name_begins_with_a_letter_and_is_no_key),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, NULL);
}
