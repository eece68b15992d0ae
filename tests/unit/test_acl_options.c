#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>
#include <time.h>

#include "base/buf.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "guard/acl.h"
#include "guard/acl_line.h"
#include "guard/acl_options.h"

static struct vz_key
key_of(int n)
{
	uint8_t seed[VZ_SIGN_SEED] = {(uint8_t)(n + 1)}, secret[VZ_SIGN_SECRET];
	struct vz_key k;

	vz_sign_from_seed(seed, k.b, secret);
	return k;
}

/* Reads one option into the grant. */
static bool
read_option(struct vz_grant *g, const char *option)
{
	const char *why = "unset";
	bool ok = vz_acl_option_read(&g->rule, option, strlen(option), &why);

	assert_true(ok ? why == NULL : why != NULL && strlen(why) > 10);
	return ok;
}

/* What a line with this one option grants; to be released. */
static struct vz_grant
with(const char *option)
{
	struct vz_grant g = {.rights = VZ_RIGHT_SEND};

	if (!read_option(&g, option))
		fail_msg("refused: %s", option);
	return g;
}

static void
all_are_bad(const char *const *bad, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct vz_grant g = {.rights = VZ_RIGHT_SEND};

		if (read_option(&g, bad[i]))
			fail_msg("taken: %s", bad[i]);
		vz_grant_release(&g);
	}
}
#define ALL_ARE_BAD(list) all_are_bad(list, sizeof(list) / sizeof(list[0]))

static bool
from(const struct vz_grant *g, const char *address)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return vz_grant_from_ok(g, (struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return vz_grant_from_ok(g, (struct sockaddr *)&in6);
}

static void
from_grants_its_addresses_and_no_others(void **state)
{
	struct vz_grant g =
	    with("from=\"10.0.0.0/8,192.0.2.7,198.51.100.64/27,2001:db8::/33,::1\"");

	(void)state;
	assert_true(from(&g, "10.0.0.0"));
	assert_true(from(&g, "10.255.255.255"));
	assert_false(from(&g, "11.0.0.0"));
	assert_false(from(&g, "9.255.255.255"));
	assert_true(from(&g, "192.0.2.7"));
	assert_false(from(&g, "192.0.2.6"));
	assert_true(from(&g, "198.51.100.95"));
	assert_false(from(&g, "198.51.100.96"));
	assert_true(from(&g, "2001:db8:7fff::1"));
	assert_false(from(&g, "2001:db8:8000::1"));
	assert_true(from(&g, "::1"));
	assert_false(from(&g, "::2"));
	assert_false(from(&g, "a00::"));
	/* As a socket of both families has it. */
	assert_true(from(&g, "::ffff:10.1.2.3"));
	assert_false(from(&g, "::ffff:11.1.2.3"));
	vz_grant_release(&g);
}

static void
each_length_of_a_prefix_matches_so_many_bits(void **state)
{
	(void)state;
	for (int bits = 0; bits <= 32; bits++) {
		uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits), net = 0xc6336455 & mask;
		struct in_addr at = {htonl(net)};
		char option[64], text[32];
		struct vz_grant g;

		inet_ntop(AF_INET, &at, text, sizeof(text));
		snprintf(option, sizeof(option), "from=\"%s/%d\"", text, bits);
		g = with(option);
		for (int bit = 0; bit < 32; bit++) {
			at.s_addr = htonl(net ^ 1u << (31 - bit));
			inet_ntop(AF_INET, &at, text, sizeof(text));
			assert_int_equal(from(&g, text), bit >= bits);
		}
		assert_false(from(&g, "2001:db8::1"));
		vz_grant_release(&g);
	}
}

static void
a_prefix_of_one_family_matches_none_of_the_other(void **state)
{
	struct vz_grant v4 = with("from=\"0.0.0.0/0\""), v6 = with("from=\"::/0\"");

	(void)state;
	assert_true(from(&v4, "203.0.113.1"));
	assert_false(from(&v4, "2001:db8::1"));
	assert_true(from(&v4, "::ffff:203.0.113.1"));
	assert_false(from(&v6, "203.0.113.1"));
	assert_false(from(&v6, "::ffff:203.0.113.1"));
	assert_true(from(&v6, "2001:db8::1"));
	vz_grant_release(&v4);
	vz_grant_release(&v6);
}

