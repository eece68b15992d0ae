/*
 * One option of an authorised line, NAME="VALUE", and one member of from="...": a limit that is
 * given is one, an address matches its own network and no other, a date is the one written.
 *
 * Aims at: lib/guard/acl_options.c lib/guard/acl_from.c lib/guard/acl_rule.c
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>
#include "base/err.h"
#include "base/text.h"
#include "guard/acl.h"
#include "guard/acl_options.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

static bool
passes(const struct vz_from *f, const uint8_t addr[static 16])
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct vz_from copy = *f;
	struct vz_rule rule = {.holders = 1, .from = &copy, .n_from = 1};
	const struct vz_grant grant = {.rights = VZ_RIGHT_SEND, .rule = &rule};

	memcpy(&in.sin_addr, addr, 4);
	memcpy(&in6.sin6_addr, addr, 16);
	PROMISE(!vz_grant_from_ok(&grant, NULL));
	if (f->kind == VZ_FROM_IPV4)
		return vz_grant_from_ok(&grant, (const struct sockaddr *)&in);
	return !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) &&
	    vz_grant_from_ok(&grant, (const struct sockaddr *)&in6);
}

/* Of its bits each one in the prefix counts, and none behind it. */
static void
network(const struct vz_from *f, unsigned total)
{
	PROMISE(f->bits <= total && passes(f, f->of.addr));
	for (unsigned i = 0; i < total; i++) {
		uint8_t addr[16];

		memcpy(addr, f->of.addr, sizeof(addr));
		PROMISE(i < f->bits || (addr[i / 8] >> (7 - i % 8) & 1) == 0);
		addr[i / 8] ^= (uint8_t)(1 << (7 - i % 8));
		if (total == 128 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)addr))
			continue;
		PROMISE(passes(f, addr) == (i >= f->bits));
	}
}

static void
member(const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN + 8];
	struct vz_from f, again;
	int family;

	if (!vz_from_parse(s, len, &f) || f.kind == VZ_FROM_RELAY)
		return;
	family = f.kind == VZ_FROM_IPV4 ? AF_INET : AF_INET6;
	network(&f, family == AF_INET ? 32 : 128);
	PROMISE(inet_ntop(family, f.of.addr, text, INET6_ADDRSTRLEN) != NULL);
	snprintf(text + strlen(text), 8, "/%u", f.bits);
	PROMISE(vz_from_parse(text, strlen(text), &again));
	PROMISE(again.kind == f.kind && again.bits == f.bits);
	PROMISE(memcmp(again.of.addr, f.of.addr, 16) == 0);
}

static void
date(const struct vz_rule *r, const char *s)
{
	char text[32];
	time_t t = (time_t)r->expires;
	struct tm tm;

	PROMISE(t > 0 && t % 86400 == 0 && gmtime_r(&t, &tm) != NULL);
	PROMISE(strftime(text, sizeof(text), "expires=\"%Y-%m-%d\"", &tm) > 0);
	PROMISE(strncmp(s, text, strlen(text)) == 0);
}

static void
command(const struct vz_rule *r)
{
	size_t n = 0;

	PROMISE(r->argv[0] != NULL && r->argv[0][0] == '/');
	for (; r->argv[n] != NULL; n++) {
		PROMISE(n < VZ_RULE_ARGS && r->argv[n][0] != '\0');
		PROMISE(strpbrk(r->argv[n], " \t\n\r\x1b\x7f") == NULL);
		PROMISE(vz_utf8_ok(r->argv[n], strlen(r->argv[n])));
	}
}

static void
option(const char *s, size_t len)
{
	struct vz_rule *r = NULL;
	const char *why = "";

	if (!vz_acl_option_read(&r, s, len, &why)) {
		PROMISE(why != NULL && why[0] != '\0');
		vz_rule_release(r);
		return;
	}
	PROMISE(why == NULL && r != NULL && vz_acl_option_known(s, len));
	PROMISE(r->rate <= INT64_MAX && r->burst <= INT64_MAX && r->bytes <= INT64_MAX);
	PROMISE(r->max_size <= INT64_MAX && r->max_conns <= INT64_MAX);
	/* One option asks for one thing. */
	PROMISE((r->n_from > 0) + (r->rate > 0) + (r->burst > 0) + (r->bytes > 0) +
		(r->max_size > 0) + (r->max_conns > 0) + (r->expires > 0) + (r->argv != NULL) +
		(r->name_match != NULL) ==
	    1);
	if (r->expires != 0)
		date(r, s);
	if (r->argv != NULL)
		command(r);
	PROMISE(vz_acl_options_fit(r, &why) == (r->burst == 0));
	/* And is asked for once. */
	PROMISE(!vz_acl_option_read(&r, s, len, &why));
	vz_rule_release(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size);

	member(s, size);
	option(s, size);
	free(s);
	return 0;
}