static void
from_addresses_never_match_a_socket_or_a_relay(void **state)
{
	struct vz_grant g = with("from=\"0.0.0.0/0,::/0\""), any = {.rights = VZ_RIGHT_SEND};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr other = {.sa_family = AF_UNSPEC};
	struct vz_key relay = key_of(1);

	(void)state;
	assert_false(vz_grant_from_ok(&g, (struct sockaddr *)&un));
	assert_false(vz_grant_from_ok(&g, &other));
	assert_false(vz_grant_from_ok(&g, NULL));
	assert_false(vz_grant_from_relay_ok(&g, &relay));
	/* Without the option all of them do. */
	assert_true(vz_grant_from_ok(&any, (struct sockaddr *)&un));
	assert_true(vz_grant_from_ok(&any, NULL));
	assert_true(vz_grant_from_relay_ok(&any, &relay));
	vz_grant_release(&g);
}

static void
from_a_relay_matches_that_relay_alone(void **state)
{
	struct vz_key relay = key_of(1), another = key_of(2);
	char text[VZ_KEY_TEXT], option[256];
	struct vz_grant g;

	(void)state;
	vz_key_format(&relay, text);
	snprintf(option, sizeof(option), "from=\"relay:%s\"", text);
	g = with(option);
	assert_true(vz_grant_from_relay_ok(&g, &relay));
	assert_false(vz_grant_from_relay_ok(&g, &another));
	assert_false(from(&g, "0.0.0.0"));
	assert_false(from(&g, "127.0.0.1"));
	assert_false(from(&g, "::"));
	assert_false(vz_grant_from_ok(&g, NULL));
	vz_grant_release(&g);
	snprintf(option, sizeof(option), "from=\"10.0.0.0/8,relay:%s\"", text);
	g = with(option);
	assert_true(vz_grant_from_relay_ok(&g, &relay));
	assert_false(vz_grant_from_relay_ok(&g, &another));
	assert_true(from(&g, "10.1.1.1"));
	assert_false(from(&g, "11.1.1.1"));
	vz_grant_release(&g);
}

static void
a_bad_from_is_refused(void **state)
{
	static const char *const bad[] = {"from=\"\"", "from=\",\"", "from=\"10.0.0.0/8,\"",
	    "from=\",10.0.0.0/8\"", "from=\"10.0.0.0/33\"", "from=\"10.0.0.0/\"",
	    "from=\"10.0.0.0/-1\"", "from=\"10.0.0.0/+8\"", "from=\"10.0.0.0/08\"",
	    "from=\"10.0.0.0/8/8\"", "from=\"10.0.0.0/8x\"", "from=\"10.0.0.1/8\"",
	    "from=\"10.0.0.0/256\"", "from=\"0.0.0.0/4294967296\"", "from=\"10.0.0/8\"",
	    "from=\"10.0.0.256\"", "from=\"010.0.0.0/8\"", "from=\" 10.0.0.0/8\"",
	    "from=\"10.0.0.0/8 \"", "from=\"!10.0.0.0/8\"", "from=\"*\"", "from=\"localhost\"",
	    "from=\"2001:db8::/129\"", "from=\"2001:db8::1/64\"", "from=\"2001:db8:/32\"",
	    "from=\"[::1]\"", "from=\"::ffff:10.0.0.0/104\"", "from=\"::ffff:10.0.0.1\"",
	    "from=\"fe80::1%lo\"", "from=\"unix\"", "from=\"relay:\"", "from=\"relay:vz1qqqq\"",
	    "from=\"relay:hostb\"", "from=10.0.0.0/8", "from", "from=", "from=\"10.0.0.0/8\"x",
	    "from=\"10.0.0.0/8", "from=\"10.0.0.0/8\\\"", "from=\"", "From=\"::1\""};

	(void)state;
	ALL_ARE_BAD(bad);
}

static void
rate_and_burst_make_a_bucket(void **state)
{
	struct vz_grant g = with("rate=\"10/s\""), none = {.rights = VZ_RIGHT_SEND};
	struct vz_bucket b;

	(void)state;
	assert_false(vz_grant_messages(&none, &b));
	assert_true(vz_grant_messages(&g, &b));
	assert_false(vz_grant_bytes(&g, &b));
	assert_true(vz_grant_messages(&g, &b));
	for (int i = 0; i < 10; i++)
		assert_int_equal(vz_bucket_take(&b, 1, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 0), 100);
	assert_true(read_option(&g, "burst=\"25\""));
	assert_true(vz_grant_messages(&g, &b));
	for (int i = 0; i < 25; i++)
		assert_int_equal(vz_bucket_take(&b, 1, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 1, 0), 100);
	assert_int_equal(vz_bucket_take(&b, 1, 100), 0);
	vz_grant_release(&g);
}

static void
bytes_make_a_bucket_of_their_own(void **state)
{
	struct vz_grant g = with("bytes=\"64k/s\"");
	struct vz_bucket b;

	(void)state;
	assert_false(vz_grant_messages(&g, &b));
	assert_true(vz_grant_bytes(&g, &b));
	assert_int_equal(vz_bucket_take(&b, 65536, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 65536, 0), 1000);
	vz_grant_release(&g);
	g = with("bytes=\"3M/s\"");
	assert_true(vz_grant_bytes(&g, &b));
	assert_int_equal(vz_bucket_take(&b, 3 * 1048576, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 0, 0), 0);
	assert_int_equal(vz_bucket_take(&b, 3 * 1048576, 0), 1000);
	vz_grant_release(&g);
}

static void
sizes_and_counts_are_as_written(void **state)
{
	struct vz_grant g = with("max-size=\"64k\""), none = {.rights = VZ_RIGHT_SEND};

	(void)state;
	assert_true(vz_grant_max_size(&none) == UINT64_MAX);
	assert_true(vz_grant_max_conns(&none) == UINT64_MAX);
	assert_int_equal(vz_grant_max_size(&g), 65536);
	assert_true(vz_grant_max_conns(&g) == UINT64_MAX);
	assert_true(read_option(&g, "max-conns=\"3\""));
	assert_int_equal(vz_grant_max_conns(&g), 3);
	assert_int_equal(vz_grant_max_size(&g), 65536);
	vz_grant_release(&g);
	g = with("max-size=\"1\"");
	assert_int_equal(vz_grant_max_size(&g), 1);
	vz_grant_release(&g);
	g = with("max-size=\"9223372036854775807\"");
	assert_true(vz_grant_max_size(&g) == INT64_MAX);
	vz_grant_release(&g);
}

static void
a_bad_number_is_refused(void **state)
{
	static const char *const bad[] = {"rate=\"10\"", "rate=\"10/m\"", "rate=\"/s\"",
	    "rate=\"0/s\"", "rate=\"-1/s\"", "rate=\"+1/s\"", "rate=\"1.5/s\"", "rate=\"1k/s\"",
	    "rate=\" 1/s\"", "rate=\"1/s \"", "rate=\"1/s/s\"", "rate=\"18446744073709551616/s\"",
	    "rate=\"10000000000000000000000000000000000000000/s\"", "rate=10/s", "rate",
	    "burst=\"0\"", "burst=\"x\"", "burst=\"1/s\"", "burst=\"1k\"", "burst=\"-1\"",
	    "bytes=\"0/s\"", "bytes=\"64k\"", "bytes=\"64q/s\"", "bytes=\"64kk/s\"",
	    "bytes=\"k/s\"", "bytes=\"8388608T/s\"", "max-size=\"0\"", "max-size=\"-1\"",
	    "max-size=\"1k/s\"", "max-size=\"18446744073709551615\"",
	    "max-size=\"9223372036854775808\"", "max-size=\"0x10\"", "max-conns=\"0\"",
	    "max-conns=\"1k\"", "max-conns=\"\"", "max-conns=\"1 \""};

	(void)state;
	ALL_ARE_BAD(bad);
}

static void
expires_ends_a_grant_at_the_first_second_of_its_day_in_utc(void **state)
{
	struct vz_grant g, none = {.rights = VZ_RIGHT_SEND};

	(void)state;
	/* Whatever the time zone of the host. */
	setenv("TZ", "Pacific/Kiritimati", 1);
	tzset();
	g = with("expires=\"2030-03-01\"");
	assert_false(vz_grant_expired(&g, 0));
	assert_false(vz_grant_expired(&g, 1898553599));
	assert_true(vz_grant_expired(&g, 1898553600));
	assert_true(vz_grant_expired(&g, INT64_MAX));
	assert_true(vz_grant_expired(&g, -1));
	assert_false(vz_grant_expired(&none, INT64_MAX));
	assert_false(vz_grant_expired(&none, -1));
	vz_grant_release(&g);
	g = with("expires=\"2028-02-29\"");
	assert_false(vz_grant_expired(&g, 1835395199));
	assert_true(vz_grant_expired(&g, 1835395200));
	vz_grant_release(&g);
	g = with("expires=\"9999-12-31\"");
	assert_false(vz_grant_expired(&g, 253402214399));
	assert_true(vz_grant_expired(&g, 253402214400));
	vz_grant_release(&g);
}

static void
a_bad_date_is_refused(void **state)
{
	static const char *const bad[] = {"expires=\"2030-02-29\"", "expires=\"2030-02-30\"",
	    "expires=\"2030-13-01\"", "expires=\"2030-00-01\"", "expires=\"2030-01-00\"",
	    "expires=\"2030-01-32\"", "expires=\"2030-04-31\"", "expires=\"2030-1-1\"",
	    "expires=\"30-01-01\"", "expires=\"2030/01/01\"", "expires=\"2030-01-01T00\"",
	    "expires=\"2030-01-01 \"", "expires=\" 2030-01-01\"", "expires=\"20300101\"",
	    "expires=\"1970-01-01\"", "expires=\"1969-12-31\"", "expires=\"0000-01-01\"",
	    "expires=\"tomorrow\"", "expires=\"1898553600\"", "expires=\"2030-01-0x\"",
	    "expires=\"\"", "expires", "expires=2030-01-01", "expires=\"12030-01-01\""};

	(void)state;
	ALL_ARE_BAD(bad);
}

static void
a_command_is_split_at_blanks_and_nothing_else_happens_to_it(void **state)
{
	static const char *const want[] = {
	    "/usr/bin/x", "-a", "$HOME", "\"b", "c\"", "'d", "e'", "*", "f\\g", "h,i", "~", NULL};
	struct vz_grant none = {.rights = VZ_RIGHT_SEND},
			g = with(
			    "command=\"/usr/bin/x  -a\t$HOME \\\"b c\\\" 'd e' * f\\g h,i ~ \"");
	char *const *argv = vz_grant_command(&g);

	(void)state;
	assert_null(vz_grant_command(&none));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (want[i])
			assert_string_equal(argv[i], want[i]);
		else
			assert_null(argv[i]);
	vz_grant_release(&g);
}

static void
a_command_is_bounded_and_its_path_absolute(void **state)
{
	static const char *const bad[] = {"command=\"\"", "command=\" \"", "command=\"x\"",
	    "command=\"bin/x\"", "command=\"./x\"", "command=\"~/x\"", "command=\"$HOME/x\"",
	    "command=\"-c /x\"", "command=\"/x\x01\"", "command=\"/x\n\"", "command=\"/x\xff\"",
	    "command=\"/x\x7f\"", "command=/x", "command", "command=\"/x\"y\"", "command=\"/x\\\""};
	char text[512] = "command=\"/x";
	struct vz_grant g;
	size_t n = strlen(text);

	(void)state;
	ALL_ARE_BAD(bad);
	for (int i = 1; i < VZ_RULE_ARGS; i++, n += 2)
		memcpy(text + n, " y", 2);
	strcpy(text + n, "\"");
	g = with(text);
	assert_string_equal(vz_grant_command(&g)[VZ_RULE_ARGS - 1], "y");
	assert_null(vz_grant_command(&g)[VZ_RULE_ARGS]);
	vz_grant_release(&g);
	strcpy(text + n, " z\"");
	g = (struct vz_grant){.rights = VZ_RIGHT_SEND};
	assert_false(read_option(&g, text));
	vz_grant_release(&g);
	g = with("command=\" /x\"");
	assert_string_equal(vz_grant_command(&g)[0], "/x");
	assert_null(vz_grant_command(&g)[1]);
	vz_grant_release(&g);
}

static bool
name_ok(const char *pattern, const char *name)
{
	char option[512];
	struct vz_grant g;
	bool ok;

	snprintf(option, sizeof(option), "name-match=\"%s\"", pattern);
	g = with(option);
	ok = vz_grant_name_ok(&g, name, strlen(name));
	vz_grant_release(&g);
	return ok;
}

static void
name_match_grants_the_names_that_match_and_no_others(void **state)
{
	struct vz_grant none = {.rights = VZ_RIGHT_SEND}, g = with("name-match=\"*.log\"");

	(void)state;
	assert_true(name_ok("*.log", "a.log"));
	assert_false(name_ok("*.log", "a.log.gz"));
	assert_false(name_ok("*.log", "a.LOG"));
	assert_false(name_ok("*.log", ""));
	assert_true(name_ok("*", ""));
	assert_true(name_ok("a?c", "abc"));
	assert_false(name_ok("a?c", "ac"));
	assert_true(name_ok("[ab]*", "b1"));
	assert_false(name_ok("[!ab]*", "b1"));
	assert_true(name_ok("a b,c", "a b,c"));
	/* No character is special to * and ?, nor to sets. */
	assert_true(name_ok("*.log", ".log"));
	assert_true(name_ok("*.log", ".a.log"));
	assert_true(name_ok("*.log", "a/b/../.c.log"));
	assert_true(name_ok("a?b", "a/b"));
	assert_true(name_ok("?a", ".a"));
	assert_true(name_ok("a\\*", "a*"));
	assert_false(name_ok("a\\*", "ab"));
	assert_true(vz_grant_name_ok(&none, "anything", 8));
	assert_true(vz_grant_name_ok(&none, NULL, 0));
	assert_false(vz_grant_name_ok(&g, NULL, 0));
	/* What is no name never matches. */
	assert_false(vz_grant_name_ok(&g, "a.log\0b", 7));
	assert_false(vz_grant_name_ok(&g, "b\0a.log", 7));
	assert_false(vz_grant_name_ok(&g, "\xff.log", 5));
	vz_grant_release(&g);
}

static void
a_long_name_costs_little_whatever_the_pattern(void **state)
{
	char pattern[256] = "", name[300];
	clock_t start = clock();

	(void)state;
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	for (int i = 0; i < 100; i++)
		strcat(pattern, "*a");
	strcat(pattern, "*b");
	assert_false(name_ok(pattern, name));
	assert_true(clock() - start < CLOCKS_PER_SEC);
	name[255] = 'a';
	name[256] = '\0';
	assert_false(name_ok("*", name));
}

static void
an_option_given_twice_or_unknown_is_refused(void **state)
{
	static const char *const unknown[] = {"", "=", "=\"x\"", "Rate=\"1/s\"", "rates=\"1/s\"",
	    "rat=\"1/s\"", "max_size=\"1\"", "no-pty", "send", "send=\"x\"", "restrict"};
	static const char *const each[] = {"from=\"::1\"", "rate=\"1/s\"", "burst=\"1\"",
	    "bytes=\"1/s\"", "max-size=\"1\"", "max-conns=\"1\"", "expires=\"2030-01-01\"",
	    "command=\"/x\"", "name-match=\"*\""};
	struct vz_grant g = {.rights = VZ_RIGHT_SEND};

	(void)state;
	ALL_ARE_BAD(unknown);
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		assert_true(read_option(&g, each[i]));
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		assert_false(read_option(&g, each[i]));
	vz_grant_release(&g);
}

static void
a_burst_without_a_rate_is_refused(void **state)
{
	struct vz_grant g = with("burst=\"5\"");
	const char *why = NULL;

	(void)state;
	assert_false(vz_acl_options_fit(g.rule, &why));
	assert_non_null(why);
	assert_true(read_option(&g, "rate=\"1/s\""));
	assert_true(vz_acl_options_fit(g.rule, &why));
	assert_true(vz_acl_options_fit(NULL, &why));
	vz_grant_release(&g);
}

static void
a_released_grant_grants_nothing(void **state)
{
	struct vz_grant g = with("rate=\"1/s\""), none = {0};

	(void)state;
	vz_grant_release(&g);
	assert_int_equal(g.rights, 0);
	assert_null(g.rule);
	vz_grant_release(&g);
	vz_grant_release(&none);
}

/* A line of these options and a key. */
static enum vz_acl_found
read_line(const char *line_options, struct vz_grant *g)
{
	struct vz_key key = key_of(3);
	char text[VZ_KEY_TEXT], line[1024];
	struct vz_acl_line l = {.s = line, .grant.line = 5};
	enum vz_acl_found found;

	vz_key_format(&key, text);
	l.len = (size_t)snprintf(line, sizeof(line), "%s %s a name", line_options, text);
	found = vz_acl_line_parse(&l);
	*g = l.grant;
	assert_int_equal(g->line, 5);
	assert_true(found == VZ_ACL_FOUND_KEY ? vz_key_equal(&l.key, &key) : l.why != NULL);
	return found;
}

static void
a_line_has_all_of_its_options_and_rights(void **state)
{
	struct vz_bucket b;
	struct vz_grant g;

	(void)state;
	assert_int_equal(
	    read_line("ask,from=\"10.0.0.0/8,::1\",rate=\"5/s\",burst=\"6\",bytes=\"7k/s\","
		      "max-size=\"8\",max-conns=\"9\",expires=\"2030-01-01\","
		      "command=\"/bin/x a,b\",name-match=\"x y*\"",
		&g),
	    VZ_ACL_FOUND_KEY);
	assert_int_equal(g.rights, VZ_RIGHT_ASK);
	assert_string_equal(g.name, "a name");
	assert_true(from(&g, "10.1.1.1"));
	assert_false(from(&g, "11.1.1.1"));
	assert_true(vz_grant_messages(&g, &b));
	assert_true(vz_grant_bytes(&g, &b));
	assert_int_equal(vz_grant_max_size(&g), 8);
	assert_int_equal(vz_grant_max_conns(&g), 9);
	assert_true(vz_grant_expired(&g, 4000000000));
	assert_string_equal(vz_grant_command(&g)[1], "a,b");
	assert_true(vz_grant_name_ok(&g, "x yz", 4));
	assert_false(vz_grant_name_ok(&g, "xyz", 3));
	vz_grant_release(&g);
	/* An option is no right: a line with options alone has both. */
	assert_int_equal(read_line("max-size=\"1\"", &g), VZ_ACL_FOUND_KEY);
	assert_int_equal(g.rights, VZ_RIGHT_SEND | VZ_RIGHT_ASK);
	vz_grant_release(&g);
	assert_int_equal(read_line("register,max-size=\"1\"", &g), VZ_ACL_FOUND_KEY);
	assert_int_equal(g.rights, 0);
	vz_grant_release(&g);
}

static void
a_line_with_a_bad_option_grants_nothing(void **state)
{
	static const char *const bad[] = {"send,from=\"x\"", "max-size=\"1\",max-size=\"2\"",
	    "burst=\"2\"", "max-size=\"1\",frob=\"2\"", "max-size=\"1\",", "max-size=\"1",
	    "max-size=\"1\"x", "max-size =\"1\"", "rate=\"1/s\" send"};
	struct vz_grant g;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_line(bad[i], &g), VZ_ACL_FOUND_BAD_KEY);
		assert_int_equal(g.rights, 0);
		assert_null(g.rule);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(from_grants_its_addresses_and_no_others),
	    cmocka_unit_test(each_length_of_a_prefix_matches_so_many_bits),
	    cmocka_unit_test(a_prefix_of_one_family_matches_none_of_the_other),
	    cmocka_unit_test(from_addresses_never_match_a_socket_or_a_relay),
	    cmocka_unit_test(from_a_relay_matches_that_relay_alone),
	    cmocka_unit_test(a_bad_from_is_refused),
	    cmocka_unit_test(rate_and_burst_make_a_bucket),
	    cmocka_unit_test(bytes_make_a_bucket_of_their_own),
	    cmocka_unit_test(sizes_and_counts_are_as_written),
	    cmocka_unit_test(a_bad_number_is_refused),
	    cmocka_unit_test(expires_ends_a_grant_at_the_first_second_of_its_day_in_utc),
	    cmocka_unit_test(a_bad_date_is_refused),
	    cmocka_unit_test(a_command_is_split_at_blanks_and_nothing_else_happens_to_it),
	    cmocka_unit_test(a_command_is_bounded_and_its_path_absolute),
	    cmocka_unit_test(name_match_grants_the_names_that_match_and_no_others),
	    cmocka_unit_test(a_long_name_costs_little_whatever_the_pattern),
	    cmocka_unit_test(an_option_given_twice_or_unknown_is_refused),
	    cmocka_unit_test(a_burst_without_a_rate_is_refused),
	    cmocka_unit_test(a_released_grant_grants_nothing),
	    cmocka_unit_test(a_line_has_all_of_its_options_and_rights),
	    cmocka_unit_test(a_line_with_a_bad_option_grants_nothing),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
